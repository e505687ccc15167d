select format('affiliate %s %s, month %s: account %s moved by %s, its transfers by %s', affiliate_id, currency, month, code,
              coalesce(booked, 0), coalesce(moved, 0))
from (
    select a.affiliate_id, a.currency, a.month, c.position::int - 1 as code, c.value as booked
    from account_month a
    cross join lateral unnest(a.moved) with ordinality as c (value, position)
    where a.program_id = $1
) as kept
full join (
    select affiliate_id, currency, month, code, sum(amount) as moved
    from (
        select t.affiliate_id, t.currency,
               to_char(t.effective_at at time zone p.zone, 'YYYYMM')::int as month, side.code, side.amount
        from transfer t
        join program p on p.program_id = t.program_id
        cross join lateral (values (t.credit::int, t.amount_micros::numeric), (t.debit::int, -t.amount_micros))
                   as side (code, amount)
        where t.program_id = $1
    ) as sides
    group by affiliate_id, currency, month, code
) as rebuilt using (affiliate_id, currency, month, code)
where coalesce(booked, 0) <> coalesce(moved, 0)
