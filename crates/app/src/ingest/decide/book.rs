//! Folding one fact into its referral and booking the difference: commissions, transfers, figures.

use std::collections::{BTreeMap, BTreeSet};

use domain::command::Refused;
use domain::commission::{Booked, HoldChange, Key, Posting, Reason, difference, hold_changes};
use domain::fact::{Body, Fact, Kind};
use domain::fold::{Folded, fold, step};
use domain::ids::{AffiliateId, CommissionId, DealId, FactId, LogId, PersonId, ReferralId};
use domain::ledger;
use domain::outcome::{Outcome, Standing};
use domain::sub_affiliate::Network;
use domain::time::{Period, Timestamp};
use serde_json::json;
use store::Rows;
use store::attribution::AttributionRow;
use store::commission::CommissionRow;
use store::fact::{Attached, FactRow};
use store::log::LogRow;
use store::name::Hash;
use store::person::PersonRow;
use store::referral::ReferralRow;
use store::review::ReviewRow;
use store::roll_up::{Day, Figures};
use uuid::Uuid;

use super::count::{count, count_first, count_refund, counts_payments, day_of, deposits_of};
use crate::ingest::ATTACHED;
use crate::ingest::prepare::Prepared;
use crate::ingest::world::{Scope, World};
use crate::ledger::{Journal, Origin, Part};
use crate::random;

/// What a batch will write.
pub(crate) struct Effects {
    /// Facts to append, in the order of the log; their rows stand in the world.
    pub(crate) facts: Vec<FactId>,
    pub(crate) people: Vec<PersonRow>,
    /// What became known of people who were there already: e-mail address and uid.
    pub(crate) completed: Vec<(PersonId, Option<String>, Option<String>)>,
    /// Referrals that belong to somebody else than before.
    pub(crate) reassigned: BTreeSet<ReferralId>,
    pub(crate) attributions: Vec<AttributionRow>,
    pub(crate) reviews: Vec<ReviewRow>,
    pub(crate) commissions: Vec<CommissionRow>,
    /// Commissions that disputes hold or let go.
    pub(crate) disputed: BTreeMap<CommissionId, bool>,
    pub(crate) journal: Journal,
    pub(crate) logs: Vec<LogRow>,
    /// Names whose rows must come to name something other than what they were made with.
    pub(crate) bindings: Vec<(Hash, Uuid)>,
    /// Names made in this transaction that must come to name nothing.
    pub(crate) unbound: BTreeSet<Hash>,
    /// Names that stay although they name nothing: something is parked under them.
    pub(crate) kept_names: BTreeSet<Hash>,
    pub(crate) parked: Vec<(Hash, FactId, Timestamp)>,
    pub(crate) unparked: Vec<FactId>,
    pub(crate) attached: Vec<Attached>,
    /// Parked refunds whose payment became known, though not its customer.
    pub(crate) repointed: Vec<(FactId, FactId)>,
    /// Parked facts whose rates were missing and are known now.
    pub(crate) converted: Vec<FactRow>,
    pub(crate) days: BTreeMap<Day, Figures>,
    /// Closed months that a late fact changes, and the write that did.
    pub(crate) late: BTreeMap<(AffiliateId, Period), LogId>,
    closed_through: Option<Period>,
}

