//! `/v1/affiliates` and `/v1/balances`.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

/// Partner keys are random.
fn masked(shown: &str) -> String {
    let (before, after) = shown.split_once("\"partner_key\":\"").expect("a partner key");
    let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
    assert_eq!(digits, 16, "{shown}");
    format!("{before}\"partner_key\":\"…{}", &after[digits..])
}

#[test]
fn an_affiliate_is_made_approved_and_shown() {
    run(async |test| {
        let client = Client::new(&test).await;
        let body = json!({ "name": "Jane Doe", "email": "Jane@Example.com", "slug": "Jane" });
        let made = client.post("/v1/affiliates", body).await;
        assert_snapshot!(masked(&client.show(&made)), @r#"201 {"id":2,"name":"Jane Doe","email":"jane@example.com","slug":"jane","partner_key":"…","status":"approved","deal_id":null,"parent_affiliate_id":null,"external_id":null,"payout_threshold":null,"created_at":"2026-06-01T12:00:00Z","updated_at":"2026-06-01T12:00:00Z"}"#);
        let shown = client.get("/v1/affiliates/2").await;
        assert_eq!((shown.status, &shown.bytes), (200, &made.bytes));
        let body = json!({
            "name": "Zoë & Söhne", "email": "zoe@example.com", "status": "pending", "deal_id": 1,
            "parent_affiliate_id": 2, "external_id": "X-7", "payout_threshold": "50",
        });
        let made = client.post("/v1/affiliates", body).await;
        assert_snapshot!(masked(&client.show(&made)), @r#"201 {"id":3,"name":"Zoë & Söhne","email":"zoe@example.com","slug":"zo-s-hne-3","partner_key":"…","status":"pending","deal_id":1,"parent_affiliate_id":2,"external_id":"X-7","payout_threshold":"50.00","created_at":"2026-06-01T12:00:00Z","updated_at":"2026-06-01T12:00:00Z"}"#);
    });
}

#[test]
fn an_affiliate_that_cannot_be_made() {
    run(async |test| {
        let client = Client::new(&test).await;
        client.affiliate("jane").await;
        let mut table = String::new();
        for body in [
            json!({}),
            json!({ "name": "A" }),
            json!({ "name": " ", "email": "a@b.c" }),
            json!({ "name": "x".repeat(201), "email": "a@b.c" }),
            json!({ "name": "A\u{0}B", "email": "a@b.c" }),
            json!({ "name": 7, "email": "a@b.c" }),
            json!({ "name": "A", "email": "nobody" }),
            json!({ "name": "A", "email": "a@b.c", "slug": "a b" }),
            json!({ "name": "A", "email": "a@b.c", "slug": "jane" }),
            json!({ "name": "A", "email": "a@b.c", "status": "friendly" }),
            json!({ "name": "A", "email": "a@b.c", "deal_id": 99 }),
            json!({ "name": "A", "email": "a@b.c", "deal_id": -1 }),
            json!({ "name": "A", "email": "a@b.c", "parent_affiliate_id": 99 }),
            json!({ "name": "A", "email": "a@b.c", "payout_threshold": "-1" }),
            json!({ "name": "A", "email": "a@b.c", "payout_threshold": 1.5 }),
            json!({ "name": "A", "email": "a@b.c", "payout_threshold": "1E3" }),
            json!({ "name": "A", "email": "a@b.c", "external_id": "" }),
            json!({ "name": "A", "email": "a@b.c", "company": "C" }),
        ] {
            table.push_str(&problem(&client.post("/v1/affiliates", body).await));
            table.push('\n');
        }
        assert_snapshot!(table, @r#"
        400 invalid name: missing field `name`
        400 invalid email: missing field `email`
        400 invalid name: it is empty
        400 invalid name: it has 201 characters; at most 200 are allowed
        400 invalid name: it contains the control character U+0000
        400 invalid name: invalid type: integer `7`, expected a string
        400 invalid email: "nobody" is not an e-mail address
        400 invalid slug: "a b" is not a slug; letters, digits, '-', '_', '.' and '~' are allowed
        409 taken slug "jane" is taken by another affiliate
        400 invalid status: unknown variant `friendly`, expected one of `pending`, `approved`, `declined`, `suspended`, `blocked`
        400 invalid deal_id: there is no deal 99
        400 invalid deal_id: there is no deal -1
        400 invalid parent_affiliate_id: there is no affiliate 99
        400 invalid payout_threshold: expected an amount from 0 to 1000000000000
        400 invalid payout_threshold: invalid type: floating point `1.5`, expected a decimal string such as "12.50"
        400 invalid payout_threshold: "1E3" is not a decimal amount such as 12.50
        400 invalid external_id: it is empty
        400 invalid company: unknown field `company`, expected one of `name`, `email`, `slug`, `status`, `deal_id`, `parent_affiliate_id`, `external_id`, `payout_threshold`
        "#);
        assert_eq!(client.get("/v1/affiliates").await.json()["data"].as_array().map(Vec::len), Some(2));
    });
}

#[test]
fn what_is_left_out_stays_and_null_takes_away() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let path = format!("/v1/affiliates/{jane}");
        let changes =
            json!({ "deal_id": 1, "external_id": "X-7", "payout_threshold": "12.5", "name": "Jane D." });
        let changed = client.patch(&path, changes).await.json();
        assert_eq!(
            (&changed["deal_id"], &changed["external_id"], &changed["payout_threshold"], &changed["name"]),
            (&json!(1), &json!("X-7"), &json!("12.50"), &json!("Jane D.")),
        );
        let same = client.patch(&path, json!({})).await.json();
        assert_eq!(same, changed);
        let changes = json!({ "deal_id": null, "external_id": null, "payout_threshold": null });
        let changed = client.patch(&path, changes).await.json();
        assert_eq!(
            (&changed["deal_id"], &changed["external_id"], &changed["payout_threshold"], &changed["name"]),
            (&Value::Null, &Value::Null, &Value::Null, &json!("Jane D.")),
        );
        assert_snapshot!(problem(&client.patch(&path, json!({ "name": null })).await), @"400 invalid name: invalid type: null, expected a string");
        assert_snapshot!(problem(&client.patch(&path, json!({ "slug": "organic" })).await), @r#"409 taken slug "organic" is taken by another affiliate"#);
        let own = json!({ "parent_affiliate_id": jane });
        assert_snapshot!(problem(&client.patch(&path, own).await), @"400 invalid parent_affiliate_id: an affiliate cannot be its own parent");
        assert_snapshot!(problem(&client.patch("/v1/affiliates/99", json!({})).await), @"404 not_found there is no affiliate 99");
    });
}

#[test]
fn a_status_counts_from_now_on() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.refer(jane, "user-1").await;
        let path = format!("/v1/affiliates/{jane}");
        assert_eq!(client.patch(&path, json!({ "status": "blocked" })).await.json()["status"], "blocked");
        test.at("2026-06-02T12:00:00Z");
        let paid = client.pay("user-1", "ch_1", "100.00").await.json();
        assert_eq!((&paid["note"], &paid["results"]), (&json!("affiliate_status"), &json!([])));
        assert_snapshot!(problem(&client.patch(&path, json!({ "status": "pending" })).await), @"409 status_refused an affiliate that is blocked cannot become pending");
        assert_eq!(client.patch(&path, json!({ "status": "approved" })).await.status, 200);
        test.at("2026-06-03T12:00:00Z");
        let paid = client.pay("user-1", "ch_2", "100.00").await.json();
        assert_eq!(paid["results"], json!([{ "rule": 0, "earned": "20.00", "skipped": null }]));
        let listed = client.get("/v1/affiliates?status=blocked").await.json();
        assert_eq!(listed, json!({ "data": [], "next_cursor": null }));
        assert_snapshot!(problem(&client.get("/v1/affiliates?status=angry").await), @r#"400 invalid status: "angry" is none of pending, approved, declined, suspended, blocked"#);
    });
}

