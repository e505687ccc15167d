//! The rows of a program that has been busy: 300,000 payments with their names, commissions and transfers, ten for
//! each of 30,000 referrals, one referral for each affiliate.

use store::Pool;

/// Payments.
pub(crate) const PAYMENTS: u128 = 300_000;

/// Referrals, and affiliates.
pub(crate) const REFERRALS: u128 = PAYMENTS / 10;

/// The n-th id is the last twelve digits of a UUID; an affiliate's is the number itself.
const STATEMENTS: &[&str] = &[
    "insert into person (program_id, id, contact, payment_details)
     select 1001, uuid_of(n), '{}', '{}' from generate_series(1, 30000) n",
    "insert into affiliate (program_id, id, person_id, slug, partner_key, status, payment_method_id,
                            api_access_enabled, profile, created_at, updated_at)
     select 1001, n, uuid_of(n), 'slug-' || n, 'key-' || n, 'approved', 0, false, '{}', '2026-01-01', '2026-01-01'
     from generate_series(1, 30000) n",
    "insert into affiliate_status (program_id, affiliate_id, number, effective_at, status)
     select 1001, n, 1, '2026-01-01', 'approved' from generate_series(1, 30000) n",
    "insert into api_key (program_id, id, kind, hint, created_at)
     select 1001, uuid_of(n), 'operator', '', '2026-01-01' from generate_series(1, 30000) n",
    "insert into directory_key (hash, program_id, key_id)
     select decode(lpad(to_hex(n), 64, '0'), 'hex'), 1001, uuid_of(n) from generate_series(1, 30000) n",
    "insert into referral (program_id, id, number, person_id, affiliate_id, state, state_set_at, occurred_at,
                           assignments, fold, version, created_at, updated_at)
     select 1001, uuid_of(n), n, uuid_of(n), n, 'paid', '2026-01-01', '2026-01-01',
            '[{\"f\":\"2026-01-01T00:00:00Z\",\"a\":1}]', '{}', 1, '2026-01-01', '2026-01-01'
     from generate_series(1, 30000) n",
    "insert into coupon (program_id, code, provider_code, affiliate_id, created_at, updated_at)
     select 1001, 'CODE-' || n, 'PROVIDER-' || n, n, '2026-01-01', '2026-01-01' from generate_series(1, 30000) n",
    "insert into link (program_id, id, affiliate_id, code, kind, is_default, is_public, is_enabled, created_at, updated_at)
     select 1001, n, n, 'code-' || n, 'other', true, false, true, '2026-01-01', '2026-01-01'
     from generate_series(1, 30000) n",
    // Four months of clicks, ten of each affiliate, whose ids begin with their seconds.
    "create table click_2026_01 partition of click for values from ('2026-01-01+00') to ('2026-02-01+00')",
    "create table click_2026_02 partition of click for values from ('2026-02-01+00') to ('2026-03-01+00')",
    "create table click_2026_03 partition of click for values from ('2026-03-01+00') to ('2026-04-01+00')",
    "create table click_2026_04 partition of click for values from ('2026-04-01+00') to ('2026-05-01+00')",
    "insert into click (program_id, id, clicked_at, affiliate_id, link_id, grade, flags, client_id)
     select 1001, (lpad(to_hex(1767225600 + n * 30), 8, '0') || lpad(to_hex(n), 24, '0'))::uuid,
            timestamptz '2026-01-01Z' + n * interval '30 seconds', 1 + n % 30000, 1 + n % 30000, 0, 0, uuid_of(n)
     from generate_series(1, 300000) n",
    "insert into click_daily
     select 1001, date '2026-01-01' + n / 30000, 1 + n % 30000, 1 + n % 30000, '', 1, '', 1, 1, 0, 0
     from generate_series(0, 299999) n",
    "insert into click_visitor (program_id, visitor, counted_at)
     select 1001, decode(lpad(to_hex(n), 24, '0'), 'hex'), '2026-06-01' from generate_series(1, 30000) n",
    "insert into attribution (program_id, referral_id, number, log_id, affiliate_id, basis, grade, is_provisional,
                              occurred_at, decided_at, evidence)
     select 1001, uuid_of(n), m, uuid_of(n), n, 'slug', 'key', false, '2026-01-01', '2026-01-01', '[]'
     from generate_series(1, 30000) n cross join generate_series(1, 3) m",
    "insert into review (program_id, id, referral_id, affiliate_id, kind, reason, raised_at, resolved_at, resolution)
     select 1001, uuid_of(n), uuid_of(n), n, 'velocity', '', '2026-01-01',
            case when n % 100 > 0 then timestamptz '2026-01-02' end, case when n % 100 > 0 then 'dismissed' end
     from generate_series(1, 30000) n",
    "insert into name (program_id, hash, kind, subject)
     select 1001, decode(lpad(to_hex(n), 32, '0'), 'hex'), 1, uuid_of(n) from generate_series(1, 300000) n",
    "insert into parked (program_id, hash, fact_id, until)
     select 1001, decode(lpad(to_hex(n), 32, '0'), 'hex'), uuid_of(n), '2026-09-01'
     from generate_series(1, 30000) n",
    "insert into fact (program_id, id, kind, operation, referral_id, amount_micros, currency, value_micros, source,
                       occurred_at, recorded_at, input_hash, engine, outcome)
     select 1001, uuid_of(n), 1, 0, uuid_of(1 + n % 30000), 10000000, 'EUR', 10000000, 'ch_' || n,
            timestamptz '2026-01-01' + n * interval '1 minute', '2026-06-01', '', 1, '{}'
     from generate_series(1, 300000) n",
    // A few more that wait for an exchange rate.
    "insert into fact (program_id, id, kind, operation, referral_id, amount_micros, currency, source, occurred_at,
                       recorded_at, input_hash, engine, outcome)
     select 1001, uuid_of(n), 1, 0, uuid_of(1 + n % 30000), 10000000, 'USD', 'ch_' || n,
            timestamptz '2026-01-01' + n * interval '1 minute', '2026-06-01', '', 1, '{}'
     from generate_series(300001, 306000) n",
    "insert into exchange_rate (currency, day, rate, source, recorded_at)
     select code, date '1999-01-01' + n, '1.0876', 'ecb', '2026-01-01'
     from unnest(array['CHF', 'GBP', 'JPY', 'SEK', 'USD']) as code, generate_series(0, 9999) n",
    "insert into commission (program_id, id, fact_id, referral_id, affiliate_id, rule, kind, deal_version_id,
                             currency, occurred_at, release_at, released_at, after_close, disputed)
     select 1001, uuid_of(n), uuid_of(n), uuid_of(1 + n % 30000), 1 + n % 30000, 0, 2, uuid_of(1), 'EUR', '2026-01-01',
            timestamptz '2026-01-01' + n * interval '1 minute', case when n > 3000 then timestamptz '2026-06-01' end,
            false, false
     from generate_series(1, 300000) n",
    "insert into transfer (program_id, id, affiliate_id, currency, debit, credit, amount_micros, cause, cause_id,
                           revision, commission_id, leg, entry, effective_at, period, log_id, unclaimed_micros,
                           engine)
     select 1001, uuid_of(n), 1 + n % 30000, 'EUR', 2, 10, 2000000, 0, uuid_of(n), 0, uuid_of(n), 0, 0,
            timestamptz '2026-01-01' + n * interval '1 minute', 202601, uuid_of(n), 2000000, 1
     from generate_series(1, 300000) n",
    "insert into account
     select 1001, n, 'EUR', 0, 0, -20000000, 0, 0, 0, 0, 0, 0, 0, 20000000, 0, 0, 0, 0, 0, 1, 1, 0, 10, 0, null
     from generate_series(1, 30000) n",
    "insert into account_month
     select 1001, n, 'EUR', m, array_fill(1::numeric, array[16])
     from generate_series(1, 30000) n cross join generate_series(202601, 202606) m",
    "insert into fact_daily
     select 1001, 1 + n % 30000, date '2026-01-01' + n / 30000, 0, 0, 0, 0, 0, 0, 0, 1, 10000000, 0, 0, 0
     from generate_series(1, 300000) n",
    "insert into log (program_id, id, kind, recorded_at)
     select 1001, uuid_of(n), 'payment.recorded', '2026-06-01' from generate_series(1, 300000) n",
    "insert into log_waiting (program_id, log_id) select 1001, uuid_of(n) from generate_series(1, 300000) n",
    "insert into log_number (program_id, number, log_id)
     select 1001, n, uuid_of(n) from generate_series(1, 300000) n",
    "insert into log_head (program_id, number) values (1001, 300000)
     on conflict (program_id) do update set number = excluded.number",
    "insert into job (program_id, id, kind, payload, run_at, attempts, state, created_at)
     select 1001, uuid_of(n), 'payout_mail', '{}', '2026-01-01', 0, case when n > 1000 then 'done' else 'waiting' end,
            '2026-01-01'
     from generate_series(1, 30000) n",
];

/// Adds the rows. Nothing is analyzed.
pub(crate) async fn fill(pool: &Pool) {
    for statement in STATEMENTS {
        let uuid = "('00000000-0000-7000-8000-' || lpad(to_hex(";
        let statement = statement
            .replace("uuid_of(n)", &format!("{uuid}n), 12, '0'))::uuid"))
            .replace("uuid_of(1)", &format!("{uuid}1), 12, '0'))::uuid"))
            .replace("uuid_of(1 + n % 30000)", &format!("{uuid}1 + n % 30000), 12, '0'))::uuid"));
        sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(pool).await.expect(&statement);
    }
}
