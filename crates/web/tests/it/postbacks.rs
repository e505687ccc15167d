//! `/v1/postbacks`: what is told to an affiliate's server, and how it is tried again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::{TestApp, run_with};

use crate::api_client::{Client, problem};

/// An affiliate's server: keeps what it is told, and answers as it is told to.
#[derive(Clone, Default)]
pub(crate) struct Listener {
    heard: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Listener {
    pub(crate) async fn start(&self) -> String {
        serve(Router::new().fallback(hear).with_state(self.clone())).await
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().expect("no test panics here"))
    }

    pub(crate) fn answer(&self, statuses: &[u16]) {
        *self.answers.lock().expect("no test panics here") = statuses.iter().rev().copied().collect();
    }
}

/// Serves on a free port of this machine, and returns the address.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn hear(
    State(listener): State<Listener>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let kind = headers.get("content-type").map(|kind| format!(" {}", kind.to_str().expect("ASCII")));
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    let line = format!("{method} {uri}{} {body}", kind.unwrap_or_default());
    listener.heard.lock().expect("no test panics here").push(line.trim().to_owned());
    let status = listener.answers.lock().expect("no test panics here").pop().unwrap_or(200);
    let mut headers = HeaderMap::new();
    if status == 302 {
        headers.insert("location", "http://169.254.169.254/latest/meta-data".parse().expect("a header"));
    }
    (StatusCode::from_u16(status).expect("a status"), headers, format!("said {status}"))
}

pub(crate) fn allowed() -> app::config::Config {
    app::config::Config { private_postbacks: true, ..testkit::config() }
}

/// A program of 40 for the first deposit and 10 % of every payment, with jane's customer user-1.
pub(crate) async fn program(test: &TestApp) -> (Client, i64) {
    let client = Client::with_terms(
        test,
        json!({ "rules": [
            { "on": "registration", "reward": { "flat": "2" } },
            { "on": "first_deposit", "reward": { "flat": "40" } },
            { "on": "payment", "reward": { "percent": "10" } },
        ] }),
    )
    .await;
    let jane = client.affiliate("jane").await;
    (client, jane)
}

pub(crate) async fn define(client: &Client, trigger: &str, url: String) -> i64 {
    let new = json!({ "name": trigger, "trigger": trigger, "url": url });
    let answer = client.post("/v1/postbacks", new).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_i64().expect("a number")
}

pub(crate) async fn work(test: &TestApp) {
    app::jobs::run_once(&test.app, test.app.now()).await.expect("jobs");
}

async fn pay(client: &Client, id: &str, amount: &str) {
    let payment =
        json!({ "type": "payment", "id": id, "uid": "user-1", "amount": amount, "currency": "EUR" });
    let answer = client.post("/v1/events", payment).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// What was heard, sorted, since calls have no order; ids are left out.
pub(crate) fn sorted(mut heard: Vec<String>) -> String {
    heard.sort();
    heard.join("\n")
}

#[test]
fn every_trigger_is_told_once() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        // What happened before the first definition is told to nobody.
        client.refer(jane, "earlier").await;
        for trigger in [
            "registration",
            "qualified_lead",
            "first_deposit",
            "qualified_deposit",
            "payment",
            "commission_changed",
            "payout_paid",
        ] {
            let url = format!(
                "{server}/{trigger}?uid={{{{customer_id}}}}&a={{amount}}&c={{commission}}&d={{commission_change}}\
                 &k={{{{commission_kind}}}}&p={{payout_amount}}{{currency}}"
            );
            define(&client, trigger, url).await;
        }
        client.refer(jane, "user-1").await;
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @r"
GET /commission_changed?uid=user-1&a=&c=2.00&d=2.00&k=lead&p=EUR
GET /qualified_lead?uid=user-1&a=&c=2.00&d=2.00&k=lead&p=EUR
GET /registration?uid=user-1&a=&c=2.00&d=2.00&k=&p=EUR
");
        pay(&client, "p1", "100").await;
        pay(&client, "p2", "50").await;
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @r"
GET /commission_changed?uid=user-1&a=&c=10.00&d=10.00&k=share&p=EUR
GET /commission_changed?uid=user-1&a=&c=40.00&d=40.00&k=acquisition&p=EUR
GET /commission_changed?uid=user-1&a=&c=5.00&d=5.00&k=share&p=EUR
GET /first_deposit?uid=user-1&a=100.00&c=50.00&d=50.00&k=&p=EUR
GET /payment?uid=user-1&a=100.00&c=50.00&d=50.00&k=&p=EUR
GET /payment?uid=user-1&a=50.00&c=5.00&d=5.00&k=&p=EUR
GET /qualified_deposit?uid=user-1&a=&c=40.00&d=40.00&k=acquisition&p=EUR
");
        let refund = json!({ "type": "refund", "payment_id": "p2", "amount": "25", "currency": "EUR" });
        let answer = client.post("/v1/events", refund).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let payout = json!({ "affiliate_id": jane });
        let answer = client.post_once("/v1/payouts", "k", payout).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @r"
GET /commission_changed?uid=user-1&a=&c=2.50&d=-2.50&k=share&p=EUR
GET /payout_paid?uid=&a=&c=&d=&k=&p=56.50EUR
");
        work(&test).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
    });
}

