-- Claims names, and then locks the referrals of the customers that they name, with others that are asked for. The gate is
-- asked before the first referral is looked up: it waits until every name is made, and opens only if all names were new or
-- are known to name customers.
with known as materialized (
    select n.* from unnest($2::bytea[]) as w (hash)
         cross join lateral (select hash, kind, subject from name where program_id = $1 and hash = w.hash offset 0) n
), made as (
    insert into name (program_id, hash, kind, subject)
    select $1, t.hash, t.kind, t.subject
    from unnest($3::bytea[], $4::smallint[], $5::uuid[]) with ordinality as t (hash, kind, subject, position)
    where t.hash not in (select hash from known)
    order by t.position
    on conflict do nothing
    returning hash
), gate as materialized (
    select $6 and (select count(*) from made) + count(*) = cardinality($3::bytea[])
               and coalesce(bool_and(subject is not null and kind in (2, 3)), true) as is_open
    from known
), locked as materialized (
    select r.*
    from (select subject as id from known union select unnest($7::uuid[]) order by id) as w
         cross join lateral (select * from referral
                             where program_id = $1 and id = w.id and (select is_open from gate) offset 0
                             for no key update) r
)
select n.hash as "hash?", n.subject as "subject?", coalesce(n.is_fresh, false) as "is_fresh!",
       (select is_open from gate) as "is_open!",
       r.id as "id?", r.number as "number?", r.person_id as "person_id?", r.affiliate_id as "affiliate_id?",
       r.state as "state?", r.state_set_at as "state_set_at?", r.occurred_at as "occurred_at?",
       r.rejected_at as "rejected_at?", r.expires_at as "expires_at?", r.assignments as "assignments?",
       r.attributes as "attributes?", r.rejected_facts as "rejected_facts?", r.fold as "fold?",
       r.version as "version?", r.created_at as "created_at?", r.updated_at as "updated_at?"
from (
    select hash, subject, false as is_fresh from known
    union all
    select hash, null, true from made
) as n
full join locked as r on r.id = n.subject
