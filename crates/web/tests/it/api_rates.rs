//! `/v1/rates`, and what an event shows of the rates it was converted by or waits for.

use domain::currency::Currency;
use insta::assert_snapshot;
use serde_json::json;
use testkit::{TestApp, run};

use crate::api_client::{Client, problem};

async fn import(test: &TestApp, file: &str) {
    let now = test.app.now();
    app::rates::import(&test.app, now, file.as_bytes(), Currency::EUR).await.expect("an import");
    app::jobs::run_once(&test.app, now).await.expect("a run");
}

fn dollars(id: &str) -> serde_json::Value {
    json!({ "type": "payment", "id": id, "uid": "user-1", "amount": "100.00", "currency": "USD",
            "occurred_at": "2026-05-21T12:00:00Z" })
}

#[test]
fn known_rates_are_listed() {
    run(async |test| {
        let client = Client::new(&test).await;
        assert_snapshot!(client.show(&client.get("/v1/rates").await), @r#"200 {"data":[],"next_cursor":null}"#);
        import(&test, "Date,USD,JPY,\n2026-05-20,1.0870,163.45,\n2026-05-19,1.0850,164,\n").await;
        import(&test, "date,currency,rate\n2026-05-20,KWD,0.33512\n").await;
        assert_snapshot!(client.show(&client.get("/v1/rates").await), @r#"200 {"data":[{"currency":"JPY","since":"2026-05-19","day":"2026-05-20","rate":"163.45","source":"ecb"},{"currency":"KWD","since":"2026-05-20","day":"2026-05-20","rate":"0.33512","source":"import"},{"currency":"USD","since":"2026-05-19","day":"2026-05-20","rate":"1.0870","source":"ecb"}],"next_cursor":null}"#);
        assert_eq!(
            problem(&client.get("/v1/rates?day=2026-05-20").await),
            "400 invalid day: there is no such parameter; /docs lists those there are"
        );
        let ann = test.affiliate(client.program, "ann").await;
        let affiliate = client.with_key(test.affiliate_key(client.program, ann).await);
        assert_eq!(affiliate.get("/v1/rates").await.status, 403);
    });
}

#[test]
fn an_event_that_found_its_customer_still_waits_for_its_rate() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let mut payment = dollars("ch_1");
        payment["park"] = true.into();
        let parked = client.post("/v1/events", payment).await.json();
        assert_eq!(parked["note"], "parked");
        client.refer(jane, "user-1").await;
        let path = format!("/v1/events/{}", parked["id"].as_str().expect("an id"));
        let found = client.get(&path).await.json();
        assert_eq!((&found["note"], &found["affiliate_id"]), (&"rate_missing".into(), &jane.into()));
    });
}

#[test]
fn an_event_waits_for_its_rate_and_shows_what_it_was_converted_by() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        client.pay("user-1", "ch_0", "1.00").await;
        let first = client.post_once("/v1/events", "key-1", dollars("ch_1")).await;
        assert_snapshot!(client.show(&first), @r#"201 {"id":"fact_1","type":"payment","referral_id":"ref_2","affiliate_id":2,"source_id":"ch_1","state":null,"amount":"100.00","currency":"USD","value":null,"exchange":null,"occurred_at":"2026-05-21T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":"rate_missing","results":[]}"#);
        let waiting = client.get("/v1/events?waiting=rate").await.json();
        assert_eq!(waiting["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(waiting["data"][0]["id"], first.json()["id"]);

        import(&test, "Date,USD,\n2026-05-20,1.0876,\n").await;
        let id = first.json()["id"].as_str().expect("an id").to_owned();
        assert_snapshot!(client.show(&client.get(&format!("/v1/events/{id}")).await), @r#"200 {"id":"fact_1","type":"payment","referral_id":"ref_2","affiliate_id":2,"source_id":"ch_1","state":null,"amount":"100.00","currency":"USD","value":"91.95","exchange":{"day":"2026-05-20","amount_rate":"1.0876","value_rate":"1"},"occurred_at":"2026-05-21T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[]}"#);
        assert_eq!(client.get("/v1/events?waiting=rate").await.json()["data"], json!([]));
        let commissions = client.get("/v1/commissions").await.json();
        assert_eq!(commissions["data"][0]["amount"], "18.39", "{commissions}");
        // The same request gets the same bytes, though its rate is known by now.
        let again = client.post_once("/v1/events", "key-1", dollars("ch_1")).await;
        assert_eq!((again.status, again.text()), (200, first.text()));

        let known = client.post_once("/v1/events", "key-2", dollars("ch_2")).await;
        assert_snapshot!(client.show(&known), @r#"201 {"id":"fact_3","type":"payment","referral_id":"ref_2","affiliate_id":2,"source_id":"ch_2","state":null,"amount":"100.00","currency":"USD","value":"91.95","exchange":{"day":"2026-05-20","amount_rate":"1.0876","value_rate":"1"},"occurred_at":"2026-05-21T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[{"rule":0,"earned":"18.39","skipped":null}]}"#);
        let again = client.post_once("/v1/events", "key-2", dollars("ch_2")).await;
        assert_eq!(again.text(), known.text());
        let log = client.get("/v1/log?after=0&limit=200").await.json();
        let converted: Vec<_> = log["data"]
            .as_array()
            .expect("rows")
            .iter()
            .filter(|row| row["type"] == "event.converted")
            .collect();
        let [converted] = converted.as_slice() else { panic!("one row, not {converted:#?}") };
        assert_eq!(converted["body"]["value_micros"], 91_950_000);
        assert_eq!(converted["body"]["exchange"], json!({ "d": "2026-05-20", "f": "1.0876", "t": "1" }));
    });
}

#[test]
fn what_cannot_be_asked_or_converted_is_refused() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        assert_eq!(
            problem(&client.get("/v1/events?waiting=godot").await),
            "400 invalid waiting: \"godot\" is none of rate"
        );
        import(&test, "date,currency,rate\n2026-05-20,KWD,0.33512\n").await;
        let huge = json!({ "type": "payment", "id": "ch_1", "uid": "user-1", "amount": "999999999999", "currency": "KWD",
                           "occurred_at": "2026-05-21T12:00:00Z" });
        assert_eq!(
            problem(&client.post("/v1/events", huge).await),
            "400 not_convertible 999999999999.000 KWD at the rates of 2026-05-20 is above 1000000000000 EUR, the limit of \
             an amount"
        );
        assert_eq!(test.count_rows("fact where kind = 1").await, 0);
    });
}

#[test]
fn an_amount_of_reditus_with_three_decimals_is_not_ten_times_too_high() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        import(&test, "date,currency,rate\n2026-05-29,KWD,0.33512\n").await;
        // Ten dinars are 10000 thousandths; read as hundredths they would be a hundred.
        let body = json!({ "referral_uid": "user-1", "amount": 10_000, "currency": "kwd", "idempotency_key": "in_1" });
        assert_eq!(client.post("/reditus/api/v1/payments", body).await.status, 202);
        // 10 / 0.33512 = 29.840057…, 20 % are 5.968011….
        let event = &client.get("/v1/events").await.json()["data"][0];
        assert_eq!((&event["amount"], &event["value"]), (&json!("10.000"), &json!("29.84")));
        assert_eq!(event["results"], json!([{ "rule": 0, "earned": "5.97", "skipped": null }]));
    });
}
