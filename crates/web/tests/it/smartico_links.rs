//! Links and pixels over the wire (contract §2.6): lists, an address built of a link, definitions of pixels.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use testkit::{Answer, TestApp};

use crate::smartico_operator::{Operator, fields, shown};

/// A program with a public link 1 of ann's and a private link 2 of bob's.
async fn links(test: &TestApp) -> (Operator, i64, i64) {
    let operator = Operator::new(test, 0).await;
    let (ann, bob) = (operator.affiliate("ann").await, operator.affiliate("bob").await);
    let call = async |method: &str, path: &str, body| {
        let answer = test.call(method, path, &operator.key, Some(body)).await;
        assert!(answer.status < 300, "{}", answer.text());
    };
    call("PUT", "/v1/brands/20", json!({ "deposits": "events", "withdrawals": "events" })).await;
    call("PATCH", "/v1/program", json!({ "allowed_hosts": ["casino.example"] })).await;
    let template = "https://casino.example/?btag={{tracker}}&a={{affiliate_id}}";
    let public = json!({
        "affiliate_id": ann, "code": "welcome", "name": "Welcome", "destination_url": template,
        "kind": "registration_page", "brand": "20", "is_public": true,
    });
    call("POST", "/v1/links", public).await;
    let private =
        json!({ "affiliate_id": bob, "code": "secret", "destination_url": "https://casino.example/s" });
    call("POST", "/v1/links", private).await;
    (operator, ann.0, bob.0)
}

async fn with_key(test: &TestApp, key: &str, method: &str, path: &str, body: &str) -> Answer {
    let body = (!body.is_empty()).then(|| body.as_bytes().to_vec());
    test.send(method, &format!("/smartico/api/{path}"), &[("authorization", key)], body).await
}

/// The letters of a drawn code as CODE.
fn drawn(answer: &Answer) -> String {
    let text = shown(answer);
    match text.split_once("/c/") {
        Some((before, after)) if !after.starts_with("welcome") => format!("{before}/c/CODE{}", &after[8..]),
        _ => text,
    }
}

