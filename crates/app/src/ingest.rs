//! The one write path of facts. Commands wait in a bounded queue per program; a worker takes the program that has
//! waited longest, decides up to 512 of its commands in one transaction, and answers after its commit.

mod batch;
mod decide;
mod prepare;
mod queue;
mod world;

use domain::command::{Command, Operation, Refused};
use domain::fact::Kind;
use domain::ids::{AffiliateId, FactId, ProgramId, ReferralId};
use domain::money::Money;
use domain::outcome::Outcome;
use domain::text::Key;
use domain::time::Timestamp;
use futures_util::future::join_all;

pub(crate) use decide::reject_referral;
pub(crate) use queue::{Queue, work};
pub(crate) use world::{Scope, scope};

use crate::App;

/// Commands of one batch at most.
pub(crate) const BATCH: usize = 512;

/// A command with how it came.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// The door it came through.
    pub operation: Operation,
    /// The idempotency key it came with.
    pub key: Option<Key>,
    /// Whether it may wait for a customer or payment that is not known yet.
    pub park: bool,
    /// What to record.
    pub command: Command,
}

impl Ask {
    /// A command without idempotency key that does not wait.
    pub fn new(operation: Operation, command: Command) -> Ask {
        Ask { operation, key: None, park: false, command }
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
    /// When it occurred.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether it had been recorded before.
    pub replayed: bool,
}

/// What a command comes to.
pub type Answer = Result<Recorded, Refused>;

/// Records a command and answers after the commit.
pub async fn submit(app: &App, program: ProgramId, now: Timestamp, ask: Ask) -> Answer {
    let prepared = prepare::prepare(app, now, ask);
    match app.0.queue.push(app, program, prepared) {
        Ok(answer) => answer.await.unwrap_or(Err(Refused::Unavailable)),
        Err(refused) => Err(refused),
    }
}

/// Records a list of independent commands, each with its own answer.
pub async fn submit_many(app: &App, program: ProgramId, now: Timestamp, asks: Vec<Ask>) -> Vec<Answer> {
    let waiting = asks.into_iter().map(|ask| submit(app, program, now, ask));
    join_all(waiting).await
}
