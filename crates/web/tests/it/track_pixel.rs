//! What browsers tell: the pixel in Reditus' parameter order, the beacon, declared clicks; and what they never learn.

use serde_json::json;
use testkit::{Answer, TestApp, run};

use crate::api_client::Client;

/// The id that the script gave a browser.
pub(crate) const CLIENT: &str = "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2";

/// A page of a program with the affiliates ann and bob.
pub(crate) struct Page {
    pub(crate) client: Client,
    pub(crate) tracking_id: String,
    pub(crate) ann: i64,
}

impl Page {
    pub(crate) async fn new(test: &TestApp) -> Page {
        let client = Client::new(test).await;
        let ann = client.affiliate("ann").await;
        client.affiliate("bob").await;
        let program = client.get("/v1/program").await.json();
        let tracking_id = program["tracking_id"].as_str().expect("a tracking id").to_owned();
        Page { client, tracking_id, ann }
    }

    /// The address of the pixel as Reditus' script asks for it.
    pub(crate) fn pixel(
        &self,
        path: &str,
        event: &str,
        client: &str,
        slug: &str,
        foreign: &str,
        more: &str,
    ) -> String {
        format!(
            "{path}?evt={event}&rid=6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2&ref=&url=https%3A%2F%2Fshop.example%2F&grid={client}\
             &rl=&pk=&uid=&affiliate_slug={slug}&advocate_slug=&customer_id={}&cslug={foreign}&ctype=&sid={more}",
            self.tracking_id
        )
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client
            .test
            .send("GET", path, &[("user-agent", "Browser/1"), ("x-forwarded-for", "192.0.2.7")], None)
            .await
    }

    async fn owner(&self, email: &str) -> Option<i64> {
        let found = self.client.get(&format!("/v1/referrals?email={email}")).await.json();
        found["data"][0]["affiliate_id"].as_i64()
    }
}

