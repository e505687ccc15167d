-- Tracking: where links lead, what a click leaves behind, and the keys that sign clicks.
--
-- `click`, `click_daily`, `click_visitor` and `traffic_daily` are append-only and hot: no foreign keys, and every key
-- starts with the program. `click` is partitioned by month (UTC); its partitions are made ahead and dropped by a job.

-- Directory tables map a global name to a program and hold nothing else.

create table directory_code (
    code text primary key collate "C",
    program_id bigint not null,
    link_id bigint not null
);

create table directory_host (
    host text primary key collate "C",
    program_id bigint not null
);

create table directory_tracking (
    tracking_id uuid primary key,
    program_id bigint not null
);

-- A node table: keys that sign clicks. The key itself is made of the salt by the master secret.

create table click_key (
    id integer primary key check (id between 1 and 65535),
    salt bytea not null check (length(salt) = 32),
    created_at timestamptz not null
);

alter table program add column tracking_id uuid;
alter table program add column allowed_hosts text[];
alter table program add column fallback_url text;
alter table program add column click_parameter text collate "C";
alter table program add column cookie_days integer check (cookie_days between 1 and 120);
alter table program add column attribution_model text collate "C"
    check (attribution_model in ('last_click', 'first_click'));
alter table program add column keep_addresses boolean;
alter table program add column tracking_hosts text[];
alter table program add column disposable_domains text[];
update program set tracking_id = gen_random_uuid(), allowed_hosts = '{}', click_parameter = 'rfr', cookie_days = 60,
    attribution_model = 'last_click', keep_addresses = false, tracking_hosts = '{}', disposable_domains = '{}';
insert into directory_tracking (tracking_id, program_id) select tracking_id, program_id from program;
alter table program alter column tracking_id set not null;
alter table program alter column allowed_hosts set not null;
alter table program alter column click_parameter set not null;
alter table program alter column cookie_days set not null;
alter table program alter column attribution_model set not null;
alter table program alter column keep_addresses set not null;
alter table program alter column tracking_hosts set not null;
alter table program alter column disposable_domains set not null;

-- What affiliates share. A link without a destination leads to the program's fallback page.

create table link (
    program_id bigint not null,
    id bigint not null,
    affiliate_id bigint not null,
    code text not null collate "C",
    name text,
    kind text not null collate "C" check (kind in ('registration_page', 'landing_page', 'home_page', 'other')),
    destination_url text,
    fallback_url text,
    brand text collate "C",
    campaign text collate "C",
    is_default boolean not null,
    is_public boolean not null,
    is_enabled boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (program_id, code),
    foreign key (program_id, affiliate_id) references affiliate (program_id, id)
);
create unique index link_default on link (program_id, affiliate_id) where is_default;
create index link_affiliate on link (program_id, affiliate_id, id);
alter table link add primary key (program_id, id);

-- One row a click. The id is the one in its token: seconds, link, random bytes. `grade` 0 is signed by a redirect, 1 is
-- declared by a browser, whose `client_id` names it. `flags`: 1 a bot, 2 a repeated click.

create table click (
    program_id bigint not null,
    id uuid not null,
    clicked_at timestamptz not null,
    affiliate_id bigint not null,
    link_id bigint,
    grade smallint not null check (grade in (0, 1)),
    flags smallint not null,
    client_id uuid,
    address_hash bytea,
    address inet,
    country text collate "C",
    agent text,
    referrer text,
    page text,
    traffic jsonb,
    primary key (program_id, id, clicked_at)
) partition by range (clicked_at);
create index click_affiliate on click (program_id, affiliate_id, clicked_at);
create index click_client on click (program_id, client_id, clicked_at) where client_id is not null;

-- A batch of clicks that was written, so that it is not written again. Rows older than any spilled batch are deleted.

create table click_batch (
    program_id bigint not null,
    id uuid not null,
    recorded_at timestamptz not null,
    primary key (program_id, id)
);

-- When a visitor last counted, to tell repeated clicks: kept an hour, so it needs no log of its own.

create unlogged table click_visitor (
    program_id bigint not null,
    visitor bytea not null,
    counted_at timestamptz not null,
    primary key (program_id, visitor)
) with (fillfactor = 80);

create table click_daily (
    program_id bigint not null,
    day date not null,
    affiliate_id bigint not null,
    link_id bigint not null,
    brand text not null collate "C",
    deal_id bigint not null,
    campaign text not null collate "C",
    visits bigint not null,
    unique_visits bigint not null,
    bots bigint not null,
    repeats bigint not null,
    primary key (program_id, day, affiliate_id, link_id, brand, deal_id, campaign)
) with (fillfactor = 80);

-- The largest values of free text of a closed day, the rest as '(other)'.

create table traffic_daily (
    program_id bigint not null,
    day date not null,
    affiliate_id bigint not null,
    dimension text not null collate "C",
    value text not null collate "C",
    visits bigint not null,
    unique_visits bigint not null,
    primary key (program_id, day, affiliate_id, dimension, value)
);
