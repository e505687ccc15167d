//! What every call of the Reditus surface has in common: keys, bodies, paths, tenants, and that no input breaks it.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::reditus_company::{Company, shown};

/// Every call that records something.
pub(crate) const WRITES: [&str; 5] = [
    "/v1/payments",
    "/v1/refunds",
    "/v1/tracking/conversion",
    "/v2/tracking/conversion",
    "/v1/referrals/churn",
];

/// Every call that reads.
const READS: [&str; 6] = [
    "/v1/referrals",
    "/v1/partners",
    "/v1/partnerships",
    "/v1/affiliate/referrals",
    "/v1/affiliate/commissions",
    "/v1/referrals/6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2",
];

#[test]
fn a_key_is_asked_for() {
    testkit::run(async |t| {
        for (method, path) in
            WRITES.iter().map(|path| ("POST", path)).chain(READS.iter().map(|path| ("GET", path)))
        {
            let path = format!("/reditus/api{path}");
            let none = t.send(method, &path, &[], None).await;
            insta::assert_snapshot!(shown(&none), @r#"401 {"error":"the header Authorization is missing or empty; expected: Bearer KEY"}"#);
            assert_eq!(none.headers["www-authenticate"], "Bearer");
            let unknown = t.call(method, &path, "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2-1", None).await;
            insta::assert_snapshot!(shown(&unknown), @r#"401 {"error":"the key in the header Authorization is unknown or revoked"}"#);
        }
    });
}

#[test]
fn a_key_may_come_without_its_scheme() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let headers = [("authorization", company.key.as_str())];
        assert_eq!(t.send("GET", "/reditus/api/v1/referrals", &headers, None).await.status, 200);
    });
}

#[test]
fn bodies_are_json_objects() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let mut answers = Vec::new();
        let deep = format!("{{\"amount\":{}", "[".repeat(100_000));
        let cases: [(&str, &[u8]); 12] = [
            ("empty", b""),
            ("blank", b" \n"),
            ("broken off", b"{\"amount\":"),
            ("no JSON", b"amount=1"),
            ("more than one", b"{} {}"),
            ("an array", b"[\"u1\",null,null,100,\"eur\",\"in_1\"]"),
            ("a text", b"\"u1\""),
            ("invalid UTF-8", b"{\"referral_uid\":\"\xff\"}"),
            ("half a pair", b"{\"referral_uid\":\"\\ud800\"}"),
            ("twice", b"{\"amount\":1,\"amount\":2}"),
            ("out of range", b"{\"amount\":1e999}"),
            ("deep", deep.as_bytes()),
        ];
        for (name, body) in cases {
            answers.push(format!("{name}: {}", shown(&company.post_bytes("/v1/payments", body).await)));
        }
        insta::assert_snapshot!(answers.join("\n"), @r#"
empty: 400 {"error":"amount: it is required and was not sent"}
blank: 400 {"error":"amount: it is required and was not sent"}
broken off: 400 {"error":"the body is not valid JSON: EOF while parsing a value at line 1 column 10"}
no JSON: 400 {"error":"the body is not valid JSON: expected value at line 1 column 1"}
more than one: 400 {"error":"the body is not valid JSON: trailing characters at line 1 column 4"}
an array: 400 {"error":"the body is JSON, but not an object such as {\"amount\": 1050}"}
a text: 400 {"error":"the body is JSON, but not an object such as {\"amount\": 1050}"}
invalid UTF-8: 400 {"error":"the body is not valid JSON: invalid unicode code point at line 1 column 18"}
half a pair: 400 {"error":"the body is not valid JSON: unexpected end of hex escape at line 1 column 24"}
twice: 400 {"error":"duplicate field `amount`"}
out of range: 400 {"error":"the body is not valid JSON: number out of range at line 1 column 15"}
deep: 400 {"error":"amount: invalid type: sequence, expected an integer"}
"#);
        for path in WRITES {
            let large = company.post_bytes(path, &vec![b' '; (1 << 20) + 1]).await;
            insta::assert_snapshot!(shown(&large), @r#"413 {"error":"the body is larger than 1048576 bytes"}"#);
            assert_eq!(company.post_bytes(path, &vec![b' '; 1 << 20]).await.status, 400, "{path}");
        }
        company.holds_nothing().await;
    });
}

