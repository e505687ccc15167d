-- The foundation: directory and node tables, programs, people, affiliates, deals, referrals, facts, the ledger,
-- payouts, the log and jobs. Amounts are micros; sums over many rows are numeric. Append-only hot tables (fact,
-- commission, transfer, log, roll-up, job) have no foreign keys; `refero verify` checks what those would have.

-- Directory tables map a global name to a program and hold nothing else.

create table directory_key (
    hash bytea primary key,
    program_id bigint not null,
    key_id uuid not null
);

-- Node tables belong to the installation, not to a program.

create table node_secret (
    id smallint primary key check (id = 1),
    fingerprint bytea not null
);

create table change (
    position bigint generated always as identity primary key,
    program_id bigint not null,
    kind text not null collate "C",
    subject text not null collate "C"
);

create sequence program_number start with 1001;

create table program (
    program_id bigint primary key,
    name text not null,
    currency text not null collate "C" check (currency ~ '^[A-Z]{3}$'),
    zone text not null collate "C",
    mode text not null collate "C" check (mode in ('live', 'test')),
    payout_mode text not null collate "C" check (payout_mode in ('direct', 'three_step')),
    payout_threshold_micros bigint not null check (payout_threshold_micros >= 0),
    smartico_advance boolean not null,
    refuse_identical_payment boolean not null,
    referral_expires_after_days integer check (referral_expires_after_days between 1 and 3650),
    default_affiliate_id bigint not null,
    default_deal_id bigint not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table program_counter (
    program_id bigint not null,
    kind text not null collate "C",
    next bigint not null,
    primary key (program_id, kind)
);

create table api_key (
    program_id bigint not null,
    id uuid not null,
    kind text not null collate "C" check (kind in ('operator', 'affiliate')),
    affiliate_id bigint,
    hint text not null,
    created_at timestamptz not null,
    revoked_at timestamptz,
    primary key (program_id, id),
    check ((kind = 'affiliate') = (affiliate_id is not null))
);

-- Personal data live here and nowhere else.

create table person (
    program_id bigint not null,
    id uuid not null,
    email text,
    name text,
    uid text,
    contact jsonb not null,
    payment_details jsonb not null,
    primary key (program_id, id)
);

create table deal (
    program_id bigint not null,
    id bigint not null,
    name text not null,
    affiliate_id bigint,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (program_id, id)
);

create table deal_version (
    program_id bigint not null,
    id uuid not null,
    deal_id bigint not null,
    number integer not null check (number > 0),
    terms jsonb not null,
    created_at timestamptz not null,
    primary key (program_id, id),
    unique (program_id, deal_id, number),
    foreign key (program_id, deal_id) references deal (program_id, id)
);

create table affiliate (
    program_id bigint not null,
    id bigint not null,
    person_id uuid not null,
    slug text not null collate "C",
    partner_key text not null collate "C",
    status text not null collate "C"
        check (status in ('pending', 'approved', 'declined', 'suspended', 'blocked')),
    deal_id bigint,
    parent_affiliate_id bigint,
    manager_id bigint,
    external_id text collate "C",
    payment_method_id smallint not null,
    payout_threshold_micros bigint check (payout_threshold_micros >= 0),
    no_carry_over boolean,
    api_access_enabled boolean not null,
    profile jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (program_id, id),
    unique (program_id, slug),
    unique (program_id, partner_key),
    unique (program_id, external_id),
    foreign key (program_id, person_id) references person (program_id, id),
    foreign key (program_id, deal_id) references deal (program_id, id)
);

create table affiliate_status (
    program_id bigint not null,
    affiliate_id bigint not null,
    number integer not null,
    effective_at timestamptz not null,
    status text not null collate "C"
        check (status in ('pending', 'approved', 'declined', 'suspended', 'blocked')),
    primary key (program_id, affiliate_id, number),
    foreign key (program_id, affiliate_id) references affiliate (program_id, id)
);

-- Names: keyed hashes of idempotency keys, source ids, uids and e-mail addresses, and what each of them names. A row
-- without subject is mentioned by a parked fact only.

create table name (
    program_id bigint not null,
    hash bytea not null check (length(hash) = 16),
    kind smallint not null check (kind between 0 and 3),
    subject uuid,
    primary key (program_id, hash)
);

create table parked (
    program_id bigint not null,
    hash bytea not null,
    fact_id uuid not null,
    until timestamptz not null,
    primary key (program_id, hash, fact_id)
);
create index parked_fact on parked (program_id, fact_id);

create table referral (
    program_id bigint not null,
    id uuid not null,
    number bigint not null,
    person_id uuid not null,
    affiliate_id bigint not null,
    state text not null collate "C"
        check (state in ('converted', 'paid', 'churned', 'rejected', 'expired')),
    state_set_at timestamptz not null,
    occurred_at timestamptz not null,
    rejected_at timestamptz,
    expires_at timestamptz,
    assignments jsonb not null,
    fold jsonb not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (program_id, number)
) with (fillfactor = 70);
-- Of indexes that seem equally good to a planner without statistics the last one made is taken: here and below, that is
-- the primary key.
create index referral_created on referral (program_id, created_at, id);
create index referral_affiliate on referral (program_id, affiliate_id, created_at, id);
alter table referral add primary key (program_id, id);

create table fact (
    program_id bigint not null,
    id uuid not null,
    kind smallint not null check (kind between 0 and 6),
    operation smallint not null,
    referral_id uuid,
    payment_id uuid,
    amount_micros bigint check (amount_micros >= 0),
    currency text collate "C",
    value_micros bigint,
    source text not null collate "C",
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    input_hash bytea not null,
    engine smallint not null,
    detail jsonb,
    outcome jsonb not null
);
create index fact_parked on fact (program_id, id) where referral_id is null;
create index fact_rate_missing on fact (program_id, currency) where kind = 1 and value_micros is null;
alter table fact add primary key (program_id, id);
-- Without the program, so that nothing else is ever looked up by it; made last, for what is looked up by referral.
create index fact_referral on fact (referral_id);

create table commission (
    program_id bigint not null,
    id uuid not null,
    fact_id uuid not null,
    referral_id uuid not null,
    affiliate_id bigint not null,
    rule smallint not null,
    kind smallint not null check (kind between 0 and 3),
    deal_version_id uuid not null,
    currency text not null collate "C",
    occurred_at timestamptz not null,
    release_at timestamptz not null,
    released_at timestamptz,
    -- Waits for the close of its month, which clears it.
    after_close boolean not null,
    -- Its payment is disputed: it is held, released or not.
    disputed boolean not null
);
create index commission_referral on commission (program_id, referral_id);
create index commission_affiliate on commission (program_id, affiliate_id, id);
create index commission_held on commission (program_id, release_at)
    where released_at is null and not after_close and not disputed;
alter table commission add primary key (program_id, id);

-- Movements between two accounts of one affiliate and currency. `unclaimed_micros` is what of the movement's effect on
-- `due` no payout has claimed; it is the only column that changes.

create table transfer (
    program_id bigint not null,
    id uuid not null,
    affiliate_id bigint not null,
    currency text not null collate "C",
    debit smallint not null check (debit between 0 and 15),
    credit smallint not null check (credit between 0 and 15),
    amount_micros bigint not null check (amount_micros > 0),
    cause smallint not null,
    cause_id uuid not null,
    revision integer not null,
    commission_id uuid not null,
    leg smallint not null,
    entry smallint check (entry between 0 and 3),
    effective_at timestamptz not null,
    period integer not null,
    log_id uuid not null,
    unclaimed_micros bigint not null,
    unique (program_id, commission_id, cause_id, cause, revision, leg),
    check (debit <> credit)
) with (fillfactor = 90);
create index transfer_as_of on transfer (program_id, affiliate_id, currency, effective_at);
create index transfer_unclaimed on transfer (program_id, affiliate_id, currency, effective_at, id)
    where unclaimed_micros <> 0;
alter table transfer add primary key (program_id, id);

create table account (
    program_id bigint not null,
    affiliate_id bigint not null,
    currency text not null collate "C",
    earned_lead numeric not null,
    earned_acquisition numeric not null,
    earned_share numeric not null,
    earned_sub_affiliate numeric not null,
    adjustments numeric not null,
    paid numeric not null,
    pending_lead numeric not null,
    pending_acquisition numeric not null,
    pending_share numeric not null,
    pending_sub_affiliate numeric not null,
    due numeric not null,
    in_payout numeric not null,
    carried_lead numeric not null,
    carried_acquisition numeric not null,
    carried_share numeric not null,
    carried_sub_affiliate numeric not null,
    registrations bigint not null,
    first_payments bigint not null,
    first_payments_micros numeric not null,
    payments bigint not null,
    payments_micros numeric not null,
    last_paid_at timestamptz,
    primary key (program_id, affiliate_id, currency),
    check (earned_lead + earned_acquisition + earned_share + earned_sub_affiliate + adjustments + paid
        + pending_lead + pending_acquisition + pending_share + pending_sub_affiliate + due + in_payout
        + carried_lead + carried_acquisition + carried_share + carried_sub_affiliate = 0)
) with (fillfactor = 50);

-- What moved between the accounts of an affiliate in a month of the program's zone: credits less debits, in the order of
-- the accounts' numbers. A balance as of a date is the sum of the months before and of that month's transfers up to it.

create table account_month (
    program_id bigint not null,
    affiliate_id bigint not null,
    currency text not null collate "C",
    month integer not null,
    moved numeric[] not null check (cardinality(moved) = 16),
    primary key (program_id, affiliate_id, currency, month)
) with (fillfactor = 50);

-- Figures of facts by day in the program's zone, kept in the same transactions.

create table fact_daily (
    program_id bigint not null,
    affiliate_id bigint not null,
    day date not null,
    link_id bigint not null,
    brand_id bigint not null,
    deal_id bigint not null,
    campaign_id bigint not null,
    registrations bigint not null,
    first_payments bigint not null,
    first_payments_micros numeric not null,
    payments bigint not null,
    payments_micros numeric not null,
    refunds bigint not null,
    refunds_micros numeric not null,
    churns bigint not null,
    primary key (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id)
) with (fillfactor = 50);

create table payout (
    program_id bigint not null,
    id bigint not null,
    decision_id uuid not null,
    affiliate_id bigint not null,
    currency text not null collate "C",
    amount_micros bigint not null check (amount_micros > 0),
    advance_micros bigint not null check (advance_micros >= 0),
    state text not null collate "C"
        check (state in ('requested', 'approved', 'processing', 'paid', 'failed', 'cancelled', 'returned')),
    input_hash bytea not null,
    payment_method_id smallint not null,
    details jsonb not null,
    period_from timestamptz not null,
    period_to timestamptz not null,
    requested_at timestamptz not null,
    paid_at timestamptz,
    updated_at timestamptz not null,
    outcome jsonb not null,
    primary key (program_id, id),
    unique (program_id, decision_id)
);
create index payout_affiliate on payout (program_id, affiliate_id, id);
create index payout_advance on payout (program_id, affiliate_id, currency, id) where advance_micros > 0;

create table payout_step (
    program_id bigint not null,
    payout_id bigint not null,
    number integer not null,
    log_id uuid not null,
    step text not null collate "C",
    from_state text not null collate "C",
    to_state text not null collate "C",
    occurred_at timestamptz not null,
    primary key (program_id, payout_id, number),
    foreign key (program_id, payout_id) references payout (program_id, id)
);

create table claim (
    program_id bigint not null,
    payout_id bigint not null,
    transfer_id uuid not null,
    number integer not null,
    amount_micros bigint not null check (amount_micros <> 0),
    state text not null collate "C" check (state in ('held', 'settled', 'freed')),
    primary key (program_id, payout_id, transfer_id, number),
    foreign key (program_id, payout_id) references payout (program_id, id)
);
create index claim_transfer on claim (program_id, transfer_id);

create table adjustment (
    program_id bigint not null,
    id bigint not null,
    decision_id uuid not null,
    affiliate_id bigint not null,
    currency text not null collate "C",
    amount_micros bigint not null check (amount_micros <> 0),
    reason text not null,
    effective_at timestamptz not null,
    created_at timestamptz not null,
    input_hash bytea not null,
    primary key (program_id, id),
    unique (program_id, decision_id)
);
create index adjustment_affiliate on adjustment (program_id, affiliate_id, id);

-- Balances and figures brought in from an old system.

create table opening (
    program_id bigint not null,
    id uuid not null,
    affiliate_id bigint not null,
    currency text not null collate "C",
    effective_at timestamptz not null,
    registrations bigint not null,
    first_payments bigint not null,
    first_payments_micros bigint not null,
    payments bigint not null,
    payments_micros bigint not null,
    last_paid_at timestamptz,
    input_hash bytea not null,
    created_at timestamptz not null,
    primary key (program_id, id)
);
create index opening_affiliate on opening (program_id, affiliate_id);

-- The log: one row per accepted write. It is numbered after commit by the sequencer.

create table log (
    program_id bigint not null,
    id uuid not null,
    kind text not null collate "C",
    scope uuid,
    scope_version bigint,
    recorded_at timestamptz not null,
    body jsonb,
    primary key (program_id, id)
);

create table log_waiting (
    program_id bigint not null,
    position bigint generated always as identity,
    log_id uuid not null,
    primary key (program_id, position)
);

create table log_number (
    program_id bigint not null,
    number bigint not null,
    log_id uuid not null,
    primary key (program_id, number)
);

create table log_head (
    program_id bigint primary key,
    number bigint not null
);

create table job (
    program_id bigint not null,
    id uuid not null,
    kind text not null collate "C",
    payload jsonb not null,
    run_at timestamptz not null,
    attempts integer not null,
    lease_id uuid,
    leased_until timestamptz,
    last_error text,
    state text not null collate "C" check (state in ('waiting', 'done', 'dead')),
    created_at timestamptz not null,
    primary key (program_id, id)
);
create index job_due on job (run_at) where state = 'waiting';
create index job_program on job (program_id, run_at) where state = 'waiting';
create index job_dead on job (program_id, id) where state = 'dead';
