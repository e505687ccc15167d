-- The in-app referral widget: one per program, and the users who joined it.

-- A directory table: it maps a global name to a program and holds nothing else.

create table directory_product (
    product_id uuid primary key,
    program_id bigint not null
);

-- The secret that signs users' tokens is made of the salt by the master secret; it is kept nowhere.

create table widget (
    program_id bigint primary key,
    product_id uuid not null,
    secret_salt bytea not null check (length(secret_salt) = 32),
    is_enabled boolean not null,
    title text not null,
    landing_url text not null,
    terms text not null,
    terms_url text,
    advocate_reward text,
    friend_reward text,
    share_text text not null,
    deal_id bigint,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    foreign key (program_id, deal_id) references deal (program_id, id)
);

-- Who joined: the keyed hash of the program's own id of the user, and the affiliate that was made for it.

create table advocate (
    program_id bigint not null,
    user_hash bytea not null,
    affiliate_id bigint not null,
    joined_at timestamptz not null,
    primary key (program_id, user_hash),
    unique (program_id, affiliate_id),
    foreign key (program_id, affiliate_id) references affiliate (program_id, id)
);