#[test]
fn a_payment_that_waited_is_told_when_its_customer_comes_with_what_it_earned() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        for trigger in ["registration", "first_deposit", "payment"] {
            define(
                &client,
                trigger,
                format!("{server}/{trigger}/{{customer_id}}?a={{amount}}&c={{commission}}"),
            )
            .await;
        }
        let payment = |uid: &str| {
            let id = format!("paid-{uid}");
            json!({ "type": "payment", "id": id, "uid": uid, "amount": "10", "currency": "EUR", "park": true })
        };
        assert_eq!(client.post("/v1/events", payment("at-once")).await.status, 201);
        client.refer(jane, "at-once").await;
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @r"
GET /first_deposit/at-once?a=10.00&c=41.00
GET /payment/at-once?a=10.00&c=41.00
GET /registration/at-once?a=&c=2.00
");
        assert_eq!(client.post("/v1/events", payment("later")).await.status, 201);
        work(&test).await;
        assert!(listener.heard().is_empty());
        client.refer(jane, "later").await;
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @r"
GET /first_deposit/later?a=10.00&c=41.00
GET /payment/later?a=10.00&c=41.00
GET /registration/later?a=&c=2.00
");
        // Another payment that comes late is no first deposit again.
        let older = json!({
            "type": "payment", "id": "older", "uid": "later", "amount": "20", "currency": "EUR",
            "occurred_at": "2026-06-01T00:00:00Z",
        });
        assert_eq!(client.post("/v1/events", older).await.status, 201);
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @"GET /payment/later?a=20.00&c=2.00");
    });
}

#[test]
fn a_registration_that_takes_the_place_of_a_browsers_is_told_once() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, _) = program(&test).await;
        let adam = client.affiliate("adam").await;
        define(&client, "registration", format!("{server}/{{affiliate}}/{{customer_id}}")).await;
        let program = client.get("/v1/program").await.json();
        let tracking = program["tracking_id"].as_str().expect("an id");
        for (uid, is_told_between) in [("one", true), ("two", false)] {
            let declared =
                format!("/t?evt=conversion&customer_id={tracking}&affiliate_slug=jane&m_uid={uid}");
            assert_eq!(test.send("GET", &declared, &[], None).await.status, 200);
            if is_told_between {
                work(&test).await;
                assert_eq!(listener.heard(), ["GET /jane/one"]);
            }
            client.refer(adam, uid).await;
            work(&test).await;
            assert_eq!(listener.heard(), [format!("GET /adam/{uid}")]);
        }
    });
}

/// Clicks a link as a browser does, and returns the token that the landing page is given.
async fn click(test: &TestApp, path: &str) -> String {
    let answer = test.send("GET", path, &[("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")], None).await;
    assert_eq!(answer.status, 302, "{}", answer.text());
    let location = answer.headers["location"].to_str().expect("ASCII").to_owned();
    assert!(app::click::settle(&test.app, Duration::from_secs(20)).await, "the click is not written");
    location.split_once("rfr=").expect("a token").1.to_owned()
}

