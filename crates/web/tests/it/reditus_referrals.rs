//! `POST /v1/referrals/churn`, `GET /v1/referrals` and `GET /v1/referrals/{id}`.

use serde_json::{Value, json};

use crate::reditus_company::{Company, shown};

const CHURN: &str = "/v1/referrals/churn";

async fn pay(company: &Company, uid: &str, key: &str) {
    let body = json!({ "referral_uid": uid, "amount": 100, "currency": "eur", "idempotency_key": key });
    assert_eq!(company.post("/v1/payments", body).await.status, 202);
}

#[test]
fn a_referral_churns_and_comes_back() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let id = company.refer("ann@example.com", Some("u1")).await;
        t.at("2026-06-02T00:00:00Z");
        pay(&company, "u1", "in_1").await;
        t.at("2026-06-03T00:00:00Z");
        let churned = company.post(CHURN, json!({ "referral_email": "ANN@example.com" })).await;
        insta::assert_snapshot!(shown(&churned), @r#"200 {"data":{"id":"UUID","type":"referral","attributes":{"email":"ann@example.com","uid":"u1","state":"churned","state_set_at":1780444800,"created_at":1780315200,"updated_at":1780444800}}}"#);
        assert_eq!(company.get(&format!("/v1/referrals/{id}")).await.bytes, churned.bytes);
        t.at("2026-06-04T00:00:00Z");
        pay(&company, "u1", "in_2").await;
        insta::assert_snapshot!(shown(&company.get(&format!("/v1/referrals/{id}")).await), @r#"200 {"data":{"id":"UUID","type":"referral","attributes":{"email":"ann@example.com","uid":"u1","state":"paid","state_set_at":1780531200,"created_at":1780315200,"updated_at":1780531200}}}"#);
        assert_eq!(company.balance().await, 400_000, "churn takes nothing back");
    });
}

#[test]
fn a_churn_repeated_under_its_header_gets_the_first_answer() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        company.refer("ann@example.com", Some("u1")).await;
        let bearer = format!("Bearer {}", company.key);
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k1")];
        let churn = async || {
            let body = json!({ "referral_uid": "u1" }).to_string().into_bytes();
            t.send("POST", "/reditus/api/v1/referrals/churn", &headers, Some(body)).await
        };
        let first = churn().await;
        assert_eq!(first.status, 200);
        t.at("2026-06-04T00:00:00Z");
        pay(&company, "u1", "in_1").await;
        let again = churn().await;
        assert_eq!((again.status, again.bytes), (200, first.bytes));
    });
}

#[test]
fn a_churn_names_whom_in_the_order_of_payments() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let by_uid = company.refer("uid@example.com", Some("u1")).await;
        let by_id = company.refer("id@example.com", None).await;
        let by_email = company.refer("email@example.com", None).await;
        let cases = [
            (json!({ "referral_uid": "u1", "referral_id": by_id }), &by_uid),
            (
                json!({ "referral_uid": "u9", "referral_id": by_id, "referral_email": "email@example.com" }),
                &by_id,
            ),
            (json!({ "referral_id": "no id", "referral_email": "email@example.com" }), &by_email),
        ];
        for (body, expected) in cases {
            let answer = company.post(CHURN, body).await;
            assert_eq!((answer.status, &answer.json()["data"]["id"]), (200, &json!(expected)));
        }
        let bodies = [
            json!({}),
            json!({ "referral_uid": "u9" }),
            json!({ "referral_id": "no id" }),
            json!({ "referral_uid": true }),
            json!({ "referral_email": "a\u{0}@b.c" }),
        ];
        insta::assert_snapshot!(company.answers(CHURN, &bodies).await, @r#"
{}
    400 {"error":"referral_uid: expected at least one of referral_uid, referral_id and referral_email"}
{"referral_uid":"u9"}
    404 {"error":"no referral matches uid \"u9\""}
{"referral_id":"no id"}
    404 {"error":"no referral matches id \"no id\""}
{"referral_uid":true}
    400 {"error":"referral_uid: invalid type: boolean `true`, expected a string"}
{"referral_email":"a\u0000@b.c"}
    400 {"error":"referral_email: it contains the control character U+0000"}
"#);
    });
}

