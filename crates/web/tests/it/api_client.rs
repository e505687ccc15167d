//! A client of the native API, for its tests: a program of 20 % without hold, an operator key, and answers shown with
//! their ids numbered in the order in which they appear.

use std::cell::RefCell;

use domain::ids::ProgramId;
use serde_json::{Value, json};
use testkit::{Answer, TestApp};

pub(crate) struct Client {
    pub(crate) test: TestApp,
    pub(crate) program: ProgramId,
    pub(crate) key: String,
    seen: RefCell<Vec<String>>,
}

impl Client {
    pub(crate) async fn new(test: &TestApp) -> Client {
        Client::with_terms(test, json!({ "rules": [{ "on": "payment", "reward": { "percent": "20" } }] }))
            .await
    }

    pub(crate) async fn with_terms(test: &TestApp, terms: Value) -> Client {
        let program = test.program(terms).await;
        let key = test.key(program).await;
        Client { test: test.clone(), program, key, seen: RefCell::default() }
    }

    /// The same program through another key.
    pub(crate) fn with_key(&self, key: String) -> Client {
        Client { test: self.test.clone(), program: self.program, key, seen: RefCell::default() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.test.call("GET", path, &self.key, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.test.call("POST", path, &self.key, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.test.call("PUT", path, &self.key, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.test.call("PATCH", path, &self.key, Some(body)).await
    }

    /// Posts with an idempotency key.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: Value) -> Answer {
        self.post_bytes(path, &[("idempotency-key", key)], body.to_string().as_bytes()).await
    }

    /// Posts a body as it is, with more headers.
    pub(crate) async fn post_bytes(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        self.test.send("POST", path, &all, Some(body.to_vec())).await
    }

    /// Makes an approved affiliate and returns its id.
    pub(crate) async fn affiliate(&self, slug: &str) -> i64 {
        self.test.affiliate(self.program, slug).await.0
    }

    /// Registers a customer by uid and returns the referral's id.
    pub(crate) async fn refer(&self, affiliate: i64, uid: &str) -> String {
        let body = json!({ "type": "registration", "affiliate_id": affiliate, "uid": uid });
        let answer = self.post("/v1/events", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["referral_id"].as_str().expect("a referral").to_owned()
    }

    /// Records a payment of EUR.
    pub(crate) async fn pay(&self, uid: &str, id: &str, amount: &str) -> Answer {
        let body = json!({ "type": "payment", "id": id, "uid": uid, "amount": amount, "currency": "EUR" });
        self.post("/v1/events", body).await
    }

    /// Status and body; ids of 32 digits become `ref_1`, `fact_2`, …
    pub(crate) fn show(&self, answer: &Answer) -> String {
        let text = answer.text();
        let mut shown = format!("{} ", answer.status);
        let mut rest = text.as_str();
        while let Some(start) = rest.find('_') {
            let (before, after) = rest.split_at(start + 1);
            shown.push_str(before);
            let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
            rest = after;
            if digits == 32 {
                let (id, behind) = after.split_at(32);
                shown.push_str(&self.number_of(id));
                rest = behind;
            }
        }
        shown.push_str(rest);
        // What names the program in a browser is made anew for each.
        match shown.split_once("\"tracking_id\":\"") {
            Some((before, after)) => format!("{before}\"tracking_id\":\"…{}", &after[36..]),
            None => shown,
        }
    }

    fn number_of(&self, id: &str) -> String {
        let mut seen = self.seen.borrow_mut();
        let place = seen.iter().position(|known| known == id).unwrap_or_else(|| {
            seen.push(id.to_owned());
            seen.len() - 1
        });
        (place + 1).to_string()
    }
}

/// The status, code and detail of a problem.
pub(crate) fn problem(answer: &Answer) -> String {
    let media_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok());
    assert_eq!(media_type, Some("application/problem+json"), "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["status"], answer.status, "{}", answer.text());
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    format!("{} {} {}", answer.status, text("code"), text("detail"))
}
