select format('%s %s: %s', f.source, c.rule, sum(case when t.debit < 4 then t.amount_micros else -t.amount_micros end))
from commission c
join fact f on f.program_id = c.program_id and f.id = c.fact_id
join transfer t on t.program_id = c.program_id and t.commission_id = c.id and t.entry is not null
where c.program_id = $1
group by f.source, c.rule
having sum(case when t.debit < 4 then t.amount_micros else -t.amount_micros end) <> 0
union all
select format('%s %s %s', p.uid, r.state, r.state_set_at)
from referral r join person p on p.program_id = r.program_id and p.id = r.person_id
where r.program_id = $1
union all
select format('%s %s %s %s %s %s %s', earned_lead, earned_acquisition, earned_share, registrations, first_payments,
              first_payments_micros, payments_micros)
from account where program_id = $1
union all
select format('%s %s %s %s %s', day, registrations, first_payments, first_payments_micros, payments)
from fact_daily where program_id = $1 and (registrations, first_payments, payments) <> (0, 0, 0)
order by 1
