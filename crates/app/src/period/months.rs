//! The months of affiliates as they are known now: read from all their facts, and closed in order on what the months
//! before hand on. Affiliates under a deal with a spend limit share it, so their months are closed together.

mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::deal::Terms;
use domain::ids::{AffiliateId, DealId, DealVersionId, FactId, ProgramId, ReferralId};
use domain::period::{
    Asked, Chain, Change, Closed, Input, Posted, Posting, Reading, Statement, Traced, Under, asked, close,
    close_traced, postings, read,
};
use domain::sub_affiliate::Network;
use domain::time::{Period, Timestamp};
use store::affiliate::setting::SettingRow;
use store::deal::DealRow;
use store::period::PeriodRow;
use store::program::ProgramRow;
use store::{Connection, Result, Tx};
use uuid::Uuid;

use crate::App;
use crate::cache::Decisions;
use crate::ingest::{Scope, scopes_under};

/// Referrals read at a time.
const PAGE: i64 = 500;

/// A month of an affiliate under a root deal as it is known now, with what its close would book.
#[derive(Clone, PartialEq, Debug)]
pub struct Month {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The root deal.
    pub deal: DealId,
    /// The month.
    pub month: Period,
    /// What it comes to.
    pub closed: Closed,
    /// What of that is not booked yet.
    pub postings: Vec<Posting>,
    /// When what is booked takes effect.
    pub effective_at: Timestamp,
    /// The statement, as it would be frozen now.
    pub statement: Statement,
    /// The month as it was closed before.
    pub(crate) before: Option<PeriodRow>,
    /// What the close changes of the commissions on a fact, where one is watched.
    pub(crate) changes: Vec<Change>,
}

/// How referrals are read.
pub(crate) enum Reader<'a> {
    /// Under locks, by whoever books what comes of it.
    Locking(&'a mut Tx),
    /// Without a lock, from one snapshot.
    Looking(&'a mut Connection),
}

impl Reader<'_> {
    fn connection(&mut self) -> &mut Connection {
        match self {
            Reader::Locking(tx) => tx.read(),
            Reader::Looking(connection) => connection,
        }
    }

    async fn referrals(
        &mut self,
        program: ProgramId,
        ids: &BTreeSet<ReferralId>,
    ) -> Result<Vec<store::referral::ReferralRow>> {
        match self {
            Reader::Locking(tx) => store::referral::lock(tx, program, ids).await,
            Reader::Looking(connection) => store::referral::read(connection, program, ids).await,
        }
    }
}

/// Which months are closed, and of whom.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Affiliates that are closed together.
    pub(crate) affiliates: &'a BTreeSet<AffiliateId>,
    /// From which month to which.
    pub(crate) span: (Period, Period),
    /// A fact, of whose commissions it is kept what changes.
    pub(crate) watched: Option<FactId>,
    /// Terms to close by in place of those that were in force.
    pub(crate) instead: Option<&'a Instead>,
}

/// Other terms for some affiliates, from the beginning of time: what would be, had they been in force.
pub(crate) struct Instead {
    /// Whose.
    pub(crate) affiliates: BTreeSet<AffiliateId>,
    /// The terms, as a version of a deal of their own.
    pub(crate) terms: Arc<Terms>,
}

impl Instead {
    /// The version that stands for them.
    const VERSION: DealVersionId = DealVersionId(Uuid::nil());
    /// The deal that stands for them; no deal has this number.
    pub(crate) const DEAL: DealId = DealId(-1);

    /// Puts a course under the terms, wherever it belongs to one of the affiliates under any.
    fn apply(&self, course: &mut domain::fold::Course) {
        for assignment in &mut course.assignments {
            if assignment.terms.is_some() && self.affiliates.contains(&assignment.affiliate) {
                assignment.terms = Some((Instead::VERSION, self.terms.clone()));
            }
        }
    }

    /// Has the affiliates earn by those they brought under the terms too.
    fn apply_to(&self, network: &mut Network) {
        for (id, member) in &mut network.members {
            if self.affiliates.contains(id) && !member.terms.is_empty() {
                member.terms = vec![(Timestamp::MIN_UTC, Instead::VERSION, self.terms.clone())];
            }
        }
    }

    fn row(&self, at: Timestamp) -> DealRow {
        DealRow {
            id: Instead::DEAL,
            name: String::new(),
            affiliate: None,
            version: Instead::VERSION,
            number: 1,
            terms: (*self.terms).clone(),
            created_at: at,
            version_created_at: at,
            effective_at: at,
        }
    }
}

