//! `refero replay` (money.md §12): every referral is told its facts and decisions again, in the order of its log and
//! under the deal versions that were in force, through the code that booked them; every closed month is closed again.
//! What that gives is compared with what is booked: commissions, transfers, what came of each fact, stored folds,
//! months, account rows.
//!
//! One snapshot and no lock: ingest goes on meanwhile. Referrals are read a page at a time, so a program of any size
//! takes the memory of a page and of one affiliate's months.

mod accounts;
mod compare;
mod history;
mod months;
mod page;
mod timeline;

use std::collections::BTreeSet;

use domain::ids::{ProgramId, ReferralId};
use store::log::Decisions as DecisionRows;
use store::snapshot;
use uuid::Uuid;

use crate::App;
use crate::cache::Decisions;
use crate::error::{Error, Result};
use page::Page;

/// Referrals replayed at a time.
const PAGE: i64 = 500;

/// Differences that are kept; all are counted.
const KEPT: usize = 1000;

/// What is replayed, and what may differ.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Question {
    /// Only referrals that rows of the log from this number on changed; months, account rows and decisions are compared
    /// all the same.
    pub from: Option<i64>,
    /// Differences that were looked at and accepted, word for word. They count where an older engine booked; what this
    /// engine booked itself must be the same (money.md §12).
    pub accepted: BTreeSet<String>,
}

/// What a replay came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The last number of the log that was there.
    pub through: i64,
    /// Referrals replayed.
    pub referrals: u64,
    /// Their facts and decisions.
    pub events: u64,
    /// Transfers compared.
    pub transfers: u64,
    /// Months closed again.
    pub months: u64,
    /// Account rows compared.
    pub accounts: u64,
    /// How much differs from what an older engine booked, and was accepted.
    pub accepted: u64,
    /// How much differs.
    pub different: u64,
    /// What differs, in a sentence each; of very many the first.
    pub differences: Vec<String>,
}

impl Report {
    /// Whether everything is as the rules give it.
    pub fn is_clean(&self) -> bool {
        self.different == 0
    }

    /// Adds what another part came to.
    fn add(&mut self, other: Report) {
        self.referrals += other.referrals;
        self.events += other.events;
        self.transfers += other.transfers;
        self.accepted += other.accepted;
        self.different += other.different;
        let room = KEPT.saturating_sub(self.differences.len());
        self.differences.extend(other.differences.into_iter().take(room));
    }

    /// As [`Report::differs`], of what an older engine booked where `accepted` is given.
    fn differs_from(&mut self, accepted: Option<&BTreeSet<String>>, what: String) {
        match accepted {
            Some(accepted) if accepted.contains(&what) => self.accepted += 1,
            _ => self.differs(what),
        }
    }

    fn differs(&mut self, what: String) {
        self.different += 1;
        if self.differences.len() < KEPT {
            self.differences.push(what);
        }
    }
}

/// Replays a program from its beginning; nothing may differ.
pub async fn program(app: &App, program: ProgramId) -> Result<Report> {
    ask(app, program, &Question::default()).await
}

/// Replays a program.
pub async fn ask(app: &App, program: ProgramId, question: &Question) -> Result<Report> {
    let mut snapshot = snapshot(app.pool()).await?;
    let decisions = Decisions::read(&mut snapshot, program).await?;
    let decisions = decisions.ok_or_else(|| Error::NotFound(format!("there is no program {program}")))?;
    let through = store::log::last_number(&mut snapshot, program).await?;
    let mut report = Report { through, ..Report::default() };
    let changed = match question.from {
        Some(from) => Some(store::log::changed(&mut snapshot, program, from).await?),
        None => None,
    };
    let since = store::brand::since(&mut snapshot, program).await?;
    let mut written = DecisionRows::open(&mut snapshot, program).await?;
    let mut after = ReferralId(Uuid::nil());
    loop {
        let mut rows = store::referral::after(&mut snapshot, program, after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
        rows.retain(|row| changed.as_ref().is_none_or(|changed| changed.contains(&row.id)));
        let page = Page::read(app, &mut snapshot, &decisions, &mut written, rows).await?;
        page.replay(&decisions, (&since, &question.accepted), &mut report)?;
    }
    written.close(&mut snapshot).await?;
    let is_older = store::fact::any_before_engine(&mut snapshot, program, domain::ENGINE_VERSION).await?;
    let accepted = is_older.then_some(&question.accepted);
    let closed = months::compare(app, &mut snapshot, &decisions, accepted, &mut report).await?;
    accounts::compare(&mut snapshot, program, &closed, &mut report).await?;
    Ok(report)
}