impl Effects {
    /// What is to be written of referrals and facts, up to the figures.
    pub(crate) fn rows<'a>(&'a self, referrals: &'a [&'a ReferralRow], facts: &'a [FactRow]) -> Rows<'a> {
        Rows {
            referrals,
            facts,
            commissions: &self.commissions,
            transfers: &self.journal.transfers,
            logs: &self.logs,
            ..Rows::default()
        }
    }

    /// Whether nothing of what was there before is touched but referrals, figures and balances.
    pub(crate) fn is_plain(&self) -> bool {
        self.repointed.is_empty()
            && self.attached.is_empty()
            && self.converted.is_empty()
            && self.unparked.is_empty()
            && self.parked.is_empty()
            && self.late.is_empty()
    }

    /// What is written last of all: figures and balances.
    pub(crate) fn sums(&self) -> Rows<'_> {
        Rows { days: Some(&self.days), accounts: Some(&self.journal.accounts), ..Rows::default() }
    }

    pub(crate) fn new(zone: domain::time::Zone, closed_through: Option<Period>) -> Effects {
        Effects {
            facts: Vec::new(),
            people: Vec::new(),
            completed: Vec::new(),
            reassigned: BTreeSet::new(),
            attributions: Vec::new(),
            reviews: Vec::new(),
            commissions: Vec::new(),
            disputed: BTreeMap::new(),
            journal: Journal::new(zone, closed_through),
            logs: Vec::new(),
            bindings: Vec::new(),
            unbound: BTreeSet::new(),
            kept_names: BTreeSet::new(),
            parked: Vec::new(),
            unparked: Vec::new(),
            attached: Vec::new(),
            repointed: Vec::new(),
            converted: Vec::new(),
            days: BTreeMap::new(),
            late: BTreeMap::new(),
            closed_through,
        }
    }

    /// Records the acceptance of a command in the log.
    pub(super) fn log(
        &mut self,
        prepared: &Prepared,
        scope: Option<(Uuid, i64)>,
        body: Option<serde_json::Value>,
    ) {
        let kind = match prepared.ask.command.kind() {
            Kind::Registration => "referral.created",
            Kind::Payment => "payment.recorded",
            Kind::Refund => "refund.recorded",
            Kind::Churn => "referral.churned",
            Kind::Dispute => "dispute.recorded",
            Kind::Withdrawal => "withdrawal.recorded",
            Kind::Activity => "activity.recorded",
        };
        self.logs.push(LogRow { id: prepared.fact.into(), kind, scope, recorded_at: prepared.now, body });
    }

    /// Lists in a command's log row what had waited and was booked behind it: all that was attached from a place on.
    pub(super) fn log_attached(&mut self, prepared: &Prepared, from: usize) {
        let attached: Vec<FactId> = self.attached.iter().skip(from).map(|row| row.fact).collect();
        if attached.is_empty() {
            return;
        }
        let log = LogId::from(prepared.fact);
        if let Some(row) = self.logs.iter_mut().rev().find(|row| row.id == log) {
            row.body.get_or_insert_with(|| json!({}))[ATTACHED] = json!(attached);
        }
    }

    pub(super) fn figures(&mut self, day: Day, currency: domain::currency::Currency, change: &Figures) {
        self.days.entry(day).or_default().add(change);
        self.journal.account(day.affiliate, currency).figures.add(change);
    }
}

/// The write that books something.
#[derive(Clone, Copy)]
pub(crate) struct Cause {
    /// Its log row.
    pub(crate) log: LogId,
    /// When it is recorded.
    pub(crate) now: Timestamp,
}

/// Folds a fact into its referral and books the difference; what came of the fact is returned.
pub(crate) fn book(
    world: &mut World,
    effects: &mut Effects,
    referral: ReferralId,
    row: &FactRow,
    cause: Cause,
) -> Result<Outcome, Refused> {
    let scope = world.referrals.get_mut(&referral).ok_or(Refused::Unavailable)?;
    book_in(scope, &world.network, &world.deals, effects, row, cause)
}

/// [`book`] in a referral.
pub(crate) fn book_in(
    scope: &mut Scope,
    network: &Network,
    deals: &BTreeMap<domain::ids::DealVersionId, DealId>,
    effects: &mut Effects,
    row: &FactRow,
    cause: Cause,
) -> Result<Outcome, Refused> {
    let fact = row
        .to_fact(scope.course.currency)
        .map_err(|error| Refused::Internal(crate::error::logged(&error)))?;
    let reason = match &fact.body {
        Body::Refund { payment, .. } | Body::Dispute { payment, .. } => Reason::Refund { of: *payment },
        _ => Reason::Fact,
    };
    let before = scope.row.fold.first_payment;
    let reported = deposits_of(scope, &fact);
    let (folded, is_step) = refold(scope, Some(&fact))?;
    let origin = Origin { cause: ledger::Cause::Fact, cause_id: row.id.0, log: cause.log };
    let found = Found { folded, is_step, reason, at: fact.occurred_at };
    let outcome = settle(scope, network, effects, found, origin, cause.now, Some(&fact));
    count(scope, effects, &fact, row, deals);
    if let Some(deposits) = reported {
        effects.figures(day_of(scope, fact.occurred_at, deals), scope.course.currency, &deposits);
    }
    count_first(scope, effects, before, deals);
    Ok(outcome)
}

