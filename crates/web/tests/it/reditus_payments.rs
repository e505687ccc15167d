//! `POST /v1/payments`: the echo, repetitions, conflicts, amounts, who is meant, and what is refused.

use domain::affiliate::Status;
use domain::ids::ReferralId;
use serde_json::{Value, json};

use crate::reditus_company::{Company, shown};

const PATH: &str = "/v1/payments";

fn payment(key: &str) -> Value {
    json!({ "referral_uid": "u1", "amount": 10_000, "currency": "eur", "idempotency_key": key })
}

#[test]
fn a_payment_is_accepted_and_echoed() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let id = company.refer("ann@example.com", Some("u1")).await;
        let full = json!({
            "referral_uid": "u1", "referral_email": "Ann@Example.com", "referral_id": id, "amount": 4900, "currency": "eur",
            "idempotency_key": "in_1", "subscription_id": "sub_1", "interval": "month", "interval_count": 3,
            "plan": "not a field of ours",
        });
        insta::assert_snapshot!(shown(&company.post(PATH, full).await), @r#"202 {"data":{"id":"UUID","type":"payment","attributes":{"referral_uid":"u1","referral_email":"Ann@Example.com","referral_id":"UUID","amount":4900,"currency":"eur","idempotency_key":"in_1","subscription_id":"sub_1","interval":"month","interval_count":3}}}"#);
        let short = json!({ "referral_email": "ann@example.com", "amount": 100, "currency": "EUR", "idempotency_key": "in_2",
            "referral_uid": "", "referral_id": null });
        insta::assert_snapshot!(shown(&company.post(PATH, short).await), @r#"202 {"data":{"id":"UUID","type":"payment","attributes":{"referral_uid":"","referral_email":"ann@example.com","amount":100,"currency":"EUR","idempotency_key":"in_2"}}}"#);
        assert_eq!(company.balance().await, 10_000_000);
        let answer = company.post(PATH, payment("in_3")).await;
        let fact: domain::ids::FactId =
            answer.json()["data"]["id"].as_str().expect("an id").parse().expect("a fact's id");
        let fact = app::event::show(&t.app, &t.operator(company.program), fact).await.expect("the fact");
        assert_eq!(fact.amount.map(|amount| amount.to_string()).as_deref(), Some("100.00 EUR"));
    });
}

#[test]
fn a_repetition_gets_the_first_answer_and_books_nothing() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        company.refer("ann@example.com", Some("u1")).await;
        let first = company.post(PATH, payment("in_1")).await;
        assert_eq!(first.status, 202);
        t.at("2026-06-20T12:00:00Z");
        assert_eq!(company.post("/v1/referrals/churn", json!({ "referral_uid": "u1" })).await.status, 200);
        assert_eq!(company.post("/v1/refunds", json!({ "payment_id": "in_1" })).await.status, 200);
        let again = company.post(PATH, payment("in_1")).await;
        assert_eq!((again.status, &again.bytes), (202, &first.bytes));
        assert_eq!(company.balance().await, 0);
        // The defaults of the call are filled in before requests are compared.
        let monthly = json!({ "referral_uid": "u1", "amount": 100, "currency": "eur", "idempotency_key": "in_2", "interval": "month" });
        let first = company.post(PATH, monthly.clone()).await.json();
        let mut counted = monthly;
        counted["interval_count"] = json!(1);
        let again = company.post(PATH, counted).await;
        assert_eq!((again.status, &again.json()["data"]["id"]), (202, &first["data"]["id"]));
    });
}

#[test]
fn repetitions_at_once_are_one_payment() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        company.refer("ann@example.com", Some("u1")).await;
        let calls = (0..20).map(|_| company.post(PATH, payment("in_1")));
        let answers = futures_util::future::join_all(calls).await;
        assert!(answers.iter().all(|answer| answer.status == 202 && answer.bytes == answers[0].bytes));
        assert_eq!(company.balance().await, 20_000_000);
    });
}

