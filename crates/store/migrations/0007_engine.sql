-- The version of the rules that booked a transfer.

alter table transfer add column engine smallint not null default 1;
alter table transfer alter column engine drop default;
