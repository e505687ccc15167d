//! `POST` and `GET af2_payments_op`: payments in both modes, above what is payable, twice, with mistakes.

use app::config::{Config, Mail};
use app::program::Changes;
use domain::payout::Step;
use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::smtp::SmtpServer;

use crate::smartico_operator::{Operator, fields, shown};

const MONEY: [&str; 4] = ["balance", "payments", "not_processed_payment_amount", "last_payment_date"];

#[test]
fn a_payment_is_paid_at_once_and_lowers_the_balance() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "20").await;
        test.at("2026-06-01T13:17:08.637Z");
        let answer = operator.pay(ann, "5").await;
        assert_eq!(answer.status, 200);
        assert_snapshot!(answer.text().replace(',', ",\n"), @r#"
{"id":1,
"payment_id":1,
"amount":5,
"affiliate_id":2,
"payment_details":null,
"create_by":1,
"create_date":"2026-06-01T13:17:08.637Z",
"period_from":"2026-06-01T13:17:08.637Z",
"period_to":"2026-06-01T13:17:08.637Z",
"operator_comments":null,
"payment_date":"2026-06-01T13:17:08.637Z",
"payment_status_id":4,
"operator_currency":"EUR",
"affiliate_name":"ann",
"payment_method_id":0,
"payment_method_details":{},
"username":"ann",
"payment_status_name":"Paid",
"manager_id":null,
"payment_name":"ann - 5 EUR"}
"#);
        let row = operator.balance(ann).await;
        assert_snapshot!(fields(&row, &MONEY), @r#"balance 15, payments 5, not_processed_payment_amount 0, last_payment_date "2026-06-01T13:17:08.637Z""#);
        assert_eq!(operator.rows("af2_payments_op").await, [answer.json()]);
    });
}

#[test]
fn everything_that_a_payment_may_say_comes_back() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "20").await;
        let details = json!({ "payment_method_id": 1, "payment_method_details": { "bank_name": "Bank", "beneficary": "Ann" } });
        operator.call("PUT", &format!("af2_aff_op/{ann}"), Some(details)).await;
        let body = json!({
            "affiliate_id": ann, "amount": 0.000001, "send_mail_to_aff": false, "operator_comments": "for \"us\" – 1",
            "payment_details": "May\nand June", "period_from": 1669209428, "period_to": 1669209429, "unknown": [{}],
        });
        let row = operator.call("POST", "af2_payments_op", Some(body)).await.json();
        let names = [
            "amount",
            "period_from",
            "period_to",
            "operator_comments",
            "payment_details",
            "payment_name",
            "payment_method_id",
            "payment_method_details",
        ];
        assert_snapshot!(fields(&row, &names), @r#"amount 1e-6, period_from "2022-11-23T13:17:08.000Z", period_to "2022-11-23T13:17:09.000Z", operator_comments "for \"us\" – 1", payment_details "May\nand June", payment_name "ann - 0.000001 EUR", payment_method_id 1, payment_method_details {"bank_name":"Bank","beneficary":"Ann"}"#);
        assert_eq!(operator.balance(ann).await["balance"].to_string(), "19.999999");
    });
}

#[test]
fn amounts_as_doubles_print_them_are_rounded_to_the_nearest_micro() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        // 100.3 and -20.1, as a client works them out.
        for amount in ["100.30000000000001", "-2.0100000000000001e1"] {
            let body = format!(r#"{{"affiliate_id":{ann},"amount":{amount}}}"#);
            let answer = operator.post_bytes("af2_adjustments_op", &[], body.as_bytes()).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        assert_eq!(operator.balance(ann).await["balance"].to_string(), "80.2");
        let answer = operator.pay(ann, "80.19999999999999").await;
        assert_eq!((answer.status, answer.json()["amount"].to_string().as_str()), (200, "80.2"));
        assert_snapshot!(shown(&operator.pay(ann, "4.9e-7").await), @r#"291 {"errCode":1004,"message":"amount: 4.9e-7 rounds to 0; the smallest amount is 0.000001"}"#);
        let row = operator.balance(ann).await;
        assert_eq!(fields(&row, &["balance", "payments"]), "balance 0, payments 80.2");
    });
}

