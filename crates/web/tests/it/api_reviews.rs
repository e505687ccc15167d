//! Registrations that a person should look at, referrals given to another affiliate, and sales that affiliates miss.

use domain::ids::AffiliateId;
use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

async fn column(client: &Client, affiliate: i64, column: &str) -> Value {
    let balances = client.get(&format!("/v1/affiliates/{affiliate}/balances")).await.json();
    balances["data"][0][column].clone()
}

async fn reviews(client: &Client, query: &str) -> Vec<Value> {
    let answer = client.get(&format!("/v1/reviews{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].as_array().expect("a list").clone()
}

#[test]
fn suspicious_registrations_are_recorded_flagged_and_held() {
    run(async |test| {
        let terms = json!({ "hold_days": 10, "rules": [{ "on": "payment", "reward": { "percent": "20" } }] });
        let client = Client::with_terms(&test, terms).await;
        let ann = client.affiliate("ann").await;
        let settings =
            json!({ "disposable_domains": ["mailinator.com"], "review_registrations_per_hour": 3 });
        assert_eq!(client.patch("/v1/program", settings).await.status, 200);
        for (uid, email) in [
            ("u1", "ann@example.com"),
            ("u2", "x@mailinator.com"),
            ("u3", "ok@example.com"),
            ("u4", "ok2@example.com"),
        ] {
            let body = json!({ "uid": uid, "email": email, "affiliate_id": ann });
            assert_eq!(client.post("/v1/conversions", body).await.status, 201);
            assert_eq!(client.pay(uid, &format!("ch_{uid}"), "100").await.status, 201);
        }
        let open = reviews(&client, "?open=true").await;
        let kinds: Vec<&str> = open.iter().filter_map(|it| it["kind"].as_str()).collect();
        assert_eq!(kinds, ["own_address", "disposable_address", "velocity"]);
        assert!(open[1]["reason"].as_str().expect("words").contains("mailinator.com"));
        // The hold is over, and only what nobody has to look at is released.
        test.at("2026-06-20T00:00:00Z");
        app::release::run_due(&test.app, client.program, test.app.now()).await.expect("releases");
        assert_eq!(column(&client, ann, "due").await, "20.00");
        let resolve = async |review: &Value, word: &str| {
            let path = format!("/v1/reviews/{}/resolve", review["id"].as_str().expect("an id"));
            client.post(&path, json!({ "resolution": word, "note": "looked at" })).await
        };
        assert_eq!(resolve(&open[0], "confirmed").await.json()["resolution"], "confirmed");
        assert_eq!(resolve(&open[0], "confirmed").await.status, 200, "the same again");
        assert!(problem(&resolve(&open[0], "dismissed").await).starts_with("409 resolved"));
        assert_eq!(resolve(&open[2], "dismissed").await.status, 200);
        app::release::run_due(&test.app, client.program, test.app.now()).await.expect("releases");
        assert_eq!(column(&client, ann, "due").await, "40.00");
        let rejected =
            client.get(&format!("/v1/referrals/{}", open[0]["referral_id"].as_str().expect("an id"))).await;
        assert_eq!(rejected.json()["state"], "rejected");
        assert_eq!(reviews(&client, "?open=true").await.len(), 1);
        assert_eq!(reviews(&client, "").await.len(), 3);
        let unknown = client
            .post(
                "/v1/reviews/rev_00000000000000000000000000000001/resolve",
                json!({ "resolution": "dismissed" }),
            )
            .await;
        assert_eq!(unknown.status, 404);
    });
}

#[test]
fn a_reassigned_referral_earns_for_the_new_affiliate_from_then_on() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (ann, bob) = (client.affiliate("ann").await, client.affiliate("bob").await);
        let referral = client.refer(ann, "u1").await;
        assert_eq!(client.pay("u1", "ch_1", "100").await.status, 201);
        test.at("2026-06-10T12:00:00Z");
        let path = format!("/v1/referrals/{referral}/reassign");
        let body = json!({ "affiliate_id": bob, "reason": "bob showed the contract" });
        let moved = client.post(&path, body.clone()).await;
        assert_eq!((moved.status, &moved.json()["affiliate_id"]), (200, &json!(bob)), "{}", moved.text());
        assert!(problem(&client.post(&path, body).await).starts_with("409 same_affiliate"));
        assert_eq!(client.pay("u1", "ch_2", "200").await.status, 201);
        // A payment dated before comes late, and one before is refunded: both are the former one's.
        let late = json!({ "type": "payment", "id": "ch_3", "uid": "u1", "amount": "50", "currency": "EUR",
                           "occurred_at": "2026-06-05T00:00:00Z" });
        assert_eq!(client.post("/v1/events", late).await.status, 201);
        let refund = json!({ "type": "refund", "payment_id": "ch_1", "id": "re_1", "amount": "50" , "currency": "EUR"});
        let refund = client.post("/v1/events", refund).await;
        assert_eq!(refund.status, 201, "{}", refund.text());
        assert_eq!(column(&client, ann, "earned").await["share"], "20.00");
        assert_eq!(column(&client, bob, "earned").await["share"], "40.00");
        let record = client.get(&format!("/v1/referrals/{referral}/attributions")).await.json();
        assert_eq!(
            (&record["data"][1]["basis"], &record["data"][1]["grade"]),
            (&json!("reassignment"), &json!("staff"))
        );
        assert_eq!(record["data"][1]["reason"], "bob showed the contract");
        assert!(client.get("/v1/log?limit=200").await.text().contains("referral.reassigned"));
        for (body, expected) in [
            (
                json!({ "affiliate_id": 999, "reason": "x" }),
                "400 invalid affiliate_id: there is no affiliate 999",
            ),
            (
                json!({ "affiliate_id": ann, "reason": " " }),
                "400 invalid reason: say why the referral is given to another affiliate",
            ),
        ] {
            assert_eq!(problem(&client.post(&path, body).await), expected);
        }
        let key = test.affiliate_key(client.program, AffiliateId(bob)).await;
        let body = json!({ "affiliate_id": bob, "reason": "mine" });
        assert_eq!(client.with_key(key).post(&path, body).await.status, 403);
    });
}

