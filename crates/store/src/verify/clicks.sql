with kept as (
    select (c.clicked_at at time zone p.zone)::date as day, c.affiliate_id, coalesce(c.link_id, 0) as link_id,
           count(*) as visits, count(*) filter (where c.flags = 0) as unique_visits,
           count(*) filter (where c.flags & 1 <> 0) as bots, count(*) filter (where c.flags & 2 <> 0) as repeats
    from click c join program p on p.program_id = c.program_id
    where c.program_id = $1
    group by 1, 2, 3
),
told as (
    select day, affiliate_id, link_id, sum(visits) as visits, sum(unique_visits) as unique_visits, sum(bots) as bots,
           sum(repeats) as repeats
    from click_figure
    where program_id = $1
    group by 1, 2, 3
)
select format('%s, affiliate %s, link %s: visits, unique ones, bots, repeats are %s %s %s %s; the clicks say %s %s %s %s',
              day, affiliate_id, link_id, told.visits, told.unique_visits, told.bots, told.repeats,
              kept.visits, kept.unique_visits, kept.bots, kept.repeats)
from kept full join told using (day, affiliate_id, link_id)
where (told.visits, told.unique_visits, told.bots, told.repeats)
      is distinct from (kept.visits, kept.unique_visits, kept.bots, kept.repeats)
  -- Months before the first that is kept were dropped, and with them a part of that month's first day, as zones have it.
  and day > (select date_trunc('month', min(clicked_at) at time zone 'UTC')::date from click where program_id = $1)
order by day, affiliate_id, link_id