type Versions = BTreeMap<DealVersionId, (DealId, Arc<Terms>)>;
type Readings = BTreeMap<DealId, BTreeMap<Period, Reading>>;

/// An affiliate with what it brings to its months.
struct Member {
    affiliate: AffiliateId,
    /// What it is and was set to, for months whose statement is not frozen.
    settings: Vec<SettingRow>,
    stored: Vec<PeriodRow>,
    readings: Readings,
}

/// A root deal with its versions, newest first.
struct Deal<'a> {
    program: &'a ProgramRow,
    id: DealId,
    rows: Vec<DealRow>,
    versions: BTreeMap<DealVersionId, Arc<Terms>>,
}

/// Every month of affiliates from one to another, closed in order on what the months before hand on.
pub(super) async fn months(
    app: &App,
    tx: &mut Tx,
    program: &ProgramRow,
    affiliates: &BTreeSet<AffiliateId>,
    (from, through): (Period, Period),
) -> Result<Vec<Month>> {
    let Some(decisions) = app.0.cache.decisions(tx, program.id).await? else { return Ok(Vec::new()) };
    let wanted = Wanted { affiliates, span: (from, through), watched: None, instead: None };
    months_of(app, &mut Reader::Locking(tx), &decisions, program, wanted).await
}

/// [`months`] under decisions that were read.
pub(crate) async fn months_of(
    app: &App,
    reader: &mut Reader<'_>,
    decisions: &Decisions,
    program: &ProgramRow,
    wanted: Wanted<'_>,
) -> Result<Vec<Month>> {
    let Wanted { affiliates, span: (from, through), watched, instead } = wanted;
    let (mut members, mut versions) = (Vec::new(), Versions::new());
    let mut network = decisions.network(reader.connection(), affiliates).await?;
    let of_network =
        network.members.values().flat_map(|member| &member.terms).map(|(_, version, _)| *version);
    versions.extend(app.0.cache.versions(reader.connection(), program.id, &of_network.collect()).await?);
    if let Some(instead) = instead {
        instead.apply_to(&mut network);
        versions.insert(Instead::VERSION, (Instead::DEAL, instead.terms.clone()));
    }
    let mut settings = store::affiliate::setting::of(reader.connection(), program.id, affiliates).await?;
    for affiliate in affiliates {
        let stored = match instead {
            Some(_) => Vec::new(),
            None => store::period::of_affiliate(reader.connection(), program.id, *affiliate).await?,
        };
        let whole = Whole { app, decisions, network: &network, known: &versions, instead };
        let (mut readings, known) = whole.gather(reader, *affiliate, (from, through)).await?;
        versions.extend(known);
        for row in stored.iter().filter(|row| row.month >= from && row.month <= through) {
            readings.entry(row.deal).or_default().entry(row.month).or_default();
        }
        let settings = settings.remove(affiliate).unwrap_or_default();
        members.push(Member { affiliate: *affiliate, settings, stored, readings });
    }
    network::expect(program, &network, &versions, &mut members);
    let deals: BTreeSet<DealId> = members.iter().flat_map(|member| member.readings.keys().copied()).collect();
    let mut months = Vec::new();
    for id in deals {
        let rows = match instead.filter(|_| id == Instead::DEAL) {
            Some(instead) => vec![instead.row(program.created_at)],
            None => store::deal::versions(reader.connection(), program.id, id).await?,
        };
        let of_deal = versions.iter().filter(|(_, (of, _))| *of == id);
        let versions = of_deal.map(|(version, (_, terms))| (*version, terms.clone())).collect();
        months.extend(close_all(&Deal { program, id, rows, versions }, &mut members, from, watched));
    }
    // Month by month over all deals, so that what is booked first took effect first.
    months.sort_by_key(|month| (month.month, month.affiliate, month.deal));
    network::follow_all(program, &network, &versions, &mut months);
    Ok(months)
}

/// Closes the months of all members under one deal, month by month.
fn close_all(deal: &Deal<'_>, members: &mut [Member], from: Period, watched: Option<FactId>) -> Vec<Month> {
    let mut chains: Vec<Chain> = members.iter().map(|member| member.chain_before(deal.id, from)).collect();
    let of_deal = members.iter().filter_map(|member| member.readings.get(&deal.id));
    let all: BTreeSet<Period> = of_deal.flat_map(|months| months.keys().copied()).collect();
    let mut months = Vec::new();
    for month in all {
        let mut inputs: Vec<Option<Input<'_>>> =
            members.iter_mut().map(|member| member.input(deal, month)).collect();
        share(&mut inputs, &chains);
        for ((member, input), chain) in members.iter().zip(inputs).zip(&mut chains) {
            let Some(input) = input else { continue };
            let (closed, changes) = closed(&input, chain, watched);
            *chain = closed.chain.clone();
            months.push(Month { changes, ..member.month(deal, &input, closed) });
        }
    }
    months
}

