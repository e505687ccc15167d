-- Whom customers are put down to and why: coupons, the record of every attribution, what a person should look at, and
-- what affiliates ask about sales they miss.

-- What a customer or affiliate last came with: a keyed hash of address and agent. Part of a person's data.

alter table person add column visitor bytea check (length(visitor) = 16);

-- Registrations of one affiliate within an hour above which they are flagged; null for any number.

alter table program add column review_registrations_per_hour integer
    check (review_registrations_per_hour between 1 and 1000000);
update program set review_registrations_per_hour = 100;

-- Codes are kept in upper case. `provider_code` is what a payment provider calls the same coupon; both are one name space.

create table coupon (
    program_id bigint not null,
    code text not null collate "C",
    provider_code text collate "C",
    affiliate_id bigint not null,
    deal_id bigint,
    valid_from timestamptz,
    valid_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check (valid_from < valid_until),
    foreign key (program_id, affiliate_id) references affiliate (program_id, id),
    foreign key (program_id, deal_id) references deal (program_id, id)
);
create unique index coupon_provider on coupon (program_id, provider_code) where provider_code is not null;
create index coupon_affiliate on coupon (program_id, affiliate_id, code);
alter table coupon add primary key (program_id, code);

-- The record of attributions, the newest of a referral with the highest number. `evidence` holds the candidates with what
-- became of each.

create table attribution (
    program_id bigint not null,
    referral_id uuid not null,
    number integer not null check (number > 0),
    log_id uuid not null,
    affiliate_id bigint not null,
    basis text not null collate "C"
        check (basis in ('coupon', 'signed_click', 'declared_click', 'slug', 'reassignment')),
    grade text not null collate "C" check (grade in ('staff', 'signed', 'key', 'browser')),
    is_provisional boolean not null,
    link_id bigint,
    occurred_at timestamptz not null,
    decided_at timestamptz not null,
    evidence jsonb not null,
    reason text
);
create index attribution_affiliate on attribution (program_id, affiliate_id, decided_at);
alter table attribution add primary key (program_id, referral_id, number);

-- What a person should look at. While a flag is open the referral's commissions are not released.

create table review (
    program_id bigint not null,
    id uuid not null,
    referral_id uuid not null,
    affiliate_id bigint not null,
    kind text not null collate "C"
        check (kind in ('own_address', 'own_browser', 'disposable_address', 'velocity', 'forged_click')),
    reason text not null,
    raised_at timestamptz not null,
    resolved_at timestamptz,
    resolution text collate "C" check (resolution in ('dismissed', 'confirmed')),
    note text,
    primary key (program_id, id),
    check ((resolved_at is null) = (resolution is null))
);
create index review_referral on review (program_id, referral_id, id);
-- Made last, for what is to be released is looked up by it.
create index review_open on review (program_id, referral_id) where resolved_at is null;

-- Sales that an affiliate misses. What it says of the customer stands in `person`.

create table inquiry (
    program_id bigint not null,
    id bigint not null,
    affiliate_id bigint not null,
    person_id uuid not null,
    state text not null collate "C" check (state in ('open', 'accepted', 'declined')),
    source text collate "C",
    occurred_at timestamptz,
    evidence jsonb not null,
    referral_id uuid,
    answer text,
    created_at timestamptz not null,
    answered_at timestamptz,
    foreign key (program_id, affiliate_id) references affiliate (program_id, id),
    foreign key (program_id, person_id) references person (program_id, id),
    check ((state = 'open') = (answered_at is null))
);
create index inquiry_affiliate on inquiry (program_id, affiliate_id, id);
alter table inquiry add primary key (program_id, id);
