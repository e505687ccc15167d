//! Coupons: made, changed and refused; what they do to registrations and to payments of unknown customers.

use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

#[test]
fn a_coupon_is_made_shown_listed_and_changed() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (ann, bob) = (client.affiliate("ann").await, client.affiliate("bob").await);
        let coupon = json!({ "code": " save20 ", "provider_code": "Z4OV52SU", "affiliate_id": ann,
                             "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z" });
        let made = client.post("/v1/coupons", coupon).await;
        insta::assert_snapshot!(client.show(&made), @r#"201 {"code":"SAVE20","provider_code":"Z4OV52SU","affiliate_id":2,"deal_id":null,"valid_from":"2026-01-01T00:00:00Z","valid_until":"2027-01-01T00:00:00Z","created_at":"2026-06-01T12:00:00Z","updated_at":"2026-06-01T12:00:00Z"}"#);
        assert_eq!(client.get("/v1/coupons/Save20").await.json(), made.json());
        assert_eq!(
            client.post("/v1/coupons", json!({ "code": "BOB", "affiliate_id": bob })).await.status,
            201
        );
        let codes = |answer: testkit::Answer| -> Vec<String> {
            let rows = answer.json()["data"].as_array().expect("a list").clone();
            rows.iter().filter_map(|row| row["code"].as_str().map(str::to_owned)).collect()
        };
        assert_eq!(codes(client.get("/v1/coupons").await), ["BOB", "SAVE20"]);
        assert_eq!(codes(client.get(&format!("/v1/coupons?affiliate_id={ann}")).await), ["SAVE20"]);
        let page = client.get("/v1/coupons?limit=1").await.json();
        let next = format!("/v1/coupons?limit=1&cursor={}", page["next_cursor"].as_str().expect("a cursor"));
        assert_eq!(codes(client.get(&next).await), ["SAVE20"]);
        let changed =
            client.patch("/v1/coupons/SAVE20", json!({ "valid_until": null, "provider_code": null })).await;
        assert_eq!(
            (&changed.json()["valid_until"], &changed.json()["provider_code"]),
            (&Value::Null, &Value::Null)
        );
        let key = test.affiliate_key(client.program, domain::ids::AffiliateId(ann)).await;
        let of_ann = client.with_key(key);
        assert_eq!(codes(of_ann.get("/v1/coupons").await), ["SAVE20"]);
        assert_eq!(of_ann.get("/v1/coupons/BOB").await.status, 404);
        assert_eq!(of_ann.post("/v1/coupons", json!({ "code": "X", "affiliate_id": ann })).await.status, 403);
    });
}

#[test]
fn a_coupon_that_cannot_be_is_refused_and_says_why() {
    run(async |test| {
        let client = Client::new(&test).await;
        let ann = client.affiliate("ann").await;
        let first = json!({ "code": "FIRST", "provider_code": "PROVIDER", "affiliate_id": ann });
        assert_eq!(client.post("/v1/coupons", first).await.status, 201);
        for (body, expected) in [
            (
                json!({ "code": "first", "affiliate_id": ann }),
                "409 taken code \"FIRST\" is taken by another coupon",
            ),
            (
                json!({ "code": "provider", "affiliate_id": ann }),
                "409 taken code \"PROVIDER\" is taken by another coupon",
            ),
            (
                json!({ "code": "X", "provider_code": "FIRST", "affiliate_id": ann }),
                "409 taken provider_code \"FIRST\" is taken by another coupon",
            ),
            (
                json!({ "code": "X", "affiliate_id": 999 }),
                "400 invalid affiliate_id: there is no affiliate 999",
            ),
            (
                json!({ "code": "X", "affiliate_id": ann, "deal_id": 999 }),
                "400 invalid deal_id: there is no deal 999",
            ),
            (
                json!({ "code": "A B", "affiliate_id": ann }),
                "400 invalid code: \"A B\" is not a coupon's code; a code has no white space",
            ),
            (json!({ "code": "", "affiliate_id": ann }), "400 invalid code: it is empty"),
            (
                json!({ "code": "X", "affiliate_id": ann, "valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-02-01T00:00:00Z" }),
                "400 invalid valid_until: expected a time after valid_from",
            ),
        ] {
            assert_eq!(problem(&client.post("/v1/coupons", body.clone()).await), expected, "{body}");
        }
        assert_eq!(client.patch("/v1/coupons/NONE", json!({})).await.status, 404);
        assert_eq!(client.get("/v1/coupons/a%20b").await.status, 404);
    });
}

