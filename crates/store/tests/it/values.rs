//! `refero verify` on what amounts are worth: right and wrong rows side by side.

use domain::ids::ProgramId;
use store::Pool;
use uuid::Uuid;

const PROGRAM: ProgramId = ProgramId(1001);

async fn run(pool: &Pool, sql: &'static str) {
    sqlx::query(sql).execute(pool).await.expect(sql);
}

/// A payment of an amount in micros and a currency, worth so many micros by so-called rates.
async fn pay(
    pool: &Pool,
    number: u128,
    (amount, code, value, exchange): (i64, &str, Option<i64>, Option<&str>),
) {
    let sql =
        "insert into fact (program_id, id, kind, operation, amount_micros, currency, value_micros, source,
                                 occurred_at, recorded_at, input_hash, engine, outcome, exchange)
               values (1001, $1, 1, 0, $2, $3, $4, '', '2026-05-21', '2026-05-21', '', 1, '{}', $5::jsonb)";
    let query =
        sqlx::query(sql).bind(Uuid::from_u128(number)).bind(amount).bind(code).bind(value).bind(exchange);
    query.execute(pool).await.expect("a fact");
}

#[test]
fn a_value_that_is_not_what_its_rates_say_is_found() {
    let right = Some(r#"{"d":"2026-05-20","f":"1.0876","t":"1"}"#);
    let yen = Some(r#"{"d":"2026-05-20","f":"163.45","t":"1"}"#);
    let cases = [
        // 100 / 1.0876 = 91.945568…
        ((100_000_000, "USD", Some(91_950_000), right), true),
        ((100_000_000, "USD", Some(91_940_000), right), false),
        ((100_000_000, "USD", Some(91_945_568), right), false),
        ((100_000_000, "USD", Some(100_000_000), None), false),
        ((100_000_000, "USD", None, None), true),
        ((100_000_000, "USD", None, right), false),
        ((0, "USD", Some(0), None), true),
        // The rate of another currency, and one that is not kept.
        ((100_000_000, "USD", Some(610_000), yen), false),
        ((100_000_000, "USD", Some(91_740_000), Some(r#"{"d":"2026-05-20","f":"1.0900","t":"1"}"#)), false),
        ((100_000_000, "EUR", Some(100_000_000), None), true),
        ((100_000_000, "EUR", Some(99_000_000), None), false),
        ((100_000_000, "EUR", None, None), false),
    ];
    testkit::run_on_database(async |database| {
        let pool = store::connect(&database.url, 1).await.expect("the test database answers");
        run(
            &pool,
            "insert into program values (1001, 'Test', 'EUR', 'UTC', 'live', 'direct', 0, true, false, null, 1, 1, 1,
                                         '2026-01-01', '2026-01-01', 1, null, gen_random_uuid(), '{}', null, 'rfr',
                                         60, 'last_click', false, '{}', '{}')",
        )
        .await;
        run(
            &pool,
            "insert into exchange_rate values ('USD', '2026-05-20', '1.0876', 'ecb', '2026-05-20'),
                                              ('JPY', '2026-05-20', '163.45', 'ecb', '2026-05-20')",
        )
        .await;
        for (number, (fact, _)) in cases.iter().enumerate() {
            pay(&pool, number as u128, *fact).await;
        }
        let findings = store::verify::run(&pool, PROGRAM).await.expect("a verification");
        let found = findings
            .iter()
            .find(|finding| finding.check == "every amount is worth what the rates of its day say");
        let found = &found.expect("wrong values").rows;
        for (number, (fact, is_right)) in cases.iter().enumerate() {
            let is_found = found.iter().any(|row| row.contains(&Uuid::from_u128(number as u128).to_string()));
            assert_eq!(is_found, !is_right, "{fact:?}: {found:#?}");
        }
        pool.close().await;
    });
}
