//! `POST /v2/tracking/conversion` and `POST /v1/tracking/conversion`: who is credited, and what is refused.

use serde_json::json;

use crate::reditus_company::{Company, shown};

const V1: &str = "/v1/tracking/conversion";
const V2: &str = "/v2/tracking/conversion";

#[test]
fn a_conversion_is_created_once() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let body =
            json!({ "affiliate_slug": "john", "email": "Ann@Example.com", "uid": "u1", "gr_id": "a-click" });
        let created = company.post(V2, body.clone()).await;
        insta::assert_snapshot!(shown(&created), @r#"201 {"data":{"id":"UUID","type":"referral","attributes":{"email":"ann@example.com","uid":"u1","state":"converted","state_set_at":1780315200,"created_at":1780315200,"updated_at":1780315200}}}"#);
        let again = company.post(V2, body).await;
        insta::assert_snapshot!(shown(&again), @r#"409 {"error":"Referral already exists"}"#);
        for other in
            [json!({ "email": "ann@example.com" }), json!({ "uid": "u1", "email": "other@example.com" })]
        {
            let mut body = other;
            body["affiliate_slug"] = json!("john");
            assert_eq!(company.post(V2, body.clone()).await.status, 409, "{body}");
        }
    });
}

#[test]
fn a_header_makes_a_conversion_repeatable() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let bearer = format!("Bearer {}", company.key);
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k1")];
        let body = json!({ "affiliate_slug": "john", "email": "ann@example.com" }).to_string().into_bytes();
        let path = "/reditus/api/v2/tracking/conversion";
        let first = t.send("POST", path, &headers, Some(body.clone())).await;
        assert_eq!(first.status, 201);
        let payment = json!({ "referral_email": "ann@example.com", "amount": 100, "currency": "eur", "idempotency_key": "p1" });
        assert_eq!(company.post("/v1/payments", payment).await.status, 202);
        t.at("2026-06-02T00:00:00Z");
        let again = t.send("POST", path, &headers, Some(body)).await;
        assert_eq!((again.status, again.bytes), (201, first.bytes));
        let other = json!({ "affiliate_slug": "john", "email": "bob@example.com" }).to_string().into_bytes();
        let other = t.send("POST", path, &headers, Some(other)).await;
        insta::assert_snapshot!(shown(&other), @r#"409 {"error":"the idempotency key \"k1\" was used for a request with other content"}"#);
    });
}

#[test]
fn what_is_wrong_is_named() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let bodies = [
            json!({ "affiliate_slug": "nobody", "email": "a@b.c" }),
            json!({ "email": "a@b.c" }),
            json!({ "affiliate_slug": "", "email": "a@b.c" }),
            json!({ "affiliate_slug": "no slug", "email": "a@b.c" }),
            json!({ "affiliate_slug": "john\u{0}", "email": "a@b.c" }),
            json!({ "affiliate_slug": 7, "email": "a@b.c" }),
            json!({ "affiliate_slug": "john" }),
            json!({ "affiliate_slug": "john", "email": "", "uid": null }),
            json!({ "affiliate_slug": "john", "email": "not an address" }),
            json!({ "affiliate_slug": "john", "uid": "a\u{0}b" }),
            json!({ "affiliate_slug": "john", "uid": "u".repeat(256) }),
            json!({ "affiliate_slug": "john", "uid": "u1", "gr_id": 5 }),
        ];
        insta::assert_snapshot!(company.answers(V2, &bodies).await, @r#"
        {"affiliate_slug":"nobody","email":"a@b.c"}
            400 {"error":"Invalid request"}
        {"email":"a@b.c"}
            400 {"error":"affiliate_slug: it is required; it was not sent or is empty"}
        {"affiliate_slug":"","email":"a@b.c"}
            400 {"error":"affiliate_slug: it is required; it was not sent or is empty"}
        {"affiliate_slug":"no slug","email":"a@b.c"}
            400 {"error":"affiliate_slug: \"no slug\" is not a slug; letters, digits, '-', '_', '.' and '~' are allowed"}
        {"affiliate_slug":"john\u0000","email":"a@b.c"}
            400 {"error":"affiliate_slug: it contains the control character U+0000"}
        {"affiliate_slug":7,"email":"a@b.c"}
            400 {"error":"affiliate_slug: invalid type: integer `7`, expected a string"}
        {"affiliate_slug":"john"}
            400 {"error":"email: expected email or uid, neither was sent"}
        {"affiliate_slug":"john","email":"","uid":null}
            400 {"error":"email: expected email or uid, neither was sent"}
        {"affiliate_slug":"john","email":"not an address"}
            400 {"error":"email: \"not an address\" is not an e-mail address"}
        {"affiliate_slug":"john","uid":"a\u0000b"}
            400 {"error":"uid: it contains the control character U+0000"}
        {"affiliate_slug":"john","uid":"uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu
            400 {"error":"uid: it has 256 characters; at most 255 are allowed"}
        {"affiliate_slug":"john","gr_id":5,"uid":"u1"}
            400 {"error":"gr_id: invalid type: integer `5`, expected a string"}
        "#);
        company.holds_nothing().await;
    });
}