#[test]
fn other_content_types_are_refused() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let bearer = format!("Bearer {}", company.key);
        let send = async |content_type: &str| {
            let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
            t.send("POST", "/reditus/api/v1/refunds", &headers, Some(b"{\"payment_id\":\"in_1\"}".to_vec()))
                .await
        };
        insta::assert_snapshot!(shown(&send("application/x-www-form-urlencoded").await), @r#"415 {"error":"Content-Type: \"application/x-www-form-urlencoded\" is not understood; expected application/json"}"#);
        for content_type in
            ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"]
        {
            assert_eq!(send(content_type).await.status, 404, "{content_type}");
        }
    });
}

#[test]
fn a_wrong_header_is_named() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let bearer = format!("Bearer {}", company.key);
        for key in ["", "k\u{e9}", &"k".repeat(256)] {
            let headers = [("authorization", bearer.as_str()), ("idempotency-key", key)];
            let answer = t.send("POST", "/reditus/api/v1/refunds", &headers, Some(b"{}".to_vec())).await;
            assert_eq!(answer.status, 400, "{key}");
            assert!(answer.text().contains("Idempotency-Key"), "{}", answer.text());
        }
    });
}

#[test]
fn unknown_paths_and_methods_answer_in_the_dialect() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        insta::assert_snapshot!(shown(&company.get("/v1/nothing").await), @r#"404 {"error":"there is nothing at /v1/nothing"}"#);
        insta::assert_snapshot!(shown(&company.get("/v1/payments").await), @r#"405 {"error":"/v1/payments does not answer GET"}"#);
        insta::assert_snapshot!(shown(&company.post("/v1/partners", json!({})).await), @r#"405 {"error":"/v1/partners does not answer POST"}"#);
    });
}

#[test]
fn tenants_do_not_meet() {
    testkit::run(async |t| {
        let ours = Company::new(&t).await;
        let theirs = Company::new(&t).await;
        let id = ours.refer("ann@example.com", Some("u1")).await;
        let pay = async |company: &Company, customer: Value| {
            let mut body = json!({ "amount": 10_000, "currency": "eur", "idempotency_key": "in_1" });
            for (field, value) in customer.as_object().expect("an object") {
                body[field] = value.clone();
            }
            company.post("/v1/payments", body).await.status
        };
        for customer in [
            json!({ "referral_id": id }),
            json!({ "referral_uid": "u1" }),
            json!({ "referral_email": "ann@example.com" }),
        ] {
            assert_eq!(pay(&theirs, customer.clone()).await, 404, "{customer}");
            assert_eq!(theirs.post("/v1/referrals/churn", customer).await.status, 404);
        }
        assert_eq!(pay(&ours, json!({ "referral_uid": "u1" })).await, 202);
        assert_eq!(theirs.post("/v1/refunds", json!({ "payment_id": "in_1" })).await.status, 404);
        assert_eq!(theirs.get(&format!("/v1/referrals/{id}")).await.status, 404);
        assert_eq!(theirs.get("/v1/referrals").await.json()["data"], json!([]));
        theirs.holds_nothing().await;
        // The same names are other people and other money there.
        theirs.refer("ann@example.com", Some("u1")).await;
        assert_eq!(pay(&theirs, json!({ "referral_uid": "u1" })).await, 202);
        assert_eq!((ours.balance().await, theirs.balance().await), (20_000_000, 20_000_000));
    });
}

