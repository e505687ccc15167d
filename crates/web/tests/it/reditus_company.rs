//! A company that speaks the Reditus format, for the tests of that surface: a program of 20 % without hold, an
//! affiliate `john`, an operator key.

use domain::ids::{AffiliateId, ProgramId};
use serde_json::{Value, json};
use testkit::{Answer, TestApp};

pub(crate) struct Company {
    pub(crate) test: TestApp,
    pub(crate) program: ProgramId,
    pub(crate) john: AffiliateId,
    pub(crate) key: String,
}

impl Company {
    pub(crate) async fn new(test: &TestApp) -> Company {
        let terms = json!({ "rules": [{ "on": "payment", "reward": { "percent": "20" } }] });
        let program = test.program(terms).await;
        let john = test.affiliate(program, "john").await;
        let key = test.key(program).await;
        Company { test: test.clone(), program, john, key }
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.test.call("POST", &format!("/reditus/api{path}"), &self.key, Some(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.test.call("GET", &format!("/reditus/api{path}"), &self.key, None).await
    }

    /// Sends a body as it is.
    pub(crate) async fn post_bytes(&self, path: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let headers = [("authorization", bearer.as_str())];
        self.test.send("POST", &format!("/reditus/api{path}"), &headers, Some(body.to_vec())).await
    }

    /// Refers a customer to john and returns the referral's id.
    pub(crate) async fn refer(&self, email: &str, uid: Option<&str>) -> String {
        let body = json!({ "affiliate_slug": "john", "email": email, "uid": uid });
        let answer = self.post("/v2/tracking/conversion", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["data"]["id"].as_str().expect("an id").to_owned()
    }

    /// The answers to bodies, a line each.
    pub(crate) async fn answers(&self, path: &str, bodies: &[Value]) -> String {
        let mut lines = Vec::new();
        for body in bodies {
            let answer = shown(&self.post(path, body.clone()).await);
            let body: String = body.to_string().chars().take(120).collect();
            lines.push(format!("{body}\n    {answer}"));
        }
        lines.join("\n")
    }

    /// Nothing has been recorded.
    pub(crate) async fn holds_nothing(&self) {
        let caller = self.test.operator(self.program);
        let facts = app::event::page(&self.test.app, &caller, None, None, 10).await.expect("a page");
        assert_eq!(facts, []);
    }

    /// What stands to john's credit, in micros.
    pub(crate) async fn balance(&self) -> i128 {
        let caller = self.test.operator(self.program);
        let filter = app::commission::Filter { affiliate: Some(self.john), ..Default::default() };
        let commissions =
            app::commission::list(&self.test.app, &caller, &filter, 1000).await.expect("a list");
        commissions.iter().map(|commission| i128::from(commission.standing_micros)).sum()
    }
}

/// Status and body, with UUIDs made alike.
pub(crate) fn shown(answer: &Answer) -> String {
    let text = answer.text();
    let is_uuid = |candidate: &str| {
        candidate.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let mut shown = format!("{} ", answer.status);
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        match rest.get(..36) {
            Some(candidate) if is_uuid(candidate) => {
                shown.push_str("UUID");
                rest = &rest[36..];
            }
            _ => {
                shown.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    shown
}