#[test]
fn an_affiliate_files_a_sale_that_it_misses_and_the_staff_answers() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (ann, bob) = (client.affiliate("ann").await, client.affiliate("bob").await);
        let referral = client.refer(bob, "u1").await;
        assert_eq!(client.pay("u1", "ch_1", "100").await.status, 201);
        assert_eq!(
            client.post("/v1/coupons", json!({ "code": "ANN", "affiliate_id": ann })).await.status,
            201
        );
        let of_ann = client.with_key(test.affiliate_key(client.program, AffiliateId(ann)).await);
        test.at("2026-06-02T00:00:00Z");
        let file = async |body: Value| of_ann.post("/v1/inquiries", body).await;
        let first = file(json!({ "payment_id": "ch_1", "coupon": "ann", "click_id": "nonsense", "message": "She used my code" })).await;
        assert_eq!(first.status, 201, "{}", first.text());
        let evidence = &first.json()["evidence"];
        assert_eq!((&evidence[0]["is_ours"], &evidence[1]["is_own"]), (&json!(false), &json!(true)));
        assert_eq!(first.json()["affiliate_id"], ann);
        let second = file(json!({ "email": "new@example.com", "message": "He clicked my link" })).await;
        let third = file(json!({ "payment_id": "ch_unknown" })).await;
        assert_eq!((second.status, third.status), (201, 201));
        assert!(problem(&file(json!({ "message": "x" })).await).starts_with("400 invalid uid"));
        assert_eq!(file(json!({ "uid": "u", "affiliate_id": bob })).await.status, 403);
        let of_bob = client.with_key(test.affiliate_key(client.program, AffiliateId(bob)).await);
        assert_eq!(of_bob.get("/v1/inquiries/1").await.status, 404, "others see nothing of it");
        let answer = async |id: &str, accepted: bool| {
            client
                .post(
                    &format!("/v1/inquiries/{id}/answer"),
                    json!({ "accepted": accepted, "answer": "We looked" }),
                )
                .await
        };
        let id = |answer: &testkit::Answer| answer.json()["id"].to_string();
        let path = format!("/v1/inquiries/{}/answer", id(&first));
        assert_eq!(of_ann.post(&path, json!({ "accepted": true, "answer": "yes" })).await.status, 403);
        let accepted = answer(&id(&first), true).await;
        assert_eq!(
            (accepted.status, &accepted.json()["referral_id"]),
            (200, &json!(referral)),
            "{}",
            accepted.text()
        );
        assert_eq!(answer(&id(&first), true).await.text(), accepted.text());
        assert!(problem(&answer(&id(&first), false).await).starts_with("409 answered"));
        // From now on the customer is ann's; what was paid before stays bob's.
        assert_eq!(client.pay("u1", "ch_2", "100").await.status, 201);
        assert_eq!(column(&client, ann, "earned").await["share"], "20.00");
        assert_eq!(column(&client, bob, "earned").await["share"], "20.00");
        let accepted = answer(&id(&second), true).await;
        assert_eq!(accepted.status, 200, "{}", accepted.text());
        let found = client.get("/v1/referrals?email=new@example.com").await.json();
        assert_eq!(found["data"][0]["affiliate_id"], ann);
        assert!(problem(&answer(&id(&third), true).await).starts_with("409 unknown_customer"));
        assert_eq!(answer(&id(&third), false).await.json()["state"], "declined");
        let shown = of_ann.get("/v1/inquiries?state=declined").await.json();
        assert_eq!(
            (&shown["data"][0]["answer"], &shown["data"][0]["referral_id"]),
            (&json!("We looked"), &Value::Null)
        );
        assert_eq!(test.count_rows("log where kind in ('inquiry.filed', 'inquiry.answered')").await, 6);
    });
}