#[test]
fn a_full_queue_asks_to_come_back() {
    let full = app::config::Config { queue_limit: 0, ..testkit::config() };
    testkit::run_with(full, async |t| {
        let company = Company::new(&t).await;
        let bodies = [
            (
                "/v1/payments",
                json!({ "referral_uid": "u1", "amount": 1, "currency": "eur", "idempotency_key": "k" }),
            ),
            ("/v1/refunds", json!({ "payment_id": "in_1" })),
            ("/v2/tracking/conversion", json!({ "affiliate_slug": "john", "uid": "u1" })),
            ("/v1/referrals/churn", json!({ "referral_uid": "u1" })),
        ];
        for (path, body) in bodies {
            let answer = company.post(path, body).await;
            insta::assert_snapshot!(shown(&answer), @r#"503 {"error":"the service is busy; try again in a moment"}"#);
            assert_eq!(answer.headers["retry-after"], "1");
        }
    });
}

/// JSON that is nearly right: known fields with values of every sort.
fn bodies() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (1_i64..100_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "u1",
            "ann@example.com",
            "eur",
            "JPY",
            "john",
            "month",
            "in_1",
            "",
            " ",
            "\u{0}",
            "::::::john::::",
            "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2",
        ])
        .prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{0,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    });
    let field = prop::sample::select(vec![
        "amount",
        "currency",
        "idempotency_key",
        "referral_uid",
        "referral_email",
        "referral_id",
        "subscription_id",
        "interval",
        "interval_count",
        "payment_id",
        "affiliate_slug",
        "email",
        "uid",
        "gr_id",
        "pk",
        "other",
    ]);
    // Half of the bodies start as a right one, so that what lies behind the parser is reached too.
    let right = json!({
        "amount": 100, "currency": "eur", "idempotency_key": "in_1", "referral_uid": "u1", "payment_id": "in_1",
        "affiliate_slug": "john", "email": "ann@example.com", "pk": "x",
    });
    let changes = prop::collection::vec((field, value.clone()), 0..4);
    let changed = (any::<bool>(), changes).prop_map(move |(from_right, changes)| {
        let mut body = if from_right { right.clone() } else { json!({}) };
        for (field, value) in changes {
            body[field] = value;
        }
        body
    });
    prop_oneof![9 => changed, 1 => value]
}

fn runner() -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]);
    TestRunner::new_with_rng(Config::default(), rng)
}

/// Every answer is below 500, and every refusal is `{"error": "<text>"}`.
fn check(answer: &testkit::Answer, input: &str) {
    assert!(answer.status < 500, "{input}\n{}", shown(answer));
    if answer.status >= 400 {
        let text = answer.json()["error"].as_str().map(str::to_owned).unwrap_or_default();
        assert!(!text.is_empty(), "{input}\n{}", shown(answer));
    }
}

#[test]
fn no_body_breaks_a_call() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let mut runner = runner();
        let (bodies, cut, bytes) = (bodies(), any::<prop::sample::Index>(), any::<Vec<u8>>());
        for case in 0..300 {
            let body = bodies.new_tree(&mut runner).expect("a value").current().to_string().into_bytes();
            let body = match case % 10 {
                8 => body[..cut.new_tree(&mut runner).expect("a place").current().index(body.len() + 1)]
                    .to_vec(),
                9 => bytes.new_tree(&mut runner).expect("bytes").current(),
                _ => body,
            };
            for path in WRITES {
                let answer = company.post_bytes(path, &body).await;
                check(&answer, &format!("{path} {}", String::from_utf8_lossy(&body)));
            }
        }
    });
}

#[test]
fn no_query_breaks_a_call() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let key = t.affiliate_key(company.program, company.john).await;
        company.refer("ann@example.com", Some("u1")).await;
        let name = prop::sample::select(vec![
            "state_eq",
            "email_eq",
            "name_eq",
            "paypal_email_eq",
            "sub_id_eq",
            "created_at_lt",
            "created_at_gt",
            "state_set_at_lt",
            "state_set_at_gt",
            "page",
            "per_page",
            "%00",
            "",
        ]);
        let value = prop_oneof![
            "[-+%0-9a-zA-Z:._~@]{0,24}",
            "(%[0-9a-f]{2}){0,8}",
            "[0-9]{1,25}",
            "-?[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}(T|%20)[0-9]{2}:[0-9]{2}:[0-9]{2}(%20)?(Z|[+-][0-9]{4})?",
        ];
        let query = prop::collection::vec((name, value), 0..4);
        let mut runner = runner();
        for _ in 0..300 {
            let pairs = query.new_tree(&mut runner).expect("a query").current();
            let pairs: Vec<String> =
                pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            for path in READS {
                let path = format!("/reditus/api{path}?{}", pairs.join("&"));
                let key = if path.contains("/affiliate/") { &key } else { &company.key };
                check(&t.call("GET", &path, key, None).await, &path);
            }
        }
    });
}