#[test]
fn a_list_is_narrowed_and_paged() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        for day in 1..=3 {
            t.at(&format!("2026-06-0{day}T00:00:00Z"));
            company.refer(&format!("c{day}@example.com"), Some(&format!("u{day}"))).await;
        }
        t.at("2026-06-05T00:00:00Z");
        pay(&company, "u1", "in_1").await;
        assert_eq!(company.post(CHURN, json!({ "referral_uid": "u2" })).await.status, 200);
        let found = async |query: &str| {
            let answer = company.get(&format!("/v1/referrals?{query}")).await;
            assert_eq!(answer.status, 200, "{query} {}", answer.text());
            let json = answer.json();
            let rows = json["data"].as_array().expect("a list").iter();
            let uids: Vec<String> =
                rows.map(|row| row["attributes"]["uid"].as_str().expect("a uid").to_owned()).collect();
            format!("{} next {}", uids.join(" "), json["meta"]["next_page"])
        };
        for (query, expected) in [
            ("", "u1 u2 u3 next null"),
            ("state_eq=converted", "u3 next null"),
            ("state_eq=paid", "u1 next null"),
            ("state_eq=churned", "u2 next null"),
            ("state_eq=clicked", " next null"),
            ("state_eq=rejected", " next null"),
            ("email_eq=C2%40Example.com", "u2 next null"),
            ("created_at_lt=2026-06-02%2002:00:00%20+0200", "u1 next null"),
            ("created_at_gt=2026-06-02%2002:00:00%20%2B0200", "u3 next null"),
            ("created_at_gt=2026-06-01T12:00:00Z&created_at_lt=2026-06-02T12:00:00Z", "u2 next null"),
            ("state_set_at_gt=2026-06-04", "u1 u2 next null"),
            ("state_set_at_lt=2026-06-04", "u3 next null"),
            ("per_page=2", "u1 u2 next 2"),
            ("per_page=2&page=2", "u3 next null"),
            ("per_page=2&page=4294967295", " next null"),
            ("per_page=1000&page=1", "u1 u2 u3 next null"),
            ("unknown=1&page=", "u1 u2 u3 next null"),
        ] {
            assert_eq!(found(query).await, expected, "{query}");
        }
        let clamped = company.get("/v1/referrals?per_page=1000").await.json();
        assert_eq!(clamped["meta"], json!({ "page": 1, "per_page": 50, "next_page": null }));
        let mut answers = Vec::new();
        for query in [
            "state_eq=lost",
            "email_eq=nobody",
            "email_eq=%00@b.c",
            "created_at_lt=yesterday",
            "page=0",
            "page=-1",
            "per_page=ten",
            "page=4294967296",
            "page=1&page=2",
        ] {
            answers.push(format!(
                "{query}\n    {}",
                shown(&company.get(&format!("/v1/referrals?{query}")).await)
            ));
        }
        insta::assert_snapshot!(answers.join("\n"), @r#"
state_eq=lost
    400 {"error":"state_eq: \"lost\" is not one of clicked, converted, paid, churned, rejected, expired"}
email_eq=nobody
    400 {"error":"email_eq: \"nobody\" is not an e-mail address"}
email_eq=%00@b.c
    400 {"error":"email_eq: it contains the control character U+0000"}
created_at_lt=yesterday
    400 {"error":"created_at_lt: \"yesterday\" is not a date such as 2022-12-24 12:47:45 +0200 or 2022-12-24T12:47:45Z"}
page=0
    400 {"error":"page: \"0\" is not a whole number from 1"}
page=-1
    400 {"error":"page: \"-1\" is not a whole number from 1"}
per_page=ten
    400 {"error":"per_page: \"ten\" is not a whole number from 1"}
page=4294967296
    400 {"error":"page: \"4294967296\" is not a whole number from 1"}
page=1&page=2
    400 {"error":"page: it was sent more than once"}
"#);
    });
}

#[test]
fn a_referral_that_is_not_there_is_not_found() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        for id in ["6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2", "7", "%00", "%ff", "x%20y"] {
            let answer = company.get(&format!("/v1/referrals/{id}")).await;
            assert_eq!(answer.status, 404, "{id} {}", answer.text());
            assert!(matches!(answer.json()["error"], Value::String(_)), "{id}");
        }
    });
}

#[test]
fn a_referral_expires_without_a_fact() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let days =
            app::program::Changes { referral_expires_after_days: Some(Some(30)), ..Default::default() };
        app::program::update(&t.app, &t.operator(company.program), days).await.expect("a setting");
        let id = company.refer("ann@example.com", Some("u1")).await;
        t.at("2026-08-01T00:00:00Z");
        let shown = company.get(&format!("/v1/referrals/{id}")).await.json();
        assert_eq!(shown["data"]["attributes"]["state"], "expired");
        for query in
            ["state_eq=expired", "state_eq=expired&state_set_at_gt=2026-06-30", "state_set_at_lt=2026-07-02"]
        {
            let expired = company.get(&format!("/v1/referrals?{query}")).await.json();
            assert_eq!(expired["data"][0]["id"], json!(id), "{query}");
        }
        assert_eq!(company.get("/v1/referrals?state_set_at_lt=2026-06-30").await.json()["data"], json!([]));
    });
}
