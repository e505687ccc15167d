//! One referral told again: its facts and decisions go through the code that books, one by one, with what was known
//! then: a rate that came late is not known before, nor is a rejection.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::affiliate::History;
use domain::command::Refused;
use domain::commission::{Booked, Key, Reason};
use domain::fold::{Assignment, Course, State, Truth};
use domain::ids::{CommissionId, DealId, DealVersionId, FactId, LogId};
use domain::ledger::{Cause, Movement};
use domain::outcome::Outcome;
use domain::referral;
use domain::sub_affiliate::Network;
use domain::time::Timestamp;
use store::fact::FactRow;
use store::log::WrittenRow;
use store::referral::ReferralRow;
use store::transfer::{BookedRow, TransferRow};

use super::timeline::{self, Event, RELEASED, commission_of, event_of};
use crate::attribution::REASSIGNED;
use crate::deal::ACCEPTED;
use crate::ingest::{
    Booking, Effects, REPLACED, Scope, book_in, convert, re_rate, reject_commission, reject_referral,
};
use crate::ledger::{Journal, Origin, Part};

/// A referral with all that is known and booked of it.
pub(super) struct Case {
    pub(super) row: ReferralRow,
    /// The decisions about it as they are now.
    pub(super) course: Course,
    /// Its owners and terms before each time it got others, oldest first.
    pub(super) earlier: Vec<Vec<Assignment>>,
    pub(super) facts: Vec<FactRow>,
    pub(super) booked: BTreeMap<Key, Booked>,
    pub(super) transfers: Vec<BookedRow>,
    /// The log rows of its facts and transfers.
    pub(super) logs: HashMap<LogId, WrittenRow>,
    /// Decisions on it and ends of holds, by version.
    pub(super) decisions: Vec<WrittenRow>,
}

/// What a referral comes to when it is told again.
pub(super) struct Replayed {
    pub(super) events: u64,
    pub(super) scope: Scope,
    /// What each fact came to when it was booked.
    pub(super) outcomes: BTreeMap<FactId, Outcome>,
    /// Transfers with the key of their commission; their own ids are new.
    pub(super) transfers: Vec<(Key, TransferRow)>,
}

/// What stays the same while a referral is told.
struct Teller<'a> {
    case: &'a Case,
    deals: &'a BTreeMap<DealVersionId, DealId>,
    facts: BTreeMap<FactId, FactRow>,
    /// The keys of commissions by the ids they are booked under, and by those they get when told again.
    booked: HashMap<CommissionId, Key>,
    told: HashMap<CommissionId, Key>,
    /// How often it got other terms until now.
    accepted: usize,
}

/// Decisions about the whole program that referrals are told under.
#[derive(Clone, Copy)]
pub(super) struct Under<'a> {
    /// Who brought the affiliates.
    pub(super) network: &'a Network,
    /// For how many of the referral's events the statuses and parents that are dated at the very same instant came
    /// after them. Time alone does not say.
    pub(super) came_before: usize,
    pub(super) deals: &'a BTreeMap<DealVersionId, DealId>,
    /// What counts the deposits and withdrawals of each brand, and since when there is one.
    pub(super) truths: &'a BTreeMap<String, Truth>,
    pub(super) since: &'a BTreeMap<String, Timestamp>,
}

/// The network as it was known before an instant.
fn known_before(network: &Network, at: Timestamp) -> Network {
    let mut network = network.clone();
    for member in network.members.values_mut() {
        member.parents.retain(|(from, _)| *from < at);
        member.terms.retain(|(from, ..)| *from < at);
        member.statuses = member.statuses.known_before(at);
    }
    network
}

