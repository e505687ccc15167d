select format('commission %s (%s): held %s, standing %s', c.id,
              case when c.disputed then 'disputed' when c.released_at is null then 'held' else 'released' end, t.held,
              t.standing)
from commission c
cross join lateral (
    select coalesce(sum(case when t.credit between 6 and 9 then t.amount_micros
                             when t.debit between 6 and 9 then -t.amount_micros end), 0) as held,
           coalesce(sum(case when t.debit < 4 then t.amount_micros when t.credit < 4 then -t.amount_micros end), 0)
               as standing
    from transfer t where t.program_id = c.program_id and t.commission_id = c.id
) as t
where c.program_id = $1
  and t.held <> case when c.released_at is null or c.disputed then t.standing else 0 end
union all
select format('commission %s waits for the close of its month and is released', c.id)
from commission c
where c.program_id = $1 and c.after_close and c.released_at is not null
union all
select format('commission %s waits for the close of its month, which is closed and booked', c.id)
from commission c
join deal_version v on v.program_id = c.program_id and v.id = c.deal_version_id
join program p on p.program_id = c.program_id
join period m on m.program_id = c.program_id and m.affiliate_id = c.affiliate_id and m.deal_id = v.deal_id
    and m.month = to_char(c.occurred_at at time zone p.zone, 'YYYYMM')::int
where c.program_id = $1 and c.after_close and m.booked_at is not null
  and not exists (select 1 from period_due d where d.program_id = c.program_id and d.affiliate_id = c.affiliate_id)
