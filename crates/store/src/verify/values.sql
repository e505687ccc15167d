select format('fact %s: %s micros of %s are worth %s micros of %s by %s', f.id, f.amount_micros, f.currency,
              coalesce(f.value_micros::text, 'not known'), p.currency, coalesce(f.exchange::text, 'no rates'))
from fact f
join program p on p.program_id = f.program_id
left join exchange_rate a on a.currency = f.currency and a.day = (f.exchange ->> 'd')::date
left join exchange_rate b on b.currency = p.currency and b.day = (f.exchange ->> 'd')::date
where f.program_id = $1 and f.kind in (1, 2, 4, 5) and case
    when f.currency = p.currency or f.amount_micros = 0 then
        f.value_micros is distinct from f.amount_micros or f.exchange is not null
    when f.value_micros is null then f.exchange is not null
    when f.exchange is null then true
    else coalesce(a.rate, '1') <> f.exchange ->> 'f' or coalesce(b.rate, '1') <> f.exchange ->> 't'
        or f.value_micros % :unit <> 0
        or 2 * abs(f.value_micros::numeric * (f.exchange ->> 'f')::numeric
                   - f.amount_micros::numeric * (f.exchange ->> 't')::numeric) > :unit * (f.exchange ->> 'f')::numeric
end
