//! Registrations from the browser by which the affiliate has done something itself: flagged, whoever tells of them.

use std::time::Duration;

use domain::ids::AffiliateId;
use serde_json::json;
use testkit::run;

use crate::track_pixel::{CLIENT, Page};

#[test]
fn a_sign_up_by_a_click_of_the_affiliates_own_browser_is_flagged() {
    run(async |test| {
        let page = Page::new(&test).await;
        let settings = json!({ "allowed_hosts": ["shop.example"] });
        assert_eq!(page.client.patch("/v1/program", settings).await.status, 200);
        let key = test.affiliate_key(page.client.program, AffiliateId(page.ann)).await;
        let bearer = format!("Bearer {key}");
        let agent = ("user-agent", "Mozilla/5.0 (hers)");
        let link = json!({ "code": "sale", "destination_url": "https://shop.example/" });
        let from_ann = [("authorization", bearer.as_str()), agent];
        let made = test.send("POST", "/v1/links", &from_ann, Some(link.to_string().into_bytes())).await;
        assert_eq!(made.status, 201, "{}", made.text());
        for (uid, agent) in [("herself", agent), ("a-friend", ("user-agent", "Mozilla/5.0 (another)"))] {
            let clicked = test.send("GET", "/c/sale", &[agent], None).await;
            let token =
                clicked.headers["location"].to_str().expect("ASCII").split_once("rfr=").expect("a token").1;
            assert!(app::click::settle(&test.app, Duration::from_secs(20)).await, "the click is not written");
            let conversion = json!({ "click_id": token, "uid": uid });
            assert_eq!(page.client.post("/v1/conversions", conversion).await.status, 201);
        }
        // So is one by a page view that the script told of.
        let view = page.pixel("/pixel", "pageview", CLIENT, "ann", "", "");
        assert_eq!(test.send("GET", &view, &[agent], None).await.status, 200);
        assert!(app::click::settle(&test.app, Duration::from_secs(20)).await, "the page view is not written");
        let conversion = json!({ "click_id": CLIENT, "uid": "by-script" });
        assert_eq!(page.client.post("/v1/conversions", conversion).await.status, 201);
        let reviews = page.client.get("/v1/reviews?open=true").await.json();
        let reviews = reviews["data"].as_array().expect("a list");
        let kinds: Vec<&str> = reviews.iter().filter_map(|it| it["kind"].as_str()).collect();
        assert_eq!(kinds, ["own_browser", "own_browser"]);
    });
}

#[test]
fn a_registration_from_the_affiliates_own_browser_is_flagged() {
    for (path, body) in [
        ("/v1/inquiries", json!({ "uid": "u9", "message": "I miss this one" })),
        ("/v1/links", json!({})),
        ("/v1/postbacks", json!({ "name": "n", "trigger": "payment", "url": "https://example.com/" })),
    ] {
        run(async |test| {
            let page = Page::new(&test).await;
            let key = test.affiliate_key(page.client.program, AffiliateId(page.ann)).await;
            let bearer = format!("Bearer {key}");
            let from_ann = [
                ("authorization", bearer.as_str()),
                ("user-agent", "Browser/1"),
                ("x-forwarded-for", "192.0.2.7"),
            ];
            let done = test.send("POST", path, &from_ann, Some(body.to_string().into_bytes())).await;
            assert_eq!(done.status, 201, "{path}: {}", done.text());
            page.get(&page.pixel("/pixel", "conversion", CLIENT, "ann", "", "&m_email=jane%40example.com"))
                .await;
            page.get(&page.pixel("/pixel", "conversion", CLIENT, "bob", "", "&m_email=john%40example.com"))
                .await;
            let reviews = page.client.get("/v1/reviews?open=true").await.json();
            let reviews = reviews["data"].as_array().expect("a list");
            let kinds: Vec<&str> = reviews.iter().filter_map(|it| it["kind"].as_str()).collect();
            assert_eq!(kinds, ["own_browser"], "{path}");
        });
    }
}
