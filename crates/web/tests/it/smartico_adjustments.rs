//! `POST af2_adjustments_op`: what it changes, its keys, its refusals.

use insta::assert_snapshot;
use serde_json::json;

use crate::smartico_operator::{Operator, fields, shown};

#[test]
fn adjustments_enter_the_balance_and_not_the_commissions() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        let body = json!({ "affiliate_id": ann, "amount": 12.5, "comments": "bonus" });
        let answer = operator.call("POST", "af2_adjustments_op", Some(body)).await;
        assert_snapshot!(shown(&answer), @r#"200 {"id":1,"adjustment_id":1,"amount":12.5,"affiliate_id":2,"comments":"bonus","create_by":1,"create_date":"2026-06-01T12:00:00.000Z","operator_currency":"EUR"}"#);
        let keyed = async |body: &str| {
            shown(
                &operator
                    .post_bytes("af2_adjustments_op", &[("idempotency-key", "k")], body.as_bytes())
                    .await,
            )
        };
        let first = keyed(r#"{"affiliate_id":2,"amount":-0.000001}"#).await;
        assert!(first.starts_with("200 "), "{first}");
        test.at("2026-07-01T00:00:00Z");
        assert_eq!(keyed(r#"{"amount":-0.000001,"comments":"","affiliate_id":2}"#).await, first);
        assert_snapshot!(keyed(r#"{"affiliate_id":2,"amount":-1}"#).await, @r#"291 {"errCode":1006,"message":"the idempotency key \"k\" was used for a request with other content"}"#);
        let row = operator.balance(ann).await;
        assert_snapshot!(fields(&row, &["commissions_total", "adjustments", "balance"]), @"commissions_total 0, adjustments 12.499999, balance 12.499999");
        let long = format!(r#"{{"affiliate_id":2,"amount":1,"comments":"{}"}}"#, "x".repeat(1001));
        let bodies = [
            r#"{"affiliate_id":2,"amount":0}"#,
            r#"{"affiliate_id":2,"amount":"5"}"#,
            r#"{"affiliate_id":2,"amount":-1000000000001}"#,
            r#"{"affiliate_id":2}"#,
            r#"{"affiliate_id":99,"amount":1}"#,
            r#"{"affiliate_id":2,"amount":1,"comments":"\u0000"}"#,
            long.as_str(),
        ];
        let requests: Vec<(&str, &str, &str)> =
            bodies.iter().map(|body| ("POST", "af2_adjustments_op", *body)).collect();
        assert_snapshot!(operator.answers(&requests).await, @r#"
POST af2_adjustments_op {"affiliate_id":2,"amount":0}
    291 {"errCode":1004,"message":"amount: 0 is not allowed; expected an amount other than 0, of at most 1000000000000"}
POST af2_adjustments_op {"affiliate_id":2,"amount":"5"}
    291 {"errCode":1004,"message":"amount: \"5\" is not a number; expected one such as 12.5"}
POST af2_adjustments_op {"affiliate_id":2,"amount":-1000000000001}
    291 {"errCode":1004,"message":"amount: the amount -1000000000001 is above the limit of 1000000000000 units"}
POST af2_adjustments_op {"affiliate_id":2}
    291 {"errCode":1004,"message":"missing field `amount`"}
POST af2_adjustments_op {"affiliate_id":99,"amount":1}
    291 {"errCode":1005,"message":"there is no affiliate 99"}
POST af2_adjustments_op {"affiliate_id":2,"amount":1,"comments":"\u0000"}
    291 {"errCode":1004,"message":"comments: it contains the control character U+0000"}
POST af2_adjustments_op {"affiliate_id":2,"amount":1,"comments":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    291 {"errCode":1004,"message":"comments: it has 1001 characters; at most 1000 are allowed"}
"#);
        assert_eq!(operator.balance(ann).await["balance"].to_string(), "12.499999");
    });
}
