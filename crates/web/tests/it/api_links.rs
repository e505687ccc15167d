//! `/v1/links` and the tracking settings of a program.

use domain::ids::AffiliateId;
use insta::assert_snapshot;
use serde_json::json;
use testkit::run;

use crate::api_client::{Client, problem};

#[test]
fn links_are_made_shown_changed_and_listed() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        client.patch("/v1/program", json!({ "allowed_hosts": ["shop.example.com"] })).await;
        let brand = json!({ "deposits": "events", "withdrawals": "events" });
        assert!(test.call("PUT", "/v1/brands/Lucky", &client.key, Some(brand)).await.status < 300);
        let body = json!({
            "affiliate_id": jane, "destination_url": "https://shop.example.com/sale?a={{affiliate_id}}",
            "code": "Summer", "name": "Sale", "kind": "landing_page", "brand": "Lucky", "campaign": "June",
            "is_default": true, "is_public": true,
        });
        assert_snapshot!(client.show(&client.post("/v1/links", body).await), @r#"201 {"id":1,"affiliate_id":2,"code":"summer","url":"http://localhost/c/summer","name":"Sale","kind":"landing_page","destination_url":"https://shop.example.com/sale?a={{affiliate_id}}","fallback_url":null,"brand":"Lucky","campaign":"June","is_default":true,"is_public":true,"is_enabled":true,"created_at":"2026-06-01T12:00:00Z","updated_at":"2026-06-01T12:00:00Z"}"#);
        test.at("2026-06-02T00:00:00Z");
        let changes = json!({
            "destination_url": null, "fallback_url": "https://shop.example.com/", "brand": null, "is_enabled": false,
            "campaign": null, "name": null, "is_public": false, "kind": "home_page",
        });
        assert_snapshot!(client.show(&client.patch("/v1/links/1", changes).await), @r#"200 {"id":1,"affiliate_id":2,"code":"summer","url":"http://localhost/c/summer","name":null,"kind":"home_page","destination_url":null,"fallback_url":"https://shop.example.com/","brand":null,"campaign":null,"is_default":true,"is_public":false,"is_enabled":false,"created_at":"2026-06-01T12:00:00Z","updated_at":"2026-06-02T00:00:00Z"}"#);
        let plain = client.post("/v1/links", json!({ "affiliate_id": jane })).await;
        assert_eq!(plain.status, 201);
        assert_eq!(plain.json()["code"].as_str().map(str::len), Some(8));
        let again = client.patch("/v1/links/2", json!({ "is_default": true })).await;
        assert_eq!((again.status, again.json()["is_default"].clone()), (200, json!(true)));
        let codes = async |path: &str| {
            let rows = client.get(path).await.json()["data"].clone();
            let ids = rows.as_array().expect("rows").iter().map(|row| row["id"].to_string());
            ids.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(codes("/v1/links").await, "1 2");
        assert_eq!(codes("/v1/links?is_default=true").await, "2");
        assert_eq!(codes("/v1/links?code=SUMMER").await, "1");
        assert_eq!(codes(&format!("/v1/links?affiliate_id={jane}&limit=1")).await, "1");
        client.patch("/v1/program", json!({ "tracking_hosts": ["go.example.com"] })).await;
        assert_eq!(client.get("/v1/links/1").await.json()["url"], "https://go.example.com/summer");
    });
}

#[test]
fn an_affiliate_makes_links_of_its_own() {
    run(async |test| {
        let client = Client::new(&test).await;
        let (jane, john) = (client.affiliate("jane").await, client.affiliate("john").await);
        client.patch("/v1/program", json!({ "allowed_hosts": ["*.example.com"] })).await;
        let key = test.affiliate_key(client.program, AffiliateId(jane)).await;
        let body = json!({ "destination_url": "https://shop.example.com/a" });
        let made = test.call("POST", "/v1/links", &key, Some(body)).await;
        assert_eq!((made.status, made.json()["affiliate_id"].clone()), (201, json!(jane)));
        let other = test.call("POST", "/v1/links", &key, Some(json!({ "affiliate_id": john }))).await;
        assert_eq!(problem(&other), "403 forbidden an affiliate key sees its own affiliate only");
        client.post("/v1/links", json!({ "affiliate_id": john })).await;
        let hidden = test.call("GET", "/v1/links/2", &key, None).await;
        assert_eq!(problem(&hidden), "404 not_found there is no link 2");
        let hidden = test.call("PATCH", "/v1/links/2", &key, Some(json!({ "is_enabled": false }))).await;
        assert_eq!(problem(&hidden), "404 not_found there is no link 2");
    });
}

