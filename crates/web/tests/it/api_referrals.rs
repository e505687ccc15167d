//! `/v1/referrals`.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

#[test]
fn referrals_are_listed_shown_and_rejected() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (jane, john) = (client.affiliate("jane").await, client.affiliate("john").await);
        let body = json!({ "type": "registration", "affiliate_id": jane, "email": "bob@example.com" });
        let first =
            client.post("/v1/events", body).await.json()["referral_id"].as_str().expect("an id").to_owned();
        test.at("2026-06-02T12:00:00Z");
        client.refer(jane, "user-2").await;
        client.refer(john, "user-3").await;
        client.pay("user-2", "ch_1", "100.00").await;
        let shown = client.get(&format!("/v1/referrals/{first}")).await;
        assert_snapshot!(client.show(&shown), @r#"200 {"id":"ref_1","number":1,"affiliate_id":2,"state":"converted","state_set_at":"2026-06-01T12:00:00Z","uid":null,"email":"bob@example.com","deal_version_id":"dv_2","registered_at":"2026-06-01T12:00:00Z","rejected_at":null,"expires_at":null,"created_at":"2026-06-01T12:00:00Z","updated_at":"2026-06-01T12:00:00Z"}"#);

        let uids = async |query: &str| {
            let list = client.get(&format!("/v1/referrals?{query}")).await.json();
            let rows = list["data"].as_array().unwrap_or_else(|| panic!("{list}")).clone();
            let uid = |row: &Value| row["uid"].as_str().unwrap_or("bob").to_owned();
            rows.iter().map(uid).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(uids("").await, "bob user-2 user-3");
        assert_eq!(uids(&format!("affiliate_id={jane}")).await, "bob user-2");
        assert_eq!(uids("state=paid").await, "user-2");
        assert_eq!(uids("email=BOB@example.com").await, "bob");
        assert_eq!(uids("created_after=2026-06-01T12:00:00Z").await, "user-2 user-3");
        assert_eq!(uids("created_before=2026-06-02T00:00:00%2B01:00&state=converted").await, "bob");
        let page = client.get("/v1/referrals?limit=2").await.json();
        let cursor = page["next_cursor"].as_str().expect("a next page");
        assert_eq!(uids(&format!("cursor={cursor}")).await, "user-3");

        let paid = client.get("/v1/referrals?state=paid").await.json()["data"][0]["id"].clone();
        let path = format!("/v1/referrals/{}/reject", paid.as_str().expect("an id"));
        let rejected = client.post(&path, json!({ "reason": "self-referral" })).await.json();
        assert_eq!((&rejected["state"], rejected["rejected_at"].is_string()), (&json!("rejected"), true));
        assert_eq!(client.post(&path, json!({ "reason": "again" })).await.json(), rejected);
        let balances = client.get(&format!("/v1/affiliates/{jane}/balances")).await.json();
        assert_eq!(balances["data"][0]["due"], "0.00");

        let refused = async |query: &str| problem(&client.get(&format!("/v1/referrals?{query}")).await);
        assert_snapshot!(refused("state=clicked").await, @r#"400 invalid state: "clicked" is none of converted, paid, churned, rejected, expired"#);
        assert_snapshot!(refused("email=bob").await, @r#"400 invalid email: "bob" is not an e-mail address"#);
        assert_snapshot!(refused("affiliate_id=1.5").await, @r#"400 invalid affiliate_id: "1.5" is not an integer id"#);
        assert_snapshot!(refused("created_after=today").await, @"400 invalid created_after: expected an instant of RFC 3339 such as 2026-01-31T12:00:00Z");
        assert_snapshot!(refused("cursor=31").await, @"400 invalid cursor: expected next_cursor of the page before, as it came");
        assert_snapshot!(problem(&client.post(&path, json!({})).await), @"400 invalid reason: missing field `reason`");
        assert_snapshot!(problem(&client.post(&path, json!({ "reason": "\u{7}" })).await), @"400 invalid reason: it contains the control character U+0007");
        let unknown = "/v1/referrals/ref_00000000000000000000000000000007";
        assert_snapshot!(problem(&client.get(unknown).await), @"404 not_found there is no referral ref_00000000000000000000000000000007");
        assert_snapshot!(problem(&client.post(&format!("{unknown}/reject"), json!({ "reason": "r" })).await), @"404 not_found there is no referral ref_00000000000000000000000000000007");
    });
}
