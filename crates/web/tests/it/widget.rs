//! The referral widget: its settings, its token, joining, what it shows, and what pages of other origins may ask.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::{Answer, TestApp, run};

use crate::api_client::{Client, problem};

/// A program whose widget is set up, and what signs its users' tokens.
struct Setup {
    client: Client,
    product: String,
    secret: String,
}

fn settings() -> Value {
    json!({
        "title": "Recommend us", "landing_url": "https://shop.example/start?a=b", "terms": "Be kind.",
        "advocate_reward": "20 % of what your friend pays", "friend_reward": "A hoodie", "share_text": "Try this:",
    })
}

impl Setup {
    async fn new(test: &TestApp) -> Setup {
        let client = Client::new(test).await;
        let answer = client.put("/v1/referral-widget", settings()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = client.post("/v1/referral-widget/secret", json!({})).await.json();
        let text = |field: &str| answer[field].as_str().expect("a text").to_owned();
        Setup { client, product: text("product_id"), secret: text("secret") }
    }

    fn token(&self, user: &str) -> String {
        let product = self.product.parse().expect("a UUID");
        domain::widget::sign(user, product, &self.secret, self.client.test.app.now())
    }

    async fn ask(&self, path: &str, token: &str, body: Option<Value>) -> Answer {
        let method = if body.is_some() { "POST" } else { "GET" };
        self.client.test.call(method, &format!("/widget/{}{path}", self.product), token, body).await
    }

    async fn join(&self, user: &str, details: Value) -> Answer {
        let body = json!({ "accepts_terms": true, "user_details": details });
        self.ask("/advocate", &self.token(user), Some(body)).await
    }
}

fn slug_of(status: &Value) -> String {
    let link = status["advocate"]["link"].as_str().expect("a link");
    let (page, slug) = link.split_once("&refby=").expect("a slug");
    assert_eq!(page, "https://shop.example/start?a=b");
    slug.to_owned()
}

#[test]
fn a_user_joins_shares_and_earns() {
    run(async |test| {
        let setup = Setup::new(&test).await;
        let client = &setup.client;
        let before = setup.ask("", &setup.token("user-1"), None).await;
        assert_snapshot!(before.text(), @r#"{"title":"Recommend us","terms":"Be kind.","terms_url":null,"advocate_reward":"20 % of what your friend pays","friend_reward":"A hoodie","share_text":"Try this:","advocate":null}"#);
        let details = json!({ "email": "Ann@Example.com", "first_name": "Ann", "last_name": "Example",
                              "company_id": "c1", "company_name": "Example Ltd", "name": "ignored" });
        let joined = setup.join("user-1", details).await;
        assert_eq!(joined.status, 200, "{}", joined.text());
        let joined = joined.json();
        let slug = slug_of(&joined);
        assert_eq!(joined["advocate"]["earnings"], json!([]));
        assert_eq!(joined["advocate"]["sign_ups"], 0);

        let affiliates = client.get("/v1/affiliates").await.json();
        let advocate = affiliates["data"].as_array().expect("a list").last().expect("one").clone();
        assert_eq!(advocate["slug"], slug.as_str());
        assert_eq!(
            (&advocate["email"], &advocate["name"]),
            (&json!("ann@example.com"), &json!("Ann Example"))
        );
        assert_eq!(advocate["status"], "approved");

        client.refer(advocate["id"].as_i64().expect("an id"), "friend-1").await;
        client.pay("friend-1", "p1", "79.00").await;
        let status = setup.ask("", &setup.token("user-1"), None).await.json();
        assert_eq!(status["advocate"]["sign_ups"], 1);
        assert_eq!(status["advocate"]["paying"], 1);
        assert_eq!(
            status["advocate"]["earnings"],
            json!([{ "currency": "EUR", "earned": "15.80", "pending": "0.00", "payable": "15.80", "paid": "0.00" }])
        );
        assert_eq!(slug_of(&status), slug);
    });
}

#[test]
fn whoever_joins_again_or_twice_at_once_joins_once() {
    run(async |test| {
        let setup = Setup::new(&test).await;
        let (first, second) = tokio::join!(setup.join("user-1", json!({})), setup.join("user-1", json!({})));
        let third = setup.join("user-1", json!({ "email": "other@example.com" })).await;
        let slugs = [first, second, third].map(|answer| slug_of(&answer.json()));
        assert!(slugs.iter().all(|slug| *slug == slugs[0]), "{slugs:?}");
        assert_ne!(slug_of(&setup.join("user-2", json!({})).await.json()), slugs[0]);
        assert_eq!(test.count_rows("affiliate").await, 3, "two advocates and the program's own affiliate");
        assert_eq!(test.count_rows("advocate").await, 2);
    });
}

#[test]
fn the_deal_of_advocates_is_their_own() {
    run(async |test| {
        let setup = Setup::new(&test).await;
        let terms =
            json!({ "rules": [{ "on": "payment", "reward": { "flat": "5" }, "limits": { "payments": 1 } }] });
        let deal =
            setup.client.post("/v1/deals", json!({ "name": "Advocates", "terms": terms })).await.json();
        let mut changed = settings();
        changed["deal_id"] = deal["id"].clone();
        let answer = setup.client.put("/v1/referral-widget", changed).await.json();
        assert_eq!((&answer["product_id"], &answer["deal_id"]), (&json!(setup.product), &deal["id"]));
        setup.join("user-1", json!({})).await;
        let affiliates = setup.client.get("/v1/affiliates").await.json();
        assert_eq!(affiliates["data"][1]["deal_id"], deal["id"]);
    });
}

#[test]
fn what_the_widget_refuses() {
    run(async |test| {
        let setup = Setup::new(&test).await;
        let other = Setup::new(&test).await;
        let good = setup.token("user-1");
        let accepted = json!({ "accepts_terms": true });
        let mut table = String::new();
        for (path, token, body) in [
            ("", "", None),
            ("", "nonsense", None),
            ("", &*other.token("user-1"), None),
            ("/advocate", "", Some(accepted.clone())),
            ("/advocate", &good, Some(json!({}))),
            ("/advocate", &good, Some(json!({ "accepts_terms": "yes" }))),
            ("/advocate", &good, Some(json!([true]))),
            ("/advocate", &good, Some(json!({ "accepts_terms": true, "user_details": { "email": "x" } }))),
            (
                "/advocate",
                &good,
                Some(json!({ "accepts_terms": true, "user_details": { "first_name": "a".repeat(300) } })),
            ),
            ("/advocate", &good, Some(json!({ "accepts_terms": true, "more": "a".repeat(20_000) }))),
        ] {
            let answer = setup.ask(path, token, body).await;
            assert_eq!(answer.headers["access-control-allow-origin"], "*");
            table.push_str(&format!(
                "{} {}\n",
                answer.status,
                answer.json()["error"].as_str().expect("an error")
            ));
        }
        assert_snapshot!(table, @r#"
        401 auth_token: it is no JWT: expected three parts joined by dots
        401 auth_token: it is no JWT: expected three parts joined by dots
        401 auth_token: its signature does not fit; sign with the secret of this product, taken as UTF-8 text
        401 auth_token: it is no JWT: expected three parts joined by dots
        400 accepts_terms: expected true; nobody joins without accepting the terms
        400 accepts_terms: invalid type: string "yes", expected a boolean
        400 invalid type: sequence, expected an object
        400 user_details.email: "x" is not an e-mail address
        400 user_details.first_name: it has 300 characters; at most 200 are allowed
        413 the body is larger than 16384 bytes
        "#);
        assert_eq!(test.count_rows("advocate").await, 0);

        for product in ["x", "00000000-0000-0000-0000-000000000000", "%ff"] {
            assert_eq!(
                test.call("GET", &format!("/widget/{product}"), &good, None).await.status,
                404,
                "{product}"
            );
        }
        setup.client.post("/v1/referral-widget/secret", json!({})).await;
        assert_eq!(setup.ask("", &good, None).await.status, 401, "an earlier secret counts no more");
        let off = json!({ "title": "T", "landing_url": "https://shop.example", "is_enabled": false });
        setup.client.put("/v1/referral-widget", off).await;
        assert_eq!(setup.ask("", &good, None).await.status, 404, "it is switched off");
    });
}

#[test]
fn an_advocate_who_was_blocked_is_out() {
    run(async |test| {
        let setup = Setup::new(&test).await;
        setup.join("user-1", json!({})).await;
        setup.client.patch("/v1/affiliates/2", json!({ "status": "blocked" })).await;
        let answer = setup.ask("", &setup.token("user-1"), None).await;
        assert_snapshot!(format!("{} {}", answer.status, answer.text()), @r#"403 {"error":"this user takes no part in the referral programme any more"}"#);
    });
}

#[test]
fn pages_of_other_origins_may_ask() {
    run(async |test| {
        let setup = Setup::new(&test).await;
        let headers = [
            ("origin", "https://shop.example"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        for path in ["", "/advocate"] {
            let path = format!("/widget/{}{path}", setup.product);
            let answer = test.send("OPTIONS", &path, &headers, None).await;
            assert_eq!(answer.status, 204);
            assert_eq!(answer.headers["access-control-allow-origin"], "*");
            assert_eq!(answer.headers["access-control-allow-headers"], "authorization, content-type");
            assert_eq!(answer.headers["access-control-allow-methods"], "GET, POST");
        }
    });
}

#[test]
fn settings_are_checked_and_shown() {
    run(async |test| {
        let client = Client::new(&test).await;
        assert_snapshot!(client.get("/v1/referral-widget").await.text(), @r#"{"product_id":null,"is_enabled":false,"title":null,"landing_url":null,"terms":null,"terms_url":null,"advocate_reward":null,"friend_reward":null,"share_text":null,"deal_id":null}"#);
        assert_snapshot!(problem(&client.post("/v1/referral-widget/secret", json!({})).await), @"404 not_found there is no referral widget yet; PUT /v1/referral-widget makes it");
        let mut table = String::new();
        for (field, value) in [
            ("title", json!("")),
            ("landing_url", json!("shop.example")),
            ("landing_url", json!("javascript:alert(1)")),
            ("landing_url", json!("https://shop.example/{{tracker}}")),
            ("terms_url", json!("ftp://shop.example/")),
            ("terms", json!("\u{0}")),
            ("share_text", json!("a".repeat(501))),
            ("deal_id", json!(99)),
            ("color", json!("red")),
        ] {
            let mut body = settings();
            body[field] = value;
            table.push_str(&problem(&client.put("/v1/referral-widget", body).await));
            table.push('\n');
        }
        assert_snapshot!(table, @r#"
        400 invalid title: it is empty
        400 invalid landing_url: "shop.example" is no web address; expected one such as https://shop.example.com/landing
        400 invalid landing_url: "javascript:alert(1)" is no web address; expected one such as https://shop.example.com/landing
        400 invalid landing_url: macros are filled in by redirects; this address is used as it is
        400 invalid terms_url: "ftp://shop.example/" is no web address; expected one such as https://shop.example.com/landing
        400 invalid terms: it contains the control character U+0000
        400 invalid share_text: it has 501 characters; at most 500 are allowed
        400 invalid deal_id: there is no deal 99
        400 invalid color: unknown field `color`, expected one of `is_enabled`, `title`, `landing_url`, `terms`, `terms_url`, `advocate_reward`, `friend_reward`, `share_text`, `deal_id`
        "#);
        assert_eq!(test.count_rows("widget").await, 0);
        assert_eq!(client.put("/v1/referral-widget", settings()).await.json()["title"], "Recommend us");
        let affiliate = client.affiliate("jane").await;
        let jane =
            client.with_key(test.affiliate_key(client.program, domain::ids::AffiliateId(affiliate)).await);
        for answer in [
            jane.get("/v1/referral-widget").await,
            jane.put("/v1/referral-widget", settings()).await,
            jane.post("/v1/referral-widget/secret", json!({})).await,
        ] {
            assert_eq!(answer.status, 403, "{}", answer.text());
        }
    });
}
