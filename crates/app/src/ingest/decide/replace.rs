//! What only a browser has said of a customer is provisional: until the first payment a keyed conversion that names
//! another affiliate takes its place (money.md §10). Everything it brought goes over; a commission booked already is
//! taken back.

use std::collections::BTreeMap;

use domain::attribution;
use domain::command::{Refused, Registration};
use domain::fact::{Attributes, Body, Fact};
use domain::fold::Assignment;
use domain::ids::{DealId, DealVersionId, FactId, LogId, ReferralId};
use domain::ledger;
use serde_json::json;
use store::log::LogRow;
use store::referral::AssignmentRow;
use store::roll_up::{Day, Figures};

use super::attribute::{Attributed, attribute, record, watch};
use super::book::{Cause, Effects, book, late, re_rate};
use super::count::day_of;
use super::register::names;
use super::{attach, new_fact, recorded, take_name, take_own_names};
use crate::ingest::prepare::Prepared;
use crate::ingest::world::{Scope, World};
use crate::ingest::{Answer, REPLACED};
use crate::ledger::Origin;
use crate::random;

/// A conversion of a customer who is a referral already: refused, unless it takes the place of what a browser said.
pub(super) fn replace(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    registration: &Registration,
    known: ReferralId,
) -> Answer {
    let refused = || Refused::AlreadyReferred(known);
    let (number, is_provisional) = *world.choices.newest.get(&known).ok_or_else(refused)?;
    let scope = world.referrals.get(&known).ok_or_else(refused)?;
    let now = attribution::Attributed {
        affiliate: scope.row.affiliate,
        is_provisional,
        // Rows may count deposits and name no first one.
        has_paid: scope.row.fold.first_payment.is_some() || scope.row.fold.deposits > 0,
        is_rejected: scope.row.rejected_at.is_some(),
    };
    if !is_provisional {
        return Err(refused());
    }
    let attributed =
        match attribute(world, prepared, world.choices.name_of(registration), &registration.attributes) {
            Err(Refused::Unavailable) => return Err(Refused::Unavailable),
            other => other.map_err(|_| refused())?,
        };
    if !now.is_replaced_by(prepared.ask.operation.door(), attributed.affiliate.id) {
        return Err(refused());
    }
    hand_over(world, effects, prepared, known, &attributed)?;
    effects.attributions.push(record(prepared, known, number + 1, &attributed));
    world.choices.newest.insert(known, (number + 1, false));
    watch(world, effects, prepared, known, registration.email.as_ref(), &attributed.affiliate);
    record_fact(world, effects, prepared, registration, known)
}

/// Gives the referral to its affiliate from its beginning, and books the difference.
fn hand_over(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    id: ReferralId,
    attributed: &Attributed,
) -> Result<(), Refused> {
    let World { program, referrals, statuses, network, deals, choices, .. } = world;
    let scope = referrals.get_mut(&id).ok_or(Refused::Unavailable)?;
    let affiliate = attributed.affiliate.id;
    let before = (scope.row.assignments.clone(), scope.row.attributes.clone());
    let log = LogId(random::id());
    let origin = Origin { cause: ledger::Cause::Decision, cause_id: log.0, log };
    let facts: Vec<Fact> = scope.history.iter().flat_map(|history| &history.facts).cloned().collect();
    recount(scope, effects, deals, &facts, -1);
    for fact in &facts {
        let owner = scope.course.owner_at(fact.occurred_at).affiliate;
        late(scope, effects, owner, fact.occurred_at, origin);
    }
    let customer = merged(&attributed.attributes, &before.1);
    let registered_at = scope.row.occurred_at;
    let from = before.0.first().map_or(registered_at, |first| first.from);
    let terms = choices.offers.choose(program, affiliate, &customer, attributed.of_coupon, registered_at);
    let version = terms.as_ref().map(|(version, _)| *version);
    scope.row.affiliate = affiliate;
    scope.row.assignments = vec![AssignmentRow { from, affiliate, version }];
    scope.row.attributes = customer.clone();
    scope.course.customer = customer;
    scope.course.assignments = vec![Assignment { from, affiliate, terms }];
    scope.course.statuses.extend(statuses.get(&affiliate).map(|history| (affiliate, history.clone())));
    re_rate(scope, network, effects, from, prepared.now, origin)?;
    recount(scope, effects, deals, &facts, 1);
    effects.reassigned.insert(id);
    effects.logs.push(LogRow {
        id: log,
        kind: REPLACED,
        scope: Some((id.0, scope.row.version)),
        recorded_at: prepared.now,
        body: Some(json!({ "affiliate": affiliate, "before": before.0, "customer_before": before.1 })),
    });
    Ok(())
}

/// What the conversion says of the customer, and what was known before where it says nothing.
fn merged(newer: &Attributes, older: &Attributes) -> Attributes {
    let or = |newer: &Option<String>, older: &Option<String>| newer.clone().or_else(|| older.clone());
    Attributes {
        brand: or(&newer.brand, &older.brand),
        country: or(&newer.country, &older.country),
        product: or(&newer.product, &older.product),
        plan: or(&newer.plan, &older.plan),
        interval: newer.interval.or(older.interval),
        campaign: or(&newer.campaign, &older.campaign),
        coupon: or(&newer.coupon, &older.coupon),
    }
}

/// Counts the facts of a referral that has not paid into their days, or out of them.
fn recount(
    scope: &Scope,
    effects: &mut Effects,
    deals: &BTreeMap<DealVersionId, DealId>,
    facts: &[Fact],
    sign: i64,
) {
    for fact in facts {
        let figures = match fact.body {
            Body::Registration => Figures { registrations: sign, ..Figures::default() },
            Body::Churn => Figures { churns: sign, ..Figures::default() },
            _ => continue,
        };
        let day: Day = day_of(scope, fact.occurred_at, deals);
        effects.figures(day, scope.course.currency, &figures);
    }
}

/// Records the conversion itself, which earns nothing: the registration stays the browser's.
fn record_fact(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    registration: &Registration,
    id: ReferralId,
) -> Answer {
    let mut bound = Vec::new();
    for name in names(prepared) {
        if world.subject(&name).is_none() {
            take_name(world, effects, name, id.0);
            bound.push(name);
        }
    }
    let waiting = bound.iter().filter_map(|name| world.parked.get(name)).flatten().copied();
    let waiting: Vec<FactId> =
        waiting.filter(|fact| world.facts.get(fact).is_some_and(|fact| fact.referral.is_none())).collect();
    let person = world.referrals.get(&id).map(|scope| scope.row.person);
    if let Some(person) = person {
        let (email, uid) = (&registration.email, &registration.uid);
        effects.completed.push((
            person,
            email.as_ref().map(ToString::to_string),
            uid.as_ref().map(ToString::to_string),
        ));
    }
    let mut fact = new_fact(prepared);
    fact.referral = Some(id);
    fact.detail = Some(json!({ "replaces": waiting }));
    fact.outcome = book(world, effects, id, &fact, Cause { log: prepared.fact.into(), now: prepared.now })?;
    take_own_names(world, effects, prepared);
    let version = world.referrals.get(&id).map_or(1, |scope| scope.row.version);
    effects.log(prepared, Some((id.0, version)), None);
    effects.facts.push(fact.id);
    let answer = recorded(world, &fact, false);
    world.facts.insert(fact.id, fact);
    attach(world, effects, id, &bound, prepared.fact.into(), prepared.now)?;
    Ok(answer)
}
