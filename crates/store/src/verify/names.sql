select format('name of kind %s names nothing and nothing is parked under it', n.kind)
from name n
where n.program_id = $1 and n.subject is null and n.kind in (0, 1)
  and not exists (select 1 from parked p where p.program_id = n.program_id and p.hash = n.hash)
union all
select format('name of kind %s names %s, which is missing', n.kind, n.subject)
from name n
where n.program_id = $1 and n.subject is not null
  and case when n.kind in (2, 3)
           then not exists (select 1 from referral r where r.program_id = n.program_id and r.id = n.subject)
           else not exists (select 1 from fact f where f.program_id = n.program_id and f.id = n.subject)
                and not exists (select 1 from log l where l.program_id = n.program_id and l.id = n.subject) end
union all
select format('%s %s has no source name', case kind when 1 then 'payment' when 2 then 'refund' when 4 then 'dispute' else 'withdrawal' end, f.id)
from fact f
where f.program_id = $1 and f.kind in (1, 2, 4, 5)
  and not exists (select 1 from name n where n.program_id = f.program_id and n.subject = f.id and n.kind in (0, 1))
