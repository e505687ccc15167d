select format('log row %s is neither waiting nor numbered, or both', l.id)
from log l
left join (select log_id, count(*) as times from log_waiting where program_id = $1 group by log_id) as w
    on w.log_id = l.id
left join (select log_id, count(*) as times from log_number where program_id = $1 group by log_id) as n
    on n.log_id = l.id
where l.program_id = $1 and coalesce(w.times, 0) + coalesce(n.times, 0) <> 1
union all
select format('the log is numbered up to %s but has %s numbers', max(number), count(*))
from log_number where program_id = $1 having max(number) <> count(*)