#[test]
fn links_that_cannot_be() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let mut table = String::new();
        let early = json!({ "affiliate_id": jane, "destination_url": "https://shop.example.com/" });
        table.push_str(&problem(&client.post("/v1/links", early).await));
        client.patch("/v1/program", json!({ "allowed_hosts": ["shop.example.com"] })).await;
        client.post("/v1/links", json!({ "affiliate_id": jane, "code": "taken" })).await;
        for body in [
            json!({}),
            json!({ "affiliate_id": 99 }),
            json!({ "affiliate_id": jane, "code": "TAKEN" }),
            json!({ "affiliate_id": jane, "code": "pixel" }),
            json!({ "affiliate_id": jane, "code": "a b" }),
            json!({ "affiliate_id": jane, "destination_url": "https://evil.example.com/" }),
            json!({ "affiliate_id": jane, "destination_url": "javascript:alert(1)" }),
            json!({ "affiliate_id": jane, "destination_url": "https://shop.example.com\\@evil.com/" }),
            json!({ "affiliate_id": jane, "destination_url": "https://shop.example.com/{{what}}" }),
            json!({ "affiliate_id": jane, "fallback_url": "https://evil.example.com/" }),
            json!({ "affiliate_id": jane, "brand": "None" }),
            json!({ "affiliate_id": jane, "kind": "page" }),
            json!({ "affiliate_id": jane, "name": "a\nb" }),
            json!({ "affiliate_id": jane, "is_default": 1 }),
        ] {
            table.push('\n');
            table.push_str(&problem(&client.post("/v1/links", body).await));
        }
        for changes in [json!({ "is_default": false }), json!({ "code": "other" }), json!({ "kind": null })] {
            table.push('\n');
            table.push_str(&problem(&client.patch("/v1/links/1", changes).await));
        }
        assert_snapshot!(table, @r#"
        400 invalid destination_url: the host shop.example.com is not among the program's allowed_hosts (none yet: set them with PATCH /v1/program)
        400 invalid affiliate_id: say whose link it is
        400 invalid affiliate_id: there is no affiliate 99
        409 taken the code "taken" is taken; codes are unique on this server
        400 invalid code: "pixel" is an address of this server; choose another code
        400 invalid code: "a b" is no code; 2 to 64 letters, digits, '-' and '_' are allowed, the first a letter or digit
        400 invalid destination_url: the host evil.example.com is not among the program's allowed_hosts (shop.example.com)
        400 invalid destination_url: "javascript:alert(1)" is no web address; expected one such as https://shop.example.com/landing
        400 invalid destination_url: the character '\\' must be percent-encoded in an address
        400 invalid destination_url: {{what}} is no macro; known are tracker, click_id, affiliate_id, affiliate_slug, link_id, brand, brand_id, brand_name, campaign, campaign_id, campaign_name, deal_id, country_code, sub_id, source, afp, afp1, afp2, afp3, afp4, afp5, afp6, afp7, afp8, afp9, utm_source, utm_medium, utm_campaign, utm_content, utm_term, sid
        400 invalid fallback_url: the host evil.example.com is not among the program's allowed_hosts (shop.example.com)
        400 invalid brand: there is no brand "None"; make it with PUT /v1/brands/{name}
        400 invalid kind: invalid value: string "page", expected registration_page, landing_page, home_page or other
        400 invalid name: it contains the control character U+000A
        400 invalid is_default: invalid type: integer `1`, expected a boolean
        400 invalid is_default: make another link the default one instead
        400 invalid code: unknown field `code`, expected one of `name`, `kind`, `destination_url`, `fallback_url`, `brand`, `campaign`, `is_default`, `is_public`, `is_enabled`
        400 invalid kind: invalid type: null, expected a string
        "#);
    });
}

