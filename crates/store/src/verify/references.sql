select format('fact %s: its referral %s is missing', f.id, f.referral_id)
from fact f
where f.program_id = $1 and f.referral_id is not null
  and not exists (select 1 from referral r where r.program_id = f.program_id and r.id = f.referral_id)
union all
select format('fact %s has no referral and is not parked', f.id)
from fact f
where f.program_id = $1 and f.referral_id is null
  and not exists (select 1 from parked p where p.program_id = f.program_id and p.fact_id = f.id)
union all
select format('fact %s has a referral and is parked', f.id)
from parked p join fact f on f.program_id = p.program_id and f.id = p.fact_id
where p.program_id = $1 and f.referral_id is not null
union all
select format('refund or dispute %s: its payment %s is missing', f.id, f.payment_id)
from fact f
where f.program_id = $1 and f.kind in (2, 4) and f.referral_id is not null
  and not exists (select 1 from fact p where p.program_id = f.program_id and p.id = f.payment_id and p.kind = 1)
union all
select format('commission %s: its fact %s or referral %s is missing', c.id, c.fact_id, c.referral_id)
from commission c
where c.program_id = $1
  and not exists (select 1 from fact f
                  where f.program_id = c.program_id and f.id = c.fact_id and f.referral_id = c.referral_id)
union all
select format('commission %s of affiliate %s has a transfer of affiliate %s', c.id, c.affiliate_id, t.affiliate_id)
from commission c join transfer t on t.program_id = c.program_id and t.commission_id = c.id
where c.program_id = $1 and (t.affiliate_id <> c.affiliate_id or t.currency <> c.currency)
union all
select format('transfer %s: its commission %s is missing', t.id, t.commission_id)
from transfer t
where t.program_id = $1 and t.commission_id <> '00000000-0000-0000-0000-000000000000'
  and not exists (select 1 from commission c where c.program_id = t.program_id and c.id = t.commission_id)
union all
select format('transfer %s: its log row %s is missing', t.id, t.log_id)
from transfer t
where t.program_id = $1
  and not exists (select 1 from log l where l.program_id = t.program_id and l.id = t.log_id)
