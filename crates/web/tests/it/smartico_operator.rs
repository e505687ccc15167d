//! An operator that speaks the Smartico format, for the tests of that surface: a program of 20 %, its key, and facts
//! in one line each.

use app::ingest::{Ask, submit};
use app::opening::NewOpening;
use app::program::{Changes, PayoutMode};
use domain::command::{AffiliateName, Command, Customer, Operation, Payment, Refund, Registration};
use domain::currency::Currency;
use domain::ids::{AffiliateId, PayoutId, ProgramId};
use domain::money::{Money, parse_decimal};
use domain::payout::Step;
use domain::text::{Key, Slug, Source, Uid};
use serde_json::{Value, json};
use testkit::{Answer, TestApp};

pub(crate) struct Operator {
    pub(crate) test: TestApp,
    pub(crate) program: ProgramId,
    pub(crate) key: String,
}

/// The address of a method; quotation marks are encoded, as the listener does.
fn address(path: &str) -> String {
    format!("/smartico/api/{}", path.replace('"', "%22"))
}

/// Micros of a decimal.
pub(crate) fn micros(text: &str) -> i64 {
    parse_decimal(text).expect(text)
}

impl Operator {
    /// A program of 20 %, held for some days.
    pub(crate) async fn new(test: &TestApp, hold_days: u16) -> Operator {
        let rules = json!([{ "on": "payment", "reward": { "percent": "20" } }]);
        let program = test.program(json!({ "rules": rules, "hold_days": hold_days })).await;
        let key = test.key(program).await;
        Operator { test: test.clone(), program, key }
    }

    pub(crate) async fn affiliate(&self, slug: &str) -> AffiliateId {
        self.test.affiliate(self.program, slug).await
    }

    /// Calls a method with the raw key, as the documentation has it.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers = [("authorization", self.key.as_str())];
        let body = body.map(|body| body.to_string().into_bytes());
        self.test.send(method, &address(path), &headers, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    /// Sends a body as it is, with further headers.
    pub(crate) async fn post_bytes(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut all = vec![("authorization", self.key.as_str())];
        all.extend(headers);
        self.test.send("POST", &format!("/smartico/api/{path}"), &all, Some(body.to_vec())).await
    }

    /// The rows of a list, or what it was refused with.
    pub(crate) async fn rows(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json().as_array().cloned().unwrap_or_else(|| panic!("no array: {}", answer.text()))
    }

    /// One affiliate's balance row.
    pub(crate) async fn balance(&self, affiliate: AffiliateId) -> Value {
        let mut rows = self.rows(&format!("af2_balance_op?affiliate_id={affiliate}")).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// Pays by API, in the shortest form.
    pub(crate) async fn pay(&self, affiliate: AffiliateId, amount: &str) -> Answer {
        let body = format!(r#"{{"affiliate_id":{affiliate},"amount":{amount}}}"#);
        self.post_bytes("af2_payments_op", &[], body.as_bytes()).await
    }

    /// What each request is answered with, a pair of lines each.
    pub(crate) async fn answers(&self, requests: &[(&str, &str, &str)]) -> String {
        let mut lines = Vec::new();
        for (method, path, body) in requests {
            let headers = [("authorization", self.key.as_str())];
            let bytes = (!body.is_empty()).then(|| body.as_bytes().to_vec());
            let answer = self.test.send(method, &address(path), &headers, bytes).await;
            let body: String = body.chars().take(120).collect();
            lines.push(format!("{method} {path} {body}").trim_end().to_owned());
            lines.push(format!("    {}", shown(&answer)));
        }
        lines.join("\n")
    }

    /// Gives an affiliate a threshold of its own.
    pub(crate) async fn threshold(&self, affiliate: AffiliateId, amount: &str) {
        let caller = self.test.operator(self.program);
        let change = |row: &mut app::affiliate::AffiliateRow| {
            row.payout_threshold_micros = Some(micros(amount));
            Ok(())
        };
        app::affiliate::update(&self.test.app, &caller, affiliate, change).await.expect("a threshold");
    }

    /// The next step of a payment in the three-step mode.
    pub(crate) async fn step(&self, payment: i64, step: Step) {
        let caller = self.test.operator(self.program);
        app::payout::take_step(&self.test.app, &caller, PayoutId(payment), step).await.expect("a step");
    }

    pub(crate) async fn three_steps(&self) {
        self.settings(Changes { payout_mode: Some(PayoutMode::ThreeStep), ..Changes::default() }).await;
    }

    pub(crate) async fn settings(&self, changes: Changes) {
        let caller = self.test.operator(self.program);
        app::program::update(&self.test.app, &caller, changes).await.expect("settings");
    }

    pub(crate) async fn adjust(&self, affiliate: AffiliateId, amount: &str) {
        let new = app::adjustment::NewAdjustment {
            affiliate,
            amount_micros: micros(amount),
            reason: "test".to_owned(),
        };
        let caller = self.test.operator(self.program);
        app::adjustment::create(&self.test.app, &caller, "test", None, new).await.expect("an adjustment");
    }

    /// Brings in the books of an old system.
    pub(crate) async fn open(&self, new: NewOpening) {
        let caller = self.test.operator(self.program);
        let key = Key::parse(&format!("opening {}", new.affiliate)).expect("a key");
        app::opening::create(&self.test.app, &caller, &key, new).await.expect("an opening");
    }

    async fn submit(&self, command: Command) {
        let ask = Ask::new(Operation::Native, command);
        submit(&self.test.app, self.program, self.test.app.now(), ask).await.expect("a fact");
    }

    /// A customer signs up with an affiliate.
    pub(crate) async fn register(&self, slug: &str, uid: &str) {
        self.submit(Command::Registration(Registration {
            attributes: domain::fact::Attributes::default(),
            affiliate: Some(AffiliateName::Slug(Slug::parse(slug).expect("a slug"))),
            other_affiliates: Vec::new(),
            clicks: Vec::new(),
            uid: Some(Uid::parse(uid).expect("a uid")),
            email: None,
            occurred_at: None,
        }))
        .await;
    }

    /// A customer deposits euros.
    pub(crate) async fn deposit(&self, uid: &str, source: &str, amount: &str) {
        self.submit(Command::Payment(Payment {
            base: None,
            attributes: domain::fact::Attributes::default(),
            customer: Customer { uid: Some(Uid::parse(uid).expect("a uid")), ..Customer::default() },
            amount: Money::from_micros(micros(amount), Currency::EUR),
            sources: vec![Source::parse(source).expect("a source")],
            subscription_id: None,
            interval: None,
            interval_count: None,
            occurred_at: None,
        }))
        .await;
    }

    /// A whole deposit is sent back.
    pub(crate) async fn refund(&self, source: &str) {
        self.submit(Command::Refund(Refund::whole(Source::parse(source).expect("a source")))).await;
    }
}

/// Status and body in one line.
pub(crate) fn shown(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.text())
}

/// Fields of a row: `balance 20, payments 0`.
pub(crate) fn fields(row: &Value, names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().map(|name| format!("{name} {}", row[*name])).collect();
    shown.join(", ")
}
