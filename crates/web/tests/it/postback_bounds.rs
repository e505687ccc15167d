//! Bounds of postbacks: how many, how long, whereto, and how much of the product one program's may take.

use std::time::Duration;

use axum::Router;
use chrono::TimeDelta;
use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::run_with;
use tokio::net::TcpSocket;
use tokio::sync::watch;

use crate::api_client::problem;
use crate::postbacks::{Listener, allowed, define, program, serve, sorted, work};

#[test]
fn what_comes_out_too_long_is_not_sent() {
    run_with(allowed(), async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        let own = client.with_key(test.affiliate_key(client.program, domain::ids::AffiliateId(jane)).await);
        define(&own, "registration", format!("{server}/?u={}", "{customer_id}".repeat(100))).await;
        let long = json!({
            "name": "long", "trigger": "registration", "method": "POST", "url": server,
            "body": "{customer_id}".repeat(700),
        });
        assert_eq!(own.post("/v1/postbacks", long).await.status, 201);
        client.refer(jane, &"u".repeat(100)).await;
        work(&test).await;
        assert!(listener.heard().is_empty());
        let calls = own.get("/v1/postback_calls").await.json()["data"].clone();
        let said = |call: &Value| format!("{} {}", call["state"], call["error"]);
        assert_snapshot!(sorted(calls.as_array().expect("calls").iter().map(said).collect()), @r#"
"failed" "the address has 10026 bytes; at most 8000 are sent"
"failed" "the body has 70000 bytes; at most 64000 are sent"
"#);
    });
}

#[test]
fn an_affiliate_has_twenty_at_most() {
    testkit::run(async |test| {
        let (client, jane) = program(&test).await;
        let own = client.with_key(test.affiliate_key(client.program, domain::ids::AffiliateId(jane)).await);
        for _ in 0..20 {
            define(&own, "payment", "https://example.com/".to_owned()).await;
        }
        let new = json!({ "name": "n", "trigger": "payment", "url": "https://example.com/" });
        assert_snapshot!(problem(&own.post("/v1/postbacks", new).await), @"400 invalid affiliate_id: affiliate 2 has 20 postbacks, which is the limit; change one of them");
        define(&client, "payment", "https://example.com/".to_owned()).await;
    });
}

#[test]
fn nothing_private_is_called() {
    testkit::run(async |test| {
        let listener = Listener::default();
        let server = listener.start().await;
        let (client, jane) = program(&test).await;
        define(&client, "registration", format!("{server}/{{customer_id}}")).await;
        define(&client, "registration", "http://localhost:1/".to_owned()).await;
        client.refer(jane, "one").await;
        work(&test).await;
        let calls = client.get("/v1/postback_calls").await.json()["data"].clone();
        for call in calls.as_array().expect("calls") {
            assert_eq!((&call["state"], &call["status"]), (&json!("failed"), &Value::Null), "{call}");
            let why = call["error"].as_str().expect("why");
            assert!(why.contains("not a public address"), "{call}");
            // The number behind a name is the operator's own affair.
            assert!(!why.contains("127.0.0.1 is") && !why.contains("::1"), "{call}");
        }
        assert!(listener.heard().is_empty());
    });
}

/// A server that counts its requests, and answers them when its gate is open.
async fn counting(gate: watch::Receiver<bool>) -> (String, watch::Receiver<usize>) {
    let (count, counted) = watch::channel(0);
    let router = Router::new().fallback(async move || {
        count.send_modify(|count| *count += 1);
        gate.clone().wait_for(|open| *open).await.expect("a gate");
    });
    (serve(router).await, counted)
}

async fn reach(counted: &mut watch::Receiver<usize>, wanted: usize) {
    let reached = counted.wait_for(|count| *count >= wanted);
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("a call in time").expect("a server");
}

#[test]
fn a_server_that_does_not_answer_holds_back_nobody_else() {
    run_with(allowed(), async |test| {
        let (open, shut) = watch::channel(false);
        let (always, ajar) = watch::channel(true);
        let ((mute, mut unanswered), (prompt, mut answered)) = (counting(shut).await, counting(ajar).await);
        let ((slow, jane), (other, adam)) = (program(&test).await, program(&test).await);
        for _ in 0..20 {
            define(&slow, "registration", mute.clone()).await;
        }
        define(&other, "registration", prompt).await;
        slow.refer(jane, "user-1").await;
        test.app.start_jobs();
        reach(&mut unanswered, 8).await;
        // Each of these is found by a new look for what is due.
        for number in 1..=3 {
            other.refer(adam, &format!("user-{number}")).await;
            reach(&mut answered, number).await;
        }
        assert_eq!(*unanswered.borrow(), 8, "half of all places");
        open.send(true).expect("it waits");
        reach(&mut unanswered, 20).await;
        drop(always);
    });
}

#[test]
fn a_server_that_is_away_is_tried_by_one_call_and_the_others_wait_for_it() {
    run_with(allowed(), async |test| {
        let (client, jane) = program(&test).await;
        // The port is taken, and nobody listens.
        let away = TcpSocket::new_v4().expect("a socket");
        away.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        define(&client, "registration", format!("http://{}/", away.local_addr().expect("a port"))).await;
        for number in 1..=20 {
            client.refer(jane, &format!("user-{number}")).await;
        }
        let tried = async || {
            work(&test).await;
            let calls = client.get("/v1/postback_calls?limit=100").await.json()["data"].clone();
            let calls = calls.as_array().expect("calls").clone();
            let tries = calls.iter().map(|call| call["attempts"].as_i64().expect("a number")).sum::<i64>();
            (calls.iter().filter(|call| call["state"] == "delivered").count(), tries)
        };
        let later = |seconds| test.at(&(test.app.now() + TimeDelta::seconds(seconds)).to_rfc3339());
        let (_, first) = tried().await;
        assert!((3..=8).contains(&first), "{first}: what goes out together, and none behind it");
        for more in 1..=2 {
            later(121);
            assert_eq!(tried().await, (0, first + more));
        }
        let server = axum::serve(away.listen(64).expect("a listener"), Router::new().fallback(async || {}));
        tokio::spawn(server.into_future());
        // The one that tries is answered, and then the others are.
        later(241);
        assert!(tried().await.0 > 0);
        later(241);
        assert_eq!(tried().await, (20, first + 22));
    });
}

