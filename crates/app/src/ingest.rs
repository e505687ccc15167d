//! The one write path of facts. Commands wait in a bounded queue per program; a worker takes the program that has
//! waited longest, decides up to 1,024 of its commands in one transaction, and answers after its commit.

mod batch;
mod convert;
mod decide;
mod prepare;
mod queue;
mod rates;
mod world;

use std::sync::Arc;

use domain::command::{Command, Operation, Refused};
use domain::currency::Currency;
use domain::exchange::Exchange;
use domain::fact::Kind;
use domain::ids::{AffiliateId, FactId, ProgramId, ReferralId};
use domain::money::Money;
use domain::outcome::Outcome;
use domain::text::Key;
use domain::time::Timestamp;

pub(crate) use batch::due as late_months;
pub(crate) use convert::convert_waiting;
pub(crate) use decide::{
    Cause as Booking, Effects, book_in, convert, re_rate, reject_commission, reject_referral,
};
pub(crate) use queue::{Queue, work};
pub(crate) use world::{History, Scope, Scopes, course_of, scope, scopes, scopes_under};

use crate::App;

/// The sort of log row by which a keyed conversion took the place of what a browser had said.
pub(crate) const REPLACED: &str = "referral.replaced";

/// The sort of log row by which a known payment got more ids.
pub(crate) const NAMED: &str = "payment.named";

/// Where the body of a log row lists facts that had waited and were booked behind its own.
pub(crate) const ATTACHED: &str = "attached";

/// The facts that had waited and were booked behind the one of a log row with this body.
pub(crate) fn attached_by(body: Option<&serde_json::Value>) -> Vec<FactId> {
    let listed = body.and_then(|body| body.get(ATTACHED)?.as_array()).into_iter().flatten();
    listed.filter_map(|id| id.as_str()?.parse().ok()).collect()
}

/// Commands of one batch at most.
pub(crate) const BATCH: usize = 1024;

/// A command with how it came.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// The door it came through.
    pub operation: Operation,
    /// The idempotency key it came with.
    pub key: Option<Key>,
    /// Whether it may wait for a customer or payment that is not known yet.
    pub park: bool,
    /// The keyed hash of address and agent that the customer came with, where the customer's browser asks.
    pub visitor: Option<Visitor>,
    /// What to record.
    pub command: Command,
}

/// A keyed hash of address and agent: personal data, kept in the row of the person only.
pub type Visitor = [u8; 16];

impl Ask {
    /// A command without idempotency key that does not wait.
    pub fn new(operation: Operation, command: Command) -> Ask {
        Ask { operation, key: None, park: false, visitor: None, command }
    }
}

/// What was recorded, as first answered: a repeated command gets the same again.
#[derive(Clone, PartialEq, Debug)]
pub struct Recorded {
    /// The fact.
    pub fact: FactId,
    /// Its sort.
    pub kind: Kind,
    /// Its referral; `None` while it is parked.
    pub referral: Option<ReferralId>,
    /// Whose referral it was when it occurred.
    pub affiliate: Option<AffiliateId>,
    /// The amount as it came.
    pub amount: Option<Money>,
    /// The program's currency.
    pub program_currency: Currency,
    /// What it is worth in the program's currency, in micros; `None` while its rate is missing.
    pub value_micros: Option<i64>,
    /// The rates by which it was converted.
    pub exchange: Option<Exchange>,
    /// When it occurred.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Of a refund or dispute: how far it had come.
    pub state: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether it had been recorded before.
    pub replayed: bool,
}

/// What a command comes to.
pub type Answer = Result<Recorded, Refused>;

/// Records a command and answers after the commit.
pub async fn submit(app: &App, program: ProgramId, now: Timestamp, ask: Ask) -> Answer {
    submit_all(app, program, now, [Arc::new(ask)]).await.pop().unwrap_or(Err(Refused::Unavailable))
}

/// Records a list of independent commands, each with its own answer.
///
/// They may be decided in batches that overtake one another. A command that names a customer or payment which is in
/// the list too is asked again once everything else is answered, so that no order of the list is wrong.
pub async fn submit_many(app: &App, program: ProgramId, now: Timestamp, asks: Vec<Ask>) -> Vec<Answer> {
    let asks: Vec<Arc<Ask>> = asks.into_iter().map(Arc::new).collect();
    let mut answers = submit_all(app, program, now, asks.iter().cloned()).await;
    let mut is_news = answers.iter().any(Result::is_ok);
    while is_news {
        let unknown =
            |answer: &Answer| matches!(answer, Err(Refused::UnknownCustomer(_) | Refused::UnknownPayment(_)));
        let places: Vec<usize> = (0..answers.len()).filter(|place| unknown(&answers[*place])).collect();
        if places.is_empty() {
            break;
        }
        let again = places.iter().map(|place| Arc::clone(&asks[*place]));
        let again = submit_all(app, program, now, again).await;
        is_news = again.iter().any(Result::is_ok);
        for (place, answer) in places.into_iter().zip(again) {
            answers[place] = answer;
        }
    }
    answers
}

async fn submit_all(
    app: &App,
    program: ProgramId,
    now: Timestamp,
    asks: impl IntoIterator<Item = Arc<Ask>>,
) -> Vec<Answer> {
    let asks: Vec<Arc<Ask>> = asks.into_iter().collect();
    let mut prepared = Vec::with_capacity(asks.len());
    for ask in asks {
        prepared.push(prepare::prepare(app, program, now, ask).await);
    }
    let mut answers = Vec::new();
    for waiting in app.0.queue.push(app, program, prepared) {
        answers.push(match waiting {
            Ok(answer) => answer.await.unwrap_or(Err(Refused::Unavailable)),
            Err(refused) => Err(refused),
        });
    }
    answers
}
