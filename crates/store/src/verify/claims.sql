select format('transfer %s: unclaimed is %s, amount on due %s, live claims %s', t.id, t.unclaimed_micros, t.on_due,
              coalesce(c.claimed, 0))
from (
    select id, unclaimed_micros,
           case when cause = 2 then 0 when credit = 10 then amount_micros when debit = 10 then -amount_micros
                else 0 end as on_due
    from transfer where program_id = $1
) as t
left join (
    select transfer_id, sum(amount_micros) as claimed
    from claim where program_id = $1 and state <> 'freed' group by transfer_id
) as c on c.transfer_id = t.id
where t.unclaimed_micros <> t.on_due - coalesce(c.claimed, 0)
