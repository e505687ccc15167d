select format('commission %s (%s): held %s, standing %s', c.id,
              case when c.released_at is null then 'held' else 'released' end, t.held, t.standing)
from commission c
cross join lateral (
    select coalesce(sum(case when t.credit between 6 and 9 then t.amount_micros
                             when t.debit between 6 and 9 then -t.amount_micros end), 0) as held,
           coalesce(sum(case when t.debit < 4 then t.amount_micros when t.credit < 4 then -t.amount_micros end), 0)
               as standing
    from transfer t where t.program_id = c.program_id and t.commission_id = c.id
) as t
where c.program_id = $1
  and t.held <> case when c.released_at is null then t.standing else 0 end