#[test]
fn the_click_that_a_customer_came_by_is_told_to_whom_it_belongs() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        let adam = client.affiliate("adam").await;
        client.patch("/v1/program", json!({ "allowed_hosts": ["shop.example.com"] })).await;
        let link = json!({
            "affiliate_id": jane, "code": "sale", "name": "Sale & more", "destination_url": "https://shop.example.com/",
        });
        assert_eq!(client.post("/v1/links", link).await.status, 201);
        let macros = "c={{click_id}}&t={tracker}&l={{link_id}}&n={link_name}&s={{sid}}&o={source_id}&a={{afp}}&a9={afp9}\
                      &u={{utm_source}},{utm_medium},{utm_campaign},{utm_content},{utm_term}&k={campaign_id}";
        for trigger in ["registration", "payment"] {
            define(&client, trigger, format!("{server}/{trigger}/{{{{customer_id}}}}?{macros}")).await;
        }
        let query = "sid=s%261&source_id=src&afp=%7B%22x%22%7D&afp9=%C3%BC&utm_source=mail&utm_content=top&campaign_id=7";
        let token = click(&test, &format!("/c/sale?{query}")).await;
        let conversion = json!({ "click_id": token, "uid": "user-1" });
        let converted = client.post("/v1/conversions", conversion).await;
        assert_eq!(converted.status, 201, "{}", converted.text());
        pay(&client, "p1", "100").await;
        client.refer(jane, "no-click").await;
        work(&test).await;
        let id = domain::click::named(&token).expect("a token").to_string();
        assert_snapshot!(sorted(listener.heard()).replace(&id, "CLICK"), @r"
GET /payment/user-1?c=CLICK&t=CLICK&l=1&n=Sale%20%26%20more&s=s%261&o=src&a=%7B%22x%22%7D&a9=%C3%BC&u=mail,,,top,&k=7
GET /registration/no-click?c=&t=&l=&n=&s=&o=&a=&a9=&u=,,,,&k=
GET /registration/user-1?c=CLICK&t=CLICK&l=1&n=Sale%20%26%20more&s=s%261&o=src&a=%7B%22x%22%7D&a9=%C3%BC&u=mail,,,top,&k=7
");
        // A page view that a browser told of is a click as well; a coupon that decides does not hide it.
        let browser = "6f0a4c0e-3d53-4f0e-9d0e-0d3c2f8a4b11";
        let program = client.get("/v1/program").await.json();
        let (tracking, page) =
            (program["tracking_id"].as_str().expect("an id"), "https://shop.example.com/?via=jane%26afp=b");
        let view = format!("/pixel?evt=pageview&customer_id={tracking}&grid={browser}&cslug=jane&url={page}");
        assert_eq!(test.send("GET", &view, &[], None).await.status, 200);
        assert!(app::click::settle(&test.app, Duration::from_secs(20)).await, "the click is not written");
        let coupon = json!({ "code": "TEN", "affiliate_id": jane });
        assert_eq!(client.post("/v1/coupons", coupon).await.status, 201);
        let conversion = json!({ "click_id": browser, "uid": "user-2", "coupon": "TEN" });
        assert_eq!(client.post("/v1/conversions", conversion).await.status, 201);
        work(&test).await;
        let declared = client.get("/v1/clicks").await.json()["data"].as_array().cloned().expect("clicks");
        let declared = declared.iter().find(|click| click["grade"] == "declared").expect("the page view");
        let id = declared["id"].as_str().expect("an id");
        assert_snapshot!(sorted(listener.heard()).replace(id, "CLICK"), @"GET /registration/user-2?c=CLICK&t=CLICK&l=&n=&s=&o=&a=b&a9=&u=,,,,&k=");
        // Whoever is given a customer is not told whose click it was.
        test.at("2026-06-01T13:00:00Z");
        let path = format!("/v1/referrals/{}/reassign", converted.json()["id"].as_str().expect("an id"));
        let answer = client.post(&path, json!({ "affiliate_id": adam, "reason": "agreed" })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        pay(&client, "p2", "100").await;
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @"GET /payment/user-1?c=&t=&l=&n=&s=&o=&a=&a9=&u=,,,,&k=");
    });
}

