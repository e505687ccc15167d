//! `/v1/adjustments`, `/v1/openings`, `/v1/payouts` and `/v1/commissions`: money that moves by decision, and what was
//! earned.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

#[test]
fn a_decision_is_made_once() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let adjustment = json!({ "affiliate_id": jane, "amount": "-5.25", "reason": "Bank charges" });
        let opening = json!({
            "affiliate_id": jane, "effective_at": "2026-01-01T00:00:00Z", "earned": { "share": "100", "lead": "1.5" },
            "paid": "50", "adjustments": "-1", "registrations": 7, "last_paid_at": "2025-12-01T00:00:00Z",
            "first_payments": { "count": 3, "amount": "30" }, "payments": { "count": 5, "amount": "500" },
        });
        let payout = json!({ "affiliate_id": jane, "amount": "10", "payment_details": "IBAN …" });
        for (path, body, other) in [
            ("/v1/openings", opening, json!({ "registrations": 8 })),
            ("/v1/adjustments", adjustment, json!({ "amount": "-5.26" })),
            ("/v1/payouts", payout, json!({ "amount": "11" })),
        ] {
            let answer = client.post(path, body.clone()).await;
            assert!(problem(&answer).starts_with("400 invalid Idempotency-Key: "), "{path}");
            let first = client.post_once(path, "key-1", body.clone()).await;
            assert_eq!(first.status, 201, "{path}: {}", first.text());
            test.at("2026-06-03T12:00:00Z");
            let again = client.post_once(path, "key-1", body.clone()).await;
            assert_eq!((again.status, &again.bytes), (200, &first.bytes), "{path}");
            assert_eq!(again.headers["idempotent-replayed"], "true");
            let mut changed = body;
            for (field, value) in other.as_object().expect("fields") {
                changed[field] = value.clone();
            }
            let answer = client.post_once(path, "key-1", changed).await;
            assert!(problem(&answer).starts_with("409 key_reused "), "{path}: {}", answer.text());
        }
        assert_snapshot!(client.show(&client.get("/v1/adjustments").await), @r#"200 {"data":[{"id":1,"affiliate_id":2,"amount":"-5.25","currency":"EUR","reason":"Bank charges","effective_at":"2026-06-03T12:00:00Z","created_at":"2026-06-03T12:00:00Z"}],"next_cursor":null}"#);
        assert_snapshot!(client.show(&client.get("/v1/payouts").await), @r#"200 {"data":[{"id":1,"affiliate_id":2,"amount":"10.00","currency":"EUR","advance":"0.00","state":"paid","period_from":"2026-06-03T12:00:00Z","period_to":"2026-06-03T12:00:00Z","operator_comments":null,"repeats_payout_id":null,"payment_details":"IBAN …","requested_at":"2026-06-03T12:00:00Z","paid_at":"2026-06-03T12:00:00Z","updated_at":"2026-06-03T12:00:00Z"}],"next_cursor":null}"#);
        assert_snapshot!(client.show(&client.get("/v1/affiliates/2/balances").await), @r#"200 {"data":[{"affiliate_id":2,"currency":"EUR","earned":{"lead":"1.50","acquisition":"0.00","share":"100.00","sub_affiliate":"0.00"},"adjustments":"-6.25","paid":"60.00","pending":"0.00","due":"35.25","in_payout":"0.00","carried":"0.00","balance":"35.25","payable":"35.25","figures":{"registrations":7,"first_payments":3,"first_payments_amount":"30.00","payments":5,"payments_amount":"500.00"},"last_paid_at":"2026-06-03T12:00:00Z"}],"next_cursor":null}"#);
    });
}

