//! What must stand in the database afterwards: every acknowledged request once, nothing else, and the money by hand.

use std::collections::{BTreeMap, BTreeSet};

use domain::currency::Currency;
use domain::fact::Kind;
use domain::ids::ProgramId;
use domain::time::Zone;
use embedded_postgres::Options;
use store::balance::Filter;
use store::fact::FactRow;

use super::load::Acknowledged;

/// Compares the facts and the money with what was acknowledged.
pub(crate) async fn check(data: &str, program: ProgramId, acknowledged: &[Acknowledged]) {
    let access = embedded_postgres::open(&Options::new(data)).expect("a guest of the running database");
    let pool = store::connect(&access.connection().url(), 1).await.expect("the database answers");
    let facts = all_facts(&pool, program).await;

    let payments = facts_of(&facts, Kind::Payment);
    let acknowledged_payments: BTreeMap<String, String> =
        bodies(acknowledged, "/reditus/api/v1/payments", "idempotency_key")
            .map(|(key, answer)| (key, answer["data"]["id"].to_string().trim_matches('"').to_owned()))
            .collect();
    let stored: BTreeMap<String, String> =
        payments.iter().map(|fact| (fact.source.clone(), fact.id.0.to_string())).collect();
    assert_eq!(stored.len(), payments.len(), "a payment is booked twice");
    assert_eq!(stored, acknowledged_payments);

    let refunds = facts_of(&facts, Kind::Refund);
    let refunded: BTreeSet<String> =
        bodies(acknowledged, "/reditus/api/v1/refunds", "payment_id").map(|(key, _)| key).collect();
    let of: BTreeMap<_, _> = payments.iter().map(|fact| (fact.id, fact.source.clone())).collect();
    let stored: Vec<String> =
        refunds.iter().map(|fact| of[&fact.payment.expect("a payment")].clone()).collect();
    assert_eq!(stored.len(), refunded.len(), "a refund is booked twice or lost");
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), refunded);

    let sign_ups = bodies(acknowledged, "/reditus/api/v2/tracking/conversion", "uid").count();
    assert_eq!(facts_of(&facts, Kind::Registration).len(), sign_ups);
    assert_eq!(facts.len(), payments.len() + refunds.len() + sign_ups);

    let kept = payments.iter().filter(|fact| !refunded.contains(&fact.source));
    let paid: i128 = kept.map(|fact| i128::from(fact.amount.expect("an amount").micros())).sum();
    assert_eq!(due(&pool, program).await, paid / 5, "20 % of what was not refunded, all of it released");
    pool.close().await;
}

/// The requests of a path: their key, and their answer as JSON.
fn bodies<'a>(
    acknowledged: &'a [Acknowledged],
    path: &'a str,
    key: &'a str,
) -> impl Iterator<Item = (String, serde_json::Value)> + 'a {
    let of_path = acknowledged.iter().filter(move |acknowledged| acknowledged.request.path == path);
    of_path.map(move |acknowledged| {
        let key = acknowledged.request.body[key].as_str().expect("a key").to_owned();
        (key, serde_json::from_slice(&acknowledged.answer).expect("an answer in JSON"))
    })
}

fn facts_of(facts: &[FactRow], kind: Kind) -> Vec<&FactRow> {
    facts.iter().filter(|fact| fact.kind == kind).collect()
}

async fn all_facts(pool: &store::Pool, program: ProgramId) -> Vec<FactRow> {
    let mut connection = pool.acquire().await.expect("a connection");
    let mut facts: Vec<FactRow> = Vec::new();
    loop {
        let below = facts.last().map(|fact| fact.id);
        let page =
            store::fact::page(&mut connection, program, None, below, 1_000).await.expect("a page of facts");
        if page.is_empty() {
            return facts;
        }
        facts.extend(page);
    }
}

/// What the affiliates may be paid, all together.
async fn due(pool: &store::Pool, program: ProgramId) -> i128 {
    let filter = Filter {
        currency: Currency::EUR,
        zone: Zone::UTC,
        affiliate: None,
        statuses: Vec::new(),
        above_threshold_micros: None,
        after: None,
        as_of: None,
    };
    let mut connection = pool.acquire().await.expect("a connection");
    let rows = store::balance::list(&mut connection, program, &filter, 0, 100).await.expect("balances");
    rows.iter().map(|row| row.account.balances.due()).sum()
}
