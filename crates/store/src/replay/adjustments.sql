select format('adjustment %s of affiliate %s: decided are %s micros, its transfers move %s', a.id, a.affiliate_id,
              a.amount_micros, coalesce(t.moved, 0))
from adjustment a
left join (
    select cause_id, affiliate_id, currency,
           sum(case when credit = 10 then amount_micros when debit = 10 then -amount_micros end) as moved
    from transfer where program_id = $1 and cause = 3 group by 1, 2, 3
) as t on t.cause_id = a.decision_id and t.affiliate_id = a.affiliate_id and t.currency = a.currency
where a.program_id = $1 and coalesce(t.moved, 0) <> a.amount_micros
order by a.id