/// Closes a month, with what that changes of the commissions on a fact.
fn closed(input: &Input<'_>, chain: &Chain, watched: Option<FactId>) -> (Closed, Vec<Change>) {
    let Some(fact) = watched else { return (close(input, chain), Vec::new()) };
    let trace = Traced::default();
    let closed = close_traced(input, chain, &trace);
    let mut changes = trace.into_changes();
    changes.retain(|change| change.key.fact == fact);
    (closed, changes)
}

/// Tells everybody what all of them ask of the spend limit, if there is one.
fn share(inputs: &mut [Option<Input<'_>>], chains: &[Chain]) {
    if !inputs.iter().flatten().any(|input| input.terms.spend_limit.is_some()) {
        return;
    }
    let each = inputs.iter().zip(chains).filter_map(|(input, chain)| Some(asked(input.as_ref()?, chain)));
    let mut all: Vec<Asked> = each.flatten().collect();
    all.sort();
    let all: Arc<[Asked]> = all.into();
    let before: i128 = chains.iter().map(|chain| i128::from(chain.spent)).sum();
    for (input, chain) in inputs.iter_mut().zip(chains) {
        let Some(input) = input else { continue };
        let others = before - i128::from(chain.spent);
        input.asked = all.clone();
        input.asked_before = i64::try_from(others).unwrap_or(if others < 0 { -i64::MAX } else { i64::MAX });
    }
}

impl Member {
    /// What the months before one hand on.
    fn chain_before(&self, deal: DealId, from: Period) -> Chain {
        let earlier = self.stored.iter().rev().find(|row| row.deal == deal && row.month < from);
        earlier.map_or_else(Chain::default, |row| row.chain.clone())
    }

    /// The setting as it was at an instant; the first one holds for all time before it too.
    fn no_carry_over_at(&self, at: Timestamp) -> bool {
        let in_force = self.settings.iter().rev().find(|row| row.from <= at).or(self.settings.first());
        in_force.and_then(|row| row.no_carry_over).unwrap_or(false)
    }

    fn before(&self, deal: DealId, month: Period) -> Option<&PeriodRow> {
        self.stored.iter().find(|row| row.deal == deal && row.month == month)
    }

    /// What the close of a month depends on; nothing where the affiliate has nothing in it.
    fn input<'a>(&mut self, deal: &'a Deal<'_>, month: Period) -> Option<Input<'a>> {
        let reading = self.readings.get_mut(&deal.id)?.remove(&month)?;
        let end = deal.program.zone.close_of(month, 0);
        // The one in force at the month's end, else the oldest.
        let in_force = deal.rows.iter().find(|row| row.version_created_at <= end).or(deal.rows.last())?;
        let frozen = self.before(deal.id, month).map(|row| row.statement.no_carry_over);
        Some(Input {
            currency: deal.program.currency,
            zone: deal.program.zone,
            period: month,
            terms: &in_force.terms,
            versions: &deal.versions,
            items: reading.items,
            reached: reading.reached,
            no_carry_over: frozen.unwrap_or_else(|| self.no_carry_over_at(end)),
            asked: [].into(),
            asked_before: 0,
        })
    }

    fn month(&self, deal: &Deal<'_>, input: &Input<'_>, closed: Closed) -> Month {
        let before = self.before(deal.id, input.period).cloned();
        let posted = before.as_ref().map_or_else(Posted::default, |row| row.posted.clone());
        Month {
            affiliate: self.affiliate,
            deal: deal.id,
            month: input.period,
            postings: postings(&closed, &posted),
            effective_at: closed.effective_at.unwrap_or_else(|| input.zone.close_of(input.period, 0)),
            statement: Statement::of(input, &closed),
            closed,
            before,
            changes: Vec::new(),
        }
    }
}

/// What is known of the program.
struct Whole<'a> {
    app: &'a App,
    decisions: &'a Decisions,
    network: &'a Network,
    known: &'a Versions,
    instead: Option<&'a Instead>,
}

