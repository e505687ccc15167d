//! `/v1/events`: recorded once, answered the same, shown and listed; and what is refused.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

#[test]
fn a_registration_a_payment_a_refund_and_a_churn() {
    run(async |test| {
        let client = Client::new(&test).await;
        client.affiliate("jane").await;
        let registration = json!({
            "type": "registration", "affiliate_slug": "Jane", "uid": "user-1", "email": "Bob@Example.com",
            "occurred_at": "2026-05-01T10:00:00+02:00",
        });
        let answer = client.post("/v1/events", registration).await;
        assert_snapshot!(client.show(&answer), @r#"201 {"id":"fact_1","type":"registration","referral_id":"ref_2","affiliate_id":2,"source_id":null,"state":null,"amount":null,"currency":null,"value":null,"exchange":null,"occurred_at":"2026-05-01T08:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[{"rule":0,"earned":null,"skipped":"other_fact"}]}"#);
        let payment = json!({
            "type": "payment", "id": "ch_1", "other_ids": ["in_1", "ch_1"], "email": "bob@example.com",
            "amount": "100.00", "currency": "EUR", "occurred_at": "2026-05-02T00:00:00Z",
            "subscription_id": "sub_1", "interval": "month", "interval_count": 1,
        });
        let answer = client.post("/v1/events", payment).await;
        assert_snapshot!(client.show(&answer), @r#"201 {"id":"fact_3","type":"payment","referral_id":"ref_2","affiliate_id":2,"source_id":"ch_1","state":null,"amount":"100.00","currency":"EUR","value":"100.00","exchange":null,"occurred_at":"2026-05-02T00:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[{"rule":0,"earned":"20.00","skipped":null}]}"#);
        let refund = json!({
            "type": "refund", "payment_id": "in_1", "id": "re_1", "amount": "25.5", "currency": "eur",
        });
        let answer = client.post("/v1/events", refund).await;
        assert_snapshot!(client.show(&answer), @r#"201 {"id":"fact_4","type":"refund","referral_id":"ref_2","affiliate_id":2,"source_id":"re_1","state":"succeeded","amount":"25.50","currency":"EUR","value":"25.50","exchange":null,"occurred_at":"2026-06-01T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[]}"#);
        let answer = client.post("/v1/events", json!({ "type": "refund", "payment_id": "ch_1" })).await;
        assert_snapshot!(client.show(&answer), @r#"201 {"id":"fact_5","type":"refund","referral_id":"ref_2","affiliate_id":2,"source_id":null,"state":"succeeded","amount":"74.50","currency":"EUR","value":"74.50","exchange":null,"occurred_at":"2026-06-01T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[]}"#);
        let answer = client.post("/v1/events", json!({ "type": "churn", "uid": "user-1" })).await;
        assert_snapshot!(client.show(&answer), @r#"201 {"id":"fact_6","type":"churn","referral_id":"ref_2","affiliate_id":2,"source_id":null,"state":null,"amount":null,"currency":null,"value":null,"exchange":null,"occurred_at":"2026-06-01T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[]}"#);
        let answer = client.get("/v1/affiliates/2/balances").await;
        assert_snapshot!(client.show(&answer), @r#"200 {"data":[{"affiliate_id":2,"currency":"EUR","earned":{"lead":"0.00","acquisition":"0.00","share":"0.00","sub_affiliate":"0.00"},"adjustments":"0.00","paid":"0.00","pending":"0.00","due":"0.00","in_payout":"0.00","carried":"0.00","balance":"0.00","payable":"0.00","figures":{"registrations":1,"first_payments":1,"first_payments_amount":"100.00","payments":1,"payments_amount":"100.00"},"last_paid_at":null}],"next_cursor":null}"#);
    });
}

#[test]
fn a_dispute_a_refund_that_fails_and_a_withdrawal() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        client.pay("user-1", "ch_1", "100.00").await;
        let owed = async || {
            let balances = client.get(&format!("/v1/affiliates/{jane}/balances")).await.json();
            let row = &balances["data"][0];
            ["pending", "due"].map(|field| row[field].as_str().unwrap_or("-").to_owned()).join(" ")
        };
        let dispute =
            |state: &str| json!({ "type": "dispute", "payment_id": "ch_1", "id": "dp_1", "state": state });
        assert_snapshot!(problem(&client.post("/v1/events", json!({
            "type": "dispute", "payment_id": "ch_9", "id": "dp_9", "state": "opened",
        })).await), @r#"404 unknown_payment no payment is known as "ch_9""#);
        let opened = client.post("/v1/events", dispute("opened")).await;
        assert_snapshot!(client.show(&opened), @r#"201 {"id":"fact_1","type":"dispute","referral_id":"ref_2","affiliate_id":2,"source_id":"dp_1","state":"opened","amount":"100.00","currency":"EUR","value":"100.00","exchange":null,"occurred_at":"2026-06-01T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":"disputed","results":[]}"#);
        assert_eq!(owed().await, "20.00 0.00");
        let again = client.post("/v1/events", dispute("opened")).await;
        assert_eq!((again.status, &again.bytes), (200, &opened.bytes));
        test.at("2026-06-02T12:00:00Z");
        assert_eq!(client.post("/v1/events", dispute("won")).await.status, 201);
        assert_eq!(owed().await, "0.00 20.00");
        let refund = |state: &str| {
            json!({
                "type": "refund", "payment_id": "ch_1", "id": "re_1", "amount": "50", "currency": "EUR", "state": state,
            })
        };
        assert_eq!(client.post("/v1/events", refund("pending")).await.status, 201);
        assert_eq!(owed().await, "0.00 10.00");
        test.at("2026-06-03T12:00:00Z");
        let failed = client.post("/v1/events", refund("failed")).await;
        assert_eq!((failed.status, failed.json()["state"].as_str()), (201, Some("failed")));
        assert_eq!(owed().await, "0.00 20.00");
        let total = json!({
            "type": "refund", "payment_id": "ch_1", "amount": "25", "currency": "EUR", "cumulative": true,
        });
        let total = client.post("/v1/events", total).await.json();
        assert_eq!((total["source_id"].as_str(), total["state"].as_str()), (None, Some("succeeded")));
        assert_eq!(owed().await, "0.00 15.00");
        let withdrawal = json!({
            "type": "withdrawal", "id": "wd_1", "uid": "user-1", "amount": "10", "currency": "EUR", "brand": "vegas",
        });
        let taken = client.post("/v1/events", withdrawal.clone()).await;
        assert_snapshot!(client.show(&taken), @r#"201 {"id":"fact_3","type":"withdrawal","referral_id":"ref_2","affiliate_id":2,"source_id":"wd_1","state":null,"amount":"10.00","currency":"EUR","value":"10.00","exchange":null,"occurred_at":"2026-06-03T12:00:00Z","recorded_at":"2026-06-03T12:00:00Z","note":null,"results":[{"rule":0,"earned":null,"skipped":"other_fact"}]}"#);
        let mut other = withdrawal;
        other["amount"] = "11".into();
        let answer = client.post("/v1/events", other).await;
        assert_snapshot!(problem(&answer), @r#"409 other_money "wd_1" is already recorded with another amount"#);
        let shown = taken.json();
        let listed = client.get("/v1/events?limit=1").await.json();
        assert_eq!(listed["data"][0], shown);
    });
}

#[test]
fn a_repeated_request_gets_the_same_bytes_whatever_happened_since() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let registration = json!({ "type": "registration", "affiliate_id": jane, "uid": "user-1" });
        let registered = client.post_once("/v1/events", "reg-1", registration.clone()).await;
        let payment = json!({
            "type": "payment", "id": "ch_1", "uid": "user-1", "amount": "100.00", "currency": "EUR",
        });
        let paid = client.post_once("/v1/events", "pay-1", payment.clone()).await;
        assert_eq!((registered.status, paid.status), (201, 201));
        let refund = json!({ "type": "refund", "payment_id": "ch_1" });
        assert_eq!(client.post("/v1/events", refund.clone()).await.status, 201);
        let referral = paid.json()["referral_id"].as_str().expect("a referral").to_owned();
        let rejection = json!({ "reason": "self-referral" });
        assert_eq!(client.post(&format!("/v1/referrals/{referral}/reject"), rejection).await.status, 200);
        test.at("2026-07-01T00:00:00Z");

        let again = client.post_once("/v1/events", "reg-1", registration).await;
        assert_eq!((again.status, &again.bytes), (200, &registered.bytes));
        assert_eq!(again.headers["idempotent-replayed"], "true");
        // By its key, by the same money under another key, and with the key in the body.
        let mut keyed = payment.clone();
        keyed["idempotency_key"] = "pay-1".into();
        for answer in [
            client.post_once("/v1/events", "pay-1", payment.clone()).await,
            client.post_once("/v1/events", "pay-2", payment.clone()).await,
            client.post("/v1/events", payment.clone()).await,
            client.post("/v1/events", keyed.clone()).await,
        ] {
            assert_eq!((answer.status, &answer.bytes), (200, &paid.bytes), "{}", answer.text());
        }
        assert_eq!(client.post("/v1/events", refund).await.status, 200);
        let listed = client.get("/v1/events").await.json();
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(3));

        let mut other = payment.clone();
        other["amount"] = "100.01".into();
        let answer = client.post_once("/v1/events", "pay-1", other.clone()).await;
        assert_snapshot!(problem(&answer), @r#"409 key_reused the idempotency key "pay-1" was used for a request with other content"#);
        let answer = client.post("/v1/events", other).await;
        assert_snapshot!(problem(&answer), @r#"409 other_money "ch_1" is already recorded with another amount"#);
        let answer = client.post_once("/v1/events", "pay-3", keyed).await;
        assert_snapshot!(problem(&answer), @"400 invalid idempotency_key: the header Idempotency-Key is another; send one of them");
    });
}

#[test]
fn an_unknown_customer_is_refused_or_kept_until_it_is_known() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let mut payment = json!({
            "type": "payment", "id": "ch_1", "uid": "user-1", "amount": "100", "currency": "EUR",
        });
        let answer = client.post_once("/v1/events", "pay-1", payment.clone()).await;
        assert_snapshot!(problem(&answer), @r#"404 unknown_customer no referral matches uid "user-1""#);
        payment["park"] = true.into();
        let parked = client.post_once("/v1/events", "pay-1", payment.clone()).await;
        assert_snapshot!(client.show(&parked), @r#"201 {"id":"fact_1","type":"payment","referral_id":null,"affiliate_id":null,"source_id":"ch_1","state":null,"amount":"100.00","currency":"EUR","value":"100.00","exchange":null,"occurred_at":"2026-06-01T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":"parked","results":[]}"#);
        let answer = client.post("/v1/events", json!({ "type": "refund", "payment_id": "ch_2" })).await;
        assert_snapshot!(problem(&answer), @r#"404 unknown_payment no payment is known as "ch_2""#);
        client.refer(jane, "user-1").await;
        let again = client.post_once("/v1/events", "pay-1", payment).await;
        assert_eq!((again.status, &again.bytes), (200, &parked.bytes));
        let id = parked.json()["id"].as_str().expect("an id").to_owned();
        let shown = client.get(&format!("/v1/events/{id}")).await.json();
        assert!(shown["referral_id"].is_string(), "{shown}");
        assert_eq!((&shown["affiliate_id"], &shown["note"]), (&json!(jane), &json!(null)), "{shown}");
        assert_eq!(client.get("/v1/events").await.json()["data"][1], shown);
        let balances = client.get(&format!("/v1/affiliates/{jane}/balances")).await.json();
        assert_eq!(balances["data"][0]["due"], "20.00");
    });
}

#[test]
fn what_contradicts_is_refused() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let referral = client.refer(jane, "user-1").await;
        assert_eq!(client.pay("user-1", "ch_1", "100.00").await.status, 201);
        let refused = async |body: Value| {
            let answer = client.post("/v1/events", body).await;
            client.show(&answer);
            problem(&answer).replace(&referral, "ref_1")
        };
        let answer = refused(json!({ "type": "registration", "affiliate_id": jane, "uid": "user-1" })).await;
        assert_snapshot!(answer, @"409 already_referred the customer is already a referral (ref_1)");
        let answer =
            refused(json!({ "type": "registration", "affiliate_slug": "nobody", "uid": "user-2" })).await;
        assert_snapshot!(answer, @r#"404 unknown_affiliate no affiliate is known as "nobody""#);
        let refund = json!({ "type": "refund", "payment_id": "ch_1", "id": "re_1", "amount": "100.01", "currency": "EUR" });
        assert_snapshot!(refused(refund).await, @"409 refund_above_payment the refund of 100.01 EUR is above the payment of 100.00 EUR");
        let refund =
            json!({ "type": "refund", "payment_id": "ch_1", "id": "re_1", "amount": "1", "currency": "USD" });
        assert_snapshot!(refused(refund).await, @"409 refund_in_other_currency the refund is in USD, the payment in EUR");
        let churn = json!({ "type": "churn", "uid": "user-1", "occurred_at": "2026-06-01T12:05:01Z" });
        assert_snapshot!(refused(churn).await, @"400 invalid_time occurred_at is 2026-06-01T12:05:01+00:00, which is more than 5 minutes in the future");
        let churn = json!({ "type": "churn", "uid": "user-1", "occurred_at": "1969-12-31T23:59:59Z" });
        assert_snapshot!(refused(churn).await, @"400 invalid_time occurred_at is 1969-12-31T23:59:59+00:00; expected a time between 1970 and 2199");
    });
}

#[test]
fn a_wrong_field_is_named() {
    run(async |test| {
        let client = Client::new(&test).await;
        let mut table = String::new();
        for body in [
            r#"{"type":"payment","id":"c","uid":"u","amount":100,"currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"ten","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"0","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"-1","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1.005","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1.5","currency":"JPY"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1000000000000.01","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1","currency":"EURO"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1"}"#,
            r#"{"type":"payment","id":"c","uid":"u","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u"}"#,
            r#"{"type":"payment","uid":"u","amount":"1","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","amount":"1","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c\u0000","uid":"u","amount":"1","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","other_ids":["a",""],"uid":"u","amount":"1","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1","currency":"EUR","interval":"moon"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1","currency":"EUR","interval_count":0}"#,
            r#"{"type":"payment","id":"c","referral_id":"ref_7","amount":"1","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","email":"nobody","amount":"1","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1","currency":"EUR","occurred_at":"yesterday"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1","currency":"EUR","ammount":"1"}"#,
            r#"{"type":"payment","id":"c","id":"d","uid":"u","amount":"1","currency":"EUR"}"#,
            r#"{"type":"payment","id":"c","uid":"u","amount":"1","currency":"EUR","park":"yes"}"#,
            r#"{"type":"churn","uid":"u","amount":"1"}"#,
            r#"{"type":"churn"}"#,
            r#"{"type":"refund"}"#,
            r#"{"type":"refund","payment_id":"c","uid":"u"}"#,
            r#"{"type":"refund","payment_id":"c","state":"failed"}"#,
            r#"{"type":"refund","payment_id":"c","id":"r","state":"won"}"#,
            r#"{"type":"refund","payment_id":"c","id":"r","cumulative":true,"amount":"1","currency":"EUR"}"#,
            r#"{"type":"refund","payment_id":"c","cumulative":true}"#,
            r#"{"type":"dispute","payment_id":"c","id":"d"}"#,
            r#"{"type":"dispute","payment_id":"c","state":"opened"}"#,
            r#"{"type":"dispute","payment_id":"c","id":"d","state":"failed"}"#,
            r#"{"type":"withdrawal","id":"w","uid":"u"}"#,
            r#"{"type":"withdrawal","id":"w","uid":"u","amount":"1","currency":"EUR","brand":""}"#,
            r#"{"type":"withdrawal","id":"w","uid":"u","amount":"1","currency":"EUR","payment_id":"c"}"#,
            r#"{"type":"registration","uid":"u"}"#,
            r#"{"type":"registration","uid":"u","affiliate_id":1,"affiliate_slug":"a"}"#,
            r#"{"type":"registration","affiliate_id":1}"#,
            r#"{"type":"registration","affiliate_id":99999999999999999999,"uid":"u"}"#,
            r#"{"type":"deposit"}"#,
            r#"{"type":null}"#,
            r#"{"type":["payment"],"id":"c"}"#,
            r#"{}"#,
            r#"[]"#,
            r#"["churn",null,null,null,null,null,null,"u",null,null,null,null,null,null,null,null,null,null]"#,
            r#"{"type":"#,
            r#"7"#,
            "",
        ] {
            let answer = client.post_bytes("/v1/events", &[], body.as_bytes()).await;
            let text = problem(&answer);
            let named = answer.json()["errors"][0]["field"].as_str().unwrap_or("-").to_owned();
            assert_eq!(answer.status, 400, "{body}");
            table.push_str(&format!("{named}: {}\n", text.trim_start_matches("400 ")));
        }
        assert_snapshot!(table, @r#"
        amount: invalid amount: invalid type: integer `100`, expected a decimal string such as "12.50"
        amount: invalid amount: "ten" is not a decimal amount such as 12.50
        amount: invalid amount: the amount is 0; it must be greater than 0
        amount: invalid amount: the amount is -1; it must be greater than 0
        amount: invalid amount: "1.005" has more decimals than EUR has (2)
        amount: invalid amount: "1.5" has more decimals than JPY has (0)
        amount: invalid amount: the amount 1000000000000.01 is above the limit of 1000000000000 units
        currency: invalid currency: unknown currency "EURO"; expected a three-letter code of ISO 4217 such as EUR
        currency: invalid currency: an amount needs its currency, such as EUR
        amount: invalid amount: a currency needs an amount, such as "100.00"
        amount: invalid amount: missing field `amount`
        id: invalid id: missing field `id`
        uid: invalid uid: name the customer by uid, referral_id or email
        id: invalid id: it contains the control character U+0000
        other_ids[1]: invalid other_ids[1]: it is empty
        interval: invalid interval: unknown variant `moon`, expected one of `day`, `week`, `month`, `year`
        interval_count: invalid interval_count: expected 1 to 1000
        referral_id: invalid referral_id: "ref_7" is not an id such as ref_ followed by 32 hexadecimal digits
        email: invalid email: "nobody" is not an e-mail address
        occurred_at: invalid occurred_at: invalid value: string "yesterday", expected an instant of RFC 3339 such as "2026-01-31T12:00:00Z"
        ammount: invalid ammount: unknown field `ammount`, expected one of `type`, `id`, `other_ids`, `payment_id`, `affiliate_id`, `affiliate_slug`, `partner_key`, `uid`, `referral_id`, `email`, `amount`, `currency`, `subscription_id`, `interval`, `interval_count`, `state`, `cumulative`, `brand`, `country`, `product`, `plan`, `campaign`, `coupon`, `base_amount`, `occurred_at`, `park`, `idempotency_key`
        body: invalid body: duplicate field `id`
        park: invalid park: invalid type: string "yes", expected a boolean
        amount: invalid amount: an event of this type has no such field
        uid: invalid uid: name the customer by uid, referral_id or email
        payment_id: invalid payment_id: missing field `payment_id`
        uid: invalid uid: an event of this type has no such field
        id: invalid id: a refund with a state needs an id, by which its reports are known
        state: invalid state: a refund is pending, succeeded or failed
        id: invalid id: the total of a payment's refunds has no id of its own
        amount: invalid amount: a cumulative refund needs the total so far
        state: invalid state: missing field `state`
        id: invalid id: missing field `id`
        state: invalid state: a dispute is opened, won or lost
        amount: invalid amount: missing field `amount`
        brand: invalid brand: "" is no name of a brand; expected 1 to 64 characters on one line
        payment_id: invalid payment_id: an event of this type has no such field
        affiliate_id: invalid affiliate_id: name the affiliate by exactly one of affiliate_id, affiliate_slug and partner_key
        affiliate_id: invalid affiliate_id: name the affiliate by exactly one of affiliate_id, affiliate_slug and partner_key
        uid: invalid uid: name the customer by uid, email or both
        affiliate_id: invalid affiliate_id: invalid type: floating point `1e+20`, expected i64
        type: invalid type: unknown variant `deposit`, expected one of `registration`, `payment`, `refund`, `dispute`, `withdrawal`, `churn`
        type: invalid type: expected exactly one of `registration`, `payment`, `refund`, `dispute`, `withdrawal`, `churn`, not null
        type: invalid type: expected exactly one of `registration`, `payment`, `refund`, `dispute`, `withdrawal`, `churn`, not ["payment"]
        type: invalid type: missing field `type`
        body: invalid body: invalid type: sequence, expected an object
        body: invalid body: invalid type: sequence, expected an object
        -: invalid_json the body is not valid JSON: EOF while parsing a value at line 1 column 8
        body: invalid body: invalid type: integer `7`, expected an object
        type: invalid type: missing field `type`
        "#);
        assert_eq!(client.get("/v1/events").await.json(), json!({ "data": [], "next_cursor": null }));
    });
}

#[test]
fn a_list_of_events_is_answered_one_by_one() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let events = json!({ "events": [
            { "type": "registration", "affiliate_id": jane, "uid": "user-1", "idempotency_key": "a" },
            { "type": "registration", "affiliate_id": jane, "uid": "user-1", "idempotency_key": "a" },
            { "type": "payment", "id": "ch_1", "uid": "user-1", "amount": "10", "currency": "EUR" },
            { "type": "payment", "id": "ch_2", "uid": "user-1", "amount": 10, "currency": "EUR" },
            { "type": "payment", "id": "ch_3", "uid": "user-9", "amount": "10", "currency": "EUR" },
            { "type": "payment", "id": "ch_4", "uid": "", "amount": "10", "currency": "EUR" },
            7,
            ["churn", null, null, null, null, null, null, "u"],
            { "type": "churn", "uid": "user-1", "idempotency_key": "" },
        ] });
        let answer = client.post("/v1/events/bulk", events.clone()).await;
        assert_snapshot!(client.show(&answer).replace("},{\"status", "},\n{\"status"), @r#"
        200 {"results":[{"status":201,"body":{"id":"fact_1","type":"registration","referral_id":"ref_2","affiliate_id":2,"source_id":null,"state":null,"amount":null,"currency":null,"value":null,"exchange":null,"occurred_at":"2026-06-01T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[{"rule":0,"earned":null,"skipped":"other_fact"}]}},
        {"status":200,"body":{"id":"fact_1","type":"registration","referral_id":"ref_2","affiliate_id":2,"source_id":null,"state":null,"amount":null,"currency":null,"value":null,"exchange":null,"occurred_at":"2026-06-01T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[{"rule":0,"earned":null,"skipped":"other_fact"}]}},
        {"status":201,"body":{"id":"fact_3","type":"payment","referral_id":"ref_2","affiliate_id":2,"source_id":"ch_1","state":null,"amount":"10.00","currency":"EUR","value":"10.00","exchange":null,"occurred_at":"2026-06-01T12:00:00Z","recorded_at":"2026-06-01T12:00:00Z","note":null,"results":[{"rule":0,"earned":"2.00","skipped":null}]}},
        {"status":400,"body":{"type":"/docs#invalid","title":"The request is not valid","status":400,"detail":"amount: invalid type: integer `10`, expected a decimal string such as \"12.50\"","code":"invalid","errors":[{"field":"amount","message":"invalid type: integer `10`, expected a decimal string such as \"12.50\""}]}},
        {"status":404,"body":{"type":"/docs#unknown_customer","title":"There is no such thing","status":404,"detail":"no referral matches uid \"user-9\"","code":"unknown_customer"}},
        {"status":400,"body":{"type":"/docs#invalid","title":"The request is not valid","status":400,"detail":"uid: it is empty","code":"invalid","errors":[{"field":"uid","message":"it is empty"}]}},
        {"status":400,"body":{"type":"/docs#invalid","title":"The request is not valid","status":400,"detail":"body: invalid type: integer `7`, expected an object","code":"invalid","errors":[{"field":"body","message":"invalid type: integer `7`, expected an object"}]}},
        {"status":400,"body":{"type":"/docs#invalid","title":"The request is not valid","status":400,"detail":"body: invalid type: sequence, expected an object","code":"invalid","errors":[{"field":"body","message":"invalid type: sequence, expected an object"}]}},
        {"status":400,"body":{"type":"/docs#invalid","title":"The request is not valid","status":400,"detail":"idempotency_key: it is empty","code":"invalid","errors":[{"field":"idempotency_key","message":"it is empty"}]}}]}
        "#);
        let again = client.post("/v1/events/bulk", events).await.json();
        let (first, second) = (answer.json(), again);
        for index in [0, 1, 2] {
            assert_eq!(second["results"][index]["status"], 200);
            assert_eq!(second["results"][index]["body"], first["results"][index]["body"]);
        }
    });
}

#[test]
fn a_thousand_events_in_one_request() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let registrations: Vec<Value> = (0..1000)
            .map(|i| json!({ "type": "registration", "affiliate_id": jane, "uid": format!("user-{i}") }))
            .collect();
        let payments: Vec<Value> = (0..1000)
            .map(|i| {
                json!({
                    "type": "payment", "id": format!("ch_{i}"), "uid": format!("user-{i}"),
                    "amount": "1.00", "currency": "EUR", "idempotency_key": format!("k{i}"),
                })
            })
            .collect();
        for events in [registrations, payments] {
            let answer = client.post("/v1/events/bulk", json!({ "events": events })).await;
            assert_eq!(answer.status, 200);
            let body = answer.json();
            let results = body["results"].as_array().expect("results");
            assert_eq!(results.len(), 1000);
            assert!(results.iter().all(|result| result["status"] == 201), "{}", answer.text());
        }
        let balances = client.get(&format!("/v1/affiliates/{jane}/balances")).await.json();
        assert_eq!(balances["data"][0]["due"], "200.00");
    });
}

#[test]
fn no_order_of_a_list_is_wrong() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let of_customer = |i: usize| {
            [
                json!({ "type": "refund", "payment_id": format!("ch_{i}") }),
                json!({ "type": "payment", "id": format!("ch_{i}"), "uid": format!("user-{i}"), "amount": "1.00",
                        "currency": "EUR" }),
                json!({ "type": "registration", "affiliate_id": jane, "uid": format!("user-{i}") }),
            ]
        };
        let mut events: Vec<Value> = (0..300).flat_map(of_customer).collect();
        events.push(json!({ "type": "churn", "uid": "user-300" }));
        let answer = client.post("/v1/events/bulk", json!({ "events": events })).await.json();
        let statuses: Vec<_> =
            answer["results"].as_array().expect("results").iter().map(|row| &row["status"]).collect();
        assert!(statuses[..900].iter().all(|status| **status == 201), "{statuses:?}");
        assert_eq!(*statuses[900], 404);
    });
}