impl Case {
    /// Whether a status, parent or deal is dated at the very instant of one of the referral's events; if so, how many events
    /// there are.
    pub(super) fn ties(&self, network: &Network) -> Option<usize> {
        let events = timeline::of(self);
        let times: BTreeSet<Timestamp> = events.iter().filter_map(time_of).collect();
        let members = || network.members.values();
        let parents = members().flat_map(|member| member.parents.iter().map(|(from, _)| *from));
        let terms = members().flat_map(|member| member.terms.iter().map(|(from, ..)| *from));
        let statuses = self.course.statuses.values().chain(members().map(|it| &it.statuses));
        let mut dates = parents.chain(terms).chain(statuses.flat_map(|history| history.dates()));
        dates.any(|date| times.contains(&date)).then_some(events.len())
    }
}

/// Tells a referral again.
pub(super) fn replay(case: &Case, under: Under<'_>) -> Result<Replayed, Refused> {
    let Under { network, came_before, deals, truths, since } = under;
    let converted: Vec<FactId> =
        case.decisions.iter().filter(|row| row.kind == CONVERTED).filter_map(event_of).collect();
    let known_then = |fact: &FactRow| match converted.contains(&fact.id) {
        true => FactRow { value_micros: None, exchange: None, valued_at: None, ..fact.clone() },
        false => fact.clone(),
    };
    let facts = case.facts.iter().map(|fact| (fact.id, known_then(fact))).collect();
    let booked = case.booked.iter().map(|(key, booked)| (booked.header.id, *key)).collect();
    let mut teller = Teller { case, deals, facts, booked, told: HashMap::new(), accepted: 0 };
    let mut replayed =
        Replayed { events: 0, scope: beginning(case), outcomes: BTreeMap::new(), transfers: Vec::new() };
    for (place, event) in timeline::of(case).into_iter().enumerate() {
        replayed.events += 1;
        if let Some(at) = time_of(&event) {
            let known = |brand: &String| since.get(brand).is_none_or(|since| *since <= at);
            let course = &mut replayed.scope.course;
            course.truths.retain(|brand, _| known(brand));
            for (brand, truth) in truths.iter().filter(|(brand, _)| known(brand)) {
                if !course.truths.contains_key(brand) {
                    course.truths.insert(brand.clone(), *truth);
                }
            }
        }
        let before = time_of(&event).filter(|_| place < came_before).map(|at| known_before(network, at));
        if came_before > 0 {
            let at = time_of(&event).filter(|_| place < came_before);
            let then = |history: &History| at.map_or_else(|| history.clone(), |at| history.known_before(at));
            let statuses = case.course.statuses.iter();
            replayed.scope.course.statuses = statuses.map(|(id, history)| (*id, then(history))).collect();
        }
        teller.tell(&mut replayed, before.as_ref().unwrap_or(network), event)?;
    }
    Ok(replayed)
}

/// The sort of log row by which a rate that came late was told a fact.
const CONVERTED: &str = "event.converted";

fn time_of(event: &Event) -> Option<Timestamp> {
    match event {
        Event::Fact { at, .. } => Some(*at),
        Event::Decision(row) => Some(row.recorded_at),
        Event::Closed { .. } => None,
    }
}

/// The referral before anything was told of it.
fn beginning(case: &Case) -> Scope {
    let row = ReferralRow {
        state: referral::State::Converted,
        state_set_at: case.row.occurred_at,
        rejected_at: None,
        rejected: Default::default(),
        fold: State::default(),
        version: 0,
        ..case.row.clone()
    };
    let assignments = case.earlier.first().unwrap_or(&case.course.assignments).clone();
    // A keyed conversion may have said more of the customer than the browser whose place it took.
    let replaced = case.decisions.iter().find(|row| row.kind == REPLACED);
    let customer = replaced.and_then(|row| row.body.as_ref()?.get("customer_before").cloned());
    let customer = customer.and_then(|known| serde_json::from_value(known).ok());
    let course = Course {
        assignments,
        rejected_at: None,
        rejected: Default::default(),
        customer: customer.unwrap_or_else(|| case.course.customer.clone()),
        ..case.course.clone()
    };
    Scope {
        row,
        course,
        history: Some(crate::ingest::History::default()),
        wants_history: false,
        is_new: false,
        changed: false,
    }
}

