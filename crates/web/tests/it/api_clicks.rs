//! Clicks and visits as they are read: by the program, by an affiliate, page by page, and never with an address.

use std::time::Duration;

use domain::ids::AffiliateId;
use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::{TestApp, run};

use crate::api_client::{Client, problem};

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

/// Two affiliates, jane with the links 1 and 2 and adam with 3, clicked on two days: a bot's click and a repeated one
/// among them.
async fn clicked(test: &TestApp) -> (Client, i64, i64) {
    let client = Client::new(test).await;
    let (jane, adam) = (client.affiliate("jane").await, client.affiliate("adam").await);
    let settings = json!({ "allowed_hosts": ["shop.example.com"], "keep_addresses": true });
    assert_eq!(client.patch("/v1/program", settings).await.status, 200);
    for (affiliate, code) in [(jane, "one"), (jane, "two"), (adam, "three")] {
        let link = json!({ "affiliate_id": affiliate, "code": code, "destination_url": "https://shop.example.com/" });
        assert_eq!(client.post("/v1/links", link).await.status, 201);
    }
    for (at, path, agent) in [
        ("2026-06-01T12:00:00Z", "/c/one?sid=s1&afp=x&utm_source=mail", BROWSER),
        ("2026-06-01T12:00:01Z", "/c/one", BROWSER),
        ("2026-06-01T13:00:00Z", "/c/two", "Googlebot/2.1"),
        ("2026-06-01T14:00:00Z", "/c/three?source_id=src", BROWSER),
        ("2026-06-02T09:00:00Z", "/c/two", BROWSER),
    ] {
        test.at(at);
        let headers = [("user-agent", agent), ("referer", "https://blog.example/post")];
        assert_eq!(test.send("GET", path, &headers, None).await.status, 302);
        // The next one is another batch, so that a repeated click is known from the table as well as from its batch.
        assert!(app::click::settle(&test.app, Duration::from_secs(20)).await, "the click is not written");
    }
    (client, jane, adam)
}

fn line(click: &Value) -> String {
    let fields =
        ["clicked_at", "affiliate_id", "link_id", "grade", "is_bot", "is_repeat", "traffic", "referrer"];
    fields.map(|name| click[name].to_string()).join(" ")
}

