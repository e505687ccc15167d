//! What can be known of a command before any database is asked: its ids, its hashes, its place in time. Made once, so
//! that a batch that is tried again books the same facts and finds its own.

use std::sync::Arc;

use domain::click::{Token, TokenError};
use domain::command::{Churn, ClickName, Command, Customer, Operation, Payment, Withdrawal};
use domain::ids::{FactId, PersonId, ProgramId, ReferralId};
use domain::time::Timestamp;
use store::name::{Hash, Kind};
use uuid::Uuid;

use super::Ask;
use crate::{App, random};

/// A token's signature is what is asked here; its window is for the decision to judge.
const ANY_AGE_DAYS: i32 = 36_500;

/// A click that a registration names, as far as it is known without its row.
#[derive(Clone, Debug)]
pub(crate) enum Clicked {
    /// One of ours: its token says when it was and on which link.
    Signed(Token),
    /// A token that is not believed, by what it may be called.
    Refused(String, TokenError),
    /// The visits of a browser.
    Client(Uuid),
    /// The key of the token could not be looked up.
    Unchecked,
}

/// A command with everything that is made once.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) ask: Arc<Ask>,
    /// The time of the request.
    pub(crate) now: Timestamp,
    /// When it occurred: as the source says, else now.
    pub(crate) occurred_at: Timestamp,
    /// The id of the fact it will be.
    pub(crate) fact: FactId,
    /// The ids of the referral and person a registration will make.
    pub(crate) referral: ReferralId,
    pub(crate) person: PersonId,
    /// The keyed hash of the command.
    pub(crate) input_hash: Vec<u8>,
    /// The idempotency key's name.
    pub(crate) key: Option<Hash>,
    /// The source ids' names.
    pub(crate) sources: Vec<Hash>,
    /// Of a refund or dispute: its payment's name.
    pub(crate) payment: Option<Hash>,
    /// The uid's and the e-mail address's names.
    pub(crate) uid: Option<Hash>,
    pub(crate) email: Option<Hash>,
    /// Of a registration: the clicks it names.
    pub(crate) clicks: Vec<Clicked>,
}

impl Prepared {
    /// Who is meant, in payments, withdrawals and churns.
    pub(crate) fn customer(&self) -> Option<&Customer> {
        match &self.ask.command {
            Command::Payment(payment) => Some(&payment.customer),
            Command::Churn(churn) => Some(&churn.customer),
            Command::Withdrawal(withdrawal) => Some(&withdrawal.customer),
            Command::Registration(_) | Command::Refund(_) | Command::Dispute(_) | Command::Activity(_) => {
                None
            }
        }
    }

    /// The source id that breaks ties of the canonical order. A registration and a churn have none of their own.
    pub(crate) fn source(&self) -> String {
        match (self.ask.command.source(), &self.ask.key) {
            (Some(source), _) => source,
            (None, Some(key)) => key.to_string(),
            (None, None) => String::new(),
        }
    }
}

pub(crate) async fn prepare(app: &App, program: ProgramId, now: Timestamp, ask: Arc<Ask>) -> Prepared {
    let mut clicks = Vec::new();
    if let Command::Registration(registration) = &ask.command {
        let at = registration.occurred_at.unwrap_or(now).max(now);
        for click in &registration.clicks {
            clicks.push(clicked(app, program, click, at).await);
        }
    }
    let secret = &app.0.secret;
    let (uid, email) = match &ask.command {
        Command::Registration(registration) => (registration.uid.as_ref(), registration.email.as_ref()),
        Command::Payment(Payment { customer, .. })
        | Command::Withdrawal(Withdrawal { customer, .. })
        | Command::Churn(Churn { customer, .. }) => (customer.uid.as_ref(), customer.email.as_ref()),
        Command::Activity(activity) => (Some(&activity.player), None),
        Command::Refund(_) | Command::Dispute(_) => (None, None),
    };
    let source_name = |source: &str| secret.name(Kind::Source, &[source]);
    let payment = ask.command.payment().map(|payment| source_name(payment.as_str()));
    Prepared {
        now,
        occurred_at: ask.command.occurred_at().unwrap_or(now),
        fact: FactId(random::id()),
        referral: ReferralId(random::id()),
        person: PersonId(random::id()),
        input_hash: secret.input(&(ask.operation, &ask.command)),
        key: ask.key.as_ref().map(|key| key_name(app, ask.operation, key.as_str())),
        sources: ask.command.sources().iter().map(|source| source_name(source)).collect(),
        payment,
        uid: uid.map(|uid| secret.name(Kind::Uid, &[uid.as_str()])),
        email: email.map(|email| secret.name(Kind::Email, &[email.as_str()])),
        clicks,
        ask,
    }
}

async fn clicked(app: &App, program: ProgramId, click: &ClickName, at: Timestamp) -> Clicked {
    let text = match click {
        ClickName::Client(id) => return Clicked::Client(*id),
        ClickName::Token(text) => text,
    };
    match crate::click::verify(app, program, text, at, ANY_AGE_DAYS).await {
        Ok(Ok(token)) => Clicked::Signed(token),
        Ok(Err(error)) => {
            // Whatever else came in its place may be personal data, which no record of evidence holds.
            let is_token = text.len() == domain::click::TOKEN_LENGTH && error != TokenError::Alphabet;
            Clicked::Refused(if is_token { text.clone() } else { "no click id".to_owned() }, error)
        }
        Err(_) => Clicked::Unchecked,
    }
}

fn key_name(app: &App, operation: Operation, key: &str) -> Hash {
    app.0.secret.name(Kind::Key, &[&operation.code().to_string(), key])
}