#[test]
fn whoever_brought_an_affiliate_hears_of_its_own_commissions_alone() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let terms = json!({
            "rules": [{ "on": "payment", "reward": { "percent": "10" } }],
            "sub_affiliates": [{ "percent_of_share": "50" }],
        });
        let client = Client::with_terms(&test, terms).await;
        let jane = client.affiliate("jane").await;
        let child = json!({ "name": "Adam", "email": "adam@example.com", "slug": "adam", "parent_affiliate_id": jane });
        let child = client.post("/v1/affiliates", child).await.json()["id"].as_i64().expect("a number");
        client.patch("/v1/program", json!({ "allowed_hosts": ["shop.example.com"] })).await;
        let link =
            json!({ "affiliate_id": child, "code": "sale", "destination_url": "https://shop.example.com/" });
        assert_eq!(client.post("/v1/links", link).await.status, 201);
        let key = |id: i64| test.affiliate_key(client.program, domain::ids::AffiliateId(id));
        for (name, id) in [("jane", jane), ("adam", child)] {
            let own = client.with_key(key(id).await);
            let url = "{{affiliate}}?u={{customer_id}}&c={{click_id}}&s={{sid}}&k={{campaign_id}}&x={{commission_change}}";
            define(&own, "commission_changed", format!("{server}/{name}/{url}")).await;
        }
        let token = click(&test, "/c/sale?sid=s1&campaign_id=7").await;
        let conversion = client.post("/v1/conversions", json!({ "click_id": token, "uid": "user-1" })).await;
        assert_eq!(conversion.status, 201, "{}", conversion.text());
        pay(&client, "p1", "100").await;
        work(&test).await;
        let id = domain::click::named(&token).expect("a token").to_string();
        assert_snapshot!(sorted(listener.heard()).replace(&id, "CLICK"), @r"
GET /adam/adam?u=user-1&c=CLICK&s=s1&k=7&x=10.00
GET /jane/jane?u=&c=&s=&k=&x=5.00
");
    });
}

#[test]
fn a_body_is_escaped_for_what_it_is() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        for body in [r#"{"uid": "{{customer_id}}"}"#, "uid={{customer_id}}&x=1"] {
            let new = json!({
                "name": "n", "trigger": "registration", "method": "POST", "url": format!("{server}/"), "body": body,
            });
            assert_eq!(client.post("/v1/postbacks", new).await.status, 201);
        }
        client.refer(jane, "a\"b&c").await;
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @r#"
POST / application/json {"uid": "a\"b&c"}
POST / application/x-www-form-urlencoded uid=a%22b%26c&x=1
"#);
    });
}