async fn lines(client: &Client, path: &str) -> String {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let data = answer.json()["data"].as_array().cloned().expect("rows");
    data.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn clicks_are_read_newest_first_and_narrowed() {
    run(async |test| {
        let (client, jane, _) = clicked(&test).await;
        let mut table = String::new();
        for query in [
            String::new(),
            format!("?affiliate_id={jane}&flagged=false"),
            "?flagged=true".to_owned(),
            "?link_id=3".to_owned(),
            "?from=2026-06-01T13:00:00Z&to=2026-06-02T09:00:00Z".to_owned(),
            "?link_id=9".to_owned(),
        ] {
            table += &format!("{query}\n{}\n", lines(&client, &format!("/v1/clicks{query}")).await);
        }
        assert_snapshot!(table, @r#"
"2026-06-02T09:00:00Z" 2 2 "signed" false false {} "https://blog.example/post"
"2026-06-01T14:00:00Z" 3 3 "signed" false false {"source":"src"} "https://blog.example/post"
"2026-06-01T13:00:00Z" 2 2 "signed" true false {} "https://blog.example/post"
"2026-06-01T12:00:01Z" 2 1 "signed" false true {} "https://blog.example/post"
"2026-06-01T12:00:00Z" 2 1 "signed" false false {"afp":"x","sub_id":"s1","utm_source":"mail"} "https://blog.example/post"
?affiliate_id=2&flagged=false
"2026-06-02T09:00:00Z" 2 2 "signed" false false {} "https://blog.example/post"
"2026-06-01T12:00:00Z" 2 1 "signed" false false {"afp":"x","sub_id":"s1","utm_source":"mail"} "https://blog.example/post"
?flagged=true
"2026-06-01T13:00:00Z" 2 2 "signed" true false {} "https://blog.example/post"
"2026-06-01T12:00:01Z" 2 1 "signed" false true {} "https://blog.example/post"
?link_id=3
"2026-06-01T14:00:00Z" 3 3 "signed" false false {"source":"src"} "https://blog.example/post"
?from=2026-06-01T13:00:00Z&to=2026-06-02T09:00:00Z
"2026-06-01T14:00:00Z" 3 3 "signed" false false {"source":"src"} "https://blog.example/post"
"2026-06-01T13:00:00Z" 2 2 "signed" true false {} "https://blog.example/post"
?link_id=9
"#);
        let click = client.get("/v1/clicks?link_id=3").await.json()["data"][0].clone();
        let names: Vec<&String> = click.as_object().expect("a click").keys().collect();
        assert_snapshot!(format!("{names:?}"), @r#"["affiliate_id", "agent", "clicked_at", "country", "grade", "id", "is_bot", "is_repeat", "link_id", "page", "referrer", "traffic"]"#);
        assert!(!click.to_string().contains("203.0.113"), "{click}");
    });
}

#[test]
fn pages_follow_one_another_whoever_asks() {
    run(async |test| {
        let (client, jane, _) = clicked(&test).await;
        let own = client.with_key(test.affiliate_key(client.program, AffiliateId(jane)).await);
        for (client, path) in [
            (&client, "/v1/clicks?".to_owned()),
            (&client, format!("/v1/clicks?affiliate_id={jane}&")),
            (&own, "/v1/clicks?".to_owned()),
            (&client, "/v1/visits?".to_owned()),
            (&own, "/v1/visits?".to_owned()),
        ] {
            let whole = client.get(&format!("{path}limit=200")).await.json()["data"].clone();
            let (mut paged, mut next) = (Vec::new(), format!("{path}limit=1"));
            loop {
                let page = client.get(&next).await.json();
                paged.extend(page["data"].as_array().cloned().expect("rows"));
                match page["next_cursor"].as_str() {
                    Some(cursor) => next = format!("{path}limit=1&cursor={cursor}"),
                    None => break,
                }
            }
            assert!(paged.len() > 1, "{path}");
            assert_eq!(Value::Array(paged), whole, "{path}");
        }
    });
}

#[test]
fn an_affiliate_reads_its_own_and_less_of_it() {
    run(async |test| {
        let (client, jane, adam) = clicked(&test).await;
        let own = client.with_key(test.affiliate_key(client.program, AffiliateId(adam)).await);
        assert_snapshot!(lines(&own, "/v1/clicks").await, @r#""2026-06-01T14:00:00Z" 3 3 "signed" false false {"source":"src"} null"#);
        let click = own.get("/v1/clicks").await.json()["data"][0].clone();
        assert_eq!((&click["agent"], &click["page"]), (&Value::Null, &Value::Null));
        assert_eq!(lines(&own, "/v1/clicks?link_id=1").await, "");
        assert_eq!(own.get("/v1/visits?link_id=1").await.json()["data"], json!([]));
        for path in ["clicks", "visits"] {
            assert_eq!(own.get(&format!("/v1/{path}?affiliate_id={jane}")).await.status, 403);
        }
        let other = Client::new(&test).await;
        assert_eq!(other.get("/v1/clicks").await.json()["data"], json!([]));
        assert_eq!(other.get("/v1/visits").await.json()["data"], json!([]));
    });
}

#[test]
fn visits_are_counted_by_day_and_link() {
    run(async |test| {
        let (client, jane, _) = clicked(&test).await;
        let mut table = String::new();
        for query in [
            String::new(),
            format!("?affiliate_id={jane}&from=2026-06-02&to=2026-06-02"),
            "?link_id=2".to_owned(),
            "?to=2026-05-31".to_owned(),
        ] {
            let answer = client.get(&format!("/v1/visits{query}")).await;
            assert_eq!(answer.status, 200, "{query}: {}", answer.text());
            table += &format!("{query}\n");
            for row in answer.json()["data"].as_array().expect("rows") {
                let fields = ["day", "affiliate_id", "link_id", "visits", "unique_visits", "bots", "repeats"];
                table += &format!("    {}\n", fields.map(|name| row[name].to_string()).join(" "));
            }
        }
        assert_snapshot!(table, @r#"
    "2026-06-01" 2 1 2 1 0 1
    "2026-06-01" 2 2 1 0 1 0
    "2026-06-01" 3 3 1 1 0 0
    "2026-06-02" 2 2 1 1 0 0
?affiliate_id=2&from=2026-06-02&to=2026-06-02
    "2026-06-02" 2 2 1 1 0 0
?link_id=2
    "2026-06-01" 2 2 1 0 1 0
    "2026-06-02" 2 2 1 1 0 0
?to=2026-05-31
"#);
    });
}

#[test]
fn what_cannot_be_asked_for() {
    run(async |test| {
        let client = Client::new(&test).await;
        let mut table = String::new();
        for path in [
            "/v1/clicks?from=2026-06-01",
            "/v1/clicks?from=2026-06-02T00:00:00Z&to=2026-06-02T00:00:00Z",
            "/v1/clicks?flagged=maybe",
            "/v1/clicks?cursor=31",
            // A cursor that somebody made, of the year -29719.
            "/v1/clicks?cursor=2d3130303030303030303030303030303030303020636c69636b5f3030303030303030303030303030303030303030303030303030303030303030",
            "/v1/clicks?link_id=x",
            "/v1/visits?from=yesterday",
            "/v1/visits?from=2026-06-02&to=2026-06-01",
            "/v1/visits?from=2025-01-01&to=2026-01-03",
            "/v1/visits?to=0001-01-01",
            "/v1/visits?cursor=31",
            // Days far outside of what is asked for.
            "/v1/visits?cursor=303030312d30312d303120322030",
            "/v1/visits?cursor=2d393030302d30312d303120322030",
        ] {
            table += &format!("{path}\n    {}\n", problem(&client.get(path).await));
        }
        assert_snapshot!(table, @r#"
/v1/clicks?from=2026-06-01
    400 invalid from: expected an instant of RFC 3339 such as 2026-01-31T12:00:00Z
/v1/clicks?from=2026-06-02T00:00:00Z&to=2026-06-02T00:00:00Z
    400 invalid to: it is not after from; expected a later instant
/v1/clicks?flagged=maybe
    400 invalid flagged: expected true or false
/v1/clicks?cursor=31
    400 invalid cursor: expected next_cursor of the page before, as it came
/v1/clicks?cursor=2d3130303030303030303030303030303030303020636c69636b5f3030303030303030303030303030303030303030303030303030303030303030
    400 invalid cursor: expected next_cursor of the page before, as it came
/v1/clicks?link_id=x
    400 invalid link_id: "x" is not an integer id
/v1/visits?from=yesterday
    400 invalid from: expected a day such as 2026-03-01, of 1970 to 2199
/v1/visits?from=2026-06-02&to=2026-06-01
    400 invalid to: it is before from; expected the same day or a later one
/v1/visits?from=2025-01-01&to=2026-01-03
    400 invalid to: it is more than 366 days after from; ask for a year at a time
/v1/visits?to=0001-01-01
    400 invalid to: expected a day such as 2026-03-01, of 1970 to 2199
/v1/visits?cursor=31
    400 invalid cursor: expected next_cursor of the page before, as it came
/v1/visits?cursor=303030312d30312d303120322030
    400 invalid cursor: expected next_cursor of the page before, as it came
/v1/visits?cursor=2d393030302d30312d303120322030
    400 invalid cursor: expected next_cursor of the page before, as it came
"#);
    });
}

#[test]
fn redirects_are_timed() {
    run(async |test| {
        clicked(&test).await;
        assert_eq!(test.send("GET", "/c/unknown", &[], None).await.status, 404);
        let metrics = test.send("GET", "/metrics", &[], None).await.text();
        assert!(metrics.contains("refero_redirect_seconds_count 6\n"), "{metrics}");
        assert!(metrics.contains("refero_redirect_seconds_bucket{le=\"+Inf\"} 6\n"), "{metrics}");
    });
}
