select format('payout %s (%s): amount %s, live claims %s, advance %s', p.id, p.state, p.amount_micros,
              coalesce(c.claimed, 0), p.advance_micros)
from payout p
left join (
    select payout_id, sum(amount_micros) as claimed
    from claim where program_id = $1 and state <> 'freed' group by payout_id
) as c on c.payout_id = p.id
where p.program_id = $1
  and case when p.state in ('failed', 'cancelled', 'returned')
           then coalesce(c.claimed, 0) <> 0 or p.advance_micros <> 0
           else coalesce(c.claimed, 0) + p.advance_micros <> p.amount_micros end
