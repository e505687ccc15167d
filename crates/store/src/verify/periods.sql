select format('month %s of affiliate %s under deal %s: %s posted of %s, %s in its transfers %s', p.month, p.affiliate_id,
              p.deal_id, coalesce(p.micros, 0), account, coalesce(t.micros, 0), t.id)
from (
    select p.id, p.affiliate_id, p.deal_id, p.month, m.account, sum(m.micros) as micros
    from period p
    cross join lateral (
        select 'adjustments' as account, (e ->> 1)::numeric as micros
        from jsonb_array_elements(p.posted -> 'adjustments') as a (e)
        union all
        select 'carried_' || (e -> 0 ->> 'kind'), (e ->> 1)::numeric
        from jsonb_array_elements(p.posted -> 'carried') as c (e)
    ) as m
    where p.program_id = $1
    group by p.id, p.affiliate_id, p.deal_id, p.month, m.account
) as p
full join (
    select id, account, sum(micros) as micros
    from (
        select cause_id as id,
               case case when debit = 10 then credit else debit end
                   when 4 then 'adjustments' when 14 then 'carried_share' when 15 then 'carried_sub_affiliate'
                   else 'another account' end as account,
               case when debit = 4 or credit between 12 and 15 then amount_micros else -amount_micros end as micros
        from transfer where program_id = $1 and cause = 6
    ) as closes
    group by id, account
) as t using (id, account)
where coalesce(p.micros, 0) <> coalesce(t.micros, 0)
union all
select format('month %s of affiliate %s under deal %s is kept, the program is closed through %s', p.month,
              p.affiliate_id, p.deal_id, coalesce(g.closed_through::text, 'no month'))
from period p join program g on g.program_id = p.program_id
where p.program_id = $1 and p.month > coalesce(g.closed_through, 0)
union all
select format('affiliate %s under deal %s hands on %s of %s, its months carried %s', affiliate_id, deal_id,
              coalesce(h.micros, 0), scope, coalesce(c.micros, 0))
from (
    select p.affiliate_id, p.deal_id, e -> 0 as scope, sum((e ->> 1)::numeric) as micros
    from (
        select distinct on (affiliate_id, deal_id) affiliate_id, deal_id, chain
        from period where program_id = $1 order by affiliate_id, deal_id, month desc
    ) as p
    cross join lateral jsonb_array_elements(coalesce(p.chain -> 'carried', '[]') || coalesce(p.chain -> 'followed', '[]'))
        as c (e)
    group by p.affiliate_id, p.deal_id, e -> 0
) as h
full join (
    select p.affiliate_id, p.deal_id, e -> 0 as scope, sum((e ->> 1)::numeric) as micros
    from period p cross join lateral jsonb_array_elements(p.posted -> 'carried') as c (e)
    where p.program_id = $1
    group by p.affiliate_id, p.deal_id, e -> 0
) as c using (affiliate_id, deal_id, scope)
left join (select distinct affiliate_id from period_due where program_id = $1) as d using (affiliate_id)
where coalesce(h.micros, 0) <> coalesce(c.micros, 0) and d.affiliate_id is null