#[test]
fn the_pixel_takes_up_conversions_and_answers_everything_alike() {
    run(async |test| {
        let page = Page::new(&test).await;
        let good = page.pixel("/", "conversion", CLIENT, "ann", "", "&m_email=jane%40example.com&m_uid=u1");
        let paths = [
            good.clone(),
            good,
            page.pixel("/pixel", "conversion", CLIENT, "bob", "", "&m_email=jane%40example.com"),
            page.pixel("/pixel", "conversion", CLIENT, "nobody", "", "&m_email=j2%40example.com"),
            page.pixel("/pixel", "conversion", CLIENT, "ann", "", "&m_email=nonsense"),
            page.pixel("/pixel", "conversion", CLIENT, "ann", "", ""),
            page.pixel("/pixel", "wave", CLIENT, "ann", "", ""),
            "/pixel".to_owned(),
            "/pixel?evt=conversion&customer_id=x&m_email=a%40b.c&affiliate_slug=ann%00%FF".to_owned(),
        ];
        let mut answers = Vec::new();
        for path in paths {
            let answer = page.get(&path).await;
            assert_eq!(
                (answer.status, answer.headers["content-type"].as_bytes()),
                (200, &b"image/gif"[..]),
                "{path}"
            );
            assert_eq!(answer.headers["access-control-allow-origin"], "*");
            assert_eq!(answer.headers["cache-control"], "no-store");
            answers.push(answer.bytes);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        assert_eq!(test.count_rows("referral").await, 1);
        assert_eq!(page.owner("jane@example.com").await, Some(page.ann));
        assert_eq!(page.get("/").await.status, 404);
    });
}

#[test]
fn a_page_view_with_a_slug_becomes_a_declared_click() {
    run(async |test| {
        let page = Page::new(&test).await;
        test.at("2026-06-01T08:00:00Z");
        assert_eq!(page.get(&page.pixel("/pixel", "pageview", CLIENT, "", "ann", "")).await.status, 200);
        // Later page views belong to the same visit.
        test.at("2026-06-03T08:00:00Z");
        assert_eq!(page.get(&page.pixel("/", "pageview", CLIENT, "ann", "", "")).await.status, 200);
        let body = json!({ "email": "jane@example.com", "click_id": CLIENT });
        let answer = page.client.post("/v1/conversions", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json()["affiliate_id"], page.ann);
        let path = format!("/v1/referrals/{}/attributions", answer.json()["id"].as_str().expect("an id"));
        let record = page.client.get(&path).await.json()["data"][0].clone();
        assert_eq!((&record["basis"], &record["grade"]), (&json!("declared_click"), &json!("key")));
        assert_eq!(record["evidence"][0]["clicked_at"], "2026-06-01T08:00:00Z");
        assert_eq!(record["evidence"].as_array().map(Vec::len), Some(1));
        // Reditus' deprecated call names it by the client id alone, or within the cookie.
        let old = "/reditus/api/v1/tracking/conversion";
        let answer = page.client.post(old, json!({ "email": "j2@example.com", "gr_id": CLIENT })).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(page.owner("j2@example.com").await, Some(page.ann));
        // A visit has a window, other than a bare name.
        test.at("2026-08-15T08:00:00Z");
        let late = json!({ "email": "j3@example.com", "click_id": CLIENT });
        assert_eq!(page.client.post("/v1/conversions", late).await.status, 422);
    });
}

#[test]
fn a_declared_click_is_written_and_counts_in_a_process_that_was_not_told_of_it() {
    run(async |test| {
        let page = Page::new(&test).await;
        let view = page.pixel("/pixel", "pageview", CLIENT, "ann", "", "");
        assert_eq!(page.get(&view).await.status, 200);
        assert!(app::click::settle(&test.app, std::time::Duration::from_secs(20)).await);
        assert_eq!(test.count_rows("click where grade = 1 and page = 'https://shop.example/'").await, 1);
        assert_eq!(test.count_rows("click_daily where visits = 1").await, 1);
        let other = TestApp { app: test.beside(2).await, ..test.clone() };
        let headers = [("authorization", format!("Bearer {}", page.client.key))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        // The other process knows it by its row: it is no new visit, and it decides.
        assert_eq!(other.send("GET", &view, &[], None).await.status, 200);
        assert!(app::click::settle(&other.app, std::time::Duration::from_secs(20)).await);
        assert_eq!(test.count_rows("click").await, 1);
        let body = json!({ "email": "jane@example.com", "click_id": CLIENT }).to_string().into_bytes();
        let answer = other.send("POST", "/v1/conversions", &headers, Some(body)).await;
        assert_eq!(
            (answer.status, &answer.json()["affiliate_id"]),
            (201, &json!(page.ann)),
            "{}",
            answer.text()
        );
        other.app.stop().await;
    });
}

#[test]
fn a_beacon_is_read_as_text_or_json_and_says_what_is_wrong_with_it() {
    run(async |test| {
        let page = Page::new(&test).await;
        let send = async |kind: &str, body: String| {
            let answer =
                test.send("POST", "/beacon", &[("content-type", kind)], Some(body.into_bytes())).await;
            assert_eq!(answer.headers["access-control-allow-origin"], "*");
            format!("{} {}", answer.status, answer.text())
        };
        let conversion = |email: &str| {
            json!({ "evt": "conversion", "customer_id": page.tracking_id, "affiliate_slug": "ann", "m_email": email }).to_string()
        };
        assert_eq!(send("text/plain;charset=UTF-8", conversion("a@example.com")).await, "204 ");
        assert_eq!(send("application/json", conversion("b@example.com")).await, "204 ");
        assert_eq!(
            send("text/plain", conversion("a@example.com")).await,
            "204 ",
            "nothing is told of who is known"
        );
        assert_eq!(test.count_rows("referral").await, 2);
        let bob = page.client.get("/v1/affiliates").await.json()["data"][2]["id"].clone();
        assert_eq!(
            page.client.post("/v1/coupons", json!({ "code": "BOB", "affiliate_id": bob })).await.status,
            201
        );
        let coupon = json!({ "evt": "conversion", "customer_id": page.tracking_id, "affiliate_slug": "ann",
                             "m_email": "c@example.com", "m_coupon": "bob" });
        assert_eq!(send("text/plain", coupon.to_string()).await, "204 ");
        assert_eq!(page.owner("c@example.com").await, bob.as_i64());
        let wrong = [
            ("nonsense", "400 expected a JSON object such as {\"evt\":\"pageview\"}"),
            ("[]", "400 expected a JSON object such as {\"evt\":\"pageview\"}"),
            ("{}", "400 evt: expected pageview or conversion, nothing was sent"),
            (r#"{"evt":"pageview"}"#, "400 customer_id: expected the tracking id of a program"),
            (
                r#"{"evt":"pageview","customer_id":"x"}"#,
                "400 customer_id: \"x\" is no tracking id; GET /v1/program shows it as tracking_id",
            ),
            (
                r#"{"evt":"pageview","grid":"x","customer_id":"6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2","cslug":"ann"}"#,
                "400 customer_id: no program has the tracking id 6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2",
            ),
        ];
        for (body, expected) in wrong {
            assert_eq!(send("text/plain", body.to_owned()).await, expected, "{body}");
        }
        let nobody = json!({ "evt": "conversion", "customer_id": page.tracking_id, "affiliate_slug": "ann" });
        assert!(send("text/plain", nobody.to_string()).await.starts_with("400 m_email"));
        let bad = json!({ "evt": "conversion", "customer_id": page.tracking_id, "m_email": "nonsense" });
        assert_eq!(
            send("text/plain", bad.to_string()).await,
            "400 m_email: \"nonsense\" is not an e-mail address"
        );
        assert!(
            send("text/plain", format!("{{\"evt\":\"{}\"}}", "x".repeat(20_000))).await.starts_with("413")
        );
        let asked = test.send("OPTIONS", "/beacon", &[("origin", "https://shop.example")], None).await;
        assert_eq!(asked.status, 204);
        assert_eq!(asked.headers["access-control-allow-methods"], "POST");
    });
}

#[test]
fn one_address_cannot_crowd_out_the_others() {
    let limits = app::config::Limits {
        address: app::config::Rate { per_second: 1, burst: 3 },
        ..app::config::Limits::default()
    };
    let address_header = Some("x-forwarded-for".to_owned());
    let config = app::config::Config { limits, address_header, ..testkit::config() };
    testkit::run_with(config, async |test| {
        let page = Page::new(&test).await;
        let path = page.pixel("/pixel", "pageview", CLIENT, "ann", "", "");
        let from =
            async |address: &str| test.send("GET", &path, &[("x-forwarded-for", address)], None).await.status;
        for _ in 0..3 {
            assert_eq!(from("192.0.2.1").await, 200);
        }
        assert_eq!(from("192.0.2.1").await, 429);
        assert_eq!(
            from("203.0.113.9, 192.0.2.1").await,
            429,
            "what a client says before its proxy does not count"
        );
        assert_eq!(from("192.0.2.2").await, 200);
    });
}

#[test]
fn a_name_outweighs_the_number_of_a_link() {
    run(async |test| {
        let page = Page::new(&test).await;
        let bob = page.client.get("/v1/affiliates").await.json()["data"][2]["id"].as_i64().expect("bob");
        let link = page.client.post("/v1/links", json!({ "affiliate_id": bob })).await;
        assert_eq!((link.status, &link.json()["id"]), (201, &json!(1)));
        let cases = [
            ("ann", Some((page.ann, "null"))),
            ("bob", Some((bob, "1"))),
            ("", Some((bob, "1"))),
            ("nobody", None),
        ];
        for (number, (slug, expected)) in cases.into_iter().enumerate() {
            let client = format!("6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4d{number}");
            let view = page.pixel("/pixel", "pageview", &client, slug, "", "").replace("&rl=&", "&rl=1&");
            assert_eq!(page.get(&view).await.status, 200);
            assert!(app::click::settle(&test.app, std::time::Duration::from_secs(20)).await);
            let of_client = format!("click where client_id = '{client}'");
            assert_eq!(test.count_rows(&of_client).await, i64::from(expected.is_some()), "{slug:?}");
            if let Some((affiliate, link)) = expected {
                let rows = format!(
                    "{of_client} and affiliate_id = {affiliate} and link_id is not distinct from {link}"
                );
                assert_eq!(test.count_rows(&rows).await, 1, "{slug:?}");
            }
        }
    });
}

#[test]
fn no_address_of_a_page_names_the_customer() {
    run(async |test| {
        let page = Page::new(&test).await;
        let tell = async |uid: &str, email: Option<&str>| {
            let body = json!({ "evt": "conversion", "customer_id": page.tracking_id, "affiliate_slug": "ann",
                               "uid": uid, "m_email": email });
            test.send("POST", "/t", &[("content-type", "text/plain")], Some(body.to_string().into_bytes()))
                .await
        };
        assert_eq!(tell("user-7", Some("jane@example.com")).await.status, 204);
        let found = page.client.get("/v1/referrals?email=jane@example.com").await.json()["data"][0].clone();
        assert_eq!((&found["affiliate_id"], &found["uid"]), (&json!(page.ann), &json!(null)));
        let nobody = tell("user-8", None).await;
        assert_eq!(nobody.status, 400);
        assert!(nobody.text().starts_with("m_email: "), "{}", nobody.text());
        assert_eq!(test.count_rows("referral").await, 1);
    });
}

#[test]
fn one_address_takes_pixels_and_beacons() {
    run(async |test| {
        let page = Page::new(&test).await;
        let hosts = json!({ "tracking_hosts": ["go.example.com"] });
        assert_eq!(page.client.patch("/v1/program", hosts).await.status, 200);
        for (place, host) in ["localhost", "go.example.com"].into_iter().enumerate() {
            let email = |kind: &str| format!("{kind}{place}@example.com");
            let more = format!("&m_email={}", email("pixel"));
            let path = page.pixel("/t", "conversion", CLIENT, "ann", "", &more);
            let shown = test.send("GET", &path, &[("host", host)], None).await;
            assert_eq!((shown.status, shown.headers["content-type"].as_bytes()), (200, &b"image/gif"[..]));
            let body = json!({ "evt": "conversion", "customer_id": page.tracking_id, "affiliate_slug": "ann",
                               "m_email": email("beacon") });
            let headers = [("content-type", "text/plain"), ("host", host)];
            let told = test.send("POST", "/t", &headers, Some(body.to_string().into_bytes())).await;
            assert_eq!((told.status, told.text().as_str()), (204, ""));
            for email in [email("pixel"), email("beacon")] {
                assert_eq!(page.owner(&email).await, Some(page.ann), "{email} on {host}");
            }
            let asked =
                test.send("OPTIONS", "/t", &[("host", host), ("origin", "https://shop.example")], None).await;
            assert_eq!(asked.status, 204);
            assert_eq!(asked.headers["access-control-allow-methods"], "POST");
        }
    });
}

#[test]
fn the_first_name_that_is_known_counts() {
    run(async |test| {
        let page = Page::new(&test).await;
        let names = "affiliate_slug=nobody&cslug=ann&ctype=via&m_email=a@example.com";
        let path = format!("/t?evt=conversion&customer_id={}&{names}", page.tracking_id);
        assert_eq!(test.send("GET", &path, &[], None).await.status, 200);
        assert_eq!(page.owner("a@example.com").await, Some(page.ann));
        let cookie = format!(":{CLIENT}:::::nobody:ann:via::affiliate");
        for (path, field) in
            [("/v1/conversions", "click_id"), ("/reditus/api/v1/tracking/conversion", "gr_id")]
        {
            let email = format!("{field}@example.com");
            let answer = page.client.post(path, json!({ field: cookie, "email": email })).await;
            assert_eq!(answer.status, 201, "{path}: {}", answer.text());
            assert_eq!(page.owner(&email).await, Some(page.ann), "{path}");
        }
        // The answer to a repeated request does not depend on who is known by now.
        let body = json!({ "click_id": cookie, "email": "again@example.com" });
        let first = page.client.post_once("/v1/conversions", "k", body.clone()).await;
        page.client.affiliate("nobody").await;
        let again = page.client.post_once("/v1/conversions", "k", body).await;
        assert_eq!((first.status, again.status, again.text()), (201, 201, first.text()));
    });
}

#[test]
fn a_pixel_on_the_host_of_the_redirect_brings_its_click() {
    run(async |test| {
        let page = Page::new(&test).await;
        let settings = json!({ "allowed_hosts": ["shop.example"] });
        assert_eq!(page.client.patch("/v1/program", settings).await.status, 200);
        let link =
            json!({ "affiliate_id": page.ann, "code": "sale", "destination_url": "https://shop.example/" });
        assert_eq!(page.client.post("/v1/links", link).await.status, 201);
        let clicked = page.get("/c/sale").await;
        let kept =
            clicked.headers["set-cookie"].to_str().expect("ASCII").split(';').next().expect("a cookie");
        let (name, token) = kept.split_once('=').expect("a cookie");
        assert_eq!(name, format!("rfr_{}", page.client.program));
        let tell = async |email: &str, cookie: &str, more: &str| {
            let path = format!("/t?evt=conversion&customer_id={}&m_email={email}{more}", page.tracking_id);
            assert_eq!(test.send("GET", &path, &[("cookie", cookie)], None).await.status, 200);
            page.owner(email).await
        };
        assert_eq!(tell("a@example.com", kept, "").await, Some(page.ann));
        let among = format!("x=1; rfr_9=nonsense;{name}=nonsense; {kept}; y");
        assert_eq!(tell("b@example.com", &among, "").await, Some(page.ann));
        assert_eq!(tell("c@example.com", &format!("rfr_9={token}"), "").await, None, "another program's");
        assert_eq!(tell("d@example.com", &format!("{name}=nonsense"), "").await, None);
        let forged = format!("{}{}", &token[..45], if &token[45..46] == "A" { "B" } else { "A" });
        let forged = format!("{name}={forged}{}", &token[46..]);
        assert_eq!(tell("e@example.com", &forged, "").await, None, "its signature is checked");
        assert_eq!(tell("f@example.com", "", "").await, None);
        // The script knows of a later click than the cookie.
        test.at("2026-06-02T12:00:00Z");
        assert_eq!(page.get(&page.pixel("/t", "pageview", CLIENT, "bob", "", "")).await.status, 200);
        let by_script = tell("g@example.com", kept, &format!("&grid={CLIENT}")).await;
        assert!(by_script.is_some() && by_script != Some(page.ann), "{by_script:?}");
        // A caller with a key hands over the script's cookie, whose third field is the token.
        let cookie = format!(":8f3c1a52-0000-4000-8000-000000000001:{token}::::::::affiliate");
        let keyed = json!({ "click_id": cookie.replace(':', "%3A"), "email": "keyed@example.com" });
        let answer = page.client.post("/v1/conversions", keyed).await;
        assert_eq!((answer.status, answer.json()["affiliate_id"].as_i64()), (201, Some(page.ann)));
        let body = json!({ "gr_id": cookie, "email": "reditus@example.com" });
        assert_eq!(page.client.post("/reditus/api/v1/tracking/conversion", body).await.status, 201);
        assert_eq!(page.owner("reditus@example.com").await, Some(page.ann));
        // A beacon brings it as well.
        let body =
            json!({ "evt": "conversion", "customer_id": page.tracking_id, "m_email": "h@example.com" });
        let headers = [("content-type", "text/plain"), ("cookie", kept)];
        assert_eq!(test.send("POST", "/t", &headers, Some(body.to_string().into_bytes())).await.status, 204);
        assert_eq!(page.owner("h@example.com").await, Some(page.ann));
        // A click is believed for as long as the program says.
        test.at("2026-08-15T12:00:00Z");
        assert_eq!(tell("i@example.com", kept, "").await, None);
    });
}

#[test]
fn a_page_view_brings_the_sub_id_of_the_page_or_of_the_pixel() {
    run(async |test| {
        let page = Page::new(&test).await;
        let pixel = page.pixel("/pixel", "pageview", CLIENT, "ann", "", "");
        let in_the_page = |client: &str, url: &str| {
            let other = client.to_owned();
            pixel.replace(CLIENT, &other).replace("https%3A%2F%2Fshop.example%2F", url)
        };
        let client = |number: u8| format!("6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c{number}");
        for path in [
            in_the_page(&client(4), "https%3A%2F%2Fshop.example%2F%3Fsid%3Dnews%23plans"),
            in_the_page(&client(5), "https%3A%2F%2Fshop.example%2F") + "a%20b%26c",
            in_the_page(&client(6), "https%3A%2F%2Fshop.example%2F%3Fsid%3Dpage") + "pixel",
        ] {
            assert_eq!(page.get(&path).await.status, 200);
        }
        assert!(app::click::settle(&test.app, std::time::Duration::from_secs(20)).await);
        let clicks = page.client.get("/v1/clicks").await.json();
        let mut sub_ids: Vec<String> = clicks["data"]
            .as_array()
            .expect("clicks")
            .iter()
            .map(|click| click["traffic"]["sub_id"].as_str().unwrap_or_default().to_owned())
            .collect();
        sub_ids.sort();
        assert_eq!(sub_ids, ["a b&c", "news", "page"]);
    });
}

#[test]
fn who_asks_for_the_head_of_a_pixel_tells_nothing() {
    run(async |test| {
        let page = Page::new(&test).await;
        for path in ["/", "/t", "/pixel"] {
            let pixel = page.pixel(path, "conversion", CLIENT, "ann", "", "&m_email=a%40example.com");
            let answer = test.send("HEAD", &pixel, &[], None).await;
            assert_eq!((answer.status, answer.headers["content-type"].as_bytes()), (200, &b"image/gif"[..]));
        }
        assert_eq!(page.owner("a@example.com").await, None);
        // A page that is rendered ahead is not asked for again when it is shown.
        let pixel = page.pixel("/t", "conversion", CLIENT, "ann", "", "&m_email=b%40example.com");
        let ahead = [("sec-purpose", "prefetch;prerender")];
        assert_eq!(test.send("GET", &pixel, &ahead, None).await.status, 200);
        assert_eq!(page.owner("b@example.com").await, Some(page.ann));
    });
}