#[test]
fn a_list_that_is_none_is_refused_whole() {
    run(async |test| {
        let client = Client::new(&test).await;
        let refused = async |body: Value| problem(&client.post("/v1/events/bulk", body).await);
        assert_snapshot!(refused(json!({ "events": [] })).await, @"400 invalid events: expected 1 to 1000 events, not 0");
        assert_snapshot!(refused(json!({ "events": vec![json!({}); 1001] })).await, @"400 invalid events: expected 1 to 1000 events, not 1001");
        assert_snapshot!(refused(json!({ "event": [] })).await, @"400 invalid event: unknown field `event`, expected `events`");
        assert_snapshot!(refused(json!([])).await, @"400 invalid body: invalid type: sequence, expected an object");
        let events = json!({ "events": [{ "type": "churn", "uid": "u" }] });
        assert_snapshot!(problem(&client.post_once("/v1/events/bulk", "k", events).await), @"400 invalid Idempotency-Key: each event of a list has its own key, in its field idempotency_key");
    });
}

#[test]
fn events_are_listed_newest_first_in_pages_and_the_log_in_numbers() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let first = client.refer(jane, "user-1").await;
        client.refer(jane, "user-2").await;
        for number in 1..=3 {
            assert_eq!(client.pay("user-1", &format!("ch_{number}"), "5.00").await.status, 201);
        }
        let sources = |page: &Value| -> Vec<String> {
            page["data"].as_array().expect("rows").iter().map(|row| row["source_id"].to_string()).collect()
        };
        let page = client.get(&format!("/v1/events?referral_id={first}&limit=2")).await.json();
        assert_eq!(sources(&page), [r#""ch_3""#, r#""ch_2""#]);
        let cursor = page["next_cursor"].as_str().expect("a next page").to_owned();
        let page =
            client.get(&format!("/v1/events?referral_id={first}&limit=2&cursor={cursor}")).await.json();
        assert_eq!(sources(&page), [r#""ch_1""#, "null"]);
        assert_eq!(page["next_cursor"], Value::Null);

        let refused = async |query: &str| problem(&client.get(&format!("/v1/events?{query}")).await);
        assert_snapshot!(refused("limit=0").await, @"400 invalid limit: expected a number from 1 to 200");
        assert_snapshot!(refused("limit=201").await, @"400 invalid limit: expected a number from 1 to 200");
        assert_snapshot!(refused("cursor=zz").await, @"400 invalid cursor: expected next_cursor of the page before, as it came");
        assert_snapshot!(refused(&format!("cursor={}", "ff".repeat(9))).await, @"400 invalid cursor: expected next_cursor of the page before, as it came");
        assert_snapshot!(refused("limit=1&limit=2").await, @"400 invalid limit: given more than once");
        assert_snapshot!(refused("page=2").await, @"400 invalid page: there is no such parameter; /docs lists those there are");
        assert_snapshot!(refused("referral_id=7").await, @r#"400 invalid referral_id: "7" is not an id such as ref_ followed by 32 hexadecimal digits"#);
        let unknown = "fact_00000000000000000000000000000007";
        assert_snapshot!(problem(&client.get(&format!("/v1/events/{unknown}")).await), @"404 not_found there is no event fact_00000000000000000000000000000007");
        assert_snapshot!(problem(&client.get("/v1/events/7").await), @r#"404 not_found "7" is not an id such as fact_ followed by 32 hexadecimal digits"#);
    });
}

#[test]
fn the_log_numbers_every_write() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        client.pay("user-1", "ch_1", "5.00").await;
        let mut log = client.get("/v1/log").await;
        // Numbers are given after the commit, by a task of their own.
        while log.json()["data"].as_array().map(Vec::len) != Some(6) {
            tokio::task::yield_now().await;
            log = client.get("/v1/log?after=0&limit=200").await;
        }
        let rows: Vec<String> = log.json()["data"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| format!("{} {} {}", row["number"], row["type"], row["event_id"].is_string()))
            .collect();
        assert_snapshot!(rows.join("\n"), @r#"
        1 "program.created" false
        2 "affiliate.created" false
        3 "key.created" false
        4 "affiliate.created" false
        5 "referral.created" true
        6 "payment.recorded" true
        "#);
        let log = client.get("/v1/log?after=5").await.json();
        assert_eq!((log["data"][0]["number"].as_i64(), log["next_after"].as_i64()), (Some(6), Some(6)));
        let log = client.get("/v1/log?after=6").await.json();
        assert_eq!(log, json!({ "data": [], "next_after": 6 }));
        assert_snapshot!(problem(&client.get("/v1/log?after=-1").await), @"400 invalid after: expected a number of the log, from 0");
    });
}
