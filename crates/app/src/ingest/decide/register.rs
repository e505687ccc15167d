//! Registrations: attribution of a customer to an affiliate, decided once.

use std::collections::BTreeMap;

use domain::command::{AffiliateName, Refused, Registration};
use domain::fact::Attributes;
use domain::fold::{Assignment, Course, State};
use domain::ids::ReferralNumber;
use domain::referral;
use store::affiliate::Found;
use store::name::Hash;
use store::person::PersonRow;
use store::referral::{AssignmentRow, ReferralRow};

use super::book::{Cause, Effects, book};
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
    let names: Vec<Hash> = prepared.uid.iter().chain(&prepared.email).copied().collect();
    if let Some(known) = names.iter().find_map(|name| world.subject(name)) {
        return Err(Refused::AlreadyReferred(domain::ids::ReferralId(known)));
    }
    let affiliate = find(world, &registration.affiliate)
        .cloned()
        .ok_or_else(|| Refused::UnknownAffiliate(described(&registration.affiliate)))?;
    let terms =
        world.offers.choose(&world.program, affiliate.id, &registration.attributes, prepared.occurred_at);
    let scope = new_scope(world, prepared, &affiliate, terms, &registration.attributes);
    world.referrals.insert(prepared.referral, scope);
    for name in &names {
        take_name(world, effects, *name, prepared.referral.0);
    }
    effects.people.push(PersonRow::customer(
        prepared.person,
        registration.email.as_ref().map(ToString::to_string),
        registration.uid.as_ref().map(ToString::to_string),
    ));
    let mut fact = new_fact(prepared);
    fact.referral = Some(prepared.referral);
    let cause = Cause { log: prepared.fact.into(), now: prepared.now };
    fact.outcome = book(world, effects, prepared.referral, &fact, cause)?;
    take_own_names(world, effects, prepared);
    effects.facts.push(fact.id);
    let answer = recorded(&fact, false);
    world.facts.insert(fact.id, fact);
    attach(world, effects, prepared.referral, &names, prepared.fact.into(), prepared.now)?;
    let version = world.referrals.get(&prepared.referral).map_or(1, |scope| scope.row.version);
    effects.log(prepared, Some((prepared.referral.0, version)), None);
    Ok(answer)
}

fn find<'a>(world: &'a World, name: &AffiliateName) -> Option<&'a Found> {
    world.affiliates.iter().find(|affiliate| match name {
        AffiliateName::Id(id) => affiliate.id == *id,
        AffiliateName::Slug(slug) => affiliate.slug == slug.as_str(),
        AffiliateName::PartnerKey(key) => affiliate.partner_key == *key,
    })
}

fn described(name: &AffiliateName) -> String {
    match name {
        AffiliateName::Id(id) => id.to_string(),
        AffiliateName::Slug(slug) => slug.to_string(),
        AffiliateName::PartnerKey(key) => key.clone(),
    }
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
    let course =
        Course { statuses, expires_at, truths: world.truths.clone(), customer: attributes.clone(), ..Course::new(world.program.currency, world.program.zone, owner) };
    Scope { row, course, history: Some(History::default()), is_new: true, changed: true }
}
