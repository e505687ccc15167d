with told as (
    select (body ->> 'affiliate')::bigint as affiliate_id, recorded_at, body ->> 'status' as status,
           (body ->> 'parent')::bigint as parent, (body ->> 'deal')::bigint as deal,
           (body ->> 'no_carry_over')::boolean as no_carry_over
    from log where program_id = $1 and kind in ('affiliate.created', 'affiliate.changed')
), status as (
    select affiliate_id, number, effective_at, status,
           lead(effective_at) over (partition by affiliate_id order by number) as until
    from affiliate_status where program_id = $1
), setting as (
    select affiliate_id, number, effective_at, parent_affiliate_id, deal_id, no_carry_over,
           lead(effective_at) over (partition by affiliate_id order by number) as until
    from affiliate_setting where program_id = $1
)
select format('affiliate %s is %s from %s on, and no row of the log says so', s.affiliate_id, s.status,
              s.effective_at at time zone 'UTC')
from status s
where not exists (select 1 from told t
                  where t.affiliate_id = s.affiliate_id and t.recorded_at = s.effective_at and t.status = s.status)
union all
select format('affiliate %s has parent %s, deal %s, no carry-over %s from %s on, and no row of the log says so',
              s.affiliate_id, coalesce(s.parent_affiliate_id::text, 'none'), coalesce(s.deal_id::text, 'the default'),
              coalesce(s.no_carry_over::text, 'unset'), s.effective_at at time zone 'UTC')
from setting s
where not exists (select 1 from told t
                  where t.affiliate_id = s.affiliate_id and t.recorded_at = s.effective_at
                    and (t.parent, t.deal, t.no_carry_over)
                        is not distinct from (s.parent_affiliate_id, s.deal_id, s.no_carry_over))
union all
select format('the log says that affiliate %s is %s from %s on, and what is kept says otherwise', t.affiliate_id,
              t.status, t.recorded_at at time zone 'UTC')
from told t
where not exists (select 1 from status s
                  where s.affiliate_id = t.affiliate_id and s.status = t.status
                    and (s.number = 1 or s.effective_at <= t.recorded_at)
                    and (s.until is null or s.until >= t.recorded_at))
union all
select format('the log says that affiliate %s has parent %s, deal %s, no carry-over %s from %s on, and what is kept says '
              'otherwise', t.affiliate_id, coalesce(t.parent::text, 'none'), coalesce(t.deal::text, 'the default'),
              coalesce(t.no_carry_over::text, 'unset'), t.recorded_at at time zone 'UTC')
from told t
where not exists (select 1 from setting s
                  where s.affiliate_id = t.affiliate_id and (s.number = 1 or s.effective_at <= t.recorded_at)
                    and (s.until is null or s.until >= t.recorded_at)
                    and (t.parent, t.deal, t.no_carry_over)
                        is not distinct from (s.parent_affiliate_id, s.deal_id, s.no_carry_over))
order by 1