#[test]
fn in_three_steps_a_payment_is_pending_until_it_is_paid() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        operator.three_steps().await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "20").await;
        let names = ["payment_status_id", "payment_status_name", "payment_date"];
        let answer = operator.pay(ann, "5").await.json();
        let mut lines = vec![fields(&answer, &names), fields(&operator.balance(ann).await, &MONEY)];
        for (step, at) in [
            (Step::Approve, "2026-06-02T00:00:00Z"),
            (Step::Process, "2026-06-03T00:00:00Z"),
            (Step::Pay, "2026-06-04T00:00:00Z"),
            (Step::Return, "2026-06-05T00:00:00Z"),
        ] {
            test.at(at);
            operator.step(1, step).await;
            lines.push(fields(&operator.rows("af2_payments_op").await[0], &names));
            lines.push(fields(&operator.balance(ann).await, &MONEY));
        }
        operator.pay(ann, "6").await;
        operator.step(2, Step::Cancel).await;
        operator.pay(ann, "7").await;
        operator.step(3, Step::Approve).await;
        operator.step(3, Step::Fail).await;
        for row in operator.rows("af2_payments_op?range=[0,1]").await {
            lines.push(fields(&row, &names));
        }
        assert_snapshot!(lines.join("\n"), @r#"
payment_status_id 1, payment_status_name "Pending Approval", payment_date null
balance 20, payments 0, not_processed_payment_amount 5, last_payment_date null
payment_status_id 2, payment_status_name "Pending Payment", payment_date null
balance 20, payments 0, not_processed_payment_amount 5, last_payment_date null
payment_status_id 5, payment_status_name "Processing", payment_date null
balance 20, payments 0, not_processed_payment_amount 5, last_payment_date null
payment_status_id 4, payment_status_name "Paid", payment_date "2026-06-04T00:00:00.000Z"
balance 15, payments 5, not_processed_payment_amount 0, last_payment_date "2026-06-04T00:00:00.000Z"
payment_status_id 7, payment_status_name "Returned", payment_date "2026-06-04T00:00:00.000Z"
balance 20, payments 0, not_processed_payment_amount 0, last_payment_date "2026-06-04T00:00:00.000Z"
payment_status_id 6, payment_status_name "Failed", payment_date null
payment_status_id 3, payment_status_name "Cancelled", payment_date null
"#);
    });
}

