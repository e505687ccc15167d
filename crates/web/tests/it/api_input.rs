//! Whatever comes in, the answer is a problem that says what was wrong: never a 500, never a panic, nothing changed.

use insta::assert_snapshot;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

#[test]
fn bodies_that_are_no_json() {
    run(async |test| {
        let client = Client::new(&test).await;
        let mut table = String::new();
        let deep = "[".repeat(10_000);
        let bodies: [&[u8]; 6] =
            [b"{", b"\xff\xfe", b"{\"name\":\"\xff\"}", b"null", b"\"\\ud800\"", deep.as_bytes()];
        for path in ["/v1/affiliates", "/v1/events", "/v1/events/bulk"] {
            for body in bodies {
                table.push_str(&problem(&client.post_bytes(path, &[], body).await));
                table.push('\n');
            }
        }
        assert_snapshot!(table, @"
        400 invalid_json the body is not valid JSON: EOF while parsing an object at line 1 column 1
        400 invalid_json the body is not valid JSON: expected value at line 1 column 1
        400 invalid_json the body is not valid JSON: invalid unicode code point at line 1 column 10
        400 invalid body: invalid type: null, expected an object
        400 invalid_json the body is not valid JSON: unexpected end of hex escape at line 1 column 8
        400 invalid body: invalid type: sequence, expected an object
        400 invalid_json the body is not valid JSON: EOF while parsing an object at line 1 column 1
        400 invalid_json the body is not valid JSON: expected value at line 1 column 1
        400 invalid name: unknown field `name`, expected one of `type`, `id`, `other_ids`, `payment_id`, `affiliate_id`, `affiliate_slug`, `partner_key`, `uid`, `referral_id`, `email`, `amount`, `currency`, `subscription_id`, `interval`, `interval_count`, `state`, `cumulative`, `brand`, `country`, `product`, `plan`, `campaign`, `coupon`, `base_amount`, `occurred_at`, `park`, `idempotency_key`
        400 invalid body: invalid type: null, expected an object
        400 invalid_json the body is not valid JSON: unexpected end of hex escape at line 1 column 8
        400 invalid body: invalid type: sequence, expected an object
        400 invalid_json the body is not valid JSON: EOF while parsing an object at line 1 column 1
        400 invalid_json the body is not valid JSON: expected value at line 1 column 1
        400 invalid name: unknown field `name`, expected `events`
        400 invalid body: invalid type: null, expected an object
        400 invalid_json the body is not valid JSON: unexpected end of hex escape at line 1 column 8
        400 invalid body: invalid type: sequence, expected an object
        ");
        let large = vec![b' '; (1 << 20) + 1];
        for path in ["/v1/affiliates", "/v1/events", "/v1/events/bulk", "/v1/deals"] {
            let answer = client.post_bytes(path, &[], &large).await;
            assert_eq!(problem(&answer), "413 too_large the body is larger than 1048576 bytes", "{path}");
        }
    });
}

#[test]
fn paths_and_methods_that_are_not_there() {
    run(async |test| {
        let client = Client::new(&test).await;
        for path in [
            "/v1",
            "/v1/",
            "/v1/nothing",
            "/v1/affiliates/",
            "/v1/affiliates/abc",
            "/v1/affiliates/-1",
            "/v1/affiliates/99999999999999999999",
            "/v1/affiliates/%ff",
            "/v1/affiliates/%zz",
            "/v1/affiliates/%00",
            "/v1/affiliates/1/x",
            "/v1/events/%F0%9F%92%A9",
            "/v1/referrals/ref_",
            "/v1/commissions/com_1",
        ] {
            let answer = client.get(path).await;
            assert!(problem(&answer).starts_with("404 not_found "), "{path}: {}", answer.text());
        }
        let answer = test.call("PUT", "/v1/affiliates/1", &client.key, Some(json!({}))).await;
        assert_snapshot!(problem(&answer), @"405 method_not_allowed PUT is not known here; the header Allow lists what is");
        let mut allowed: Vec<&str> = answer.headers["allow"].to_str().expect("text").split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["GET", "HEAD", "PATCH"]);
        let answer = client.get("/v1/affiliates?status=%ff&%00=1").await;
        assert!(problem(&answer).starts_with("400 invalid status: "), "{}", answer.text());
    });
}

/// Values that are likely to be wrong, and some that are right.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,300}".prop_map(Value::from),
        "[0-9]{1,14}(\\.[0-9]{1,8})?".prop_map(Value::from),
        Just(json!("EUR")),
        Just(json!("user-1")),
        Just(json!("2026-01-01T00:00:00Z")),
        Just(json!("9999-12-31T23:59:60+23:59")),
        Just(json!(["a", "b"])),
        Just(json!({ "rules": [] })),
    ]
}

fn body(fields: &'static [&'static str]) -> impl Strategy<Value = Value> {
    proptest::collection::vec((proptest::sample::select(fields), value()), 0..10).prop_map(|pairs| {
        Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    })
}

const EVENT: &[&str] = &[
    "id",
    "other_ids",
    "payment_id",
    "affiliate_id",
    "affiliate_slug",
    "partner_key",
    "uid",
    "referral_id",
    "email",
    "amount",
    "currency",
    "subscription_id",
    "interval",
    "interval_count",
    "occurred_at",
    "park",
    "idempotency_key",
];
const OTHER: &[&str] = &[
    "name",
    "email",
    "slug",
    "status",
    "deal_id",
    "parent_affiliate_id",
    "external_id",
    "payout_threshold",
    "terms",
    "affiliate_id",
    "amount",
    "reason",
    "effective_at",
    "paid",
    "earned",
    "payments",
    "kind",
    "zone",
    "period_from",
];

#[test]
fn bodies_of_any_shape_are_refused_or_accepted() {
    run(async |test| {
        let client = Client::new(&test).await;
        client.affiliate("jane").await;
        let mut runner = TestRunner::deterministic();
        let kinds = ["registration", "payment", "refund", "churn"];
        let event = (proptest::sample::select(kinds.to_vec()), body(EVENT)).prop_map(|(kind, mut body)| {
            body["type"] = kind.into();
            ("/v1/events", body)
        });
        let paths =
            ["/v1/affiliates", "/v1/deals", "/v1/adjustments", "/v1/openings", "/v1/payouts", "/v1/keys"];
        let other = (proptest::sample::select(paths.to_vec()), body(OTHER));
        for case in 0..600 {
            let (path, body) = if case % 2 == 0 {
                event.new_tree(&mut runner).expect("a body").current()
            } else {
                other.new_tree(&mut runner).expect("a body").current()
            };
            let answer = client.post_once(path, &format!("k{case}"), body.clone()).await;
            assert!(answer.status < 500, "{path} {body}: {}", answer.text());
        }
    });
}