async fn earned(client: &Client, affiliate: i64) -> String {
    let balances = client.get(&format!("/v1/affiliates/{affiliate}/balances")).await.json();
    balances["data"][0]["earned"]["share"].as_str().unwrap_or("nothing").to_owned()
}

#[test]
fn a_coupon_brings_its_affiliate_the_customer_and_the_customer_its_deal() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (ann, bob) = (client.affiliate("ann").await, client.affiliate("bob").await);
        let terms = json!({ "rules": [{ "on": "payment", "reward": { "percent": "50" } }] });
        let deal = client.post("/v1/deals", json!({ "name": "Half", "terms": terms })).await;
        assert_eq!(deal.status, 201, "{}", deal.text());
        let coupon = json!({ "code": "HALF", "affiliate_id": ann, "deal_id": deal.json()["id"], "valid_until": "2026-07-01T00:00:00Z" });
        assert_eq!(client.post("/v1/coupons", coupon).await.status, 201);
        let registration =
            |uid: &str| json!({ "type": "registration", "affiliate_id": bob, "uid": uid, "coupon": "half" });
        assert_eq!(client.post("/v1/events", registration("u1")).await.json()["affiliate_id"], ann);
        assert_eq!(client.pay("u1", "ch_1", "100").await.status, 201);
        assert_eq!(earned(&client, ann).await, "50.00");
        test.at("2026-07-01T00:00:00Z");
        assert_eq!(client.post("/v1/events", registration("u2")).await.json()["affiliate_id"], bob);
        assert_eq!(client.pay("u2", "ch_2", "100").await.status, 201);
        assert_eq!(earned(&client, bob).await, "20.00");
    });
}

#[test]
fn a_coupon_on_a_payment_makes_the_referral_of_an_unknown_customer_and_is_evidence_only_of_a_known_one() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (ann, bob) = (client.affiliate("ann").await, client.affiliate("bob").await);
        let coupon = json!({ "code": "ANN", "provider_code": "Z4OV52SU", "affiliate_id": ann });
        assert_eq!(client.post("/v1/coupons", coupon).await.status, 201);
        let pay = |id: &str, uid: &str, coupon: &str| json!({ "type": "payment", "id": id, "uid": uid, "amount": "100", "currency": "EUR", "coupon": coupon });
        client.refer(bob, "known").await;
        assert_eq!(client.post("/v1/events", pay("ch_1", "known", "ANN")).await.status, 201);
        assert_eq!(
            (earned(&client, bob).await, earned(&client, ann).await),
            ("20.00".into(), "nothing".into())
        );
        // What waited for the customer is booked with it.
        let parked = json!({ "type": "payment", "id": "ch_0", "uid": "new", "amount": "10", "currency": "EUR", "park": true });
        assert_eq!(client.post("/v1/events", parked).await.status, 201);
        let made = client.post("/v1/events", pay("ch_2", "new", "z4ov52su")).await;
        assert_eq!((made.status, &made.json()["affiliate_id"]), (201, &json!(ann)), "{}", made.text());
        assert_eq!(earned(&client, ann).await, "22.00");
        let again = client.post("/v1/events", pay("ch_2", "new", "z4ov52su")).await;
        assert_eq!(again.json()["id"], made.json()["id"]);
        let referral = made.json()["referral_id"].as_str().expect("a referral").to_owned();
        let record = client.get(&format!("/v1/referrals/{referral}/attributions")).await.json();
        assert_eq!(record["data"][0]["basis"], "coupon");
        let conversion = json!({ "uid": "new", "affiliate_id": bob });
        assert_eq!(client.post("/v1/conversions", conversion).await.status, 409);
        for (coupon, uid) in [("NONE", "u3"), ("a b", "u4")] {
            let refused = client.post("/v1/events", pay("ch_3", uid, coupon)).await;
            assert!(problem(&refused).starts_with("404 unknown_customer"), "{coupon}");
        }
        assert_eq!(client.pay("new", "ch_4", "100").await.status, 201);
        assert_eq!(earned(&client, ann).await, "42.00");
    });
}