impl Whole<'_> {
    /// Whose referrals an affiliate may earn by: its own. Under other terms it may have earned by those of whoever it
    /// brought too, and did not, so those are read as well.
    fn owners(&self, affiliate: AffiliateId) -> Vec<AffiliateId> {
        let mut owners = vec![affiliate];
        if self.instead.is_none() {
            return owners;
        }
        let mut place = 0;
        while let Some(parent) = owners.get(place).copied() {
            place += 1;
            let is_child = |member: &domain::sub_affiliate::Member| {
                member.parents.iter().any(|(_, brought_by)| *brought_by == Some(parent))
            };
            let children = self.network.members.iter().filter(|(_, member)| is_child(member));
            let new: Vec<AffiliateId> =
                children.map(|(id, _)| *id).filter(|id| !owners.contains(id)).collect();
            owners.extend(new);
        }
        owners
    }

    /// What the affiliate's referrals bring to each month of each deal that closes; read a page at a time.
    async fn gather(
        &self,
        reader: &mut Reader<'_>,
        affiliate: AffiliateId,
        span: (Period, Period),
    ) -> Result<(Readings, Versions)> {
        let (mut readings, mut versions) = (Readings::new(), self.known.clone());
        let program = self.decisions.program.id;
        let (mut seen, mut after) = (BTreeSet::new(), ReferralId(Uuid::nil()));
        let mut owners = self.owners(affiliate);
        while let Some(owner) = owners.last() {
            let ids = store::period::referrals(reader.connection(), program, *owner, after, PAGE).await?;
            let Some(last) = ids.last() else {
                owners.pop();
                after = ReferralId(Uuid::nil());
                continue;
            };
            after = *last;
            let new = ids.into_iter().filter(|id| self.instead.is_none() || seen.insert(*id));
            let rows = reader.referrals(program, &new.collect()).await?;
            let named = rows.iter().flat_map(|row| &row.assignments).filter_map(|it| it.version).collect();
            versions.extend(self.app.0.cache.versions(reader.connection(), program, &named).await?);
            let scopes = scopes_under(self.app, reader.connection(), self.decisions, rows).await?;
            for mut scope in scopes.by_id.into_values() {
                if let Some(instead) = self.instead {
                    instead.apply(&mut scope.course);
                }
                add(&mut readings, &versions, affiliate, span, scope, self.network);
            }
        }
        // A deal closes when any of its versions does: what the others bring is counted with theirs.
        let mut closing: BTreeSet<DealId> =
            versions.values().filter(|(_, terms)| terms.has_close()).map(|(deal, _)| *deal).collect();
        for deal in readings.keys().filter(|deal| !closing.contains(deal)).copied().collect::<Vec<_>>() {
            let versions = self.decisions.versions_of(reader.connection(), deal).await?;
            closing.extend(versions.iter().any(|(_, _, terms)| terms.has_close()).then_some(deal));
        }
        readings.retain(|deal, _| closing.contains(deal) || *deal == Instead::DEAL);
        Ok((readings, versions))
    }
}

/// Adds what one referral brings.
fn add(
    readings: &mut Readings,
    versions: &Versions,
    affiliate: AffiliateId,
    (from, through): (Period, Period),
    mut scope: Scope,
    network: &Network,
) {
    let Some(history) = scope.history.take() else { return };
    scope.course.booked = history.booked.values().cloned().collect();
    let own = scope.course.assignments.iter().filter(|assignment| assignment.affiliate == affiliate);
    let own: BTreeSet<DealVersionId> = own.filter_map(|it| it.terms.as_ref().map(|terms| terms.0)).collect();
    let mut by_deal: BTreeMap<DealId, BTreeSet<DealVersionId>> = BTreeMap::new();
    for version in own {
        if let Some((deal, _)) = versions.get(&version) {
            by_deal.entry(*deal).or_default().insert(version);
        }
    }
    let zone = scope.course.zone;
    let booked = history.booked.values().map(|booked| booked.header.occurred_at);
    let months: BTreeSet<Period> = history
        .facts
        .iter()
        .map(|fact| fact.occurred_at)
        .chain(booked)
        .map(|at| zone.period_of(at))
        .filter(|month| (from..=through).contains(month))
        .collect();
    for (deal, versions) in &by_deal {
        for month in &months {
            let under = Under { affiliate, versions, period: *month };
            let reading = read(&scope.course, &history.facts, under);
            readings.entry(*deal).or_default().entry(*month).or_default().add(reading);
        }
    }
    network::add(readings, versions, affiliate, &months, &scope.course, &history.facts, network);
}
