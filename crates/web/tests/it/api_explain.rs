//! `GET /v1/commissions/{id}/explain` and `GET /v1/events/{id}/explain`: JSON, text, and who may see what.

use serde_json::{Value, json};
use testkit::run;

use crate::api_client::Client;

/// A referral's payment of 100.00; the ids of the payment and of the commission on it.
async fn paid(api: &Client, affiliate: i64) -> (String, String) {
    api.refer(affiliate, "cus_1").await;
    let body =
        json!({ "type": "payment", "uid": "cus_1", "amount": "100.00", "currency": "EUR", "id": "ch_1" });
    let answer = api.post("/v1/events", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let event = answer.json()["id"].as_str().expect("an id").to_owned();
    let commissions = api.get("/v1/commissions").await.json();
    (event, commissions["data"][0]["id"].as_str().expect("an id").to_owned())
}

#[test]
fn an_explanation_is_json_and_text_for_whoever_asks() {
    run(async |test| {
        let api = Client::new(&test).await;
        let affiliate = api.affiliate("ann").await;
        let (event, commission) = paid(&api, affiliate).await;
        let answer = api.get(&format!("/v1/commissions/{commission}/explain")).await;
        assert_eq!(
            (answer.status, answer.headers["content-type"].as_bytes()),
            (200, &b"application/json"[..])
        );
        let explained = answer.json();
        assert_eq!(explained["event"]["id"], *event);
        assert_eq!(explained["event"]["source_id"], "ch_1");
        assert_eq!(explained["rules"][0]["terms"], "20 % of each payment.");
        assert_eq!(
            explained["rules"][0]["steps"],
            json!([{ "text": "20 % of 100.00 EUR", "amount": "20.00" }, { "text": "earned", "amount": "20.00" }])
        );
        assert_eq!(explained["commissions"][0]["agrees"], true);
        assert_eq!(explained["commissions"][0]["transfers"][0]["engine"], i64::from(domain::ENGINE_VERSION));
        let of_event = api.get(&format!("/v1/events/{event}/explain")).await.json();
        assert_eq!(of_event, explained);
        let bearer = format!("Bearer {}", api.key);
        let headers = [("authorization", bearer.as_str()), ("accept", "text/plain")];
        let text = test.send("GET", &format!("/v1/events/{event}/explain"), &headers, None).await;
        assert_eq!(text.headers["content-type"].as_bytes(), b"text/plain; charset=utf-8");
        assert!(text.text().contains("20 % of 100.00 EUR"), "{}", text.text());
    });
}

#[test]
fn an_affiliates_key_sees_its_own_commission_alone() {
    run(async |test| {
        let api = Client::new(&test).await;
        let (ann, bob) = (api.affiliate("ann").await, api.affiliate("bob").await);
        let (event, commission) = paid(&api, ann).await;
        let own = api.with_key(test.affiliate_key(api.program, domain::ids::AffiliateId(ann)).await);
        let explained = own.get(&format!("/v1/commissions/{commission}/explain")).await.json();
        assert_eq!(
            (&explained["event"]["source_id"], &explained["event"]["attributes"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(explained["worth"][0]["amount"], "20.00");
        assert_eq!(own.get(&format!("/v1/events/{event}/explain")).await.status, 403);
        let other = api.with_key(test.affiliate_key(api.program, domain::ids::AffiliateId(bob)).await);
        assert_eq!(other.get(&format!("/v1/commissions/{commission}/explain")).await.status, 404);
        for path in ["/v1/commissions/com_7/explain", "/v1/events/nothing/explain"] {
            assert_eq!(api.get(path).await.status, 404, "{path}");
        }
    });
}
