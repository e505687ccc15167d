select format('affiliate %s %s: due is %s, unclaimed lines are %s, open advances %s', affiliate_id, currency,
              coalesce(due, 0), coalesce(unclaimed, 0), coalesce(advance, 0))
from (select affiliate_id, currency, due from account where program_id = $1) as a
full join (
    select affiliate_id, currency, sum(unclaimed_micros) as unclaimed
    from transfer where program_id = $1 and unclaimed_micros <> 0 group by affiliate_id, currency
) as t using (affiliate_id, currency)
full join (
    select affiliate_id, currency, sum(advance_micros) as advance
    from payout where program_id = $1 and advance_micros > 0 group by affiliate_id, currency
) as p using (affiliate_id, currency)
where coalesce(due, 0) <> coalesce(unclaimed, 0) - coalesce(advance, 0)