#[test]
fn a_call_is_tried_again_until_it_is_taken_or_refused_for_good() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        let id = define(&client, "registration", format!("{server}/{{customer_id}}")).await;
        listener.answer(&[503, 200, 404]);
        let calls =
            async || client.get(&format!("/v1/postback_calls?postback_id={id}")).await.json()["data"].clone();
        let shown = |call: &Value| {
            let text = |name: &str| call[name].to_string();
            ["state", "attempts", "status", "response", "error"].map(text).join(" ")
        };
        client.refer(jane, "one").await;
        work(&test).await;
        assert_snapshot!(shown(&calls().await[0]), @r#""waiting" 1 503 "said 503" "the answer was 503""#);
        test.at("2026-06-01T13:00:00Z");
        work(&test).await;
        assert_snapshot!(shown(&calls().await[0]), @r#""delivered" 2 200 "said 200" null"#);
        client.refer(jane, "two").await;
        work(&test).await;
        let call = calls().await[0].clone();
        assert_snapshot!(shown(&call), @r#""failed" 1 404 "said 404" "the answer was 404""#);
        let path = format!("/v1/postback_calls/{}/resend", call["id"].as_str().expect("an id"));
        assert_eq!(client.post(&path, json!({})).await.json()["state"], "waiting");
        assert_snapshot!(problem(&client.post(&path, json!({})).await).replace(call["id"].as_str().expect("an id"), "ID"), @"409 waiting call ID waits to be made, after 1 attempts");
        work(&test).await;
        assert_snapshot!(shown(&calls().await[0]), @r#""delivered" 2 200 "said 200" null"#);
        assert_eq!(listener.heard(), ["GET /one", "GET /one", "GET /two", "GET /two"]);
        let failed = client.get("/v1/postback_calls?state=failed").await.json();
        assert_eq!(failed["data"], json!([]));
        // One that is switched off is not told any more.
        let off = client.patch(&format!("/v1/postbacks/{id}"), json!({ "active": false })).await;
        assert_eq!(off.json()["active"], false);
        client.refer(jane, "three").await;
        work(&test).await;
        assert!(listener.heard().is_empty());
    });
}

#[test]
fn an_affiliate_has_its_own() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        let adam = client.affiliate("adam").await;
        let key = |id: i64| test.affiliate_key(client.program, domain::ids::AffiliateId(id));
        let (of_jane, of_adam) = (client.with_key(key(jane).await), client.with_key(key(adam).await));
        let id = define(&of_jane, "registration", format!("{server}/jane/{{customer_id}}")).await;
        define(&client, "registration", format!("{server}/all/{{customer_id}}")).await;
        client.refer(jane, "one").await;
        client.refer(adam, "two").await;
        work(&test).await;
        assert_snapshot!(sorted(listener.heard()), @r"
GET /all/one
GET /all/two
GET /jane/one
");
        let own = of_jane.get("/v1/postbacks").await.json();
        assert_eq!(own["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(of_jane.get("/v1/postback_calls").await.json()["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(of_adam.get("/v1/postback_calls").await.json()["data"], json!([]));
        assert_eq!(of_adam.get(&format!("/v1/postbacks/{id}")).await.status, 404);
        assert_eq!(
            of_adam.patch(&format!("/v1/postbacks/{id}"), json!({ "active": false })).await.status,
            404
        );
        let calls = of_jane.get("/v1/postback_calls").await.json();
        let path = format!("/v1/postback_calls/{}/resend", calls["data"][0]["id"].as_str().expect("an id"));
        assert_eq!(of_adam.post(&path, json!({})).await.status, 404);
        let foreign =
            json!({ "name": "n", "trigger": "payment", "url": "https://example.com/", "affiliate_id": jane });
        assert_eq!(of_adam.post("/v1/postbacks", foreign).await.status, 403);
    });
}

#[test]
fn an_affiliates_pages_are_full_of_its_own_calls() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        let own = client.with_key(test.affiliate_key(client.program, domain::ids::AffiliateId(jane)).await);
        let id = define(&own, "registration", format!("{server}/jane/{{customer_id}}")).await;
        // The program is told more of jane's customers than jane is.
        let mut of_program = Vec::new();
        for trigger in ["registration", "registration", "qualified_lead"] {
            of_program.push(define(&client, trigger, format!("{server}/all/{{customer_id}}")).await);
        }
        for uid in ["one", "two", "three", "four", "five"] {
            client.refer(jane, uid).await;
        }
        work(&test).await;
        let pages = async |client: &Client| {
            let (mut found, mut cursor) = (Vec::<Vec<i64>>::new(), String::new());
            loop {
                let page = client.get(&format!("/v1/postback_calls?limit=2{cursor}")).await.json();
                let calls = page["data"].as_array().expect("calls");
                let number = |call: &Value| call["postback_id"].as_i64().expect("a number");
                found.push(calls.iter().map(number).collect());
                let Some(next) = page["next_cursor"].as_str() else { break found };
                cursor = format!("&cursor={next}");
            }
        };
        assert_eq!(pages(&own).await, [vec![id, id], vec![id, id], vec![id]]);
        assert_eq!(pages(&client).await.concat().len(), 20, "the program sees them all");
        let path = format!("/v1/postback_calls?postback_id={}", of_program[0]);
        assert_eq!(own.get(&path).await.json()["data"], json!([]), "the program's calls are not jane's");
        assert_eq!(client.get(&path).await.json()["data"].as_array().map(Vec::len), Some(5));
    });
}
