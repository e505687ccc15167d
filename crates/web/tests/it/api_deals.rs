//! Newer versions of deals: planned, accepted, dated back, as docs/DEALS.md shows it; what is refused.

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::run;

use crate::api_client::{Client, problem};

fn percent(percent: &str) -> Value {
    json!({ "rules": [{ "on": "payment", "reward": { "percent": percent } }] })
}

/// A block of a language in docs/DEALS.md.
fn block(language: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DEALS.md");
    let page = std::fs::read_to_string(page).expect("docs/DEALS.md");
    let (_, rest) = page.split_once(&format!("```{language}\n")).expect("a block");
    rest.split_once("\n```").expect("it ends").0.to_owned()
}

/// A customer of jane under a deal of 20 %, raised to 25 %, with 100 paid in May.
async fn raised(client: &Client) {
    client.test.at("2026-04-01T00:00:00Z");
    let jane = client.affiliate("jane").await;
    client.refer(jane, "user-1").await;
    client.test.at("2026-05-10T00:00:00Z");
    let payment =
        json!({ "type": "payment", "id": "p1", "uid": "user-1", "amount": "100", "currency": "EUR" });
    assert_eq!(client.post("/v1/events", payment).await.status, 201);
    client.test.at("2026-06-01T00:00:00Z");
    assert_eq!(client.patch("/v1/deals/1", json!({ "terms": percent("25") })).await.status, 200);
}

#[test]
fn a_version_is_accepted_as_the_page_shows_it() {
    run(async |test| {
        test.at("2026-03-01T00:00:00Z");
        let client = Client::with_terms(&test, percent("20")).await;
        raised(&client).await;
        let mut dry: Value = serde_json::from_str(&block("accept")).expect("JSON");
        dry["dry_run"] = json!(true);
        let without_deal = |answer: Value| {
            let mut answer = answer;
            answer.as_object_mut().expect("an object").remove("deal");
            answer
        };
        let balance = async || {
            let path = "/v1/affiliates/2/balances";
            client.get(path).await.json()["data"][0]["earned"]["share"].clone()
        };
        let shown: Value = serde_json::from_str(&block("answer")).expect("JSON");
        let tried = without_deal(client.post("/v1/deals/1/accept", dry).await.json());
        assert_eq!((&tried["effect"], &tried["dry_run"]), (&shown["effect"], &json!(true)));
        assert_eq!(balance().await, "20.00");
        let asked: Value = serde_json::from_str(&block("accept")).expect("JSON");
        let answer = client.post("/v1/deals/1/accept", asked.clone()).await;
        assert_eq!(without_deal(answer.json()), shown, "{}", answer.text());
        assert_eq!(balance().await, "25.00");
        let again = client.post("/v1/deals/1/accept", asked).await.json();
        assert_eq!((&again["referrals"], &again["effect"]), (&json!(0), &json!([])));
    });
}

#[test]
fn a_version_may_wait_for_its_time() {
    run(async |test| {
        test.at("2026-03-01T00:00:00Z");
        let client = Client::with_terms(&test, percent("20")).await;
        test.at("2026-06-01T00:00:00Z");
        let planned = json!({ "terms": percent("30"), "effective_at": "2026-07-01T00:00:00Z" });
        let answer = client.patch("/v1/deals/1", planned).await;
        assert_eq!(answer.json()["version"]["effective_at"], "2026-07-01T00:00:00Z");
        let jane = client.affiliate("jane").await;
        for (uid, time, earned) in
            [("early", "2026-06-30T23:59:59Z", "20.00"), ("late", "2026-07-01T00:00:00Z", "30.00")]
        {
            test.at(time);
            client.refer(jane, uid).await;
            let payment =
                json!({ "type": "payment", "id": uid, "uid": uid, "amount": "100", "currency": "EUR" });
            let answer = client.post("/v1/events", payment).await;
            assert_eq!(answer.json()["results"][0]["earned"], earned, "{}", answer.text());
        }
    });
}

