-- Postbacks: what is told to the systems of affiliates when something happened to a customer.

create table postback (
    program_id bigint not null,
    id bigint not null,
    -- Nobody's: it is told of every affiliate's customers.
    affiliate_id bigint,
    -- Only for customers who are under this deal.
    deal_id bigint,
    name text not null collate "C",
    trigger text not null collate "C",
    method text not null collate "C" check (method in ('GET', 'POST')),
    url text not null collate "C",
    body text collate "C",
    active boolean not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (program_id, id)
);

-- How far the log has been read for postbacks; there from the first definition on.

create table postback_cursor (
    program_id bigint not null,
    number bigint not null,
    primary key (program_id)
);

-- One row a call that is to be made: what is sent, and what came of it. `place` tells the calls of one log row apart.

create table postback_delivery (
    program_id bigint not null,
    id uuid not null,
    postback_id bigint not null,
    affiliate_id bigint not null,
    log_id uuid not null,
    place integer not null,
    trigger text not null collate "C",
    method text not null collate "C",
    url text not null collate "C",
    body text collate "C",
    state text not null collate "C" check (state in ('waiting', 'delivered', 'failed')),
    attempts integer not null,
    status integer,
    response text collate "C",
    error text collate "C",
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (program_id, id),
    unique (program_id, postback_id, log_id, place)
);
