select format('affiliate %s: kept %s, rebuilt %s', affiliate_id, kept, rebuilt)
from (
    select a.affiliate_id,
           row (a.registrations::numeric, a.first_payments::numeric, a.first_payments_micros, a.payments::numeric,
                a.payments_micros)::text as kept
    from account a join program p using (program_id)
    where a.program_id = $1 and a.currency = p.currency
      and (a.registrations, a.first_payments, a.payments) is distinct from (0, 0, 0)
) as a
full join (
    select affiliate_id,
           row (sum(registrations), sum(first_payments), sum(first_payments_micros), sum(payments),
                sum(payments_micros))::text as rebuilt
    from (
        select affiliate_id, registrations::numeric, first_payments::numeric, first_payments_micros,
               payments::numeric, payments_micros
        from fact_daily where program_id = $1
        union all
        select affiliate_id, registrations, first_payments, first_payments_micros, payments, payments_micros
        from opening where program_id = $1
    ) as days
    group by affiliate_id
    having sum(registrations) <> 0 or sum(first_payments) <> 0 or sum(payments) <> 0
) as d using (affiliate_id)
where kept is distinct from rebuilt
