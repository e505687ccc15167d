//! What an affiliate's own key sees: `GET /v1/affiliate/referrals` and `GET /v1/affiliate/commissions`.

use app::payout::{NewPayout, Rail};
use serde_json::json;
use testkit::Answer;

use crate::reditus_company::{Company, shown};

async fn get(company: &Company, key: &str, path: &str) -> Answer {
    company.test.call("GET", &format!("/reditus/api{path}"), key, None).await
}

#[test]
fn an_affiliate_sees_its_own_referrals_without_persons() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let jane = t.affiliate(company.program, "jane").await;
        let key = t.affiliate_key(company.program, company.john).await;
        let janes = t.affiliate_key(company.program, jane).await;
        company.refer("ann@example.com", Some("u1")).await;
        let answer = get(&company, &key, "/v1/affiliate/referrals").await;
        insta::assert_snapshot!(shown(&answer), @r#"200 {"data":[{"id":"UUID","type":"referral","attributes":{"state":"converted","state_set_at":1780315200,"created_at":1780315200,"updated_at":1780315200}}],"meta":{"page":1,"per_page":25,"next_page":null}}"#);
        assert_eq!(get(&company, &janes, "/v1/affiliate/referrals").await.json()["data"], json!([]));
        for query in ["state_eq=clicked", "state_eq=paid", "created_at_gt=2026-07-01"] {
            let answer = get(&company, &key, &format!("/v1/affiliate/referrals?{query}")).await;
            assert_eq!((answer.status, &answer.json()["data"]), (200, &json!([])), "{query}");
        }
        assert_eq!(get(&company, &key, "/v1/affiliate/referrals?state_eq=lost").await.status, 400);
        let by_sub_id = get(&company, &key, "/v1/affiliate/referrals?sub_id_eq=x").await;
        insta::assert_snapshot!(shown(&by_sub_id), @r#"400 {"error":"sub_id_eq: it is kept with clicks alone; state_eq=clicked lists the clicks that carried one"}"#);
    });
}

#[test]
fn commissions_are_pending_until_paid_and_rejected_by_a_refund() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let key = t.affiliate_key(company.program, company.john).await;
        company.refer("ann@example.com", Some("u1")).await;
        for day in 1..=3 {
            t.at(&format!("2026-06-0{day}T00:00:00Z"));
            let body = json!({ "referral_uid": "u1", "amount": 10_000 * day, "currency": "eur",
                "idempotency_key": format!("in_{day}") });
            assert_eq!(company.post("/v1/payments", body).await.status, 202);
        }
        t.at("2026-06-08T00:00:00Z");
        // The oldest lines are settled first: all of the first commission and half of the second.
        let payout = NewPayout {
            rail: Rail::Native,
            affiliate: company.john,
            amount_micros: Some(40_000_000),
            period: (None, None),
            operator_comments: None,
            payment_details: None,
            send_mail: false,
        };
        app::payout::create(&t.app, &t.operator(company.program), None, payout).await.expect("a payout");
        t.at("2026-06-10T00:00:00Z");
        assert_eq!(company.post("/v1/refunds", json!({ "payment_id": "in_3" })).await.status, 200);
        let rows = async |query: &str| {
            let answer = get(&company, &key, &format!("/v1/affiliate/commissions?{query}")).await;
            assert_eq!(answer.status, 200, "{query} {}", answer.text());
            let rows = answer.json()["data"].as_array().expect("a list").clone();
            let row = |row: &serde_json::Value| {
                let attributes = &row["attributes"];
                format!("{} {}", attributes["state"].as_str().expect("a state"), attributes["amount"])
            };
            rows.iter().map(row).collect::<Vec<_>>().join(", ")
        };
        for (query, expected) in [
            ("", "rejected 0, pending 4000, paid 2000"),
            ("state_eq=pending", "pending 4000"),
            ("state_eq=paid", "paid 2000"),
            ("state_eq=rejected", "rejected 0"),
            ("created_at_lt=2026-06-02", "paid 2000"),
            ("created_at_gt=2026-06-02", "rejected 0"),
            ("state_set_at_gt=2026-06-09", "rejected 0"),
            ("state_set_at_gt=2026-06-05", "rejected 0, paid 2000"),
            ("state_set_at_lt=2026-06-05&state_eq=pending", "pending 4000"),
            ("per_page=1&page=2", "pending 4000"),
        ] {
            assert_eq!(rows(query).await, expected, "{query}");
        }
        insta::assert_snapshot!(shown(&get(&company, &key, "/v1/affiliate/commissions?state_eq=paid").await), @r#"200 {"data":[{"id":"UUID","type":"commission","attributes":{"amount":2000,"currency":"eur","state":"paid","referral_id":"UUID","state_set_at":1780876800,"created_at":1780272000}}],"meta":{"page":1,"per_page":25,"next_page":null}}"#);
        insta::assert_snapshot!(shown(&get(&company, &key, "/v1/affiliate/commissions?state_eq=due").await), @r#"400 {"error":"state_eq: \"due\" is not one of pending, paid, rejected"}"#);
    });
}

