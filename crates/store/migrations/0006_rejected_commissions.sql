-- Facts whose commission a reviewer rejected: they earn nothing. Null where there are none.

alter table referral add column rejected_facts uuid[];
