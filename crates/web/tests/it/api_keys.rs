//! `/v1/keys`, and who may do what with which key.

use insta::assert_snapshot;
use serde_json::json;
use testkit::run;

use crate::api_client::{Client, problem};

#[test]
fn a_key_is_shown_once_and_revoked() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let made = client.post("/v1/keys", json!({ "kind": "affiliate", "affiliate_id": jane })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        let (id, key) = (made["id"].as_str().expect("an id"), made["key"].as_str().expect("a key"));
        let own = client.with_key(key.to_owned());
        assert_eq!(own.get(&format!("/v1/affiliates/{jane}")).await.status, 200);
        let listed = client.get("/v1/keys").await;
        assert!(!listed.text().contains(key));
        assert_eq!(listed.json()["data"][0]["id"], id);
        assert_eq!(listed.json()["data"].as_array().map(Vec::len), Some(2));
        let revoked = test.call("DELETE", &format!("/v1/keys/{id}"), &client.key, None).await;
        assert_eq!((revoked.status, revoked.bytes.len()), (204, 0));
        let answer = own.get(&format!("/v1/affiliates/{jane}")).await;
        assert_snapshot!(problem(&answer), @"401 unauthorized the API key is unknown or revoked");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"refero\"");
        let again = test.call("DELETE", &format!("/v1/keys/{id}"), &client.key, None).await;
        assert!(problem(&again).starts_with("404 not_found there is no working key key_"));
        assert!(client.get("/v1/keys").await.json()["data"][0]["revoked_at"].is_string());

        let refused = async |body| problem(&client.post("/v1/keys", body).await);
        assert_snapshot!(refused(json!({})).await, @"400 invalid kind: missing field `kind`");
        assert_snapshot!(refused(json!({ "kind": "root" })).await, @"400 invalid kind: unknown variant `root`, expected `operator` or `affiliate`");
        assert_snapshot!(refused(json!({ "kind": "affiliate" })).await, @"400 invalid affiliate_id: say which affiliate the key speaks for");
        assert_snapshot!(refused(json!({ "kind": "affiliate", "affiliate_id": 99 })).await, @"400 invalid affiliate_id: there is no affiliate 99");
        assert_snapshot!(refused(json!({ "kind": "operator", "affiliate_id": jane })).await, @"400 invalid affiliate_id: an operator key speaks for the program; leave it out");
    });
}

#[test]
fn a_request_without_a_working_key_is_refused_before_anything_is_read() {
    run(async |test| {
        let client = Client::new(&test).await;
        let send = async |headers: &[(&str, &str)]| {
            let answer = test.send("POST", "/v1/events", headers, Some(b"{".to_vec())).await;
            assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"refero\"");
            problem(&answer)
        };
        assert_snapshot!(send(&[]).await, @"401 unauthorized send an API key: Authorization: Bearer KEY");
        assert_snapshot!(send(&[("authorization", "Bearer ")]).await, @"401 unauthorized the API key is unknown or revoked");
        assert_snapshot!(send(&[("authorization", "Bearer 00000000-0000-0000-0000-000000000000-1")]).await, @"401 unauthorized the API key is unknown or revoked");
        assert_snapshot!(send(&[("authorization", &"x".repeat(5000))]).await, @"401 unauthorized send an API key: Authorization: Bearer KEY");
        // The key alone works too, and in any case of the scheme.
        for value in
            [client.key.clone(), format!("bearer {}", client.key), format!("BEARER  {} ", client.key)]
        {
            let answer = test.send("GET", "/v1/program", &[("authorization", &value)], None).await;
            assert_eq!(answer.status, 200, "{value}");
        }
    });
}

#[test]
fn an_affiliate_key_reads_what_is_its_own_and_changes_nothing() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (jane, john) = (client.affiliate("jane").await, client.affiliate("john").await);
        let (hers, his) = (client.refer(jane, "user-1").await, client.refer(john, "user-2").await);
        client.pay("user-1", "ch_1", "100.00").await;
        client
            .post_once("/v1/payouts", "p1", json!({ "affiliate_id": jane, "operator_comments": "secret" }))
            .await;
        let own = client.with_key(test.affiliate_key(client.program, domain::ids::AffiliateId(jane)).await);
        for path in [
            format!("/v1/affiliates/{jane}"),
            format!("/v1/affiliates/{jane}/balances"),
            format!("/v1/referrals/{hers}"),
            format!("/v1/referrals?affiliate_id={jane}"),
            "/v1/affiliates".to_owned(),
            "/v1/referrals".to_owned(),
            "/v1/commissions".to_owned(),
            "/v1/adjustments".to_owned(),
            "/v1/payouts".to_owned(),
            "/v1/payouts/1".to_owned(),
        ] {
            let answer = own.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            assert!(!answer.text().contains("user-"), "{path}: {}", answer.text());
            assert!(!answer.text().contains("john"), "{path}: {}", answer.text());
            assert!(!answer.text().contains("secret"), "{path}: {}", answer.text());
        }
        for (path, status) in [
            (format!("/v1/affiliates/{john}"), 403),
            (format!("/v1/affiliates/{john}/balances"), 403),
            (format!("/v1/referrals?affiliate_id={john}"), 403),
            ("/v1/referrals?email=a@example.com".to_owned(), 403),
            (format!("/v1/referrals/{his}"), 404),
            ("/v1/program".to_owned(), 403),
            ("/v1/balances".to_owned(), 403),
            ("/v1/deals".to_owned(), 403),
            ("/v1/events".to_owned(), 403),
            ("/v1/log".to_owned(), 403),
            ("/v1/keys".to_owned(), 403),
        ] {
            let answer = own.get(&path).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
        }
        for path in
            ["/v1/events", "/v1/events/bulk", "/v1/affiliates", "/v1/deals", "/v1/keys", "/v1/payouts"]
        {
            let answer = own.post(path, json!({})).await;
            assert_snapshot!(problem(&answer), @"403 forbidden this call needs an operator key; the key given belongs to an affiliate");
        }
    });
}

#[test]
fn programs_cannot_meet() {
    run(async |test| {
        let (one, two) = (Client::new(&test).await, Client::new(&test).await);
        let jane = one.affiliate("jane").await;
        let referral = one.refer(jane, "user-1").await;
        let paid = one.pay("user-1", "ch_1", "100.00").await.json();
        let event = paid["id"].as_str().expect("an id");
        let commission = one.get("/v1/commissions").await.json()["data"][0]["id"].clone();
        let key = one.get("/v1/keys").await.json()["data"][0]["id"].clone();
        one.post_once("/v1/payouts", "p1", json!({ "affiliate_id": jane })).await;
        for path in [
            format!("/v1/affiliates/{jane}"),
            format!("/v1/affiliates/{jane}/balances"),
            format!("/v1/referrals/{referral}"),
            format!("/v1/events/{event}"),
            format!("/v1/commissions/{}", commission.as_str().expect("an id")),
            "/v1/payouts/1".to_owned(),
        ] {
            assert_eq!(two.get(&path).await.status, 404, "{path}");
        }
        let path = format!("/v1/keys/{}", key.as_str().expect("an id"));
        assert_eq!(test.call("DELETE", &path, &two.key, None).await.status, 404);
        assert_eq!(two.pay("user-1", "ch_1", "100.00").await.status, 404);
        let john = two.affiliate("john").await;
        two.refer(john, "user-1").await;
        assert_eq!(two.pay("user-1", "ch_1", "7.00").await.status, 201);
    });
}
