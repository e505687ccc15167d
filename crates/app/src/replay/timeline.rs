//! The order in which a referral's facts and decisions were booked. Each changed the referral under its lock, and its
//! log row says which version it made, so their order is exact. Two sorts of write have no version of their own: facts
//! that had waited and were booked behind the one they waited for, or when another id of it became known, and releases by
//! the close of a month, which stand where their transfers stand.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::fact::Kind;
use domain::ids::{CommissionId, FactId, LogId, TransferId};
use domain::ledger::Cause;
use domain::time::Timestamp;
use store::fact::FactRow;
use store::log::WrittenRow;
use store::transfer::TransferRow;
use uuid::Uuid;

use super::history::Case;
use crate::ingest::{NAMED, attached_by};

/// Something that changed what is booked on a referral.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A fact, booked by a log row, its own or that of the fact it had waited for.
    Fact { id: FactId, log: LogId, at: Timestamp },
    /// A decision on the referral, or the end of a hold.
    Decision(WrittenRow),
    /// A commission released by the close of its month; the log row is known where something moved.
    Closed { commission: CommissionId, log: Option<LogId> },
}

impl Event {
    /// The log row that recorded it.
    fn log(&self) -> Option<LogId> {
        match self {
            Event::Fact { log, .. } => Some(*log),
            Event::Decision(row) => Some(row.id),
            Event::Closed { log, .. } => *log,
        }
    }
}

/// Everything that was booked on a referral, in the order in which it was.
pub(super) fn of(case: &Case) -> Vec<Event> {
    let facts: BTreeMap<FactId, &FactRow> = case.facts.iter().map(|fact| (fact.id, fact)).collect();
    let mut waited: BTreeMap<FactId, Vec<&FactRow>> = BTreeMap::new();
    let mut versioned: Vec<(i64, Event)> = Vec::new();
    let named: HashSet<FactId> = case.decisions.iter().flat_map(found_by).collect();
    for fact in case.facts.iter().filter(|fact| !named.contains(&fact.id)) {
        match version(case, fact) {
            Some((version, at)) => {
                versioned.push((version, Event::Fact { id: fact.id, log: fact.id.into(), at }));
            }
            None => waited.entry(waited_for(case, &facts, fact)).or_default().push(fact),
        }
    }
    for row in &case.decisions {
        let version = row.scope.map_or(0, |(_, version)| version);
        let booked = |id| (version, Event::Fact { id, log: row.id, at: row.recorded_at });
        match row.kind.as_str() {
            NAMED => versioned.extend(found_by(row).into_iter().map(booked)),
            _ => versioned.push((version, Event::Decision(row.clone()))),
        }
    }
    versioned.sort_by_key(|(version, _)| *version);
    let mut events = Vec::with_capacity(versioned.len());
    for (_, event) in versioned {
        let Event::Fact { id, log, at } = &event else {
            events.push(event);
            continue;
        };
        let (mut behind, log, at) = (waited.remove(id).unwrap_or_default(), *log, *at);
        behind.sort_by_key(|fact| (under(facts.get(id), fact), fact.kind, fact.id));
        events.push(event);
        events.extend(behind.into_iter().map(|fact| Event::Fact { id: fact.id, log, at }));
    }
    insert_closes(case, events)
}

/// Refunds and disputes that were booked when another id of their payment became known.
fn found_by(row: &WrittenRow) -> Vec<FactId> {
    attached_by(row.body.as_ref().filter(|_| row.kind == NAMED))
}

/// Which version of the referral a fact made, and when; nothing for one that had waited.
fn version(case: &Case, fact: &FactRow) -> Option<(i64, Timestamp)> {
    let row = case.logs.get(&LogId::from(fact.id))?;
    row.scope.filter(|(scope, _)| *scope == case.row.id.0).map(|(_, version)| (version, row.recorded_at))
}

