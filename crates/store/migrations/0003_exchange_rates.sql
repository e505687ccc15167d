-- Exchange rates, and what facts in another currency than their program's are worth by them.

-- Belongs to the installation, not to a program: how much of a currency one euro is on a day, as it was published.
-- Rows are only added.

create table exchange_rate (
    currency text not null collate "C" check (currency ~ '^[A-Z]{3}$' and currency <> 'EUR'),
    day date not null,
    rate text not null collate "C" check (rate ~ '^[0-9]+([.][0-9]+)?$'),
    source text not null collate "C" check (source in ('ecb', 'import')),
    recorded_at timestamptz not null,
    primary key (currency, day)
);

-- The rates by which a fact was converted; null where its amount is in the program's currency. `valued_at` tells when
-- the rates became known after the fact was recorded.

alter table fact add column exchange jsonb;
alter table fact add column valued_at timestamptz;

-- Payments, refunds and withdrawals that wait for a rate.

drop index fact_rate_missing;
create index fact_rate_missing on fact (program_id, id) where kind in (1, 2, 5) and value_micros is null;
