//! `POST /v1/refunds`: all of a payment goes back, once.

use serde_json::json;

use crate::reditus_company::{Company, shown};

const PATH: &str = "/v1/refunds";

#[test]
fn a_refund_takes_the_commission_back_once() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        company.refer("ann@example.com", Some("u1")).await;
        for key in ["in_1", "in_2"] {
            let body =
                json!({ "referral_uid": "u1", "amount": 10_000, "currency": "eur", "idempotency_key": key });
            assert_eq!(company.post("/v1/payments", body).await.status, 202);
        }
        assert_eq!(company.balance().await, 40_000_000);
        for _ in 0..3 {
            let answer = company.post(PATH, json!({ "payment_id": "in_1" })).await;
            insta::assert_snapshot!(shown(&answer), @r#"200 {"message":"ok"}"#);
            assert_eq!(company.balance().await, 20_000_000);
        }
        let facts =
            app::event::page(&t.app, &t.operator(company.program), None, None, 10).await.expect("a page");
        assert_eq!(facts.len(), 4, "a registration, two payments, one refund");
    });
}

#[test]
fn what_is_left_of_a_payment_is_refunded() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        company.refer("ann@example.com", Some("u1")).await;
        let body =
            json!({ "referral_uid": "u1", "amount": 10_000, "currency": "eur", "idempotency_key": "in_1" });
        assert_eq!(company.post("/v1/payments", body).await.status, 202);
        let part = domain::command::Refund {
            source: Some(domain::text::Source::parse("re_1").expect("a source")),
            amount: Some(domain::money::Money::from_micros(30_000_000, domain::currency::Currency::EUR)),
            ..domain::command::Refund::whole(domain::text::Source::parse("in_1").expect("a source"))
        };
        let ask =
            app::ingest::Ask::new(domain::command::Operation::Native, domain::command::Command::Refund(part));
        app::ingest::submit(&t.app, company.program, t.app.now(), ask).await.expect("a refund of a part");
        assert_eq!(company.balance().await, 14_000_000);
        assert_eq!(company.post(PATH, json!({ "payment_id": "in_1" })).await.status, 200);
        assert_eq!(company.balance().await, 0);
    });
}

#[test]
fn what_is_wrong_is_named() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let bodies = [
            json!({}),
            json!({ "payment_id": " " }),
            json!({ "payment_id": 1 }),
            json!({ "payment_id": "a\u{0}" }),
            json!({ "payment_id": "in_9" }),
        ];
        insta::assert_snapshot!(company.answers(PATH, &bodies).await, @r#"
{}
    400 {"error":"payment_id: it is required; it was not sent or is empty"}
{"payment_id":" "}
    400 {"error":"payment_id: it is required; it was not sent or is empty"}
{"payment_id":1}
    400 {"error":"payment_id: invalid type: integer `1`, expected a string"}
{"payment_id":"a\u0000"}
    400 {"error":"payment_id: it contains the control character U+0000"}
{"payment_id":"in_9"}
    404 {"error":"no payment is known as \"in_9\""}
"#);
        company.holds_nothing().await;
    });
}
