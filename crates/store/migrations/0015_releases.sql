-- What is to be released is read in this order and no further than wanted, also where PostgreSQL (15) cannot go on from an
-- index that is sorted by a part of it.

drop index commission_held;
create index commission_held on commission (program_id, release_at, id)
    where released_at is null and not after_close and not disputed;