/// Folds a referral again in which a fact has its value now, and books the difference as of that fact's own time.
///
/// The cause is the log row and not the fact: the fact may have moved other commissions when it was recorded, and
/// moves each once a cause.
pub(crate) fn convert(
    scope: &mut Scope,
    network: &Network,
    effects: &mut Effects,
    row: &FactRow,
    deals: &BTreeMap<domain::ids::DealVersionId, DealId>,
    cause: Cause,
) -> Result<(), Refused> {
    let fact = row
        .to_fact(scope.course.currency)
        .map_err(|error| Refused::Internal(crate::error::logged(&error)))?;
    let known =
        scope.history.iter_mut().flat_map(|history| &mut history.facts).find(|known| known.id == fact.id);
    if let Some(known) = known {
        *known = fact.clone();
    }
    let before = scope.row.fold.first_payment;
    let (folded, is_step) = refold(scope, None)?;
    let origin = Origin { cause: ledger::Cause::Decision, cause_id: cause.log.0, log: cause.log };
    let found = Found { folded, is_step, reason: Reason::Fact, at: fact.occurred_at };
    settle(scope, network, effects, found, origin, cause.now, None);
    let owner = scope.course.owner_at(fact.occurred_at).affiliate;
    late(scope, effects, owner, fact.occurred_at, origin);
    match fact.body {
        Body::Refund { .. } | Body::Dispute { .. } => count_refund(scope, effects, row, deals),
        Body::Payment { .. } if counts_payments(scope, &fact) => {
            let value = i128::from(row.value_micros.unwrap_or(0));
            let figures = Figures { payments_micros: value, ..Figures::default() };
            effects.figures(day_of(scope, fact.occurred_at, deals), scope.course.currency, &figures);
        }
        _ => {}
    }
    count_first(scope, effects, before, deals);
    Ok(())
}

/// Folds a referral again under its rejection and books the difference: everything it earned is taken back.
pub(crate) fn reject_referral(
    scope: &mut Scope,
    network: &Network,
    reason: Reason,
    at: Timestamp,
    origin: Origin,
    closed_through: Option<Period>,
) -> Result<Effects, Refused> {
    scope.row.rejected_at = Some(at);
    scope.course.rejected_at = Some(at);
    let mut effects = Effects::new(scope.course.zone, closed_through);
    let (folded, is_step) = refold(scope, None)?;
    settle(scope, network, &mut effects, Found { folded, is_step, reason, at }, origin, at, None);
    Ok(effects)
}

/// Folds a referral again in which a reviewer rejected what a fact earned, and books the difference.
pub(crate) fn reject_commission(
    scope: &mut Scope,
    network: &Network,
    of: domain::ids::FactId,
    at: Timestamp,
    origin: Origin,
    closed_through: Option<Period>,
) -> Result<Effects, Refused> {
    scope.row.rejected.insert(of);
    scope.course.rejected.insert(of);
    let mut effects = Effects::new(scope.course.zone, closed_through);
    let (folded, is_step) = refold(scope, None)?;
    let found = Found { folded, is_step, reason: Reason::Review { of }, at };
    settle(scope, network, &mut effects, found, origin, at, None);
    Ok(effects)
}

/// Folds a referral again that got other terms for some of its time, and books the difference. Months that are closed are
/// closed again wherever it has facts in them since.
pub(crate) fn re_rate(
    scope: &mut Scope,
    network: &Network,
    effects: &mut Effects,
    since: Timestamp,
    at: Timestamp,
    origin: Origin,
) -> Result<(), Refused> {
    let (folded, is_step) = refold(scope, None)?;
    settle(scope, network, effects, Found { folded, is_step, reason: Reason::Fact, at }, origin, at, None);
    let times = scope.history.iter().flat_map(|history| &history.facts).map(|fact| fact.occurred_at);
    let times: Vec<Timestamp> = times.filter(|time| *time >= since).collect();
    for time in times {
        let owner = scope.course.owner_at(time).affiliate;
        late(scope, effects, owner, time, origin);
    }
    Ok(())
}

/// The fold with one more fact: from the stored state where it is newer than all folded ones, else from all facts. Where
/// those were not read, the batch is decided again with them.
fn refold(scope: &mut Scope, fact: Option<&Fact>) -> Result<(Folded, bool), Refused> {
    let stepped = fact.and_then(|fact| step(&scope.course, &scope.row.fold, fact));
    if let (Some(history), Some(fact)) = (&mut scope.history, fact) {
        history.facts.push(fact.clone());
    }
    match (stepped, &scope.history) {
        (Some(folded), _) => Ok((folded, true)),
        (None, Some(history)) => {
            scope.course.booked = history.booked.values().cloned().collect();
            Ok((fold(&scope.course, &history.facts), false))
        }
        (None, None) => {
            scope.wants_history = true;
            Err(Refused::Unavailable)
        }
    }
}

/// A fold, how it was come by, and what caused it when.
struct Found {
    folded: Folded,
    is_step: bool,
    reason: Reason,
    at: Timestamp,
}