#[test]
fn what_is_known_when_a_referral_is_reassigned_stays_the_former_affiliates() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (ann, bob) = (client.affiliate("ann").await, client.affiliate("bob").await);
        // The sender's clock is three minutes ahead of ours.
        test.at("2026-06-01T12:00:00Z");
        let ahead = |mut event: Value| {
            event["occurred_at"] = json!("2026-06-01T12:03:00Z");
            event
        };
        let registration = ahead(json!({ "type": "registration", "affiliate_id": ann, "uid": "u1" }));
        let answer = client.post("/v1/events", registration).await;
        let referral = answer.json()["referral_id"].as_str().expect("a referral").to_owned();
        let payment =
            json!({ "type": "payment", "id": "ch_1", "uid": "u1", "amount": "100", "currency": "EUR" });
        assert_eq!(client.post("/v1/events", ahead(payment)).await.status, 201);
        test.at("2026-06-01T12:01:00Z");
        let body = json!({ "affiliate_id": bob, "reason": "bob showed the contract" });
        assert_eq!(client.post(&format!("/v1/referrals/{referral}/reassign"), body).await.status, 200);
        assert_eq!(column(&client, ann, "earned").await["share"], "20.00");
        test.at("2026-06-01T12:10:00Z");
        assert_eq!(client.pay("u1", "ch_2", "100").await.status, 201);
        assert_eq!(column(&client, ann, "earned").await["share"], "20.00");
        assert_eq!(column(&client, bob, "earned").await["share"], "20.00");
    });
}

#[test]
fn what_the_staff_puts_down_to_an_affiliate_is_no_rush_of_registrations() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (ann, bob) = (client.affiliate("ann").await, client.affiliate("bob").await);
        assert_eq!(
            client.patch("/v1/program", json!({ "review_registrations_per_hour": 2 })).await.status,
            200
        );
        for number in 0..2 {
            let referral = client.refer(ann, &format!("a{number}")).await;
            let body = json!({ "affiliate_id": bob, "reason": "bob showed the contract" });
            assert_eq!(client.post(&format!("/v1/referrals/{referral}/reassign"), body).await.status, 200);
        }
        client.refer(bob, "b1").await;
        assert_eq!(reviews(&client, "?open=true").await.len(), 0);
    });
}

#[test]
fn many_answers_at_once_are_all_given() {
    run(async |test| {
        let client = Client::new(&test).await;
        let ann = client.affiliate("ann").await;
        let of_ann = client.with_key(test.affiliate_key(client.program, AffiliateId(ann)).await);
        for number in 0..40 {
            let filed = of_ann.post("/v1/inquiries", json!({ "uid": format!("u{number}") })).await;
            assert_eq!(filed.status, 201, "{}", filed.text());
        }
        let (client, body) = (&client, json!({ "accepted": true, "answer": "We looked" }));
        let answers = (1..=40).map(|number| {
            let body = body.clone();
            async move { client.post(&format!("/v1/inquiries/{number}/answer"), body).await.status }
        });
        assert_eq!(futures_util::future::join_all(answers).await, [200; 40]);
    });
}

#[test]
fn two_answers_at_once_leave_one() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (ann, bob) = (client.affiliate("ann").await, client.affiliate("bob").await);
        for number in 0..8 {
            let referral = client.refer(bob, &format!("u{number}")).await;
            let of_ann = client.with_key(test.affiliate_key(client.program, AffiliateId(ann)).await);
            let filed = of_ann.post("/v1/inquiries", json!({ "uid": format!("u{number}") })).await;
            let path = format!("/v1/inquiries/{}/answer", filed.json()["id"]);
            let answer =
                |accepted: bool| client.post(&path, json!({ "accepted": accepted, "answer": "We looked" }));
            let (accepted, declined) = tokio::join!(answer(true), answer(false));
            let mut statuses = [accepted.status, declined.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 409], "{} {}", accepted.text(), declined.text());
            let owner = client.get(&format!("/v1/referrals/{referral}")).await.json()["affiliate_id"].clone();
            assert_eq!(owner, if accepted.status == 200 { ann } else { bob });
        }
    });
}
