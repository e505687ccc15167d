select format('affiliate %s %s: account %s is %s, its transfers sum to %s', affiliate_id, currency, code,
              coalesce(booked, 0), coalesce(moved, 0))
from (
    select a.affiliate_id, a.currency, c.position::int - 1 as code, c.value as booked
    from account a
    cross join lateral unnest(array[
    a.earned_lead, a.earned_acquisition, a.earned_share, a.earned_sub_affiliate, a.adjustments, a.paid,
    a.pending_lead, a.pending_acquisition, a.pending_share, a.pending_sub_affiliate, a.due, a.in_payout,
    a.carried_lead, a.carried_acquisition, a.carried_share, a.carried_sub_affiliate]) with ordinality as c (value, position)
    where a.program_id = $1
) as kept
full join (
    select affiliate_id, currency, code, sum(amount) as moved
    from (
        select affiliate_id, currency, credit::int as code, amount_micros::numeric as amount
        from transfer where program_id = $1
        union all
        select affiliate_id, currency, debit::int, -amount_micros from transfer where program_id = $1
    ) as sides
    group by affiliate_id, currency, code
) as rebuilt using (affiliate_id, currency, code)
where coalesce(booked, 0) <> coalesce(moved, 0)
