//! A page of a replay: some referrals with all that is known and booked of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::commission::{Booked, Key};
use domain::fold::{Assignment, Course};
use domain::ids::{AffiliateId, CommissionId, DealId, DealVersionId, LogId, ProgramId, ReferralId};
use domain::sub_affiliate::Network;
use domain::time::Timestamp;
use store::Connection;
use store::fact::FactRow;
use store::log::{Decisions as DecisionRows, WrittenRow};
use store::referral::{AssignmentRow, ReferralRow};
use store::transfer::BookedRow;

use super::history::{Case, Under, replay};
use super::{Report, compare};
use crate::App;
use crate::attribution::REASSIGNED;
use crate::cache::Decisions;
use crate::deal::ACCEPTED;
use crate::error::{Error, Result, logged};
use crate::ingest::{REPLACED, course_of};

/// Orders that are tried of what happened at the very same instant.
const TIES: usize = 50;

/// A page of referrals with all that is known of them.
pub(super) struct Page {
    cases: Vec<Case>,
    network: Network,
    deals: BTreeMap<DealVersionId, DealId>,
}

impl Page {
    /// Reads what is known and booked of referrals.
    pub(super) async fn read(
        app: &App,
        connection: &mut Connection,
        decisions: &Decisions,
        written: &mut DecisionRows,
        rows: Vec<ReferralRow>,
    ) -> Result<Page> {
        let mut told = Vec::with_capacity(rows.len());
        for row in &rows {
            let decisions = written.of(connection, row.id).await?;
            let earlier = decisions.iter().filter(|row| is_handed_over(row)).map(assignments_before);
            told.push((earlier.collect::<Result<Vec<_>>>()?, decisions));
        }
        let earlier = || told.iter().flat_map(|(earlier, _)| earlier).flatten();
        let versions = rows
            .iter()
            .flat_map(|row| &row.assignments)
            .chain(earlier())
            .filter_map(|it| it.version)
            .collect();
        let terms = app.0.cache.versions(connection, decisions.program.id, &versions).await?;
        let affiliates: BTreeSet<AffiliateId> =
            rows.iter().flat_map(ReferralRow::affiliates).chain(earlier().map(|it| it.affiliate)).collect();
        let statuses = decisions.statuses(connection, &affiliates).await?;
        let network = decisions.network(connection, &affiliates).await?;
        let ids: Vec<ReferralId> = rows.iter().map(|row| row.id).collect();
        let mut books = Books::read(connection, decisions.program.id, &ids).await?;
        let course =
            |row: &ReferralRow| course_of(row, &decisions.program, &terms, &statuses, &decisions.brands);
        let mut cases = Vec::with_capacity(rows.len());
        for (row, (handed_over, decided)) in rows.into_iter().zip(told) {
            let mut course_now = course(&row)?;
            let mut earlier = Vec::with_capacity(handed_over.len());
            for assignments in handed_over {
                let before = course(&ReferralRow { assignments, ..row.clone() })?;
                course_now.statuses.extend(before.statuses);
                earlier.push(before.assignments);
            }
            cases.push(books.case(row, course_now, earlier, decided));
        }
        let deals = terms.iter().map(|(version, (deal, _))| (*version, *deal)).collect();
        Ok(Page { cases, network, deals })
    }

    /// Tells them again, and reports what differs.
    pub(super) fn replay(
        self,
        decisions: &Decisions,
        (since, accepted): (&BTreeMap<String, Timestamp>, &BTreeSet<String>),
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

/// What the books say of some referrals.
struct Books {
    facts: HashMap<ReferralId, Vec<FactRow>>,
    booked: BTreeMap<ReferralId, BTreeMap<Key, Booked>>,
    transfers: HashMap<CommissionId, Vec<BookedRow>>,
    logs: HashMap<LogId, WrittenRow>,
}

impl Books {
    async fn read(connection: &mut Connection, program: ProgramId, ids: &[ReferralId]) -> Result<Books> {
        let mut facts: HashMap<ReferralId, Vec<FactRow>> = HashMap::new();
        for fact in store::fact::of_referrals(connection, program, ids).await? {
            if let Some(referral) = fact.referral {
                facts.entry(referral).or_default().push(fact);
            }
        }
        let booked = store::commission::booked(connection, program, ids).await?;
        let commissions: Vec<CommissionId> =
            booked.values().flat_map(BTreeMap::values).map(|it| it.header.id).collect();
        let mut transfers: HashMap<CommissionId, Vec<BookedRow>> = HashMap::new();
        for row in store::transfer::of_commissions(connection, program, &commissions).await? {
            if let Some(commission) = row.transfer.commission {
                transfers.entry(commission).or_default().push(row);
            }
        }
        let logs: BTreeSet<LogId> = log_ids(facts.values().flatten(), transfers.values().flatten()).collect();
        let logs = store::log::by_ids(connection, program, &logs.into_iter().collect::<Vec<_>>()).await?;
        let logs = logs.into_iter().map(|row| (row.id, row)).collect();
        Ok(Books { facts, booked, transfers, logs })
    }

    /// Takes what is said of one referral.
    fn case(
        &mut self,
        row: ReferralRow,
        course: Course,
        earlier: Vec<Vec<Assignment>>,
        decisions: Vec<WrittenRow>,
    ) -> Case {
        let facts = self.facts.remove(&row.id).unwrap_or_default();
        let booked = self.booked.remove(&row.id).unwrap_or_default();
        let transfers: Vec<BookedRow> =
            booked.values().filter_map(|it| self.transfers.remove(&it.header.id)).flatten().collect();
        let logs =
            log_ids(&facts, &transfers).filter_map(|id| Some((id, self.logs.get(&id)?.clone()))).collect();
        Case { row, course, earlier, facts, booked, transfers, logs, decisions }
    }
}

/// The log rows of facts and transfers.
fn log_ids<'a>(
    facts: impl IntoIterator<Item = &'a FactRow>,
    transfers: impl IntoIterator<Item = &'a BookedRow>,
) -> impl Iterator<Item = LogId> {
    let facts = facts.into_iter().map(|fact| LogId::from(fact.id));
    facts.chain(transfers.into_iter().map(|row| row.transfer.log))
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

/// Replays one referral.
fn one(case: &Case, under: Under<'_>, accepted: &BTreeSet<String>) -> Result<Report> {
    let replayed = replay(case, under)
        .map_err(|refused| Error::invalid("referral", format!("{}: {refused}", case.row.id)))?;
    let transfers = case.transfers.len() as u64;
    let mut report = Report { referrals: 1, events: replayed.events, transfers, ..Report::default() };
    compare::referral(case, &replayed, accepted, &mut report);
    Ok(report)
}
