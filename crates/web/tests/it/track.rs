//! Clicks over HTTP: where they lead, what is recorded of them, and what is not.

use std::time::Duration;

use domain::click::TOKEN_LENGTH;
use domain::ids::{LinkId, ProgramId};
use insta::assert_snapshot;
use serde_json::json;
use testkit::{Answer, TestApp, run};

use crate::api_client::{Client, problem};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

/// A program whose links lead to `shop.example.com`, with a link `CODE` of an affiliate.
async fn shop(test: &TestApp, code: &str, destination: &str) -> Client {
    let client = Client::new(test).await;
    let jane = client.affiliate(&format!("jane-{code}")).await;
    let settings =
        json!({ "allowed_hosts": ["shop.example.com"], "fallback_url": "https://example.com/home" });
    assert_eq!(client.patch("/v1/program", settings).await.status, 200);
    let body = json!({ "affiliate_id": jane, "code": code, "destination_url": destination });
    let made = client.post("/v1/links", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    client
}

async fn click(test: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let agent = ("user-agent", BROWSER);
    let headers: Vec<_> = if headers.iter().any(|(name, _)| *name == "user-agent") {
        headers.to_vec()
    } else {
        std::iter::once(agent).chain(headers.iter().copied()).collect()
    };
    test.send("GET", path, &headers, None).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

/// Status and location, with the token as `TOKEN`.
fn led(answer: &Answer) -> String {
    let location = header(answer, "location");
    let shown = match location.find("AQAB") {
        Some(at) => location.replace(&location[at..at + TOKEN_LENGTH], "TOKEN"),
        None => location.to_owned(),
    };
    format!("{} {shown}", answer.status).trim_end().to_owned()
}

async fn settled(test: &TestApp) {
    assert!(app::click::settle(&test.app, Duration::from_secs(20)).await, "the clicks are not written");
}

/// The daily figures: visits, unique visits, bots, repeats.
async fn figures(test: &TestApp, program: ProgramId) -> String {
    settled(test).await;
    let (from, through) = ("2026-01-01".parse().expect("a day"), "2027-01-01".parse().expect("a day"));
    let days = app::click::daily(&test.app, program, None, from, through).await.expect("days");
    let shown = days.iter().map(|row| {
        let (day, visits) = (&row.day, &row.visits);
        let key = format!("{} link {} {:?} {:?}", day.day, day.link, day.brand, day.campaign);
        format!("{key}: {} {} {} {}", visits.visits, visits.unique_visits, visits.bots, visits.repeats)
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_click_is_led_on_with_a_token_and_a_cookie_and_is_recorded() {
    run(async |test| {
        let client = shop(&test, "sale", "https://shop.example.com/a?x=1#top").await;
        let referrer = ("referer", "https://blog.example/post");
        let answer = click(&test, "/c/sale?sid=s+1&afp=p&utm_source=mail&other=1", &[referrer]).await;
        assert_eq!(led(&answer), "302 https://shop.example.com/a?x=1&rfr=TOKEN#top");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        let location = header(&answer, "location").to_owned();
        let token = &location["https://shop.example.com/a?x=1&rfr=".len()..][..TOKEN_LENGTH];
        let cookie =
            format!("rfr_{}={token}; Max-Age=5184000; Path=/; HttpOnly; SameSite=Lax", client.program);
        assert_eq!(header(&answer, "set-cookie"), cookie);
        let verified =
            app::click::verify(&test.app, client.program, token, test.app.now(), 60).await.expect("keys");
        let verified = verified.expect("a token of ours");
        assert_eq!(verified.link, LinkId(1));
        settled(&test).await;
        let rows = app::click::by_ids(&test.app, client.program, &[verified.click()]).await.expect("rows");
        let row = &rows[0];
        assert_eq!(row.clicked_at, test.app.now());
        assert_eq!(
            (row.agent.as_deref(), row.referrer.as_deref()),
            (Some(BROWSER), Some("https://blog.example/post"))
        );
        let traffic: Vec<_> = row.traffic.iter().collect();
        assert_eq!(traffic, [("afp", "p"), ("sub_id", "s 1"), ("utm_source", "mail")]);
        assert_eq!((row.address, row.flags, row.country.as_deref()), (None, 0, None));
        let hash =
            app::click::address_hash(&test.app, client.program, "203.0.113.7".parse().expect("an address"));
        assert_eq!(row.address_hash.as_deref(), Some(hash.as_slice()), "only a keyed hash is kept");
        assert_eq!(figures(&test, client.program).await, "2026-06-01 link 1 \"\" \"\": 1 1 0 0");
        client.patch("/v1/program", json!({ "keep_addresses": true })).await;
        click(&test, "/c/sale", &[]).await;
        settled(&test).await;
        assert_eq!(
            test.count_rows("click where address = '203.0.113.7'").await,
            1,
            "the program keeps addresses now"
        );
    });
}

#[test]
fn macros_are_filled_in_and_carry_the_token() {
    run(async |test| {
        let template = "https://shop.example.com/{{affiliate_slug}}/?btag={{tracker}}&a={{affiliate_id}}&l={{link_id}}\
                        &b={{brand}}&c={{campaign}}&d={{deal_id}}&s={{sid}}&u={{utm_campaign}}&n={{country_code}}";
        shop(&test, "macros", template).await;
        let answer = click(&test, "/c/MACROS?sid=a%26b&utm_campaign=%C3%BC", &[]).await;
        assert_snapshot!(led(&answer), @"302 https://shop.example.com/jane-macros/?btag=TOKEN&a=2&l=1&b=&c=&d=1&s=a%26b&u=%C3%BC&n=");
    });
}

#[test]
fn the_token_is_the_only_parameter_of_its_name() {
    run(async |test| {
        let client = shop(&test, "sale", "https://shop.example.com/?rfr=theirs&xrfr=1").await;
        assert_eq!(
            led(&click(&test, "/c/sale", &[]).await),
            "302 https://shop.example.com/?xrfr=1&rfr=TOKEN"
        );
        let deep = "/c/sale?to=https%3A%2F%2Fshop.example.com%2Fa%3F%2572fr%3Dx%26b%3Dc%26rfr%3Dy%23rfr%3Dz";
        let answer = click(&test, deep, &[]).await;
        assert_eq!(led(&answer), "302 https://shop.example.com/a?b=c&rfr=TOKEN#rfr=z");
        let location = header(&answer, "location");
        let token = &location["https://shop.example.com/a?b=c&rfr=".len()..][..TOKEN_LENGTH];
        let conversion = json!({ "click_id": token, "uid": "u1" });
        assert_eq!(client.post("/v1/conversions", conversion).await.status, 201);
    });
}

#[test]
fn what_leads_nowhere_and_what_leads_to_the_fallback() {
    run(async |test| {
        let client = shop(&test, "one", "https://shop.example.com/").await;
        let other = shop(&test, "two", "https://shop.example.com/two").await;
        client.patch("/v1/program", json!({ "tracking_hosts": ["go.example.com"] })).await;
        let go = [("host", "GO.example.com:443")];
        let mut table = String::new();
        let mut show = |what: &str, answer: Answer| table.push_str(&format!("{what}: {}\n", led(&answer)));
        show("a code", click(&test, "/c/one", &[]).await);
        show("alone on the shared host", click(&test, "/one", &[]).await);
        show("alone on its own host", click(&test, "/one", &go).await);
        show("below c on its own host", click(&test, "/c/one", &go).await);
        show("another program's on this host", click(&test, "/two", &go).await);
        show("unknown on the shared host", click(&test, "/c/none", &[]).await);
        show("unknown on a program's host", click(&test, "/none", &go).await);
        show("no code", click(&test, "/c/a.b", &[]).await);
        show("nothing", click(&test, "/c/", &[]).await);
        show(
            "a deep link",
            click(&test, "/c/one?to=https%3A%2F%2Fshop.example.com%2Fdeep%3Fa%3Db", &[]).await,
        );
        show("a deep link elsewhere", click(&test, "/c/one?to=https://evil.com/", &[]).await);
        show(
            "a deep link, tricky",
            click(&test, "/c/one?to=https://shop.example.com%5C@evil.com/", &[]).await,
        );
        other
            .patch(
                "/v1/links/1",
                json!({ "is_enabled": false, "fallback_url": "https://shop.example.com/over" }),
            )
            .await;
        show("disabled with a fallback", click(&test, "/c/two", &[]).await);
        show("disabled, deep", click(&test, "/c/two?to=https://shop.example.com/deep", &[]).await);
        other.patch("/v1/links/1", json!({ "fallback_url": null })).await;
        show("disabled", click(&test, "/c/two", &[]).await);
        other.patch("/v1/links/1", json!({ "is_enabled": true, "destination_url": null })).await;
        show("without a destination", click(&test, "/c/two", &[]).await);
        other.patch("/v1/program", json!({ "fallback_url": null })).await;
        show("without anything", click(&test, "/c/two", &[]).await);
        client
            .patch(
                "/v1/program",
                json!({ "allowed_hosts": ["other.example.com"], "click_parameter": "btag" }),
            )
            .await;
        show("a host that is no longer allowed", click(&test, "/c/one", &[]).await);
        show("posted", test.send("POST", "/c/one", &[], None).await);
        assert_snapshot!(table, @"
        a code: 302 https://shop.example.com/?rfr=TOKEN
        alone on the shared host: 404
        alone on its own host: 302 https://shop.example.com/?rfr=TOKEN
        below c on its own host: 302 https://shop.example.com/?rfr=TOKEN
        another program's on this host: 302 https://example.com/home
        unknown on the shared host: 404
        unknown on a program's host: 302 https://example.com/home
        no code: 404
        nothing: 404
        a deep link: 302 https://shop.example.com/deep?a=b&rfr=TOKEN
        a deep link elsewhere: 302 https://shop.example.com/?rfr=TOKEN
        a deep link, tricky: 302 https://shop.example.com/?rfr=TOKEN
        disabled with a fallback: 302 https://shop.example.com/over
        disabled, deep: 302 https://shop.example.com/over
        disabled: 302 https://example.com/home
        without a destination: 302 https://example.com/home?rfr=TOKEN
        without anything: 404
        a host that is no longer allowed: 302 https://example.com/home
        posted: 405
        ");
        let page = click(&test, "/c/none", &[]).await;
        assert!(page.text().contains("This link does not lead anywhere."), "{}", page.text());
    });
}

#[test]
fn what_does_not_count_and_what_is_flagged() {
    run(async |test| {
        let client = shop(&test, "sale", "https://shop.example.com/").await;
        test.send("HEAD", "/c/sale", &[("user-agent", BROWSER)], None).await;
        for (name, value) in
            [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")]
        {
            let answer = click(&test, "/c/sale", &[(name, value)]).await;
            assert_eq!((answer.status, header(&answer, "set-cookie")), (302, ""), "{name}");
        }
        assert_eq!(figures(&test, client.program).await, "", "HEAD and looks ahead do not count");
        click(&test, "/c/sale", &[]).await;
        click(&test, "/c/sale", &[]).await;
        click(&test, "/c/sale", &[("user-agent", "curl/8.5.0")]).await;
        click(&test, "/c/sale", &[("user-agent", "Another browser")]).await;
        assert_eq!(figures(&test, client.program).await, "2026-06-01 link 1 \"\" \"\": 4 2 1 1");
        test.at("2026-06-01T12:59:59Z");
        click(&test, "/c/sale", &[]).await;
        settled(&test).await;
        test.at("2026-06-01T13:00:00Z");
        click(&test, "/c/sale", &[]).await;
        assert_eq!(
            figures(&test, client.program).await,
            "2026-06-01 link 1 \"\" \"\": 6 3 1 2",
            "a visitor counts again an hour after it counted"
        );
        let flags = ["flags = 0", "flags = 1", "flags = 2"].map(|flags| format!("click where {flags}"));
        let counts = [
            test.count_rows(&flags[0]).await,
            test.count_rows(&flags[1]).await,
            test.count_rows(&flags[2]).await,
        ];
        assert_eq!(counts, [3, 1, 2], "every click is kept");
    });
}

#[test]
fn figures_are_kept_by_day_in_the_programs_zone_and_by_link_brand_and_campaign() {
    run(async |test| {
        let client = shop(&test, "sale", "https://shop.example.com/").await;
        client.patch("/v1/program", json!({ "zone": "Asia/Tokyo" })).await;
        let brand = json!({ "deposits": "events", "withdrawals": "events" });
        test.call("PUT", "/v1/brands/Lucky", &client.key, Some(brand)).await;
        let body = json!({ "affiliate_id": 2, "code": "lucky", "brand": "Lucky", "campaign": "June" });
        client.post("/v1/links", body).await;
        test.at("2026-06-01T14:59:59Z");
        click(&test, "/c/sale?sid=a", &[]).await;
        test.at("2026-06-01T15:00:00Z");
        click(&test, "/c/lucky?sid=b&campaign_id=other", &[]).await;
        assert_snapshot!(figures(&test, client.program).await, @r#"
        2026-06-01 link 1 "" "": 1 1 0 0
        2026-06-02 link 2 "Lucky" "June": 1 0 0 1
        "#);
        assert_eq!(
            problem(&client.patch("/v1/program", json!({ "zone": "UTC" })).await),
            "409 fixed_by_first_click zone was fixed by the program's first click, whose figures are kept by day"
        );
    });
}

#[test]
fn another_process_learns_of_changes_by_itself() {
    run(async |test| {
        let client = shop(&test, "sale", "https://shop.example.com/").await;
        let second = TestApp { app: test.beside(2).await, ..test.clone() };
        second.app.read_links().await;
        assert_eq!(led(&click(&second, "/c/sale", &[]).await), "302 https://shop.example.com/?rfr=TOKEN");
        client.patch("/v1/links/1", json!({ "destination_url": "https://shop.example.com/new" })).await;
        client.patch("/v1/program", json!({ "click_parameter": "btag" })).await;
        let changed = async {
            while led(&click(&second, "/c/sale", &[]).await) != "302 https://shop.example.com/new?btag=TOKEN"
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), changed).await.expect("it learns of them");
        second.app.stop().await;
    });
}

#[test]
fn a_link_has_a_qr_code() {
    run(async |test| {
        let client = shop(&test, "sale", "https://shop.example.com/").await;
        let svg = client.get("/v1/links/1/qr").await;
        assert_eq!((svg.status, header(&svg, "content-type")), (200, "image/svg+xml"));
        assert!(
            svg.text().starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 33 33\""),
            "{}",
            svg.text()
        );
        let png = client.get("/v1/links/1/qr?format=png&scale=4").await;
        assert_eq!((png.status, header(&png, "content-type")), (200, "image/png"));
        assert_eq!(&png.bytes[..8], b"\x89PNG\r\n\x1a\n");
        let side = u32::from_be_bytes(png.bytes[16..20].try_into().expect("four bytes"));
        assert_eq!(side, 33 * 4);
        assert_eq!(
            problem(&client.get("/v1/links/1/qr?format=gif").await),
            "400 invalid format: \"gif\" is none of svg, png"
        );
        assert_eq!(
            problem(&client.get("/v1/links/1/qr?scale=0").await),
            "400 invalid scale: expected a number from 1 to 32"
        );
        assert_eq!(problem(&client.get("/v1/links/9/qr").await), "404 not_found there is no link 9");
    });
}

#[test]
fn a_method_that_somebody_made_up_is_no_label() {
    run(async |test| {
        for method in ["SESAME", "OPEN", "GET"] {
            test.send(method, "/healthz", &[], None).await;
        }
        let metrics = test.send("GET", "/metrics", &[], None).await.text();
        let of_health =
            |line: &&str| line.starts_with("refero_http_requests_total") && line.contains("/healthz");
        let mut lines: Vec<&str> = metrics.lines().filter(of_health).collect();
        lines.sort_unstable();
        assert_snapshot!(lines.join("\n"), @r#"
refero_http_requests_total{method="GET",route="/healthz",status="200"} 1
refero_http_requests_total{method="other",route="/healthz",status="405"} 2
"#);
    });
}

#[test]
fn an_address_is_filled_from_as_much_of_a_query_as_is_kept() {
    run(async |test| {
        shop(&test, "sale", "https://shop.example.com/").await;
        let macros = "%7B%7Bafp%7D%7D".repeat(200);
        let path = format!(
            "/c/sale?to=https%3A%2F%2Fshop.example.com%2F%3F{macros}.%7B%7Bsub_id%7D%7D.&afp=x{}&sid=late",
            "&a".repeat(30_000)
        );
        let answer = click(&test, &path, &[]).await;
        assert_eq!(led(&answer), format!("302 https://shop.example.com/?{}..&rfr=TOKEN", "x".repeat(200)));
    });
}

#[test]
fn the_metrics_tell_of_clicks() {
    run(async |test| {
        shop(&test, "sale", "https://shop.example.com/").await;
        click(&test, "/c/sale", &[]).await;
        click(&test, "/c/none", &[]).await;
        settled(&test).await;
        let metrics = test.send("GET", "/metrics", &[], None).await.text();
        for line in [
            "refero_clicks_recorded_total 1",
            "refero_clicks_written_total 1",
            "refero_clicks_dropped_total 0",
            "refero_codes_unknown_total 1",
            "refero_click_memory_bytes 0",
            "refero_links_in_memory 1",
        ] {
            assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
        }
    });
}

#[test]
fn no_address_makes_it_fail() {
    run(async |test| {
        let client = shop(&test, "sale", "https://shop.example.com/{{sid}}").await;
        client.patch("/v1/program", json!({ "tracking_hosts": ["go.example.com"] })).await;
        for path in [
            "/c/sale?%",
            "/c/sale?sid=%00%0d%0a",
            "/c/sale?sid=%ff%fe",
            "/c/%ff",
            "/c/%2e%2e%2f",
            "/c/sale?to",
            "/c/sale?to=",
            "/c/sale?&&==&",
            "/%00",
            "/c/sale/x",
            "/c//",
            "/c/sale?sid=%F0%9F%A6%80",
            "//",
            "/c/sale?to=%5c%5cevil",
        ] {
            for host in ["go.example.com", "[::1]:80", ":", "", "a:b:c"] {
                let answer = click(&test, path, &[("host", host)]).await;
                assert!(answer.status < 500, "{path} on {host}: {}", answer.status);
                let location = header(&answer, "location");
                let is_ours = ["", "https://shop.example.com/", "https://example.com/home"];
                assert!(is_ours.iter().any(|start| location.starts_with(start)), "{location}");
                assert!(!location.contains("evil"), "{location}");
            }
        }
        settled(&test).await;
    });
}