#[test]
fn other_content_under_the_same_key_is_a_conflict() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        company.refer("ann@example.com", Some("u1")).await;
        company.refer("bob@example.com", Some("u2")).await;
        assert_eq!(company.post(PATH, payment("in_1")).await.status, 202);
        let changed = |field: &str, value: Value| {
            let mut body = payment("in_1");
            body[field] = value;
            body
        };
        let bodies = [
            changed("amount", json!(10_001)),
            changed("currency", json!("usd")),
            changed("referral_uid", json!("u2")),
            changed("interval", json!("year")),
            changed("subscription_id", json!("sub_1")),
        ];
        insta::assert_snapshot!(company.answers(PATH, &bodies).await, @r#"
        {"amount":10001,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            409 {"error":"idempotency_key: \"in_1\" is already recorded with another amount"}
        {"amount":10000,"currency":"usd","idempotency_key":"in_1","referral_uid":"u1"}
            409 {"error":"idempotency_key: \"in_1\" is already recorded with another currency"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","referral_uid":"u2"}
            409 {"error":"idempotency_key: \"in_1\" is already recorded with another customer"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","interval":"year","referral_uid":"u1"}
            409 {"error":"the idempotency key \"in_1\" was used for a request with other content"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1","subscription_id":"sub_1"}
            409 {"error":"the idempotency key \"in_1\" was used for a request with other content"}
        "#);
        assert_eq!(company.balance().await, 20_000_000);
        // A header's key names requests of its own.
        let bearer = format!("Bearer {}", company.key);
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "header-1")];
        let send = async |body: Value| {
            t.send("POST", "/reditus/api/v1/payments", &headers, Some(body.to_string().into_bytes())).await
        };
        let first = send(payment("in_2")).await;
        assert_eq!(first.status, 202);
        assert_eq!(send(payment("in_2")).await.bytes, first.bytes);
        assert_eq!(send(payment("in_3")).await.status, 409);
        assert_eq!(company.balance().await, 40_000_000);
    });
}

#[test]
fn a_payment_before_its_conversion_succeeds_when_tried_again() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        insta::assert_snapshot!(shown(&company.post(PATH, payment("in_1")).await), @r#"404 {"error":"no referral matches uid \"u1\""}"#);
        company.holds_nothing().await;
        company.refer("ann@example.com", Some("u1")).await;
        assert_eq!(company.post(PATH, payment("in_1")).await.status, 202);
        assert_eq!(company.balance().await, 20_000_000);
    });
}

#[test]
fn the_uid_wins_over_the_id_and_the_id_over_the_address() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let by_uid = company.refer("uid@example.com", Some("u1")).await;
        let by_id = company.refer("id@example.com", None).await;
        let by_email = company.refer("email@example.com", None).await;
        let unknown = "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2";
        let cases = [
            (
                json!({ "referral_uid": "u1", "referral_id": by_id, "referral_email": "email@example.com" }),
                &by_uid,
            ),
            (
                json!({ "referral_uid": "u9", "referral_id": by_id, "referral_email": "email@example.com" }),
                &by_id,
            ),
            (
                json!({ "referral_uid": "u9", "referral_id": unknown, "referral_email": "EMAIL@example.com" }),
                &by_email,
            ),
            (
                json!({ "referral_id": "6412-smga-1314-munw", "referral_email": "email@example.com" }),
                &by_email,
            ),
            (json!({ "referral_id": format!("ref_{}", by_id.replace('-', "")) }), &by_id),
        ];
        for (number, (mut body, expected)) in cases.into_iter().enumerate() {
            for (field, value) in payment(&format!("in_{number}")).as_object().expect("an object") {
                if field != "referral_uid" {
                    body[field] = value.clone();
                }
            }
            let answer = company.post(PATH, body.clone()).await;
            assert_eq!(answer.status, 202, "{body} {}", answer.text());
            let expected: ReferralId = expected.parse().expect("an id");
            let caller = t.operator(company.program);
            let facts = app::event::page(&t.app, &caller, Some(expected), None, 1).await.expect("a page");
            assert_eq!(facts[0].source, format!("in_{number}"), "{body}");
        }
    });
}

