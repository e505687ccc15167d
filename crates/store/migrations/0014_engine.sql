-- A program's default deal over time: parents without a deal of their own earn by the one in force at the time of the
-- fact, registrations choose by it. A row from each change on; the first one holds for all time before it too.

create table program_default_deal (
    program_id bigint not null,
    number integer not null,
    effective_at timestamptz not null,
    deal_id bigint not null,
    primary key (program_id, number),
    foreign key (program_id, deal_id) references deal (program_id, id)
);
insert into program_default_deal (program_id, number, effective_at, deal_id)
    select program_id, 1, created_at, default_deal_id from program;

-- Disputes are worth something too: a lost one counts among what was sent back. They may wait for a rate as payments do.
drop index fact_rate_missing;
create index fact_rate_missing on fact (program_id, id) where kind in (1, 2, 4, 5) and value_micros is null;
update fact set value_micros = amount_micros
    from program where program.program_id = fact.program_id and kind = 4 and fact.currency = program.currency;