#[test]
fn decisions_that_are_refused() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let at = "2026-01-01T00:00:00Z";
        let mut table = String::new();
        for (path, body) in [
            ("/v1/adjustments", json!({ "affiliate_id": jane, "amount": "0", "reason": "r" })),
            ("/v1/adjustments", json!({ "affiliate_id": jane, "amount": 5, "reason": "r" })),
            ("/v1/adjustments", json!({ "affiliate_id": jane, "amount": "1e3", "reason": "r" })),
            ("/v1/adjustments", json!({ "affiliate_id": jane, "amount": "1000000000001", "reason": "r" })),
            ("/v1/adjustments", json!({ "affiliate_id": jane, "amount": "1", "reason": "r\u{0}" })),
            ("/v1/adjustments", json!({ "affiliate_id": jane, "amount": "1" })),
            ("/v1/adjustments", json!({ "affiliate_id": 99, "amount": "1", "reason": "r" })),
            ("/v1/openings", json!({ "affiliate_id": jane })),
            ("/v1/openings", json!({ "affiliate_id": 99, "effective_at": at })),
            ("/v1/openings", json!({ "affiliate_id": jane, "effective_at": "2027-01-01T00:00:00Z" })),
            ("/v1/openings", json!({ "affiliate_id": jane, "effective_at": at, "paid": "-1" })),
            ("/v1/openings", json!({ "affiliate_id": jane, "effective_at": at, "registrations": -1 })),
            ("/v1/openings", json!({ "affiliate_id": jane, "effective_at": at, "payments": { "sum": "1" } })),
            ("/v1/payouts", json!({ "affiliate_id": jane })),
            ("/v1/payouts", json!({ "affiliate_id": jane, "amount": "1" })),
            ("/v1/payouts", json!({ "affiliate_id": jane, "amount": "0" })),
            ("/v1/payouts", json!({ "affiliate_id": jane, "amount": "1.001" })),
            ("/v1/payouts", json!({ "affiliate_id": 99, "amount": "1" })),
            (
                "/v1/payouts",
                json!({ "affiliate_id": jane, "amount": "1", "period_from": at, "period_to": "2025-01-01T00:00:00Z" }),
            ),
        ] {
            table.push_str(&problem(&client.post_once(path, "key-1", body).await));
            table.push('\n');
        }
        assert_snapshot!(table, @r#"
        400 invalid amount: 0 is not allowed; expected an amount other than 0, of at most 1000000000000
        400 invalid amount: invalid type: integer `5`, expected a decimal string such as "12.50"
        400 invalid amount: "1e3" is not a decimal amount such as 12.50
        400 invalid amount: the amount 1000000000001 is above the limit of 1000000000000 units
        400 invalid reason: it contains the control character U+0000
        400 invalid reason: missing field `reason`
        404 not_found there is no affiliate 99
        400 invalid effective_at: missing field `effective_at`
        404 not_found there is no affiliate 99
        400 invalid effective_at: the cut-over is in the future
        400 invalid paid: it is negative; expected an amount from 0
        400 invalid registrations: -1 is not between 0 and 1000000000000
        400 invalid payments.sum: unknown field `sum`, expected `count` or `amount`
        409 above_payable nothing is payable (0.00 EUR)
        409 above_payable the payout of 1.00 EUR is above what is payable, 0.00 EUR
        400 invalid amount: 0 is not an amount above 0 and at most 1000000000000
        400 invalid amount: a payout takes whole minor units of EUR
        404 not_found there is no affiliate 99
        400 invalid period_from: 2026-01-01T00:00:00.000Z is after the end of the period, 2025-01-01T00:00:00.000Z
        "#);
        let header = |value: &'static str| [("idempotency-key", value)];
        let body = json!({ "affiliate_id": jane, "amount": "1", "reason": "r" }).to_string();
        let refused = async |headers: &[(&str, &str)]| {
            problem(&client.post_bytes("/v1/adjustments", headers, body.as_bytes()).await)
        };
        assert_snapshot!(refused(&header(" ")).await, @"400 invalid Idempotency-Key: it is empty");
        assert_snapshot!(refused(&header("ключ")).await, @"400 invalid Idempotency-Key: expected printable ASCII");
        assert_snapshot!(refused(&[("idempotency-key", "a"), ("idempotency-key", "b")]).await, @"400 invalid Idempotency-Key: given more than once");
        assert_eq!(client.get("/v1/adjustments").await.json()["data"], json!([]));
    });
}

