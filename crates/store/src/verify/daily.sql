select format('affiliate %s: %s %s kept, %s %s in the facts', affiliate_id, coalesce(k.count, 0), measure,
              coalesce(f.count, 0), measure)
from (
    select affiliate_id, measure, sum(count) as count
    from fact_daily
    cross join lateral (values ('registrations', registrations), ('payments', payments), ('refunds', refunds),
                               ('churns', churns), ('micros', payments_micros),
                               ('micros refunded', refunds_micros)) as m (measure, count)
    where program_id = $1
    group by affiliate_id, measure
) as k
full join (
    select owner as affiliate_id, measure, sum(count) as count
    from (
        select (select (e ->> 'a')::bigint from jsonb_array_elements(r.assignments) with ordinality as x (e, n)
                where (e ->> 'f')::timestamptz <= f.occurred_at or n = 1 order by n desc limit 1) as owner,
               m.measure, m.count
        from (
            select fact.*, case when kind = 4 then detail ->> 'state' = 'lost'
                                else coalesce(detail ->> 'state', '') <> 'failed' end
                   and lead(id) over (partition by kind, payment_id, source order by occurred_at, id) is null as counts,
                   lead(id) over (partition by kind, coalesce(payment_id, id)
                                  order by (detail ->> 'revision')::numeric) is null as newest
            from fact
            where fact.program_id = $1 and referral_id is not null
        ) as f
        join referral r on r.program_id = f.program_id and r.id = f.referral_id
        left join brand b on b.program_id = f.program_id and f.kind in (1, 6)
                         and b.name = coalesce(f.detail ->> 'brand', r.attributes ->> 'brand')
        -- What counts the deposits of a brand (money.md §6). A payment that was decided when it came was told then; of one
        -- that waited for its customer (it has no affiliate in its outcome) the brand says it.
        cross join lateral (
            select coalesce(f.kind = 6 and f.newest and b.deposits = 1, false) as reports,
                   f.kind = 1 and f.amount_micros > 0
                   and not coalesce(case when f.outcome -> 'a' is null then b.deposits = 1
                                         else f.outcome ->> 'note' = 'counted_from_rows' end, false) as pays
        ) as t
        cross join lateral (values
            ('registrations', (f.kind = 0 and f.detail -> 'replaces' is null)::int::numeric), ('payments', t.pays::int),
            ('payments', case when t.reports then (f.detail #>> '{figures,deposit_count}')::numeric else 0 end),
            ('refunds', (f.kind in (2, 4) and f.counts)::int), ('churns', (f.kind = 3)::int),
            ('micros', case when t.pays then coalesce(f.value_micros, 0) else 0 end),
            ('micros', case when t.reports then (f.detail #>> '{figures,deposits}')::numeric else 0 end),
            ('micros refunded', case when f.kind in (2, 4) and f.counts then coalesce(f.value_micros, 0) else 0 end)) as m (measure, count)
        where f.program_id = $1
    ) as owned
    group by owner, measure
) as f using (affiliate_id, measure)
where coalesce(k.count, 0) <> coalesce(f.count, 0)