#[test]
fn the_deprecated_call_reads_the_cookie_or_the_partner_key() {
    testkit::run(async |t| {
        let company = Company::new(&t).await;
        let caller = t.operator(company.program);
        let john = app::affiliate::show(&t.app, &caller, company.john).await.expect("john");
        let cookie = |pk: &str, slug: &str, foreign: &str| {
            format!(":6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2::{pk}:::{slug}:{foreign}::sub:affiliate")
        };
        let encoded = cookie("", "john", "").replace(':', "%3A");
        let good = [
            json!({ "email": "a1@b.c", "gr_id": cookie("", "john", "") }),
            json!({ "email": "a2@b.c", "gr_id": encoded }),
            json!({ "email": "a3@b.c", "gr_id": cookie("", "", "john") }),
            json!({ "email": "a4@b.c", "gr_id": cookie(&john.partner_key, "", "") }),
            json!({ "email": "a5@b.c", "gr_id": ":6fb05e12:0::::john::" }),
            // A visitor may have come by any address.
            json!({ "email": "a8@b.c", "gr_id": cookie("", "john", "no slug") }),
            json!({ "email": "a9@b.c", "gr_id": cookie(&"k".repeat(101), "john", "") }),
            json!({ "uid": "u6", "pk": john.partner_key }),
            json!({ "uid": "u7", "pk": john.partner_key, "gr_id": "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2" }),
        ];
        for body in good {
            let answer = company.post(V1, body.clone()).await;
            assert_eq!(answer.status, 201, "{body} {}", answer.text());
            assert_eq!(company.post(V1, body).await.status, 409);
        }
        let filter = app::referral::Filter { affiliate: Some(company.john), ..Default::default() };
        let referrals = app::referral::list(&t.app, &caller, &filter, 0, 100).await.expect("a list");
        assert_eq!(referrals.len(), 9);
        let bad = [
            json!({ "email": "b@b.c", "gr_id": "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2" }),
            json!({ "email": "b@b.c" }),
            json!({ "email": "b@b.c", "gr_id": cookie("", "nobody", "") }),
            json!({ "email": "b@b.c", "gr_id": cookie("", "no slug", "") }),
            json!({ "uid": "u8", "pk": "nobody" }),
            json!({ "uid": "u8", "pk": "a\u{0}b" }),
        ];
        insta::assert_snapshot!(company.answers(V1, &bad).await, @r#"
        {"email":"b@b.c","gr_id":"6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2"}
            400 {"error":"gr_id: it names no affiliate; expected the whole value of the cookie _gr_id, or pk and uid instead"}
        {"email":"b@b.c"}
            400 {"error":"gr_id: it names no affiliate; expected the whole value of the cookie _gr_id, or pk and uid instead"}
        {"email":"b@b.c","gr_id":":6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2:::::nobody:::sub:affiliate"}
            400 {"error":"Invalid request"}
        {"email":"b@b.c","gr_id":":6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2:::::no slug:::sub:affiliate"}
            400 {"error":"gr_id: \"no slug\" is not a slug; letters, digits, '-', '_', '.' and '~' are allowed"}
        {"pk":"nobody","uid":"u8"}
            400 {"error":"Invalid request"}
        {"pk":"a\u0000b","uid":"u8"}
            400 {"error":"pk: it contains the control character U+0000"}
        "#);
        assert_eq!(company.post(V1, json!({ "pk": john.partner_key })).await.status, 400, "nobody signed up");
    });
}