#[test]
fn postbacks_that_make_no_sense() {
    testkit::run(async |test| {
        let (client, _) = program(&test).await;
        let mut table = String::new();
        let new = |more: Value| {
            let mut body = json!({ "name": "n", "trigger": "payment", "url": "https://example.com/" });
            body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            body
        };
        for body in [
            new(json!({ "trigger": "click" })),
            new(json!({ "method": "PUT" })),
            new(json!({ "body": "x" })),
            new(json!({ "method": "POST", "body": "{{x}}" })),
            new(json!({ "url": "https://{{afp}}/" })),
            new(json!({ "url": "ftp://example.com" })),
            new(json!({ "url": "http://example.com/a\"b<{{afp}}>?x" })),
            new(json!({ "url": "http://①②⑦.0.0.1/" })),
            new(json!({ "url": "http://127.0.0.1%00.example.com/" })),
            new(json!({ "url": "http://127.0.0.1:99999/port" })),
            new(json!({ "url": "HTTP://127.0.0.1:0/{{afp}}" })),
            new(json!({ "affiliate_id": 99 })),
            new(json!({ "deal_id": 99 })),
            new(json!({ "name": "" })),
            json!({}),
        ] {
            let answer = client.post("/v1/postbacks", body.clone()).await;
            let said: String = problem(&answer).chars().take(150).collect();
            table += &format!("{body}\n    {said}\n");
        }
        for path in ["/v1/postback_calls?state=x", "/v1/postbacks/9", "/v1/postbacks/abc"] {
            table += &format!("{path}\n    {}\n", problem(&client.get(path).await));
        }
        let resent = client.post("/v1/postback_calls/zz/resend", json!({})).await;
        table += &format!("resend\n    {}\n", problem(&resent));
        assert_snapshot!(table, @r#"
{"name":"n","trigger":"click","url":"https://example.com/"}
    400 invalid trigger: "click" is no trigger; expected one of registration, qualified_lead, first_deposit, qualified_deposit, payment, commission_change
{"method":"PUT","name":"n","trigger":"payment","url":"https://example.com/"}
    400 invalid method: "PUT" is no method; expected GET or POST
{"body":"x","name":"n","trigger":"payment","url":"https://example.com/"}
    400 invalid body: a GET has none; expected the method POST
{"body":"{{x}}","method":"POST","name":"n","trigger":"payment","url":"https://example.com/"}
    400 invalid body: "{{x}}" is no macro; expected one of event, event_id, event_time, registration_id, customer_id, affiliate_id, affiliate, program_id,
{"name":"n","trigger":"payment","url":"https://{{afp}}/"}
    400 invalid url: the host of the address holds a macro; expected one such as https://example.com/?id={{afp}}
{"name":"n","trigger":"payment","url":"ftp://example.com"}
    400 invalid url: the address begins neither with https:// nor with http://; expected one such as https://example.com/?id={{afp}}
{"name":"n","trigger":"payment","url":"http://example.com/a\"b<{{afp}}>?x"}
    400 invalid url: "http://example.com/a\"b<{{afp}}>?x" cannot be called: the address does not read (invalid uri character); expected one such as https:
{"name":"n","trigger":"payment","url":"http://①②⑦.0.0.1/"}
    400 invalid url: "http://①②⑦.0.0.1/" cannot be called: the address does not read (invalid uri character); expected one such as https://example.com/?id
{"name":"n","trigger":"payment","url":"http://127.0.0.1%00.example.com/"}
    400 invalid url: "http://127.0.0.1%00.example.com/" cannot be called: the address does not read (invalid authority); expected one such as https://exam
{"name":"n","trigger":"payment","url":"http://127.0.0.1:99999/port"}
    400 invalid url: "http://127.0.0.1:99999/port" cannot be called: "99999" is no port, which is a number from 1 to 65535; expected one such as https://e
{"name":"n","trigger":"payment","url":"HTTP://127.0.0.1:0/{{afp}}"}
    400 invalid url: "HTTP://127.0.0.1:0/{{afp}}" cannot be called: "0" is no port, which is a number from 1 to 65535; expected one such as https://exampl
{"affiliate_id":99,"name":"n","trigger":"payment","url":"https://example.com/"}
    400 invalid affiliate_id: there is no affiliate 99
{"deal_id":99,"name":"n","trigger":"payment","url":"https://example.com/"}
    400 invalid deal_id: there is no deal 99
{"name":"","trigger":"payment","url":"https://example.com/"}
    400 invalid name: it is empty
{}
    400 invalid name: missing field `name`
/v1/postback_calls?state=x
    400 invalid state: "x" is no state; expected one of waiting, delivered, failed
/v1/postbacks/9
    404 not_found there is no postback 9
/v1/postbacks/abc
    404 not_found "abc" is not an integer id
resend
    404 not_found "zz" is not an id such as 0197290f-6d3b-7cc0-b7a3-8e1b5f2d4c61
"#);
    });
}
