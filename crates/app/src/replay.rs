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
mod timeline;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{AffiliateId, CommissionId, DealVersionId, LogId, ProgramId, ReferralId};
use store::log::{Decisions as DecisionRows, WrittenRow};
use store::referral::{AssignmentRow, ReferralRow};
use store::{Connection, snapshot};
use uuid::Uuid;

use crate::App;
use crate::cache::Decisions;
use crate::attribution::REASSIGNED;
use crate::deal::ACCEPTED;
use crate::ingest::REPLACED;
use crate::error::{Error, Result, logged};
use crate::ingest::course_of;
use history::{Case, Under, replay};

/// Referrals replayed at a time.
const PAGE: i64 = 500;

/// Orders that are tried of what happened at the very same instant.
const TIES: usize = 50;

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

/// Whether a log row gave a referral other owners or terms.
fn is_handed_over(row: &WrittenRow) -> bool {
    [ACCEPTED, REASSIGNED, REPLACED].contains(&row.kind.as_str())
}

/// A referral's owners and terms as they were before a log row gave it others.
fn assignments_before(row: &WrittenRow) -> Result<Vec<AssignmentRow>> {
    let before = row.body.as_ref().and_then(|body| body.get("before")).cloned().unwrap_or_default();
    serde_json::from_value(before)
        .map_err(|_| Error::Internal(logged(&format!("log row {} says no owners and terms", row.id))))
}

/// A page of referrals with all that is known of them.
struct Page {
    cases: Vec<Case>,
    network: domain::sub_affiliate::Network,
    deals: BTreeMap<DealVersionId, domain::ids::DealId>,
}

impl Page {
    async fn read(
        app: &App,
        connection: &mut Connection,
        decisions: &Decisions,
        written: &mut DecisionRows,
        rows: Vec<ReferralRow>,
    ) -> Result<Page> {
        let program = decisions.program.id;
        let mut told = Vec::with_capacity(rows.len());
        for row in &rows {
            let decisions = written.of(connection, row.id).await?;
            let earlier = decisions.iter().filter(|row| is_handed_over(row)).map(assignments_before);
            told.push((earlier.collect::<Result<Vec<_>>>()?, decisions));
        }
        let earlier = told.iter().flat_map(|(earlier, _)| earlier).flatten();
        let versions = rows.iter().flat_map(|row| &row.assignments).chain(earlier).filter_map(|it| it.version);
        let versions = versions.collect();
        let terms = app.0.cache.versions(connection, program, &versions).await?;
        let former = told.iter().flat_map(|(earlier, _)| earlier).flatten().map(|it| it.affiliate);
        let affiliates: BTreeSet<AffiliateId> =
            rows.iter().flat_map(ReferralRow::affiliates).chain(former).collect();
        let statuses = decisions.statuses(connection, &affiliates).await?;
        let network = decisions.network(connection, &affiliates).await?;
        let ids: Vec<ReferralId> = rows.iter().map(|row| row.id).collect();
        let mut facts: HashMap<ReferralId, Vec<store::fact::FactRow>> = HashMap::new();
        for fact in store::fact::of_referrals(connection, program, &ids).await? {
            if let Some(referral) = fact.referral {
                facts.entry(referral).or_default().push(fact);
            }
        }
        let mut booked = store::commission::booked(connection, program, &ids).await?;
        let commissions: Vec<CommissionId> =
            booked.values().flat_map(BTreeMap::values).map(|it| it.header.id).collect();
        let transfers = store::transfer::of_commissions(connection, program, &commissions).await?;
        let logs = facts.values().flatten().map(|fact| LogId::from(fact.id));
        let logs: BTreeSet<LogId> = logs.chain(transfers.iter().map(|row| row.transfer.log)).collect();
        let logs = store::log::by_ids(connection, program, &logs.into_iter().collect::<Vec<_>>()).await?;
        let logs: HashMap<LogId, WrittenRow> = logs.into_iter().map(|row| (row.id, row)).collect();
        let mut by_commission: HashMap<CommissionId, Vec<store::transfer::BookedRow>> = HashMap::new();
        for row in transfers {
            if let Some(commission) = row.transfer.commission {
                by_commission.entry(commission).or_default().push(row);
            }
        }
        let mut cases = Vec::with_capacity(rows.len());
        for (row, (earlier, decisions_on_it)) in rows.into_iter().zip(told) {
            let mut course = course_of(&row, &decisions.program, &terms, &statuses, &decisions.brands)?;
            let booked = booked.remove(&row.id).unwrap_or_default();
            let of_it = booked.values().filter_map(|it| by_commission.remove(&it.header.id)).flatten();
            let transfers: Vec<_> = of_it.collect();
            let facts = facts.remove(&row.id).unwrap_or_default();
            let of_it = facts.iter().map(|fact| LogId::from(fact.id));
            let of_it = of_it.chain(transfers.iter().map(|row| row.transfer.log));
            let logs = of_it.filter_map(|id| Some((id, logs.get(&id)?.clone()))).collect();
            let earlier = earlier.into_iter().map(|assignments| {
                let row = ReferralRow { assignments, ..row.clone() };
                course_of(&row, &decisions.program, &terms, &statuses, &decisions.brands)
            });
            let earlier = earlier.collect::<store::Result<Vec<_>>>()?.into_iter().map(|earlier| {
                course.statuses.extend(earlier.statuses);
                earlier.assignments
            });
            let earlier = earlier.collect();
            cases.push(Case { course, earlier, facts, booked, transfers, logs, decisions: decisions_on_it, row });
        }
        let deals = terms.iter().map(|(version, (deal, _))| (*version, *deal)).collect();
        Ok(Page { cases, network, deals })
    }

    fn replay(
        self,
        decisions: &Decisions,
        (since, accepted): (&BTreeMap<String, domain::time::Timestamp>, &BTreeSet<String>),
        report: &mut Report,
    ) -> Result<()> {
        let under = Under {
            network: &self.network,
            came_before: 0,
            deals: &self.deals,
            truths: &decisions.brands,
            since,
        };
        for case in &self.cases {
            let mut found = one(case, under, accepted)?;
            // Of what happened at the very same instant, the books say what came first: they are right one way or another.
            let ties = if found.is_clean() { None } else { case.ties(&self.network) };
            for came_before in 1..=ties.unwrap_or(0).min(TIES) {
                let other = one(case, Under { came_before, ..under }, accepted)?;
                if other.is_clean() {
                    found = other;
                    break;
                }
            }
            report.add(found);
        }
        Ok(())
    }
}

/// Replays one referral.
fn one(case: &Case, under: Under<'_>, accepted: &BTreeSet<String>) -> Result<Report> {
    let replayed = replay(case, under)
        .map_err(|refused| Error::invalid("referral", format!("{}: {refused}", case.row.id)))?;
    let transfers = case.transfers.len() as u64;
    let mut report = Report { referrals: 1, events: replayed.events, transfers, ..Report::default() };
    compare::referral(case, &replayed, accepted, &mut report);
    Ok(report)
}
