-- What of an affiliate is read as of a time: who brought it, its own deal, whether its negative months are made good.
-- A row from each change on; the first one holds for all time before it too.

create table affiliate_setting (
    program_id bigint not null,
    affiliate_id bigint not null,
    number integer not null,
    effective_at timestamptz not null,
    parent_affiliate_id bigint,
    deal_id bigint,
    no_carry_over boolean,
    primary key (program_id, affiliate_id, number),
    foreign key (program_id, affiliate_id) references affiliate (program_id, id)
);
create index affiliate_setting_parent on affiliate_setting (program_id, parent_affiliate_id)
    where parent_affiliate_id is not null;
