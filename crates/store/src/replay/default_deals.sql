with told as (
    select recorded_at, (body ->> 'default_deal')::bigint as deal
    from log where program_id = $1 and kind in ('program.created', 'program.changed')
), kept as (
    select number, effective_at, deal_id, lead(effective_at) over (order by number) as until
    from program_default_deal where program_id = $1
)
select format('deal %s is the default one from %s on, and no row of the log says so', k.deal_id,
              k.effective_at at time zone 'UTC')
from kept k
where not exists (select 1 from told t where t.recorded_at = k.effective_at and t.deal = k.deal_id)
union all
select format('the log says that deal %s is the default one from %s on, and what is kept says otherwise', t.deal,
              t.recorded_at at time zone 'UTC')
from told t
where t.deal is not null
  and not exists (select 1 from kept k
                  where k.deal_id = t.deal and (k.number = 1 or k.effective_at <= t.recorded_at)
                    and (k.until is null or k.until >= t.recorded_at))
order by 1
