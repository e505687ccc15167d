-- The close of calendar months: what is closed, what has to be closed again, and what each close came to.

alter table program
    add column close_after_days integer not null default 1 check (close_after_days between 0 and 60),
    add column closed_through integer;
alter table program alter column close_after_days drop default;

-- One affiliate under one root deal in one month. `posted` is what is booked for the month, `chain` what it hands on.

create table period (
    program_id bigint not null,
    affiliate_id bigint not null,
    deal_id bigint not null,
    month integer not null,
    id uuid not null,
    revision integer not null,
    closed_at timestamptz not null,
    effective_at timestamptz not null,
    booked_at timestamptz,
    figures jsonb not null,
    posted jsonb not null,
    chain jsonb not null,
    primary key (program_id, affiliate_id, deal_id, month)
);
create index period_month on period (program_id, month, affiliate_id, deal_id);

-- Months of affiliates that have to be closed, or closed again because a fact came late. Appended by whoever causes it,
-- so that nobody waits for another.

create table period_due (
    program_id bigint not null,
    affiliate_id bigint not null,
    month integer not null,
    cause_id uuid not null,
    due_at timestamptz not null,
    primary key (program_id, affiliate_id, month, cause_id)
);
create index period_due_at on period_due (program_id, due_at);

-- What counts the deposits and withdrawals of a brand: 0 events, 1 activity rows.

create table brand (
    program_id bigint not null,
    name text not null collate "C",
    deposits smallint not null check (deposits between 0 and 1),
    withdrawals smallint not null check (withdrawals between 0 and 1),
    created_at timestamptz not null,
    primary key (program_id, name)
);
