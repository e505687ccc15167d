select format('payout %s of affiliate %s (%s): asked are %s micros, its transfers leave %s on the way and %s paid', p.id,
              p.affiliate_id, p.state, p.amount_micros, coalesce(t.on_its_way, 0), coalesce(t.paid, 0))
from payout p
left join (
    select s.payout_id,
           sum(case when t.credit = 11 then t.amount_micros when t.debit = 11 then -t.amount_micros else 0 end)
               as on_its_way,
           sum(case when t.credit = 5 then t.amount_micros when t.debit = 5 then -t.amount_micros else 0 end) as paid
    from (select distinct payout_id, log_id from payout_step where program_id = $1) s
    join transfer t on t.program_id = $1 and t.cause = 2 and t.log_id = s.log_id
    group by 1
) as t on t.payout_id = p.id
where p.program_id = $1
  and (coalesce(t.on_its_way, 0) <> case when p.state in ('requested', 'approved', 'processing')
                                         then p.amount_micros else 0 end
       or coalesce(t.paid, 0) <> case when p.state = 'paid' then p.amount_micros else 0 end)
order by p.id