/// The fact that one had waited for: a refund or dispute its payment, unless that had waited too; else the registration.
fn waited_for(case: &Case, facts: &BTreeMap<FactId, &FactRow>, fact: &FactRow) -> FactId {
    let payment = fact.payment.filter(|_| matches!(fact.kind, Kind::Refund | Kind::Dispute));
    let payment = payment.and_then(|id| facts.get(&id)).filter(|payment| version(case, payment).is_some());
    // A conversion that took the place of a browser's brought a name more; else it is what made the referral.
    let conversion = || case.facts.iter().find(|it| it.attached().contains(&fact.id));
    let first = || {
        case.facts
            .iter()
            .filter_map(|it| Some((version(case, it)?, it)))
            .min_by_key(|((version, _), _)| *version)
    };
    let found = payment.copied().or_else(conversion).or_else(|| first().map(|(_, it)| it));
    found.map_or(fact.id, |fact| fact.id)
}

/// The place among a payment's names of the one that a refund waited under.
fn under(payment: Option<&&FactRow>, fact: &FactRow) -> usize {
    let named = fact.detail.as_ref().and_then(|detail| detail.get("payment")?.as_str());
    let more = payment.and_then(|payment| payment.detail.as_ref()?.get("sources")?.as_array());
    let more = more.into_iter().flatten().position(|source| source.as_str() == named);
    more.map_or(0, |place| place + 1)
}

/// Puts releases by the close of a month where their transfers stand among those of the other events. What was released
/// without moving anything is put before the first entry that finds it released.
fn insert_closes(case: &Case, events: Vec<Event>) -> Vec<Event> {
    let mut first: HashMap<LogId, TransferId> = HashMap::new();
    for row in &case.transfers {
        let known = first.entry(row.transfer.log).or_insert(row.transfer.id);
        *known = row.transfer.id.min(*known);
    }
    let mut closes = closes(case, &first).into_iter().peekable();
    let mut ordered = Vec::with_capacity(events.len());
    for event in events {
        if let Some(booked) = event.log().and_then(|log| first.get(&log)) {
            while let Some((_, close)) = closes.next_if(|(at, _)| at <= booked) {
                ordered.push(close);
            }
        }
        ordered.push(event);
    }
    ordered.extend(closes.map(|(_, close)| close));
    ordered
}

/// Releases by the close of a month, each with the transfer before which it stands: its own, or the first of the event
/// that finds it released, which may move other commissions before.
fn closes(case: &Case, first: &HashMap<LogId, TransferId>) -> Vec<(TransferId, Event)> {
    let by_hold: HashSet<CommissionId> =
        case.decisions.iter().filter(|row| row.kind == RELEASED).filter_map(commission_of).collect();
    let mut of_commission: HashMap<CommissionId, Vec<&TransferRow>> = HashMap::new();
    for row in &case.transfers {
        let id = row.transfer.commission.unwrap_or(CommissionId(Uuid::nil()));
        of_commission.entry(id).or_default().push(&row.transfer);
    }
    let mut closes: Vec<(TransferId, Event)> = Vec::new();
    for booked in case.booked.values().filter(|booked| booked.released_at.is_some()) {
        let id = booked.header.id;
        let own = of_commission.get(&id).map_or(&[][..], Vec::as_slice);
        // The first transfer of what was booked straight to `due` touches it.
        let is_at_once = own.first().is_some_and(|it| it.entry.is_some() && it.movement.on_due() != 0);
        if is_at_once || by_hold.contains(&id) {
            continue;
        }
        let release = own.iter().find(|it| it.cause == Cause::Release);
        let found = own.iter().find(|it| it.entry.is_some() && it.movement.on_due() != 0);
        let found = found.and_then(|transfer| first.get(&transfer.log)).copied();
        let at = release.map(|transfer| transfer.id).or(found).unwrap_or(TransferId(Uuid::max()));
        closes.push((at, Event::Closed { commission: id, log: release.map(|transfer| transfer.log) }));
    }
    closes.sort_by_key(|(at, _)| *at);
    closes
}

/// The sort of log row that a release at the end of a hold is.
pub(super) const RELEASED: &str = "commission.released";

/// The commission that a log row names.
pub(super) fn commission_of(row: &WrittenRow) -> Option<CommissionId> {
    row.body.as_ref()?.get("commission")?.as_str()?.parse().ok()
}

/// The fact that a log row names.
pub(super) fn event_of(row: &WrittenRow) -> Option<FactId> {
    row.body.as_ref()?.get("event")?.as_str()?.parse().ok()
}
