//! Who may call, in which form, and what does not exist.

use insta::assert_snapshot;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use testkit::TestApp;

use crate::smartico_operator::{Operator, shown};

async fn with(test: &TestApp, headers: &[(&str, &str)], path: &str) -> String {
    shown(&test.send("GET", &format!("/smartico/api/{path}"), headers, None).await)
}

#[test]
fn a_key_opens_its_own_program_in_either_form() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let other = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "5").await;
        let path = "af2_balance_op?above_threshold=true";
        let bearer = format!("Bearer {}", operator.key);
        let raw = with(&test, &[("authorization", &operator.key)], path).await;
        assert!(raw.starts_with("200 [{"), "{raw}");
        assert_eq!(with(&test, &[("Authorization", &bearer)], path).await, raw);
        assert_eq!(with(&test, &[("authorization", &other.key)], path).await, "200 []");
        assert_eq!(
            with(&test, &[("authorization", &other.key)], &format!("af2_balance_op?affiliate_id={ann}"))
                .await,
            "200 []"
        );
        let body = format!(r#"{{"affiliate_id":{ann},"amount":1}}"#);
        let answer = other.post_bytes("af2_payments_op", &[], body.as_bytes()).await;
        assert_snapshot!(shown(&answer), @r#"291 {"errCode":1005,"message":"there is no affiliate 2"}"#);
        assert_eq!(operator.balance(ann).await["balance"], 5);
    });
}

#[test]
fn whoever_has_no_operator_key_is_told_so() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        let affiliate = test.affiliate_key(operator.program, ann).await;
        let long = "x".repeat(5000);
        for key in
            ["", " ", "Bearer", "Bearer ", "00000000-0000-0000-0000-000000000000-1", "é", "Basic YTpi", &long]
        {
            let answer = with(&test, &[("authorization", key)], "af2_balance_op").await;
            assert_eq!(
                answer, r#"291 {"errCode":3,"message":"Access to this label is not allowed"}"#,
                "{key}"
            );
        }
        assert!(with(&test, &[], "af2_aff_op").await.contains("not allowed"));
        let answer = with(&test, &[("authorization", &affiliate)], "af2_balance_op").await;
        assert_snapshot!(answer, @r#"291 {"errCode":1001,"message":"You don't have permissions to call af2_balance_op, user affiliate 2"}"#);
        let requests = [
            ("GET", "af2_aff_op"),
            ("PUT", "af2_aff_op/2"),
            ("GET", "af2_payments_op"),
            ("POST", "af2_payments_op"),
            ("POST", "af2_adjustments_op"),
            ("GET", "af2_deals_op"),
            ("POST", "af2_deals_op"),
            ("GET", "af2_link_op"),
            ("GET", "af2_pixels_op"),
            ("POST", "af2_pixels_op"),
        ];
        for (method, path) in requests {
            let headers = [("authorization", affiliate.as_str())];
            let body = (method != "GET").then(|| b"not JSON".to_vec());
            let answer = shown(&test.send(method, &format!("/smartico/api/{path}"), &headers, body).await);
            assert!(
                answer.starts_with(r#"291 {"errCode":1001,"message":"You don't have permissions"#),
                "{answer}"
            );
        }
    });
}

#[test]
fn the_keys_of_an_affiliate_work_while_its_api_access_is_on() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let (ann, bob) = (operator.affiliate("ann").await, operator.affiliate("bob").await);
        let change = async |body: Value| {
            let answer = operator.call("PUT", &format!("af2_aff_op/{ann}"), Some(body)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()["api_access_enabled"].clone()
        };
        assert_eq!(change(json!({ "company": "Ann Ltd" })).await, false);
        let one = test.affiliate_key(operator.program, ann).await;
        let two = test.affiliate_key(operator.program, ann).await;
        let bobs = test.affiliate_key(operator.program, bob).await;
        assert_eq!(change(json!({ "company": "Ann & Co" })).await, true, "whoever has a key may have one");
        let opens = async |key: &str| with(&test, &[("authorization", key)], "af2_link_af").await;
        let native =
            async |key: &str| test.call("GET", &format!("/v1/affiliates/{ann}"), key, None).await.status;
        for key in [one.as_str(), two.as_str(), bobs.as_str()] {
            let answer = opens(key).await;
            assert!(answer.starts_with("200 ["), "{answer}");
        }
        assert_eq!(native(one.as_str()).await, 200);
        assert_eq!(change(json!({ "api_access_enabled": false })).await, false);
        let refused = r#"291 {"errCode":3,"message":"Access to this label is not allowed"}"#;
        for key in [one.as_str(), two.as_str()] {
            assert_eq!(opens(key).await, refused);
            assert_eq!(native(key).await, 401);
        }
        assert!(opens(bobs.as_str()).await.starts_with("200 ["));
        // What is revoked stays so; a new key works.
        assert_eq!(change(json!({ "api_access_enabled": true })).await, true);
        assert_eq!(opens(one.as_str()).await, refused);
        let three = test.affiliate_key(operator.program, ann).await;
        assert!(opens(three.as_str()).await.starts_with("200 ["));
        assert_eq!(native(three.as_str()).await, 200);
    });
}