impl Teller<'_> {
    fn tell(&mut self, replayed: &mut Replayed, network: &Network, event: Event) -> Result<(), Refused> {
        let scope = &mut replayed.scope;
        let zone = scope.course.zone;
        let mut effects = Effects::new(zone, None);
        match event {
            Event::Fact { id, log, at } => {
                let Some(fact) = self.facts.get(&id) else { return Ok(()) };
                let cause = Booking { log, now: at };
                let outcome = book_in(scope, network, self.deals, &mut effects, fact, cause)?;
                replayed.outcomes.insert(id, outcome);
            }
            Event::Decision(row) => self.decide(scope, network, &mut effects, &row)?,
            Event::Closed { commission, log } => {
                let log = log.unwrap_or(LogId(commission.0));
                // The month was released as a whole, which a sub-affiliate's longer hold may put off.
                let whole = self.case.booked.values().find(|booked| booked.header.id == commission);
                let whole = whole.and_then(|booked| booked.released_at);
                self.release(scope, &mut effects.journal, commission, (log, whole));
            }
        }
        self.told.extend(effects.commissions.iter().map(|row| (row.header.id, row.header.key)));
        let keys = &self.told;
        let transfers = effects.journal.transfers.into_iter();
        replayed.transfers.extend(transfers.filter_map(|row| Some((*keys.get(&row.commission?)?, row))));
        Ok(())
    }

    fn decide(
        &mut self,
        scope: &mut Scope,
        network: &Network,
        effects: &mut Effects,
        row: &WrittenRow,
    ) -> Result<(), Refused> {
        let (log, at) = (row.id, row.recorded_at);
        let origin = Origin { cause: Cause::Decision, cause_id: log.0, log };
        match row.kind.as_str() {
            RELEASED => {
                if let Some(commission) = commission_of(row) {
                    self.release(scope, &mut effects.journal, commission, (log, None));
                }
                scope.row.version += 1;
            }
            CONVERTED => {
                let fact = event_of(row).and_then(|id| self.case.facts.iter().find(|fact| fact.id == id));
                if let Some(fact) = fact {
                    self.facts.insert(fact.id, fact.clone());
                    convert(scope, network, effects, fact, self.deals, Booking { log, now: at })?;
                }
            }
            ACCEPTED | REASSIGNED | REPLACED => {
                if row.kind == REPLACED {
                    scope.course.customer = self.case.course.customer.clone();
                }
                self.accepted += 1;
                let now = self.case.earlier.get(self.accepted).unwrap_or(&self.case.course.assignments);
                scope.course.assignments = now.clone();
                re_rate(scope, network, effects, at, at, origin)?;
            }
            "referral.rejected" => {
                *effects = reject_referral(scope, network, Reason::Rejection, at, origin, None)?;
            }
            "commission.rejected" => {
                if let Some(fact) = event_of(row) {
                    *effects = reject_commission(scope, network, fact, at, origin, None)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Releases a commission, named by the id it is booked under, at the end of its hold or later.
    fn release(
        &self,
        scope: &mut Scope,
        journal: &mut Journal,
        commission: CommissionId,
        (log, later): (LogId, Option<Timestamp>),
    ) {
        let Some(key) = self.booked.get(&commission).copied() else { return };
        let currency = scope.course.currency;
        let Some(booked) = scope.history.as_mut().and_then(|history| history.booked.get_mut(&key)) else {
            return;
        };
        // What was disputed when it was booked at once looks as if a close had released it.
        if booked.released_at.is_some() {
            return;
        }
        let at = later.map_or(booked.header.release_at, |later| later.max(booked.header.release_at));
        booked.released_at = Some(at);
        if let Some(movement) = Movement::released(booked.header.kind, booked.standing) {
            let origin = Origin { cause: Cause::Release, cause_id: log.0, log };
            let part = Part { commission: Some(booked.header.id), ..Part::default() };
            journal.book((key.affiliate, currency), movement, origin, part, at);
        }
    }
}