#[test]
fn a_payout_in_three_steps() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        client.pay("user-1", "ch_1", "100.00").await;
        client.patch("/v1/program", json!({ "payout_mode": "three_step" })).await;
        let request = json!({ "affiliate_id": jane });
        let requested = client.post_once("/v1/payouts", "p1", request.clone()).await;
        assert_snapshot!(client.show(&requested), @r#"201 {"id":1,"affiliate_id":2,"amount":"20.00","currency":"EUR","advance":"0.00","state":"requested","period_from":"2026-06-01T12:00:00Z","period_to":"2026-06-01T12:00:00Z","operator_comments":null,"repeats_payout_id":null,"payment_details":null,"requested_at":"2026-06-01T12:00:00Z","paid_at":null,"updated_at":"2026-06-01T12:00:00Z"}"#);
        test.at("2026-06-02T12:00:00Z");
        assert_snapshot!(problem(&client.post("/v1/payouts/1/pay", json!({})).await), @"409 step_refused a payout that is requested cannot take the step pay");
        for (step, state) in
            [("approve", "approved"), ("approve", "approved"), ("process", "processing"), ("pay", "paid")]
        {
            let answer = client.post(&format!("/v1/payouts/1/{step}"), json!({})).await;
            assert_eq!((answer.status, &answer.json()["state"]), (200, &json!(state)), "{step}");
        }
        let again = client.post_once("/v1/payouts", "p1", request).await;
        assert_eq!((again.status, &again.bytes), (200, &requested.bytes));
        assert_snapshot!(client.show(&client.get("/v1/payouts/1").await), @r#"200 {"id":1,"affiliate_id":2,"amount":"20.00","currency":"EUR","advance":"0.00","state":"paid","period_from":"2026-06-01T12:00:00Z","period_to":"2026-06-01T12:00:00Z","operator_comments":null,"repeats_payout_id":null,"payment_details":null,"requested_at":"2026-06-01T12:00:00Z","paid_at":"2026-06-02T12:00:00Z","updated_at":"2026-06-02T12:00:00Z"}"#);
        assert_eq!(client.get("/v1/commissions?state=paid").await.json()["data"][0]["amount"], "20.00");
        let returned = client.post("/v1/payouts/1/return", json!({})).await.json();
        assert_eq!(returned["state"], "returned");
        let listed = client.get("/v1/payouts?state=paid").await.json();
        assert_eq!(listed["data"], json!([]));
        let request = json!({ "affiliate_id": jane, "amount": "20.01" });
        assert_snapshot!(problem(&client.post_once("/v1/payouts", "p2", request).await), @"409 above_payable the payout of 20.01 EUR is above what is payable, 20.00 EUR");
        let request = json!({ "affiliate_id": jane, "amount": "20.00" });
        let second = client.post_once("/v1/payouts", "p2", request).await.json()["id"].clone();
        let cancelled = client.post(&format!("/v1/payouts/{second}/cancel"), json!({})).await.json();
        assert_eq!(cancelled["state"], "cancelled");
        for path in
            ["/v1/payouts/9/approve", "/v1/payouts/x/approve", "/v1/payouts/1/burn", "/v1/payouts/1/%ff"]
        {
            assert_eq!(client.post(path, json!({})).await.status, 404, "{path}");
        }
        assert_snapshot!(problem(&client.get("/v1/payouts?state=lost").await), @r#"400 invalid state: "lost" is none of requested, approved, processing, paid, failed, cancelled, returned"#);
    });
}