/// Books the difference between a fold, with what parents earn by it, and what is booked, and keeps the new state.
fn settle(
    scope: &mut Scope,
    network: &Network,
    effects: &mut Effects,
    found: Found,
    origin: Origin,
    now: Timestamp,
    fact: Option<&Fact>,
) -> Outcome {
    let Found { mut folded, is_step, reason, at } = found;
    folded.targets.extend(network.derive(&folded.targets));
    let nothing = BTreeMap::new();
    let booked = match &scope.history {
        Some(history) if !is_step => &history.booked,
        _ => &nothing,
    };
    let postings = difference(reason, at, &folded.targets, booked, || CommissionId(random::id()));
    if let Some(fact) = fact {
        let owner = scope.course.owner_at(fact.occurred_at).affiliate;
        late(scope, effects, owner, fact.occurred_at, origin);
    }
    for posting in postings {
        let header = &posting.commission.header;
        if header.kind == ledger::Kind::SubAffiliate {
            late_of_parent(scope, effects, header.key.affiliate, header.occurred_at, origin);
        }
        late(scope, effects, header.key.affiliate, header.occurred_at, origin);
        post(scope, effects, posting, origin);
    }
    let changes = match &scope.history {
        Some(history) if !is_step => hold_changes(at, &folded.targets, &history.booked),
        _ => Vec::new(),
    };
    for change in changes {
        hold(scope, effects, change, origin);
    }
    scope.changed = true;
    scope.row.version += 1;
    scope.row.updated_at = now;
    scope.row.state = folded.state.referral;
    scope.row.state_set_at = folded.state.referral_since.unwrap_or(scope.row.state_set_at);
    scope.row.fold = folded.state;
    let mut outcome = fact.and_then(|fact| folded.outcomes.remove(&fact.id)).unwrap_or_default();
    outcome.affiliate = fact.map(|fact| scope.course.owner_at(fact.occurred_at).affiliate);
    if fact.is_some_and(|fact| matches!(fact.body, Body::Registration | Body::Conversion | Body::Churn)) {
        outcome.referral = Some(Standing {
            state: scope.row.state,
            state_set_at: scope.row.state_set_at,
            updated_at: scope.row.updated_at,
        });
    }
    outcome
}

/// Remembers a closed month that has to be closed again because of something dated in it.
pub(super) fn late(
    scope: &Scope,
    effects: &mut Effects,
    affiliate: AffiliateId,
    at: Timestamp,
    origin: Origin,
) {
    let month = scope.course.zone.period_of(at);
    let is_closed = effects.closed_through.is_some_and(|closed| month <= closed);
    // Whether the deal closes at all is not asked here: another of its versions may.
    let has_terms = scope.course.assignments.iter().any(|assignment| assignment.terms.is_some());
    if is_closed && has_terms {
        effects.late.insert((affiliate, month), origin.log);
    }
}

/// As [`late`], of a parent, whose deal has something to close by what its sub-affiliates earn.
fn late_of_parent(scope: &Scope, effects: &mut Effects, parent: AffiliateId, at: Timestamp, origin: Origin) {
    let month = scope.course.zone.period_of(at);
    if effects.closed_through.is_some_and(|closed| month <= closed) {
        effects.late.insert((parent, month), origin.log);
    }
}

fn post(scope: &mut Scope, effects: &mut Effects, posting: Posting, origin: Origin) {
    let Posting { commission, is_new, entry, movement, effective_at } = posting;
    let owner = (commission.header.key.affiliate, scope.course.currency);
    let part = Part { commission: Some(commission.header.id), entry: Some(entry), ..Part::default() };
    effects.journal.book(owner, movement, origin, part, effective_at);
    if is_new {
        effects.commissions.push(CommissionRow {
            header: commission.header.clone(),
            referral: scope.row.id,
            currency: scope.course.currency.code().to_owned(),
            released_at: commission.released_at,
            disputed: commission.disputed,
        });
    }
    if let Some(history) = &mut scope.history {
        let key: Key = commission.header.key;
        history.booked.insert(key, Booked { ..commission });
    }
}

/// Holds a commission because of a dispute, or lets it go. The movement is no entry; its leg is another than theirs.
fn hold(scope: &mut Scope, effects: &mut Effects, change: HoldChange, origin: Origin) {
    let HoldChange { commission, movement, effective_at } = change;
    let id = commission.header.id;
    if let Some(movement) = movement {
        let owner = (commission.header.key.affiliate, scope.course.currency);
        let part = Part { commission: Some(id), leg: 1, ..Part::default() };
        effects.journal.book(owner, movement, origin, part, effective_at);
    }
    match effects.commissions.iter_mut().rev().find(|row| row.header.id == id) {
        Some(new) => new.disputed = commission.disputed,
        None => drop(effects.disputed.insert(id, commission.disputed)),
    }
    if let Some(history) = &mut scope.history {
        history.booked.insert(commission.header.key, commission);
    }
}