#[test]
fn links_are_listed() {
    testkit::run(async |test| {
        let (operator, ann, bob) = links(&test).await;
        let answer = operator.get("af2_link_op").await;
        assert_eq!(answer.headers["content-range"], "af2_link_op 0-1/2");
        assert_snapshot!(shown(&answer), @r#"200 [{"id":1,"link_id":1,"link_name":"Welcome","link_type":"Registration page","destination_url":"https://casino.example/?btag={{tracker}}&a={{affiliate_id}}","brand_id":20,"brand_name":"20","campaign_name":null,"affiliate_id":2,"is_public":true,"is_default":false,"is_active":true,"url":"http://localhost/c/welcome","create_date":"2026-06-01T12:00:00.000Z","update_date":"2026-06-01T12:00:00.000Z"},{"id":2,"link_id":2,"link_name":"secret","link_type":"Other","destination_url":"https://casino.example/s","brand_id":null,"brand_name":null,"campaign_name":null,"affiliate_id":3,"is_public":false,"is_default":false,"is_active":true,"url":"http://localhost/c/secret","create_date":"2026-06-01T12:00:00.000Z","update_date":"2026-06-01T12:00:00.000Z"}]"#);
        let ids = async |path: String| {
            let rows = operator.rows(&path).await;
            rows.iter().map(|row| row["link_id"].to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ids(format!("af2_link_op?affiliate_id={bob}")).await, "2");
        assert_eq!(ids(format!(r#"af2_link_op?filter={{"affiliate_id":{ann},"link_id":1}}"#)).await, "1");
        assert_eq!(ids("af2_link_op?range=[1,1]".to_owned()).await, "2");
        assert_eq!(ids("af2_link_op?range=[2,999999]".to_owned()).await, "");
        // Bob sees ann's public link, without the address that would credit her; ann does not see bob's.
        let (of_ann, of_bob) = (key(&test, &operator, ann).await, key(&test, &operator, bob).await);
        let rows = with_key(&test, &of_bob, "GET", "af2_link_af", "").await.json();
        let row = |index: usize| fields(&rows[index], &["link_id", "affiliate_id", "destination_url", "url"]);
        assert_snapshot!(format!("{}\n{}", row(0), row(1)), @r#"
link_id 1, affiliate_id 2, destination_url "https://casino.example/?btag={{tracker}}&a={{affiliate_id}}", url null
link_id 2, affiliate_id 3, destination_url "https://casino.example/s", url "http://localhost/c/secret"
"#);
        let rows = with_key(&test, &of_ann, "GET", "af2_link_af", "").await.json();
        assert_eq!(rows.as_array().map(Vec::len), Some(1));
        let answer = with_key(&test, &of_ann, "GET", "af2_link_op", "").await;
        assert_snapshot!(shown(&answer), @r#"291 {"errCode":1001,"message":"You don't have permissions to call af2_link_op, user affiliate 2"}"#);
    });
}

async fn key(test: &TestApp, operator: &Operator, affiliate: i64) -> String {
    test.affiliate_key(operator.program, domain::ids::AffiliateId(affiliate)).await
}

#[test]
fn an_address_is_built_once_and_counts_for_its_affiliate() {
    testkit::run(async |test| {
        let (operator, ann, bob) = links(&test).await;
        let build = async |body| operator.call("POST", "af2_build_link", Some(body)).await;
        let own = build(json!({ "link_id": 1, "affiliate_id": ann })).await;
        assert_snapshot!(drawn(&own), @r#"200 {"url":"http://localhost/c/welcome","link_id":1,"affiliate_id":2}"#);
        let built = build(json!({ "link_id": 1, "affiliate_id": bob, "source_id": 7 })).await;
        assert_snapshot!(drawn(&built), @r#"200 {"url":"http://localhost/c/CODE?source_id=7","link_id":3,"affiliate_id":3}"#);
        let again = build(json!({ "link_id": 1, "affiliate_id": bob, "source_id": "a b&c" })).await;
        assert_snapshot!(drawn(&again), @r#"200 {"url":"http://localhost/c/CODE?source_id=a%20b%26c","link_id":3,"affiliate_id":3}"#);
        assert_eq!(built.json()["link_id"], again.json()["link_id"]);
        let url = again.json()["url"].as_str().expect("an address").to_owned();
        let path = url.strip_prefix("http://localhost").expect("this server");
        let answer = test.send("GET", &format!("{path}&afp=x"), &[("user-agent", "Mozilla/5.0")], None).await;
        let location = answer.headers["location"].to_str().expect("ASCII").to_owned();
        assert!(location.ends_with(&format!("&a={bob}")), "{location}");
        assert!(app::click::settle(&test.app, Duration::from_secs(20)).await, "the click is not written");
        let click = test.call("GET", "/v1/clicks", &operator.key, None).await.json()["data"][0].clone();
        assert_snapshot!(fields(&click, &["affiliate_id", "link_id", "traffic"]), @r#"affiliate_id 3, link_id 3, traffic {"afp":"x","source":"a b&c"}"#);
        // An affiliate builds of what it may see, for itself.
        let of_ann = key(&test, &operator, ann).await;
        let mut table = String::new();
        for body in [
            r#"{"link_id":1}"#.to_owned(),
            r#"{"link_id":2}"#.to_owned(),
            format!(r#"{{"link_id":1,"affiliate_id":{bob}}}"#),
        ] {
            let answer = with_key(&test, &of_ann, "POST", "af2_build_link", &body).await;
            table += &format!("{body}\n    {}\n", drawn(&answer));
        }
        assert_snapshot!(table, @r#"
{"link_id":1}
    200 {"url":"http://localhost/c/welcome","link_id":1,"affiliate_id":2}
{"link_id":2}
    291 {"errCode":1005,"message":"there is no link 2"}
{"link_id":1,"affiliate_id":3}
    291 {"errCode":1001,"message":"an affiliate key sees its own affiliate only"}
"#);
    });
}

#[test]
fn links_that_cannot_be_built() {
    testkit::run(async |test| {
        let (operator, ..) = links(&test).await;
        let answers = operator
            .answers(&[
                ("POST", "af2_build_link", "{}"),
                ("POST", "af2_build_link", r#"{"link_id":1}"#),
                ("POST", "af2_build_link", r#"{"link_id":9,"affiliate_id":2}"#),
                ("POST", "af2_build_link", r#"{"link_id":1,"affiliate_id":99}"#),
                ("POST", "af2_build_link", r#"{"link_id":1,"affiliate_id":2,"source_id":" "}"#),
                ("POST", "af2_build_link", r#"{"link_id":1,"affiliate_id":2,"source_id":[]}"#),
                ("GET", "af2_build_link?link_id=1&affiliate_id=2", ""),
                ("GET", "af2_link_op?link_id=x", ""),
            ])
            .await;
        assert_snapshot!(answers, @r#"
POST af2_build_link {}
    291 {"errCode":1004,"message":"missing field `link_id`"}
POST af2_build_link {"link_id":1}
    291 {"errCode":1004,"message":"affiliate_id: it is missing; expected one such as 35427"}
POST af2_build_link {"link_id":9,"affiliate_id":2}
    291 {"errCode":1005,"message":"there is no link 9"}
POST af2_build_link {"link_id":1,"affiliate_id":99}
    291 {"errCode":1005,"message":"there is no affiliate 99"}
POST af2_build_link {"link_id":1,"affiliate_id":2,"source_id":" "}
    291 {"errCode":1004,"message":"source_id: \" \" is no source; expected 1 to 255 printable characters"}
POST af2_build_link {"link_id":1,"affiliate_id":2,"source_id":[]}
    291 {"errCode":1004,"message":"source_id: expected a number or a text such as \"newsletter\""}
GET af2_build_link?link_id=1&affiliate_id=2
    291 {"errCode":1002,"message":"GET af2_build_link is not a method of this API"}
GET af2_link_op?link_id=x
    291 {"errCode":1004,"message":"link_id: \"x\" is not an integer such as 35427"}
"#);
    });
}

#[test]
fn pixels_are_defined_and_listed() {
    testkit::run(async |test| {
        let (operator, ann, _) = links(&test).await;
        let pixel = json!({
            "pixel_name": "Sign-ups", "affiliate_id": ann, "action": "Lead",
            "url": "https://pixelserver.com?click_id={{afp}}&lead_id={{registration_id}}",
        });
        let answer = operator.call("POST", "af2_pixels_op", Some(pixel)).await;
        assert_snapshot!(shown(&answer), @r#"200 {"id":1,"pixel_id":1,"pixel_name":"Sign-ups","affiliate_id":2,"deal_id":null,"action":"Lead","type":"S2S","method":"GET","url":"https://pixelserver.com?click_id={{afp}}&lead_id={{registration_id}}","is_active":true,"create_date":"2026-06-01T12:00:00.000Z"}"#);
        let pixel =
            json!({ "pixel_name": "All", "deal_id": 1, "action": "QFTD", "url": "https://a.example/" });
        assert_eq!(operator.call("POST", "af2_pixels_op", Some(pixel)).await.status, 200);
        let ids = async |path: String| {
            let rows = operator.rows(&path).await;
            rows.iter().map(|row| fields(row, &["pixel_id", "action"])).collect::<Vec<_>>().join("; ")
        };
        assert_snapshot!(ids("af2_pixels_op".to_owned()).await, @r#"pixel_id 1, action "Lead"; pixel_id 2, action "QFTD""#);
        assert_snapshot!(ids(format!("af2_pixels_op?affiliate_id={ann}")).await, @r#"pixel_id 1, action "Lead""#);
        assert_snapshot!(ids(format!(r#"af2_pixels_op?filter={{"affiliate_id":{ann}}}"#)).await, @r#"pixel_id 1, action "Lead""#);
        assert_snapshot!(ids("af2_pixels_op?range=[1,5]".to_owned()).await, @r#"pixel_id 2, action "QFTD""#);
        let answers = operator
            .answers(&[
                (
                    "POST",
                    "af2_pixels_op",
                    r#"{"pixel_name":"x","action":"Click","url":"https://a.example/"}"#,
                ),
                ("POST", "af2_pixels_op", r#"{"pixel_name":"x","action":"Lead","url":"https://{{afp}}/"}"#),
                ("POST", "af2_pixels_op", r#"{"pixel_name":"","action":"Lead","url":"https://a.example/"}"#),
                (
                    "POST",
                    "af2_pixels_op",
                    r#"{"pixel_name":"x","action":"Lead","url":"https://a.example/","affiliate_id":99}"#,
                ),
                ("POST", "af2_pixels_op", r#"{"pixel_name":"x","action":"Lead"}"#),
            ])
            .await;
        assert_snapshot!(answers, @r#"
POST af2_pixels_op {"pixel_name":"x","action":"Click","url":"https://a.example/"}
    291 {"errCode":1004,"message":"action: \"Click\" is no action; expected one of Lead, Qualified Lead, FTD, QFTD, Deposit, Commission, Payout"}
POST af2_pixels_op {"pixel_name":"x","action":"Lead","url":"https://{{afp}}/"}
    291 {"errCode":1004,"message":"url: the host of the address holds a macro; expected one such as https://example.com/?id={{afp}}"}
POST af2_pixels_op {"pixel_name":"","action":"Lead","url":"https://a.example/"}
    291 {"errCode":1004,"message":"pixel_name: it is empty"}
POST af2_pixels_op {"pixel_name":"x","action":"Lead","url":"https://a.example/","affiliate_id":99}
    291 {"errCode":1005,"message":"there is no affiliate 99"}
POST af2_pixels_op {"pixel_name":"x","action":"Lead"}
    291 {"errCode":1004,"message":"missing field `url`"}
"#);
    });
}
