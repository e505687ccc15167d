//! What registrations and payments say of customers and products, and what rules make of it.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

/// Records an event and says what its rules earned.
async fn earned(client: &Client, body: Value) -> String {
    let answer = client.post("/v1/events", body.clone()).await;
    assert_eq!(answer.status, 201, "{body}: {}", answer.text());
    let results = answer.json()["results"].as_array().cloned().unwrap_or_default();
    let word = |result: &Value| {
        let text = |field: &str| result[field].as_str().map(str::to_owned);
        text("earned").or(text("skipped")).unwrap_or_default()
    };
    results.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn payment(id: &str, uid: &str, more: Value) -> Value {
    let mut body = json!({ "type": "payment", "id": id, "uid": uid, "amount": "100", "currency": "EUR" });
    body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    body
}

#[test]
fn the_first_payment_renewals_and_plans_earn_at_their_own_rates() {
    run(async |test| {
        let terms = json!({ "rules": [
            { "on": "payment", "when": { "occurrence": "first" }, "reward": { "percent": "50" } },
            { "on": "payment", "when": { "occurrence": "renewal", "interval": ["month"] }, "reward": { "percent": "20" } },
            { "on": "payment", "when": { "occurrence": "renewal", "interval": ["quarter", "year"] },
              "reward": { "percent": "10" } },
            { "on": "payment", "when": { "plan": ["pro"], "product": ["crm"] }, "reward": { "flat": "5" } },
        ] });
        let client = Client::with_terms(&test, terms).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        let mut table = String::new();
        for (id, more) in [
            ("ch_1", json!({ "interval": "month", "plan": "pro", "product": "crm" })),
            ("ch_2", json!({ "interval": "month", "plan": "basic", "product": "crm" })),
            ("ch_3", json!({ "interval": "month", "interval_count": 3 })),
            ("ch_4", json!({ "interval": "year", "interval_count": 1, "plan": "pro", "product": "shop" })),
            ("ch_5", json!({ "interval": "month", "interval_count": 7 })),
        ] {
            test.at(&format!("2026-06-0{}T12:00:00Z", &id[3..]));
            table.push_str(&format!("{id}: {}\n", earned(&client, payment(id, "user-1", more)).await));
        }
        assert_snapshot!(table, @r"
        ch_1: 50.00 not_renewal not_renewal 5.00
        ch_2: not_first 20.00 other_interval other_plan
        ch_3: not_first other_interval 10.00 other_product
        ch_4: not_first other_interval 10.00 other_product
        ch_5: not_first other_interval other_interval other_product
        ");
    });
}

#[test]
fn the_registration_stands_in_for_what_a_payment_does_not_say() {
    run(async |test| {
        let terms = json!({ "rules": [
            { "on": "registration", "when": { "country": ["DE"] }, "reward": { "flat": "1" } },
            { "on": "payment", "when": { "country": ["DE"], "brand": ["vegas"] }, "reward": { "percent": "20" } },
            { "on": "payment", "when": { "campaign": ["spring"] }, "reward": { "percent": "10" } },
            { "on": "payment", "when": { "coupon": ["TEN"] }, "reward": { "percent": "5" } },
        ] });
        let client = Client::with_terms(&test, terms).await;
        let jane = client.affiliate("jane").await;
        let registration = json!({
            "type": "registration", "affiliate_id": jane, "uid": "user-1", "country": "de", "brand": "vegas",
            "campaign": "spring", "coupon": "TEN",
        });
        assert_eq!(earned(&client, registration).await, "1.00 other_fact other_fact other_fact");
        assert_eq!(
            earned(&client, payment("ch_1", "user-1", json!({}))).await,
            "other_fact 20.00 10.00 5.00"
        );
        let more = json!({ "country": "AT", "campaign": "autumn" });
        assert_eq!(
            earned(&client, payment("ch_2", "user-1", more)).await,
            "other_fact other_country other_campaign 5.00"
        );
        let registration = json!({ "type": "registration", "affiliate_id": jane, "uid": "user-2" });
        assert_eq!(earned(&client, registration).await, "other_country other_fact other_fact other_fact");
        assert_eq!(
            earned(&client, payment("ch_3", "user-2", json!({ "coupon": "TEN" }))).await,
            "other_fact other_brand other_campaign 5.00"
        );
        // Folded again from all facts, it comes to the same.
        let refund = json!({ "type": "refund", "payment_id": "ch_2", "amount": "50", "currency": "EUR" });
        assert_eq!(client.post("/v1/events", refund).await.status, 201);
        let balances = client.get(&format!("/v1/affiliates/{jane}/balances")).await.json();
        // 1 + 35 + 2.50 + 5.
        assert_eq!(balances["data"][0]["balance"], "43.50");
    });
}

#[test]
fn commissions_are_on_the_base_of_a_payment_and_refunds_in_proportion_to_all_of_it() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        // 119 gross, 100 net: 20 % of 100; half of the 119 returned leaves 10.
        let body = json!({
            "type": "payment", "id": "ch_1", "uid": "user-1", "amount": "119", "currency": "EUR", "base_amount": "100",
        });
        assert_eq!(earned(&client, body.clone()).await, "20.00");
        let refund = json!({ "type": "refund", "payment_id": "ch_1", "id": "re_1", "amount": "59.50", "currency": "EUR" });
        assert_eq!(client.post("/v1/events", refund).await.status, 201);
        let balances = client.get(&format!("/v1/affiliates/{jane}/balances")).await.json();
        assert_eq!(balances["data"][0]["due"], "10.00");
        for (base, expected) in [
            ("119.01", "119.01 is not between 0 and the amount of 119.00 EUR"),
            ("-1", "-1 is not between 0 and the amount of 119.00 EUR"),
            ("1.005", "\"1.005\" has more decimals than EUR has (2)"),
        ] {
            let mut body = body.clone();
            body["base_amount"] = base.into();
            let answer = client.post("/v1/events", body).await;
            assert!(problem(&answer).ends_with(expected), "{}", problem(&answer));
        }
        let answer =
            client.post("/v1/events", payment("ch_2", "user-1", json!({ "country": "Germany" }))).await;
        assert_snapshot!(problem(&answer), @"400 invalid country: expected a country of two letters by ISO 3166, such as DE");
    });
}