#[test]
fn commissions_are_listed_and_shown_with_their_entries() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (jane, john) = (client.affiliate("jane").await, client.affiliate("john").await);
        let referral = client.refer(jane, "user-1").await;
        client.refer(john, "user-2").await;
        client.pay("user-1", "ch_1", "100.00").await;
        client.pay("user-2", "ch_2", "10.00").await;
        client
            .post(
                "/v1/events",
                json!({
                    "type": "refund", "payment_id": "ch_1", "id": "re_1", "amount": "50", "currency": "EUR",
                }),
            )
            .await;
        let all = client.get("/v1/commissions?limit=1").await.json();
        assert_eq!(all["data"][0]["affiliate_id"], john);
        let cursor = all["next_cursor"].as_str().expect("a next page").to_owned();
        let rest = client.get(&format!("/v1/commissions?cursor={cursor}")).await.json();
        assert_eq!((&rest["data"][0]["affiliate_id"], &rest["data"][1]), (&json!(jane), &Value::Null));
        let listed = client.get(&format!("/v1/commissions?referral_id={referral}&state=due")).await.json();
        let id = listed["data"][0]["id"].as_str().expect("a commission");
        let shown = client.show(&client.get(&format!("/v1/commissions/{id}")).await);
        let causes = shown.split("\"cause_id\":\"").count() - 1;
        assert_eq!(causes, 2);
        let shown: Vec<&str> = shown
            .split("\"cause_id\":\"")
            .map(|part| part.get(36..).filter(|_| !part.starts_with('2')).unwrap_or(part))
            .collect();
        assert_snapshot!(shown.join("\"cause_id\":\"…"), @r#"200 {"id":"com_1","event_id":"fact_2","referral_id":"ref_3","affiliate_id":2,"kind":"share","deal_version_id":"dv_4","rule":0,"amount":"10.00","currency":"EUR","state":"due","occurred_at":"2026-06-01T12:00:00Z","release_at":"2026-06-01T12:00:00Z","released_at":"2026-06-01T12:00:00Z","entries":[{"type":"earned","amount":"20.00","effective_at":"2026-06-01T12:00:00Z","cause":"fact","cause_id":"…"},{"type":"reversed","amount":"-10.00","effective_at":"2026-06-01T12:00:00Z","cause":"fact","cause_id":"…"}]}"#);
        let own = client.with_key(test.affiliate_key(client.program, domain::ids::AffiliateId(john)).await);
        let seen = own.get("/v1/commissions").await.json();
        assert_eq!((&seen["data"][0]["affiliate_id"], &seen["data"][1]), (&json!(john), &Value::Null));
        let hidden = problem(&own.get(&format!("/v1/commissions/{id}")).await);
        assert!(hidden.starts_with("404 not_found "), "{hidden}");
        let asked = own.get(&format!("/v1/commissions?affiliate_id={jane}")).await;
        assert_snapshot!(problem(&asked), @"403 forbidden an affiliate key sees its own affiliate only");
        assert_snapshot!(problem(&client.get("/v1/commissions?state=lost").await), @r#"400 invalid state: "lost" is none of pending, due, paid, rejected"#);
    });
}

#[test]
fn amounts_have_the_decimals_of_the_programs_currency() {
    run(async |test| {
        let client = Client::new(&test).await;
        assert_eq!(client.patch("/v1/program", json!({ "currency": "JPY" })).await.status, 200);
        let jane = client.affiliate("jane").await;
        let changed =
            client.patch(&format!("/v1/affiliates/{jane}"), json!({ "payout_threshold": "5000" })).await;
        assert_eq!(changed.json()["payout_threshold"], "5000", "{}", changed.text());
        let path = format!("/v1/affiliates/{jane}");
        assert_eq!(client.get(&path).await.json()["payout_threshold"], "5000");
        client.refer(jane, "user-1").await;
        let payment = json!({
            "type": "payment", "id": "ch_1", "uid": "user-1", "amount": "1000", "currency": "JPY",
        });
        let paid = client.post("/v1/events", payment.clone()).await;
        let event = paid.json();
        assert_eq!(
            [&event["amount"], &event["value"], &event["results"][0]["earned"]],
            ["1000", "1000", "200"]
        );
        assert_eq!(client.post("/v1/events", payment).await.bytes, paid.bytes);
        let id = event["id"].as_str().expect("an id");
        assert_eq!(client.get(&format!("/v1/events/{id}")).await.bytes, paid.bytes);
        assert_eq!(client.get("/v1/events?limit=1").await.json()["data"][0], event);
    });
}