#[test]
fn payments_are_listed_newest_first_and_filtered() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let (ann, bob) = (operator.affiliate("ann").await, operator.affiliate("bob").await);
        for amount in ["1", "2", "3"] {
            operator.pay(ann, amount).await;
        }
        operator.three_steps().await;
        operator.pay(bob, "4").await;
        let ids = async |query: &str| -> Vec<i64> {
            let rows = operator.rows(&format!("af2_payments_op?{query}")).await;
            rows.iter().map(|row| row["payment_id"].as_i64().expect("an id")).collect()
        };
        assert_eq!(ids("").await, [4, 3, 2, 1]);
        assert_eq!(ids("range=[1,2]").await, [3, 2]);
        assert_eq!(ids(&format!(r#"filter={{"affiliate_id":{ann}}}&range=[0,1]"#)).await, [3, 2]);
        assert_eq!(ids(&format!("affiliate_id={bob}")).await, [4]);
        assert_eq!(ids(r#"filter={"payment_status_id":4}"#).await, [3, 2, 1]);
        assert_eq!(ids(r#"filter={"payment_status_id":[1,3]}"#).await, [4]);
        assert_eq!(ids("payment_status_id=1").await, [4]);
        assert_eq!(ids(r#"filter={"payment_status_id":[]}"#).await, [4, 3, 2, 1]);
        assert!(ids("affiliate_id=99").await.is_empty());
        let answers = operator
            .answers(&[
                ("GET", "af2_payments_op?payment_status_id=8", ""),
                ("GET", r#"af2_payments_op?filter={"payment_status_id":"4"}"#, ""),
                ("GET", r#"af2_payments_op?filter={"payment_status_id":[4,true]}"#, ""),
                ("GET", "af2_payments_op?range=[2,1]", ""),
            ])
            .await;
        assert_snapshot!(answers, @r#"
GET af2_payments_op?payment_status_id=8
    291 {"errCode":1004,"message":"payment_status_id: 8 is no payment status; expected one of 1 Pending Approval, 2 Pending Payment, 3 Cancelled, 4 Paid, 5 Processing, 6 Failed, 7 Returned"}
GET af2_payments_op?filter={"payment_status_id":"4"}
    291 {"errCode":1004,"message":"filter.payment_status_id: \"4\" is neither an integer nor an array of them such as [1,2]"}
GET af2_payments_op?filter={"payment_status_id":[4,true]}
    291 {"errCode":1004,"message":"filter.payment_status_id: [4,true] is neither an integer nor an array of them such as [1,2]"}
GET af2_payments_op?range=[2,1]
    291 {"errCode":1004,"message":"range: \"[2,1]\" ends before it begins; expected two positions such as [0,999]"}
"#);
    });
}

/// A payment with an idempotency key.
async fn keyed(operator: &Operator, key: &str, body: &Value) -> String {
    let body = body.to_string().into_bytes();
    shown(&operator.post_bytes("af2_payments_op", &[("idempotency-key", key)], &body).await)
}

#[test]
fn the_same_key_gets_the_first_answer_byte_for_byte() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        operator.three_steps().await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "20").await;
        let details = json!({ "payment_method_id": 4, "payment_method_details": { "paypal_email": "ann@example.com" } });
        operator.call("PUT", &format!("af2_aff_op/{ann}"), Some(details)).await;
        let body = json!({ "affiliate_id": ann, "amount": 5, "period_to": 1893456000 });
        let first = keyed(&operator, "k1", &body).await;
        assert!(first.starts_with("200 "), "{first}");
        // Everything that the answer shows is something else by now.
        test.at("2026-07-01T00:00:00Z");
        operator.step(1, Step::Approve).await;
        operator.step(1, Step::Pay).await;
        let caller = test.operator(operator.program);
        let change = |row: &mut app::affiliate::AffiliateRow| {
            row.person.name = Some("Someone else".to_owned());
            row.slug = "someone-else".to_owned();
            Ok(())
        };
        app::affiliate::update(&test.app, &caller, ann, change).await.expect("a change");
        let details = json!({ "payment_method_details": { "paypal_email": "other@example.com" } });
        operator.call("PUT", &format!("af2_aff_op/{ann}"), Some(details)).await;
        operator.settings(Changes { refuse_identical_payment: Some(true), ..Changes::default() }).await;
        assert_eq!(keyed(&operator, "k1", &body).await, first);
        assert_eq!(keyed(&operator, " k1 ", &json!({ "period_to": 1893456000, "send_mail_to_aff": false, "amount": 5.0, "affiliate_id": ann })).await, first);
        let conflict = keyed(&operator, "k1", &json!({ "affiliate_id": ann, "amount": 6 })).await;
        assert_snapshot!(conflict, @r#"291 {"errCode":1006,"message":"the idempotency key \"k1\" was used for a request with other content"}"#);
        assert_eq!(operator.rows("af2_payments_op").await.len(), 1);
        // A refusal leaves its key free.
        let nobody = keyed(&operator, "k2", &json!({ "affiliate_id": 99, "amount": 5 })).await;
        assert_snapshot!(nobody, @r#"291 {"errCode":1005,"message":"there is no affiliate 99"}"#);
        assert!(
            keyed(&operator, "k2", &json!({ "affiliate_id": ann, "amount": 7 })).await.starts_with("200 ")
        );
    });
}

#[test]
fn what_is_above_the_payable_amount_is_an_advance_where_the_program_allows_it() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "20").await;
        assert_eq!(operator.pay(ann, "25").await.json()["payment_status_id"], 4);
        assert_snapshot!(fields(&operator.balance(ann).await, &MONEY[..2]), @"balance -5, payments 25");
        operator.settings(Changes { smartico_advance: Some(false), ..Changes::default() }).await;
        assert_snapshot!(shown(&operator.pay(ann, "1").await), @r#"291 {"errCode":1007,"message":"the payout of 1.00 EUR is above what is payable, 0.00 EUR"}"#);
        operator.adjust(ann, "8").await;
        assert_snapshot!(shown(&operator.pay(ann, "3.01").await), @r#"291 {"errCode":1007,"message":"the payout of 3.01 EUR is above what is payable, 3.00 EUR"}"#);
        assert_eq!(operator.pay(ann, "3").await.json()["payment_status_id"], 4);
        assert_snapshot!(fields(&operator.balance(ann).await, &MONEY[..2]), @"balance 0, payments 28");
        app::payout::match_advances(&test.app, operator.program, test.app.now()).await.expect("a match");
    });
}

#[test]
fn an_identical_payment_is_flagged_or_refused() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "100").await;
        test.at("2026-06-01T12:00:00Z");
        assert_eq!(operator.pay(ann, "5").await.json()["id"], 1);
        assert_eq!(operator.pay(ann, "5").await.json()["id"], 2, "one payment a call");
        let shown_to = async |key: &str, id: i64| {
            let payout = test.call("GET", &format!("/v1/payouts/{id}"), key, None).await.json();
            payout["repeats_payout_id"].clone()
        };
        assert_eq!(shown_to(&operator.key, 1).await, Value::Null);
        assert_eq!(shown_to(&operator.key, 2).await, 1);
        let key = test.affiliate_key(operator.program, ann).await;
        assert_eq!(shown_to(&key, 2).await, Value::Null);
        operator.settings(Changes { refuse_identical_payment: Some(true), ..Changes::default() }).await;
        assert_snapshot!(shown(&operator.pay(ann, "5").await), @r#"291 {"errCode":1008,"message":"payout 2 is identical and less than ten minutes old; send an Idempotency-Key header to pay again"}"#);
        assert_eq!(operator.pay(ann, "5.01").await.status, 200, "another amount is another payment");
        let body = json!({ "affiliate_id": ann, "amount": 5 });
        assert!(keyed(&operator, "again", &body).await.starts_with("200 "), "a key says that it is meant");
        test.at("2026-06-01T12:10:00.001Z");
        assert_eq!(operator.pay(ann, "5").await.status, 200, "ten minutes later it is another month's");
    });
}

#[test]
fn a_wrong_payment_is_refused_by_name_and_changes_nothing() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "20").await;
        let with = |field: &str| format!(r#"{{"affiliate_id":{ann},"amount":1,{field}}}"#);
        let amount = |amount: &str| format!(r#"{{"affiliate_id":{ann},"amount":{amount}}}"#);
        let mut bodies =
            vec![String::new(), "{".into(), "[2,5]".into(), "5".into(), "null".into(), "{} {}".into()];
        bodies.extend(
            [r#"{"amount":1}"#, r#"{"affiliate_id":"2","amount":1}"#, r#"{"affiliate_id":99,"amount":1}"#]
                .map(str::to_owned),
        );
        bodies.extend(
            [
                "0",
                "-1",
                "1000000000000.000001",
                "1e400",
                "0.0000001",
                r#""5""#,
                "null",
                "true",
                "1,\"amount\":2",
            ]
            .map(amount),
        );
        bodies.extend(
            [
                r#""send_mail_to_aff":"yes""#,
                r#""operator_comments":5"#,
                r#""payment_details":"a\u0000b""#,
                r#""period_from":1669209429,"period_to":1669209428"#,
                r#""period_from":4102444800"#,
                r#""period_from":"2022-11-23""#,
                r#""period_to":1669209428637"#,
                r#""period_to":-1"#,
                r#""period_to":1.5"#,
            ]
            .map(with),
        );
        let requests: Vec<(&str, &str, &str)> =
            bodies.iter().map(|body| ("POST", "af2_payments_op", body.as_str())).collect();
        assert_snapshot!(operator.answers(&requests).await, @r#"
POST af2_payments_op
    291 {"errCode":1004,"message":"missing field `affiliate_id`"}
POST af2_payments_op {
    291 {"errCode":1003,"message":"the body is not valid JSON: EOF while parsing an object at line 1 column 1"}
POST af2_payments_op [2,5]
    291 {"errCode":1003,"message":"the body is not a JSON object such as {\"affiliate_id\":35427}"}
POST af2_payments_op 5
    291 {"errCode":1003,"message":"the body is not a JSON object such as {\"affiliate_id\":35427}"}
POST af2_payments_op null
    291 {"errCode":1003,"message":"the body is not a JSON object such as {\"affiliate_id\":35427}"}
POST af2_payments_op {} {}
    291 {"errCode":1004,"message":"missing field `affiliate_id`"}
POST af2_payments_op {"amount":1}
    291 {"errCode":1004,"message":"missing field `affiliate_id`"}
POST af2_payments_op {"affiliate_id":"2","amount":1}
    291 {"errCode":1004,"message":"affiliate_id: invalid type: string \"2\", expected an integer"}
POST af2_payments_op {"affiliate_id":99,"amount":1}
    291 {"errCode":1005,"message":"there is no affiliate 99"}
POST af2_payments_op {"affiliate_id":2,"amount":0}
    291 {"errCode":1004,"message":"amount: 0 is not an amount above 0 and at most 1000000000000"}
POST af2_payments_op {"affiliate_id":2,"amount":-1}
    291 {"errCode":1004,"message":"amount: -1 is not an amount above 0 and at most 1000000000000"}
POST af2_payments_op {"affiliate_id":2,"amount":1000000000000.000001}
    291 {"errCode":1004,"message":"amount: the amount 1000000000000.000001 is above the limit of 1000000000000 units"}
POST af2_payments_op {"affiliate_id":2,"amount":1e400}
    291 {"errCode":1004,"message":"amount: the amount 1e400 is above the limit of 1000000000000 units"}
POST af2_payments_op {"affiliate_id":2,"amount":0.0000001}
    291 {"errCode":1004,"message":"amount: 0.0000001 rounds to 0; the smallest amount is 0.000001"}
POST af2_payments_op {"affiliate_id":2,"amount":"5"}
    291 {"errCode":1004,"message":"amount: \"5\" is not a number; expected one such as 12.5"}
POST af2_payments_op {"affiliate_id":2,"amount":null}
    291 {"errCode":1004,"message":"amount: null is not a number; expected one such as 12.5"}
POST af2_payments_op {"affiliate_id":2,"amount":true}
    291 {"errCode":1004,"message":"amount: true is not a number; expected one such as 12.5"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"amount":2}
    291 {"errCode":1004,"message":"duplicate field `amount`"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"send_mail_to_aff":"yes"}
    291 {"errCode":1004,"message":"send_mail_to_aff: invalid type: string \"yes\", expected a boolean"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"operator_comments":5}
    291 {"errCode":1004,"message":"operator_comments: invalid type: integer `5`, expected a string"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"payment_details":"a\u0000b"}
    291 {"errCode":1004,"message":"payment_details: it contains the control character U+0000"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"period_from":1669209429,"period_to":1669209428}
    291 {"errCode":1004,"message":"period_from: 2022-11-23T13:17:09.000Z is after the end of the period, 2022-11-23T13:17:08.000Z"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"period_from":4102444800}
    291 {"errCode":1004,"message":"period_from: 2100-01-01T00:00:00.000Z is after the end of the period, 2026-06-01T12:00:00.000Z"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"period_from":"2022-11-23"}
    291 {"errCode":1004,"message":"period_from: invalid type: string \"2022-11-23\", expected an integer"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"period_to":1669209428637}
    291 {"errCode":1004,"message":"period_to: 1669209428637 is not a time in UNIX seconds such as 1669209428, of 1970 to 2199"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"period_to":-1}
    291 {"errCode":1004,"message":"period_to: -1 is not a time in UNIX seconds such as 1669209428, of 1970 to 2199"}
POST af2_payments_op {"affiliate_id":2,"amount":1,"period_to":1.5}
    291 {"errCode":1004,"message":"period_to: invalid type: floating point `1.5`, expected an integer"}
"#);
        let requests = [
            (vec![], b"{\"affiliate_id\":2,\"amount\":1,\"payment_details\":\"\xff\"}".to_vec()),
            (vec![], [b"{\"x\":\"".as_slice(), &vec![b'x'; 1 << 20], b"\"}"].concat()),
            (vec![], with(&format!(r#""payment_details":"{}""#, "x".repeat(4001))).into_bytes()),
            (vec![], vec![b'['; 100_000]),
            (vec![("idempotency-key", "")], amount("1").into_bytes()),
            (vec![("idempotency-key", "a"), ("idempotency-key", "b")], amount("1").into_bytes()),
        ];
        let mut lines = Vec::new();
        for (headers, body) in requests {
            lines.push(shown(&operator.post_bytes("af2_payments_op", &headers, &body).await));
        }
        assert_snapshot!(lines.join("\n"), @r#"
291 {"errCode":1003,"message":"the body is not valid JSON: invalid unicode code point at line 1 column 49"}
291 {"errCode":1003,"message":"the body is larger than 1048576 bytes"}
291 {"errCode":1004,"message":"payment_details: it has 4001 characters; at most 4000 are allowed"}
291 {"errCode":1003,"message":"the body is not a JSON object such as {\"affiliate_id\":35427}"}
291 {"errCode":1004,"message":"header: Idempotency-Key: it is empty"}
291 {"errCode":1004,"message":"header: Idempotency-Key: given more than once"}
"#);
        assert_snapshot!(fields(&operator.balance(ann).await, &MONEY), @"balance 20, payments 0, not_processed_payment_amount 0, last_payment_date null");
    });
}

#[test]
fn the_affiliate_is_told_by_mail_when_it_was_asked_for() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(SmtpServer::start());
    let mail = Mail { url: server.url(), from: "partners@acme.example".to_owned() };
    let config = Config { mail: Some(mail), ..testkit::config() };
    testkit::run_with(config, async |test| {
        let before = server.messages().len();
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        operator.adjust(ann, "20").await;
        let body = json!({ "affiliate_id": ann, "amount": 5, "send_mail_to_aff": true, "payment_details": "for May" });
        keyed(&operator, "k1", &body).await;
        keyed(&operator, "k1", &body).await;
        operator.pay(ann, "6").await;
        app::jobs::run_once(&test.app, test.app.now()).await.expect("a run");
        let messages = server.messages().split_off(before);
        let [message] = messages.as_slice() else { panic!("one mail, not {messages:?}") };
        assert_eq!(message.to, ["ann@example.com"]);
        assert!(message.body.contains("5.00 EUR") && message.body.contains("for May"), "{}", message.body);
    });
}

#[test]
fn a_period_that_only_ends_begins_by_then() {
    testkit::run(async |test| {
        let operator = Operator::new(&test, 0).await;
        let ann = operator.affiliate("ann").await;
        let past = json!({ "affiliate_id": ann, "amount": 1, "period_to": 1_669_209_428 });
        let first = keyed(&operator, "k1", &past).await;
        assert!(
            first.contains(
                r#""period_from":"2022-11-23T13:17:08.000Z","period_to":"2022-11-23T13:17:08.000Z""#
            ),
            "{first}"
        );
        // What was paid up to a future end is repeated as it was once that has passed.
        let soon = json!({ "affiliate_id": ann, "amount": 2, "period_to": 1_780_318_800 });
        let second = keyed(&operator, "k2", &soon).await;
        test.at("2026-06-03T00:00:00Z");
        assert_eq!(keyed(&operator, "k2", &soon).await, second);
        assert_eq!(keyed(&operator, "k1", &past).await, first);
    });
}