#[test]
fn what_cannot_be_planned_or_accepted() {
    run(async |test| {
        test.at("2026-03-01T00:00:00Z");
        let client = Client::with_terms(&test, percent("20")).await;
        raised(&client).await;
        let mut table = String::new();
        let new = |reward: Value| json!({ "name": "d", "terms": { "rules": [{ "on": "payment", "reward": reward }] } });
        let change = |at: Value| json!({ "terms": percent("30"), "effective_at": at });
        for (method, path, body) in [
            ("PATCH", "/v1/deals/1", change(json!("2026-05-31T00:00:00Z"))),
            ("PATCH", "/v1/deals/1", change(json!("tomorrow"))),
            ("PATCH", "/v1/deals/1", json!({ "effective_at": "2026-07-01T00:00:00Z" })),
            ("POST", "/v1/deals/1/accept", json!({ "from": "2026-05-01T00:00:00Z" })),
            ("POST", "/v1/deals/1/accept", json!({ "from": "May" })),
            ("POST", "/v1/deals/1/accept", json!({ "from": "2026-05-01T00:00:00Z", "reason": " " })),
            ("POST", "/v1/deals/1/accept", json!({ "affiliate_id": "jane" })),
            ("POST", "/v1/deals/1/accept", json!({ "why": "x" })),
            ("POST", "/v1/deals/9/accept", json!({})),
            ("POST", "/v1/deals", new(json!({ "percent": "20", "flat": "1" }))),
            ("POST", "/v1/deals", new(json!(null))),
        ] {
            let answer = client.test.call(method, path, &client.key, Some(body.clone())).await;
            table += &format!("{method} {path} {body}\n    {}\n", problem(&answer));
        }
        assert_snapshot!(table, @r#"
PATCH /v1/deals/1 {"effective_at":"2026-05-31T00:00:00Z","terms":{"rules":[{"on":"payment","reward":{"percent":"30"}}]}}
    400 invalid effective_at: 2026-05-31T00:00:00+00:00 is past; customers who registered since have their terms
PATCH /v1/deals/1 {"effective_at":"tomorrow","terms":{"rules":[{"on":"payment","reward":{"percent":"30"}}]}}
    400 invalid effective_at: invalid value: string "tomorrow", expected an instant of RFC 3339 such as "2026-01-31T12:00:00Z"
PATCH /v1/deals/1 {"effective_at":"2026-07-01T00:00:00Z"}
    400 invalid effective_at: it says when new terms take effect, but there are no terms
POST /v1/deals/1/accept {"from":"2026-05-01T00:00:00Z"}
    400 invalid reason: a version that is dated back changes what was earned: say why
POST /v1/deals/1/accept {"from":"May"}
    400 invalid from: invalid value: string "May", expected an instant of RFC 3339 such as "2026-01-31T12:00:00Z"
POST /v1/deals/1/accept {"from":"2026-05-01T00:00:00Z","reason":" "}
    400 invalid reason: a version that is dated back changes what was earned: say why
POST /v1/deals/1/accept {"affiliate_id":"jane"}
    400 invalid affiliate_id: invalid type: string "jane", expected i64
POST /v1/deals/1/accept {"why":"x"}
    400 invalid why: unknown field `why`, expected one of `affiliate_id`, `from`, `reason`, `agreed`, `dry_run`
POST /v1/deals/9/accept {}
    404 not_found there is no deal 9
POST /v1/deals {"name":"d","terms":{"rules":[{"on":"payment","reward":{"flat":"1","percent":"20"}}]}}
    400 invalid terms.rules[0].reward: expected exactly one of `percent`, `percent_of_net_pnl`, `percent_of_net_deposits`, `flat`, not {"flat":"1","percent":"20"}
POST /v1/deals {"name":"d","terms":{"rules":[{"on":"payment","reward":null}]}}
    400 invalid terms.rules[0].reward: expected exactly one of `percent`, `percent_of_net_pnl`, `percent_of_net_deposits`, `flat`, not null
"#);
        // Back to 20 %: whoever earned 25 % would lose, and has to agree.
        let back = json!({ "from": "2026-05-01T00:00:00Z", "reason": "It was promised for May." });
        assert_eq!(client.post("/v1/deals/1/accept", back.clone()).await.status, 200);
        assert_eq!(client.patch("/v1/deals/1", json!({ "terms": percent("20") })).await.status, 200);
        assert_snapshot!(problem(&client.post("/v1/deals/1/accept", back.clone()).await), @"409 earns_less affiliate 2 would lose 5.00 that it has earned; that takes its consent (agreed)");
        let mut agreed = back;
        agreed["agreed"] = json!(true);
        let answer = client.post("/v1/deals/1/accept", agreed).await.json();
        assert_eq!(answer["effect"], json!([{ "affiliate_id": 2, "amount": "-5.00" }]));
    });
}
