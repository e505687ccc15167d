//! The months of affiliates as they are known now: read from all their facts, and closed in order on what the months
//! before hand on. Affiliates under a deal with a spend limit share it, so their months are closed together.

mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::deal::Terms;
use domain::ids::{AffiliateId, DealId, DealVersionId, ProgramId, ReferralId};
use domain::period::{
    Asked, Chain, Closed, Input, Posted, Posting, Reading, Statement, Under, asked, close, postings, read,
};
use domain::time::{Period, Timestamp};
use domain::sub_affiliate::Network;
use store::affiliate::setting::SettingRow;
use store::deal::DealRow;
use store::period::PeriodRow;
use store::program::ProgramRow;
use store::{Result, Tx};
use uuid::Uuid;

use crate::App;
use crate::ingest::{Scope, scopes};

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
    pub(super) before: Option<PeriodRow>,
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
    let (mut members, mut versions) = (Vec::new(), Versions::new());
    let Some(decisions) = app.0.cache.decisions(tx, program.id).await? else { return Ok(Vec::new()) };
    let network = decisions.network(tx.read(), affiliates).await?;
    let of_network = network.members.values().flat_map(|member| &member.terms).map(|(_, version, _)| *version);
    versions.extend(app.0.cache.versions(tx.read(), program.id, &of_network.collect()).await?);
    let mut settings = store::affiliate::setting::of(tx.read(), program.id, affiliates).await?;
    for affiliate in affiliates {
        let stored = store::period::of_affiliate(tx.read(), program.id, *affiliate).await?;
        let (mut readings, known) =
            gather(app, tx, program.id, *affiliate, (from, through), &network, &versions).await?;
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
        let rows = store::deal::versions(tx.read(), program.id, id).await?;
        let of_deal = versions.iter().filter(|(_, (of, _))| *of == id);
        let versions = of_deal.map(|(version, (_, terms))| (*version, terms.clone())).collect();
        months.extend(close_all(&Deal { program, id, rows, versions }, &mut members, from));
    }
    // Month by month over all deals, so that what is booked first took effect first.
    months.sort_by_key(|month| (month.month, month.affiliate, month.deal));
    network::follow_all(program, &network, &versions, &mut months);
    Ok(months)
}

/// Closes the months of all members under one deal, month by month.
fn close_all(deal: &Deal<'_>, members: &mut [Member], from: Period) -> Vec<Month> {
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
            let closed = close(&input, chain);
            *chain = closed.chain.clone();
            months.push(member.month(deal, &input, closed));
        }
    }
    months
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
        }
    }
}

/// What the affiliate's referrals bring to each month of each deal that closes; read a page at a time.
async fn gather(
    app: &App,
    tx: &mut Tx,
    program: ProgramId,
    affiliate: AffiliateId,
    span: (Period, Period),
    network: &Network,
    known: &Versions,
) -> Result<(Readings, Versions)> {
    let (mut readings, mut versions) = (Readings::new(), known.clone());
    let mut after = ReferralId(Uuid::nil());
    loop {
        let ids = store::period::referrals(tx.read(), program, affiliate, after, PAGE).await?;
        let Some(last) = ids.last() else { break };
        after = *last;
        let rows = store::referral::lock(tx, program, &ids.into_iter().collect()).await?;
        let named = rows.iter().flat_map(|row| &row.assignments).filter_map(|it| it.version).collect();
        versions.extend(app.0.cache.versions(tx.read(), program, &named).await?);
        let Some(scopes) = scopes(app, tx, program, rows).await? else { break };
        for scope in scopes.by_id.into_values() {
            add(&mut readings, &versions, affiliate, span, scope, network);
        }
    }
    // A deal closes when any of its versions does: what the others bring is counted with theirs.
    let mut closing: BTreeSet<DealId> =
        versions.values().filter(|(_, terms)| terms.has_close()).map(|(deal, _)| *deal).collect();
    for deal in readings.keys().filter(|deal| !closing.contains(deal)).copied().collect::<Vec<_>>() {
        let rows = store::deal::versions(tx.read(), program, deal).await?;
        closing.extend(rows.iter().any(|row| row.terms.has_close()).then_some(deal));
    }
    readings.retain(|deal, _| closing.contains(deal));
    Ok((readings, versions))
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