#[test]
fn what_does_not_exist_is_refused_in_the_dialect() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let answers = operator
            .answers(&[
                ("GET", "af2_nothing_op", ""),
                ("GET", "af2_balance_op/", ""),
                ("DELETE", "af2_balance_op", ""),
                ("POST", "af2_balance_op", "{}"),
                ("GET", "af2_adjustments_op", ""),
                ("PUT", "af2_aff_op", "{}"),
            ])
            .await;
        assert_snapshot!(answers, @r#"
GET af2_nothing_op
    291 {"errCode":1002,"message":"GET af2_nothing_op is not a method of this API"}
GET af2_balance_op/
    291 {"errCode":1002,"message":"GET af2_balance_op/ is not a method of this API"}
DELETE af2_balance_op
    291 {"errCode":1002,"message":"DELETE af2_balance_op is not a method of this API"}
POST af2_balance_op {}
    291 {"errCode":1002,"message":"POST af2_balance_op is not a method of this API"}
GET af2_adjustments_op
    291 {"errCode":1002,"message":"GET af2_adjustments_op is not a method of this API"}
PUT af2_aff_op {}
    291 {"errCode":1002,"message":"PUT af2_aff_op is not a method of this API"}
"#);
    });
}

#[test]
fn no_query_and_no_body_breaks_the_dialect() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        operator.affiliate("ann").await;
        let mut runner = TestRunner::deterministic();
        let mut sample = |pattern: &str| {
            let strategy = proptest::string::string_regex(pattern).expect("a pattern");
            strategy.new_tree(&mut runner).expect("a value").current()
        };
        let fields = r#"("(affiliate_id|amount|to|above_threshold|aff_status_id|period_from|period_to|comments|payment_method_id|custom_prop_1|company|link_id|source_id|pixel_name|action|url)":("[a-z0-9:.é]{0,6}"|-?[0-9]{1,20}(\.[0-9]{1,8})?(e-?[0-9]{1,3})?|true|null|\[2\]|\{\}),){0,4}"#;
        for _ in 0..300 {
            let query = sample(
                r"(range=\[-?[0-9]{1,19},-?[0-9]{1,20}\]|[a-z_]{1,8}=[%0-9a-f\[\],:-]{0,12}|to=[0-9TZ:.+-]{0,20})?",
            );
            let object = format!("{{{}", sample(fields));
            let object = format!("{}}}", object.strip_suffix(',').unwrap_or(&object));
            let filter: String = object.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for (method, path) in [
                ("GET", format!("af2_balance_op?{query}&filter={filter}")),
                ("GET", format!("af2_aff_op?{query}&filter={filter}")),
                ("GET", format!("af2_payments_op?{query}&filter={filter}")),
                ("POST", "af2_payments_op".to_owned()),
                ("POST", "af2_adjustments_op".to_owned()),
                ("GET", format!("af2_deals_op?{query}&affiliate_id=2")),
                ("POST", "af2_deals_op".to_owned()),
                ("GET", format!("af2_link_op?{query}&filter={filter}")),
                ("POST", "af2_build_link".to_owned()),
                ("POST", "af2_pixels_op".to_owned()),
                ("PUT", "af2_aff_op/2".to_owned()),
            ] {
                let body = (method != "GET").then(|| object.clone().into_bytes());
                let headers = [("authorization", operator.key.as_str())];
                let answer = test.send(method, &format!("/smartico/api/{path}"), &headers, body).await;
                let answer = shown(&answer);
                let is_known = answer.starts_with("200 ")
                    || answer.starts_with("291 {") && !answer.contains(r#""errCode":1013"#);
                assert!(is_known, "{method} {path} {object}: {answer}");
            }
        }
    });
}