#[test]
fn tracking_settings_are_read_strictly() {
    run(async |test| {
        let client = Client::new(&test).await;
        let changes = json!({
            "allowed_hosts": ["Shop.example.com", "*.example.org", "shop.example.com"],
            "fallback_url": "https://example.com/", "click_parameter": "btag", "cookie_days": 90,
            "attribution_model": "first_click", "keep_addresses": true, "tracking_hosts": ["GO.example.com"],
            "disposable_domains": ["Mailinator.com"],
        });
        let shown = client.patch("/v1/program", changes).await;
        assert_eq!(shown.status, 200, "{}", shown.text());
        let fields = [
            "allowed_hosts",
            "fallback_url",
            "click_parameter",
            "cookie_days",
            "attribution_model",
            "keep_addresses",
            "tracking_hosts",
            "disposable_domains",
        ];
        let shown = fields.map(|field| format!("{field} {}", shown.json()[field])).join("\n");
        assert_snapshot!(shown, @r#"
        allowed_hosts ["*.example.org","shop.example.com"]
        fallback_url "https://example.com/"
        click_parameter "btag"
        cookie_days 90
        attribution_model "first_click"
        keep_addresses true
        tracking_hosts ["go.example.com"]
        disposable_domains ["mailinator.com"]
        "#);
        let mut table = String::new();
        for changes in [
            json!({ "allowed_hosts": ["shop.example.com", "*.com"] }),
            json!({ "allowed_hosts": ["https://shop.example.com/"] }),
            json!({ "allowed_hosts": null }),
            json!({ "fallback_url": "example.com" }),
            json!({ "click_parameter": "a b" }),
            json!({ "click_parameter": "" }),
            json!({ "cookie_days": 0 }),
            json!({ "cookie_days": 121 }),
            json!({ "attribution_model": "linear" }),
            json!({ "tracking_hosts": ["*.example.com"] }),
            json!({ "disposable_domains": ["a@b.de"] }),
            json!({ "tracking_id": "0197290f-6d3b-7cc0-b7a3-8e1b5f2d4c61" }),
        ] {
            table.push_str(&problem(&client.patch("/v1/program", changes).await));
            table.push('\n');
        }
        assert_snapshot!(table, @r#"
        400 invalid allowed_hosts[1]: "*.com" is no host; expected a name such as shop.example.com or *.example.com, without https://, port and path
        400 invalid allowed_hosts[0]: "https://shop.example.com/" is no host; expected a name such as shop.example.com or *.example.com, without https://, port and path
        400 invalid allowed_hosts: invalid type: null, expected a sequence
        400 invalid fallback_url: "example.com" is no web address; expected one such as https://shop.example.com/landing
        400 invalid click_parameter: "a b" is no name of a parameter; 1 to 32 letters, digits, '-' and '_' are allowed
        400 invalid click_parameter: "" is no name of a parameter; 1 to 32 letters, digits, '-' and '_' are allowed
        400 invalid cookie_days: expected 1 to 120 days
        400 invalid cookie_days: expected 1 to 120 days
        400 invalid attribution_model: invalid value: string "linear", expected last_click or first_click
        400 invalid tracking_hosts[0]: "*.example.com" is no host; expected a name such as shop.example.com, in its ASCII form and without https:// and port
        400 invalid disposable_domains[0]: "a@b.de" is no host; expected a name such as shop.example.com, in its ASCII form and without https:// and port
        400 invalid tracking_id: unknown field `tracking_id`, expected one of `name`, `currency`, `zone`, `payout_mode`, `payout_threshold`, `smartico_advance`, `refuse_identical_payment`, `referral_expires_after_days`, `close_after_days`, `default_deal_id`, `allowed_hosts`, `fallback_url`, `click_parameter`, `cookie_days`, `attribution_model`, `keep_addresses`, `tracking_hosts`, `disposable_domains`, `review_registrations_per_hour`
        "#);
        let other = Client::new(&test).await;
        let taken = other.patch("/v1/program", json!({ "tracking_hosts": ["go.example.com"] })).await;
        assert_eq!(
            problem(&taken),
            "409 taken one of tracking_hosts is another program's on this server; a host belongs to one program"
        );
        client.patch("/v1/program", json!({ "tracking_hosts": [] })).await;
        let free = other.patch("/v1/program", json!({ "tracking_hosts": ["go.example.com"] })).await;
        assert_eq!(free.status, 200);
    });
}

#[test]
fn a_new_affiliate_has_a_link_at_once() {
    run(async |test| {
        let client = Client::new(&test).await;
        let other = Client::new(&test).await;
        let make = async |client: &Client, name: &str, slug: &str| {
            let body = json!({ "name": name, "email": format!("{slug}@example.com"), "slug": slug });
            let made = client.post("/v1/affiliates", body).await;
            assert_eq!(made.status, 201, "{}", made.text());
            made.json()["id"].as_i64().expect("an id")
        };
        let links = async |client: &Client, affiliate: i64| {
            client.get(&format!("/v1/links?affiliate_id={affiliate}")).await.json()["data"].clone()
        };
        // A program that does not say where links lead has none to give.
        let early = make(&client, "Early", "early").await;
        assert_eq!(links(&client, early).await, json!([]));
        for program in [&client, &other] {
            let settings = json!({ "fallback_url": "https://shop.example.com/" });
            assert_eq!(program.patch("/v1/program", settings).await.status, 200);
        }
        let jane = make(&client, "Jane", "jane").await;
        let link = links(&client, jane).await[0].clone();
        assert_eq!((&link["code"], &link["is_default"]), (&json!("jane"), &json!(true)));
        let headers = [("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")];
        let clicked = test.send("GET", "/c/jane", &headers, None).await;
        let location = clicked.headers["location"].to_str().expect("ASCII");
        let token = location.strip_prefix("https://shop.example.com/?rfr=").expect("a token");
        for body in
            [json!({ "click_id": token, "uid": "u1" }), json!({ "affiliate_slug": "jane", "uid": "u2" })]
        {
            let conversion = client.post("/v1/conversions", body).await;
            assert_eq!((conversion.status, &conversion.json()["affiliate_id"]), (201, &json!(jane)));
        }
        // The code is taken on this server, is an address of it, or is too short for a code.
        for (program, slug) in [(&other, "jane"), (&client, "docs"), (&client, "x")] {
            let affiliate = make(program, "Another", slug).await;
            let link = links(program, affiliate).await[0].clone();
            assert_eq!(
                (link["code"].as_str().map(str::len), &link["is_default"]),
                (Some(8), &json!(true)),
                "{slug}"
            );
        }
        assert!(app::click::settle(&test.app, std::time::Duration::from_secs(20)).await);
    });
}

#[test]
fn the_servers_own_host_is_no_programs() {
    let public_url = Some("https://Refero.example.com:8443/".to_owned());
    testkit::run_with(app::config::Config { public_url, ..testkit::config() }, async |test| {
        let (client, other) = (Client::new(&test).await, Client::new(&test).await);
        for (program, code) in [(&client, "ours"), (&other, "theirs")] {
            let affiliate = program.affiliate("jane").await;
            let settings =
                json!({ "allowed_hosts": ["shop.example.com"], "fallback_url": "https://shop.example.com/" });
            assert_eq!(program.patch("/v1/program", settings).await.status, 200);
            let destination = format!("https://shop.example.com/{code}");
            let body = json!({ "affiliate_id": affiliate, "code": code, "destination_url": destination });
            assert_eq!(program.post("/v1/links", body).await.status, 201);
        }
        let hosts = json!({ "tracking_hosts": ["go.example.com", " REFERO.Example.com"] });
        assert_eq!(
            problem(&client.patch("/v1/program", hosts).await),
            "400 invalid tracking_hosts[1]: refero.example.com is the server's own host, which all programs share; \
             name another host"
        );
        // A program that took it before it was refused has nothing of it.
        let taken =
            test.tamper("program", "tracking_hosts = '{refero.example.com}'", "program_id = 1001").await;
        assert_eq!((client.program.0, taken), (1001, 1));
        assert_eq!(client.patch("/v1/program", json!({ "cookie_days": 30 })).await.status, 200);
        let led = async |path: &str| {
            let headers =
                [("host", "REFERO.example.com:8443"), ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")];
            let answer = test.send("GET", path, &headers, None).await;
            let location =
                answer.headers.get("location").map(|value| value.to_str().expect("ASCII").to_owned());
            (answer.status, location.unwrap_or_default())
        };
        for code in ["ours", "theirs"] {
            let (status, location) = led(&format!("/c/{code}")).await;
            assert_eq!(status, 302);
            assert!(location.starts_with(&format!("https://shop.example.com/{code}?rfr=")), "{location}");
        }
        assert_eq!(led("/c/none").await, (404, String::new()));
        assert_eq!(led("/ours").await, (404, String::new()));
        let url = client.get("/v1/links/1").await.json()["url"].clone();
        assert_eq!(url, "https://Refero.example.com:8443/c/ours");
    });
}

#[test]
fn whether_a_link_is_for_everybody_is_the_operators_word() {
    run(async |test| {
        let client = Client::new(&test).await;
        let jane = client.affiliate("jane").await;
        let own = client.with_key(test.affiliate_key(client.program, AffiliateId(jane)).await);
        let is_public = |value: bool| json!({ "is_public": value });
        let made = own.post("/v1/links", json!({ "code": "sale", "is_public": false })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let path = format!("/v1/links/{}", made.json()["id"]);
        let refused =
            "403 forbidden is_public: true needs an operator key; the key given belongs to an affiliate";
        assert_eq!(problem(&own.post("/v1/links", is_public(true)).await), refused);
        assert_eq!(problem(&own.patch(&path, is_public(true)).await), refused);
        assert_eq!(own.patch(&path, is_public(false)).await.status, 200);
        assert_eq!(client.patch(&path, is_public(true)).await.json()["is_public"], true);
        // It may say what is so, and change what else is its own.
        let renamed = own.patch(&path, json!({ "is_public": true, "name": "Sale" })).await;
        assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("Sale")));
        assert_eq!(problem(&own.patch(&path, is_public(false)).await), refused.replace("true", "false"));
        assert_eq!(client.get(&path).await.json()["is_public"], true);
    });
}
