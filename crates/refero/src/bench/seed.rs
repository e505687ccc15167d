//! What is there before the measurement: a program at 20 % without hold, affiliates, customers, and a copy of them for
//! plain SQL to write to.

use std::ops::Range;

use app::ingest::{Ask, submit_many};
use app::program::{Mode, NewProgram};
use app::{App, Caller};
use domain::command::{AffiliateName, Command, Customer, Operation, Payment, Registration};
use domain::currency::Currency;
use domain::deal::{Rule, Terms};
use domain::ids::{AffiliateId, ProgramId};
use domain::money::Money;
use domain::rate::Rate;
use domain::text::{Name, Source, Uid};
use domain::time::Zone;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::failure::{Failure, Outcome};

/// Commands handed over at once.
const CHUNK: u64 = 4_096;

/// A program with customers: `s0`, `s1`, … spread over its affiliates, `h0`, `h1`, … all of one affiliate.
pub(super) struct Seeded {
    /// The program.
    pub(super) program: ProgramId,
    /// An operator key.
    pub(super) key: String,
    /// How many affiliates there are, and as many customers of either sort.
    pub(super) affiliates: u64,
}

/// Makes a program and its key.
pub(super) async fn program(app: &App, name: &str) -> Outcome<(ProgramId, String)> {
    let rate = Rate::from_percent("20").map_err(Failure::new)?;
    let new = NewProgram {
        name: Name::parse(name).map_err(Failure::new)?,
        currency: Currency::EUR,
        zone: Zone::UTC,
        mode: Mode::Live,
        terms: Terms { rules: vec![Rule::percent(rate)], ..Terms::default() },
        payout_threshold_micros: 0,
    };
    let program = app::program::create(app, app.now(), new).await?.id;
    let caller = Caller::operator(program, app.now());
    let (_, key) = app::key::create(app, &caller, app::key::Scope::Operator).await?;
    Ok((program, key))
}

/// Makes a program with affiliates and customers.
pub(super) async fn customers(app: &App, sql: &mut PgConnection, affiliates: u64) -> Outcome<Seeded> {
    let (program, key) = program(app, "Bench").await?;
    let first = self::affiliates(sql, program, affiliates).await?;
    for (letter, spread) in [('s', true), ('h', false)] {
        let mut from = 0;
        while from < affiliates {
            let to = affiliates.min(from + CHUNK);
            let asks = (from..to).map(|number| {
                let affiliate = if spread { first + number as i64 } else { first };
                register(&format!("{letter}{number}"), affiliate)
            });
            submit(app, program, asks.collect::<Outcome<_>>()?).await?;
            from = to;
        }
    }
    // The month's rows are there as the account rows are: what is measured is a month that has begun.
    sqlx::query(
        "insert into account_month (program_id, affiliate_id, currency, month, moved)
         select program_id, affiliate_id, currency, to_char(now() at time zone 'UTC', 'YYYYMM')::int,
                array_fill(0::numeric, array[16])
         from account where program_id = $1 on conflict do nothing",
    )
    .bind(program.0)
    .execute(sql)
    .await?;
    Ok(Seeded { program, key, affiliates })
}

/// Adds affiliates by one statement a table and returns the first of their ids, which are consecutive.
pub(super) async fn affiliates(sql: &mut PgConnection, program: ProgramId, count: u64) -> Outcome<i64> {
    let people: Vec<Uuid> = (0..count).map(|_| app::random::id()).collect();
    let mut tx = sql.begin().await?;
    let first: i64 = sqlx::query_scalar(
        "insert into program_counter as c (program_id, kind, next) values ($1, 'affiliate', 1 + $2)
         on conflict (program_id, kind) do update set next = c.next + $2 returning next - $2",
    )
    .bind(program.0)
    .bind(count as i64)
    .fetch_one(&mut *tx)
    .await?;
    for statement in [
        "insert into person (program_id, id, email, name, uid, contact, payment_details)
         select $1, t.id, 'a' || t.n || '@example.com', 'Affiliate ' || t.n, null, '{}', '{}'
         from unnest($3::uuid[]) with ordinality as t (id, n) where $2::bigint is not null",
        "insert into affiliate (program_id, id, person_id, slug, partner_key, status, payment_method_id,
                                api_access_enabled, profile, created_at, updated_at)
         select $1, $2 + t.n - 1, t.id, 'a' || t.n, md5(t.id::text), 'approved', 0, false, '{}', now(), now()
         from unnest($3::uuid[]) with ordinality as t (id, n)",
        "insert into affiliate_status (program_id, affiliate_id, number, effective_at, status)
         select $1, $2 + t.n - 1, 1, now(), 'approved'
         from unnest($3::uuid[]) with ordinality as t (id, n)",
    ] {
        sqlx::query(statement).bind(program.0).bind(first).bind(&people).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(first)
}