#[test]
fn lists_come_in_pages() {
    run(async |test| {
        let client = Client::new(&test).await;
        for number in 0..5 {
            client.affiliate(&format!("a{number}")).await;
        }
        for list in ["/v1/affiliates", "/v1/balances"] {
            let mut ids = Vec::new();
            let mut path = format!("{list}?limit=2");
            loop {
                let page = client.get(&path).await.json();
                let rows = page["data"].as_array().expect("rows");
                ids.extend(rows.iter().map(|row| row.get("affiliate_id").unwrap_or(&row["id"]).as_i64()));
                let Some(cursor) = page["next_cursor"].as_str() else { break };
                assert_eq!(rows.len(), 2);
                path = format!("{list}?limit=2&cursor={cursor}");
            }
            assert_eq!(ids, (1..=6).map(Some).collect::<Vec<_>>(), "{list}");
        }
    });
}

#[test]
fn balances_as_they_are_and_as_they_were() {
    run(async |test| {
        let hold = json!({ "rules": [{ "on": "payment", "reward": { "percent": "20" } }], "hold_days": 30 });
        let client = Client::with_terms(&test, hold).await;
        let jane = client.affiliate("jane").await;
        let path = format!("/v1/affiliates/{jane}/balances");
        assert_eq!(client.get(&path).await.json(), json!({ "data": [], "next_cursor": null }));
        client.refer(jane, "user-1").await;
        client.pay("user-1", "ch_1", "100.00").await;
        assert_snapshot!(client.show(&client.get(&path).await), @r#"200 {"data":[{"affiliate_id":2,"currency":"EUR","earned":{"lead":"0.00","acquisition":"0.00","share":"20.00","sub_affiliate":"0.00"},"adjustments":"0.00","paid":"0.00","pending":"20.00","due":"0.00","in_payout":"0.00","carried":"0.00","balance":"20.00","payable":"0.00","figures":{"registrations":1,"first_payments":1,"first_payments_amount":"100.00","payments":1,"payments_amount":"100.00"},"last_paid_at":null}],"next_cursor":null}"#);
        test.at("2026-07-02T00:00:00Z");
        app::release::run_due(&test.app, client.program, test.app.now()).await.expect("a release");
        let above = client.get("/v1/balances?above_threshold=true").await.json();
        assert_eq!((&above["data"][0]["payable"], &above["data"][1]), (&json!("20.00"), &Value::Null));
        let before = client.get("/v1/balances?as_of=2026-06-15T00:00:00Z&limit=200").await.json();
        assert_eq!(
            (&before["data"][1]["pending"], &before["data"][1]["due"]),
            (&json!("20.00"), &json!("0.00"))
        );
        let refused = async |query: &str| problem(&client.get(&format!("/v1/balances?{query}")).await);
        assert_snapshot!(refused("above_threshold=1").await, @"400 invalid above_threshold: expected true or false");
        assert_snapshot!(refused("as_of=2026-06-15").await, @"400 invalid as_of: expected an instant of RFC 3339 such as 2026-01-31T12:00:00Z");
        assert_snapshot!(refused("as_of=0000-01-01T00:00:00%2B14:00").await, @"400 invalid as_of: expected an instant between 1970 and 2199");
        assert_snapshot!(problem(&client.get("/v1/affiliates/99/balances").await), @"404 not_found there is no affiliate 99");
    });
}

#[test]
fn a_decision_is_dated_when_it_is_made_and_not_when_its_request_came() {
    run(async |test| {
        let client = Client::new(&test).await;
        let ann = client.affiliate("ann").await;
        client.refer(ann, "u1").await;
        // The request has come, but its body takes its time; a payment is booked meanwhile.
        let now = test.at("2026-06-02T12:00:00Z");
        let caller =
            app::key::authenticate(&test.app, &client.key, now).await.expect("a database").expect("a key");
        test.at("2026-06-02T12:00:05Z");
        assert_eq!(client.pay("u1", "ch_1", "100").await.status, 201);
        test.at("2026-06-02T12:00:10Z");
        let block = |row: &mut app::affiliate::AffiliateRow| {
            row.status = domain::affiliate::Status::Blocked;
            Ok(())
        };
        app::affiliate::update(&test.app, &caller, domain::ids::AffiliateId(ann), block)
            .await
            .expect("blocked");
        // A refund looks at everything again.
        let refund = json!({ "type": "refund", "payment_id": "ch_1", "id": "re_1", "amount": "50", "currency": "EUR" });
        assert_eq!(client.post("/v1/events", refund).await.status, 201);
        let row = client.get(&format!("/v1/affiliates/{ann}/balances")).await.json();
        assert_eq!(row["data"][0]["due"], "10.00", "{row}");
    });
}