#[test]
fn keys_of_the_wrong_kind_are_refused() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let key = t.affiliate_key(company.program, company.john).await;
        for path in ["/v1/affiliate/referrals", "/v1/affiliate/commissions"] {
            let answer = company.get(path).await;
            insta::assert_snapshot!(shown(&answer), @r#"403 {"error":"this call needs an affiliate's key; the key given belongs to the company"}"#);
        }
        let reads = [
            "/v1/referrals",
            "/v1/referrals/x",
            "/v1/partners",
            "/v1/partners/1",
            "/v1/partnerships",
            "/v1/partnerships/1",
        ];
        for path in reads {
            assert_eq!(get(&company, &key, path).await.status, 403, "{path}");
        }
        for path in crate::reditus_frame::WRITES {
            let answer = t.call("POST", &format!("/reditus/api{path}"), &key, Some(json!({}))).await;
            insta::assert_snapshot!(shown(&answer), @r#"403 {"error":"this call needs an operator key; the key given belongs to an affiliate"}"#);
        }
    });
}

#[test]
fn clicked_referrals_are_clicks() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let jane = t.affiliate(company.program, "jane").await;
        let operator = t.key(company.program).await;
        let settings = json!({ "allowed_hosts": ["shop.example.com"] });
        assert_eq!(t.call("PATCH", "/v1/program", &operator, Some(settings)).await.status, 200);
        for (affiliate, code) in [(company.john, "one"), (jane, "two")] {
            let link = json!({ "affiliate_id": affiliate, "code": code, "destination_url": "https://shop.example.com/" });
            assert_eq!(t.call("POST", "/v1/links", &operator, Some(link)).await.status, 201);
        }
        for (at, path, agent) in [
            ("2026-06-01T12:00:00Z", "/c/one?sid=news", "Browser/1"),
            ("2026-06-01T13:00:00Z", "/c/one", "Googlebot/2.1"),
            ("2026-06-02T12:00:00Z", "/c/one", "Browser/1"),
            ("2026-06-03T12:00:00Z", "/c/two", "Browser/1"),
        ] {
            t.at(at);
            assert_eq!(t.send("GET", path, &[("user-agent", agent)], None).await.status, 302);
            assert!(app::click::settle(&t.app, std::time::Duration::from_secs(20)).await, "it is written");
        }
        let key = t.affiliate_key(company.program, company.john).await;
        let times = |answer: &Answer| {
            assert_eq!(answer.status, 200, "{}", answer.text());
            let rows = answer.json()["data"].as_array().cloned().expect("rows");
            let line = |row: &serde_json::Value| {
                let time = row["attributes"]["created_at"].as_i64().expect("seconds");
                format!(
                    "{} {}",
                    row["attributes"]["state"].as_str().expect("a word"),
                    (time - 1_780_272_000) / 3600
                )
            };
            rows.iter().map(line).collect::<Vec<_>>().join(", ")
        };
        let own = async |query: &str| {
            times(&get(&company, &key, &format!("/v1/affiliate/referrals?state_eq=clicked{query}")).await)
        };
        insta::assert_snapshot!(own("").await, @"clicked 36, clicked 12");
        insta::assert_snapshot!(own("&sub_id_eq=news").await, @"clicked 12");
        insta::assert_snapshot!(own("&per_page=1&page=2").await, @"clicked 12");
        insta::assert_snapshot!(own("&created_at_lt=2026-06-02").await, @"clicked 12");
        insta::assert_snapshot!(own("&state_set_at_gt=2026-06-01T12:00:00Z").await, @"clicked 36");
        assert_eq!(own("&created_at_gt=2026-06-05&created_at_lt=2026-06-04").await, "");
        let all = company.get("/v1/referrals?state_eq=clicked").await;
        insta::assert_snapshot!(times(&all), @"clicked 60, clicked 36, clicked 12");
        assert_eq!(company.get("/v1/referrals?state_eq=clicked&sub_id_eq=news").await.status, 400);
        let first = json!({ "email": null, "uid": null, "state": "clicked", "state_set_at": 1_780_488_000,
            "created_at": 1_780_488_000, "updated_at": 1_780_488_000 });
        assert_eq!(all.json()["data"][0]["attributes"], first);
        let deep = get(&company, &key, "/v1/affiliate/referrals?state_eq=clicked&page=4000000000").await;
        insta::assert_snapshot!(shown(&deep), @r#"400 {"error":"page: clicks are listed up to the first 100000; narrow them by created_at_lt"}"#);
    });
}