/// A registration with an affiliate.
pub(super) fn register(uid: &str, affiliate: i64) -> Outcome<Ask> {
    let registration = Registration {
        attributes: domain::fact::Attributes::default(),
        affiliate: Some(AffiliateName::Id(AffiliateId(affiliate))),
        other_affiliates: Vec::new(),
        clicks: Vec::new(),
        uid: Some(Uid::parse(uid).map_err(Failure::new)?),
        email: None,
        occurred_at: None,
    };
    Ok(Ask::new(Operation::Native, Command::Registration(registration)))
}

/// Hands commands over; a refusal ends the measurement.
pub(super) async fn submit(app: &App, program: ProgramId, asks: Vec<Ask>) -> Outcome {
    for answer in submit_many(app, program, app.now(), asks).await {
        answer.map_err(|refused| Failure::new(format!("seeding was refused: {refused:?}")))?;
    }
    Ok(())
}

/// Stores payments of 100 EUR, in turn by every customer that is spread.
pub(super) async fn payments(app: &App, seeded: &Seeded, numbers: Range<u64>) -> Outcome {
    let mut from = numbers.start;
    while from < numbers.end {
        let to = numbers.end.min(from + CHUNK);
        let asks = (from..to).map(|number| pay(&format!("s{}", number % seeded.affiliates), number));
        submit(app, seeded.program, asks.collect::<Outcome<_>>()?).await?;
        from = to;
    }
    Ok(())
}

/// A payment of 100 EUR.
pub(super) fn pay(uid: &str, number: u64) -> Outcome<Ask> {
    let payment = Payment {
        base: None,
        attributes: domain::fact::Attributes::default(),
        customer: Customer { uid: Some(Uid::parse(uid).map_err(Failure::new)?), ..Customer::default() },
        amount: Money::from_micros(100_000_000, Currency::EUR),
        sources: vec![Source::parse(&format!("stored-{number}")).map_err(Failure::new)?],
        subscription_id: None,
        interval: None,
        interval_count: None,
        occurred_at: None,
    };
    Ok(Ask::new(Operation::Native, Command::Payment(payment)))
}

/// Copies what payments change to a program number that nothing else uses, for plain SQL to write to.
pub(super) async fn copy(sql: &mut PgConnection, from: ProgramId) -> Outcome<ProgramId> {
    let to: i64 = sqlx::query_scalar("select nextval('program_number')").fetch_one(&mut *sql).await?;
    for table in ["referral", "account", "account_month", "fact_daily"] {
        let columns: Vec<String> = sqlx::query_scalar(
            "select attname::text from pg_attribute
             where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname <> 'program_id'
             order by attnum",
        )
        .bind(table)
        .fetch_all(&mut *sql)
        .await?;
        let columns = columns.join(", ");
        let statement = format!(
            "insert into {table} (program_id, {columns}) select $2, {columns} from {table} where program_id = $1"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(from.0).bind(to).execute(&mut *sql).await?;
    }
    Ok(ProgramId(to))
}

/// The customers that are spread, with their affiliates, in the order of their ids.
pub(super) async fn spread(sql: &mut PgConnection, program: ProgramId) -> Outcome<Vec<(Uuid, i64)>> {
    let rows = sqlx::query_as(
        "select distinct on (affiliate_id) id, affiliate_id from referral where program_id = $1
         order by affiliate_id, id",
    );
    Ok(rows.bind(program.0).fetch_all(sql).await?)
}