#[test]
fn amounts_are_in_minor_units_as_stripe_counts_them() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        company.refer("ann@example.com", Some("u1")).await;
        let mut read = Vec::new();
        for (currency, amount) in
            [("eur", 1), ("JPY", 500), ("kwd", 1500), ("isk", 12_300), ("usd", 100_000_000_000_000_i64)]
        {
            let body = json!({ "referral_uid": "u1", "amount": amount, "currency": currency, "idempotency_key": currency });
            let answer = company.post(PATH, body).await;
            assert_eq!(answer.status, 202, "{}", answer.text());
            assert_eq!(answer.json()["data"]["attributes"]["amount"], json!(amount));
            assert_eq!(answer.json()["data"]["attributes"]["currency"], json!(currency));
            let facts =
                app::event::page(&t.app, &t.operator(company.program), None, None, 1).await.expect("a page");
            read.push(facts[0].amount.expect("an amount").to_string());
        }
        assert_eq!(read, ["0.01 EUR", "500 JPY", "1.500 KWD", "123 ISK", "1000000000000.00 USD"]);
    });
}

#[test]
fn what_is_wrong_is_named() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        company.refer("ann@example.com", Some("u1")).await;
        let changed = |field: &str, value: Value| {
            let mut body = payment("in_1");
            body[field] = value;
            body
        };
        let bodies = [
            json!({}),
            json!({ "referral_uid": "u1", "amount": 1, "currency": "eur" }),
            json!({ "referral_uid": "u1", "amount": 1, "idempotency_key": "in_1" }),
            json!({ "amount": 1, "currency": "eur", "idempotency_key": "in_1" }),
            changed("amount", json!(0)),
            changed("amount", json!(-5)),
            changed("amount", json!(100_000_000_000_001_i64)),
            changed("amount", json!(u64::MAX)),
            changed("amount", json!(1e30)),
            changed("amount", json!("10")),
            changed("amount", json!(10.5)),
            changed("amount", json!(true)),
            changed("amount", json!(null)),
            changed("amount", json!([1])),
            changed("currency", json!("xyz")),
            changed("currency", json!("euro")),
            changed("currency", json!(978)),
            changed("idempotency_key", json!("")),
            changed("idempotency_key", json!(7)),
            changed("idempotency_key", json!("k".repeat(256))),
            changed("referral_uid", json!("a\u{0}b")),
            changed("referral_uid", json!(["u1"])),
            changed("referral_email", json!("not an address")),
            changed("subscription_id", json!("s\u{0}")),
            changed("interval", json!("x".repeat(51))),
            changed("interval_count", json!(0)),
            changed("interval_count", json!(-1)),
            changed("interval_count", json!(4_294_967_296_i64)),
            changed("interval_count", json!("1")),
            json!({ "referral_id": "6412-smga-1314-munw", "amount": 1, "currency": "eur", "idempotency_key": "in_1" }),
            json!({ "referral_email": "nobody@example.com", "amount": 1, "currency": "eur", "idempotency_key": "in_1" }),
        ];
        insta::assert_snapshot!(company.answers(PATH, &bodies).await, @r#"
        {}
            400 {"error":"amount: it is required and was not sent"}
        {"amount":1,"currency":"eur","referral_uid":"u1"}
            400 {"error":"idempotency_key: it is required; it was not sent or is empty"}
        {"amount":1,"idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"currency: it is required and was not sent"}
        {"amount":1,"currency":"eur","idempotency_key":"in_1"}
            400 {"error":"referral_uid: expected at least one of referral_uid, referral_id and referral_email"}
        {"amount":0,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: the amount is 0; it must be greater than 0"}
        {"amount":-5,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: the amount is -5; it must be greater than 0"}
        {"amount":100000000000001,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: the amount 100000000000001 is above the limit of 1000000000000 units"}
        {"amount":18446744073709551615,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: 18446744073709551615 is too large"}
        {"amount":1e+30,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: invalid type: floating point `1e+30`, expected an integer"}
        {"amount":"10","currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: invalid type: string \"10\", expected an integer"}
        {"amount":10.5,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: invalid type: floating point `10.5`, expected an integer"}
        {"amount":true,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: invalid type: boolean `true`, expected an integer"}
        {"amount":null,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: it is required and was not sent"}
        {"amount":[1],"currency":"eur","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"amount: invalid type: sequence, expected an integer"}
        {"amount":10000,"currency":"xyz","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"currency: unknown currency \"xyz\"; expected a three-letter code of ISO 4217 such as EUR"}
        {"amount":10000,"currency":"euro","idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"currency: unknown currency \"euro\"; expected a three-letter code of ISO 4217 such as EUR"}
        {"amount":10000,"currency":978,"idempotency_key":"in_1","referral_uid":"u1"}
            400 {"error":"currency: invalid type: integer `978`, expected a string"}
        {"amount":10000,"currency":"eur","idempotency_key":"","referral_uid":"u1"}
            400 {"error":"idempotency_key: it is required; it was not sent or is empty"}
        {"amount":10000,"currency":"eur","idempotency_key":7,"referral_uid":"u1"}
            400 {"error":"idempotency_key: invalid type: integer `7`, expected a string"}
        {"amount":10000,"currency":"eur","idempotency_key":"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
            400 {"error":"idempotency_key: it has 256 characters; at most 255 are allowed"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","referral_uid":"a\u0000b"}
            400 {"error":"referral_uid: it contains the control character U+0000"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","referral_uid":["u1"]}
            400 {"error":"referral_uid: invalid type: sequence, expected a string"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","referral_email":"not an address","referral_uid":"u1"}
            400 {"error":"referral_email: \"not an address\" is not an e-mail address"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","referral_uid":"u1","subscription_id":"s\u0000"}
            400 {"error":"subscription_id: it contains the control character U+0000"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","interval":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            400 {"error":"interval: it has 51 characters; at most 50 are allowed"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","interval_count":0,"referral_uid":"u1"}
            400 {"error":"interval_count: 0 is not a number of intervals; expected 1 to 4294967295"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","interval_count":-1,"referral_uid":"u1"}
            400 {"error":"interval_count: -1 is not a number of intervals; expected 1 to 4294967295"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","interval_count":4294967296,"referral_uid":"u1"}
            400 {"error":"interval_count: 4294967296 is not a number of intervals; expected 1 to 4294967295"}
        {"amount":10000,"currency":"eur","idempotency_key":"in_1","interval_count":"1","referral_uid":"u1"}
            400 {"error":"interval_count: invalid type: string \"1\", expected an integer"}
        {"amount":1,"currency":"eur","idempotency_key":"in_1","referral_id":"6412-smga-1314-munw"}
            404 {"error":"no referral matches id \"6412-smga-1314-munw\""}
        {"amount":1,"currency":"eur","idempotency_key":"in_1","referral_email":"nobody@example.com"}
            404 {"error":"no referral matches e-mail \"nobody@example.com\""}
        "#);
        assert_eq!(company.balance().await, 0);
        assert_eq!(company.post(PATH, payment("in_1")).await.status, 202, "the key stayed free");
    });
}

#[test]
fn whoever_cannot_earn_is_refused() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let caller = t.operator(company.program);
        let rejected = company.refer("ann@example.com", Some("u1")).await;
        let rejected: ReferralId = rejected.parse().expect("an id");
        app::referral::reject(&t.app, &caller, rejected, "fraud").await.expect("rejected");
        insta::assert_snapshot!(shown(&company.post(PATH, payment("in_1")).await), @r#"400 {"error":"the referral is rejected"}"#);

        let days =
            app::program::Changes { referral_expires_after_days: Some(Some(30)), ..Default::default() };
        app::program::update(&t.app, &caller, days).await.expect("a setting");
        company.refer("bob@example.com", Some("u2")).await;
        let mut late = payment("in_2");
        late["referral_uid"] = json!("u2");
        t.at("2026-07-20T12:00:00Z");
        insta::assert_snapshot!(shown(&company.post(PATH, late).await), @r#"400 {"error":"the referral is expired"}"#);

        company.refer("eve@example.com", Some("u3")).await;
        let mut blocked = payment("in_3");
        blocked["referral_uid"] = json!("u3");
        let now = t.operator(company.program);
        let block = |row: &mut app::affiliate::AffiliateRow| {
            row.status = Status::Blocked;
            Ok(())
        };
        app::affiliate::update(&t.app, &now, company.john, block).await.expect("blocked");
        insta::assert_snapshot!(shown(&company.post(PATH, blocked).await), @r#"400 {"error":"the affiliate is blocked"}"#);
        assert_eq!(company.balance().await, 0);
    });
}
