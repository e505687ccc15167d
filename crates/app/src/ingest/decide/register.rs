//! Registrations: attribution of a customer to an affiliate, decided once; and referrals that the coupon of a payment
//! makes (money.md §10).

use std::collections::BTreeMap;

use domain::command::{Payment, Registration};
use domain::fact::Attributes;
use domain::fold::{Assignment, Course, State};
use domain::ids::{ReferralId, ReferralNumber};
use domain::referral;
use domain::text::{Email, Uid};
use store::affiliate::Found;
use store::name::Hash;
use store::person::PersonRow;
use store::referral::{AssignmentRow, ReferralRow};

use super::attribute::{Attributed, attribute, record, watch};
use super::book::{Cause, Effects, book};
use super::replace::replace;
use super::{attach, new_fact, recorded, take_name, take_own_names};
use crate::cache::InForce;
use crate::ingest::Answer;
use crate::ingest::prepare::Prepared;
use crate::ingest::world::{History, Scope, World};

pub(super) fn register(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    registration: &Registration,
) -> Answer {
    let names = names(prepared);
    if let Some(known) = names.iter().find_map(|name| world.subject(name)) {
        return replace(world, effects, prepared, registration, ReferralId(known));
    }
    let name = world.choices.name_of(registration);
    let attributed = attribute(world, prepared, name, &registration.attributes)?;
    let who = (registration.email.as_ref(), registration.uid.as_ref());
    refer(world, effects, prepared, &attributed, who);
    let mut fact = new_fact(prepared);
    fact.referral = Some(prepared.referral);
    let cause = Cause { log: prepared.fact.into(), now: prepared.now };
    fact.outcome = book(world, effects, prepared.referral, &fact, cause)?;
    take_own_names(world, effects, prepared);
    effects.facts.push(fact.id);
    let answer = recorded(world, &fact, false);
    world.facts.insert(fact.id, fact);
    attach(world, effects, prepared.referral, &names, prepared.fact.into(), prepared.now)?;
    let version = world.referrals.get(&prepared.referral).map_or(1, |scope| scope.row.version);
    effects.log(prepared, Some((prepared.referral.0, version)), None);
    Ok(answer)
}

/// The names of the customer: uid, then e-mail address.
pub(super) fn names(prepared: &Prepared) -> Vec<Hash> {
    prepared.uid.iter().chain(&prepared.email).copied().collect()
}

/// The referral that the coupon of an unknown customer's payment makes; `None` where it has no valid one, or where
/// nothing names the customer.
pub(super) fn refer_by_coupon(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    payment: &Payment,
) -> Option<ReferralId> {
    let is_named = prepared.uid.is_some() || prepared.email.is_some();
    payment.attributes.coupon.as_ref().filter(|_| is_named)?;
    let attributed = attribute(world, prepared, None, &payment.attributes).ok()?;
    let customer = Attributes {
        brand: payment.attributes.brand.clone(),
        country: payment.attributes.country.clone(),
        campaign: payment.attributes.campaign.clone(),
        coupon: payment.attributes.coupon.clone(),
        ..Attributes::default()
    };
    let attributed = Attributed { attributes: customer, ..attributed };
    let who = (payment.customer.email.as_ref(), payment.customer.uid.as_ref());
    refer(world, effects, prepared, &attributed, who);
    Some(prepared.referral)
}

/// Makes the referral, its person and the record of its attribution.
fn refer(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    attributed: &Attributed,
    (email, uid): (Option<&Email>, Option<&Uid>),
) {
    let Attributed { affiliate, attributes, of_coupon, .. } = attributed;
    let offers = &world.choices.offers;
    let terms = offers.choose(&world.program, affiliate.id, attributes, *of_coupon, prepared.occurred_at);
    let scope = new_scope(world, prepared, affiliate, terms, attributes);
    world.referrals.insert(prepared.referral, scope);
    for name in names(prepared) {
        take_name(world, effects, name, prepared.referral.0);
    }
    effects.people.push(PersonRow {
        visitor: prepared.ask.visitor.map(|visitor| visitor.to_vec()),
        ..PersonRow::customer(prepared.person, email.map(ToString::to_string), uid.map(ToString::to_string))
    });
    let row = record(prepared, prepared.referral, 1, attributed);
    world.choices.newest.insert(prepared.referral, (1, row.is_provisional));
    effects.attributions.push(row);
    watch(world, effects, prepared, prepared.referral, email, affiliate);
}

fn new_scope(
    world: &mut World,
    prepared: &Prepared,
    affiliate: &Found,
    terms: InForce,
    attributes: &Attributes,
) -> Scope {
    let from = prepared.occurred_at;
    let statuses: BTreeMap<_, _> = world
        .statuses
        .get(&affiliate.id)
        .map(|history| (affiliate.id, history.clone()))
        .into_iter()
        .collect();
    let expires_at = world
        .program
        .referral_expires_after_days
        .map(|days| prepared.occurred_at + chrono::Duration::days(i64::from(days)));
    let row = ReferralRow {
        id: prepared.referral,
        number: ReferralNumber(world.numbers.pop().unwrap_or_default()),
        person: prepared.person,
        affiliate: affiliate.id,
        state: referral::State::Converted,
        state_set_at: prepared.occurred_at,
        occurred_at: prepared.occurred_at,
        rejected_at: None,
        expires_at,
        assignments: vec![AssignmentRow {
            from,
            affiliate: affiliate.id,
            version: terms.as_ref().map(|(version, _)| *version),
        }],
        attributes: attributes.clone(),
        rejected: std::collections::BTreeSet::new(),
        fold: State::default(),
        version: 0,
        created_at: prepared.now,
        updated_at: prepared.now,
    };
    let owner = Assignment { from, affiliate: affiliate.id, terms };
    let course = Course {
        statuses,
        expires_at,
        truths: world.truths.clone(),
        customer: attributes.clone(),
        ..Course::new(world.program.currency, world.program.zone, owner)
    };
    Scope {
        row,
        course,
        history: Some(History::default()),
        wants_history: false,
        is_new: true,
        changed: true,
    }
}
