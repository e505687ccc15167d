//! Evidence of a registration brought together for `domain::attribution`, and what is kept of the decision.

use domain::attribution::{
    Basis, Candidate, Chosen, Code, Decision, Door, Flaw, Grade, Known, Policy, Registered, Suspicion,
    Validity, Watch, decide, suspicions,
};
use domain::click::TokenError;
use domain::command::{AffiliateName, Refused};
use domain::fact::Attributes;
use domain::ids::{DealId, ReferralId};
use domain::text::Email;
use store::affiliate::Found;
use store::attribution::AttributionRow;
use store::program::ProgramRow;
use store::review::ReviewRow;

use super::book::Effects;
use crate::ingest::prepare::{Clicked, Prepared};
use crate::ingest::world::{Choices, World};
use crate::random;

/// Whom a registration is put down to, and why.
pub(super) struct Attributed {
    pub(super) affiliate: Found,
    pub(super) chosen: Chosen,
    pub(super) decision: Decision,
    /// What is known of the customer, without a coupon that is not valid.
    pub(super) attributes: Attributes,
    /// The deal that a valid coupon names.
    pub(super) of_coupon: Option<DealId>,
}

/// Decides by everything that came with a registration, or with a payment of an unknown customer.
pub(super) fn attribute(
    world: &World,
    prepared: &Prepared,
    name: Option<&AffiliateName>,
    attributes: &Attributes,
) -> Result<Attributed, Refused> {
    if prepared.clicks.iter().any(|click| matches!(click, Clicked::Unchecked)) {
        return Err(Refused::Unavailable);
    }
    let operation = prepared.ask.operation;
    let choices = &world.choices;
    let candidates = candidates(choices, prepared, name, attributes.coupon.as_deref());
    let decision = decide(policy(&world.program, operation.name_decides()), prepared.occurred_at, candidates);
    let found = decision.chosen.and_then(|chosen| {
        let affiliate = choices.affiliate(&AffiliateName::Id(chosen.affiliate))?.clone();
        Some((chosen, affiliate))
    });
    let Some((chosen, affiliate)) = found else {
        return Err(match name {
            Some(name) => Refused::UnknownAffiliate(described(name)),
            None if decision.judged.is_empty() => {
                Refused::NotAttributed("expected click_id, coupon or affiliate_slug".to_owned())
            }
            None => Refused::NotAttributed(decision.refusals()),
        });
    };
    let coupon = attributes.coupon.as_deref().and_then(|text| choices.coupon(text));
    let is_valid = coupon.map(|row| row.validity.flaw(prepared.occurred_at).is_none());
    let mut attributes = attributes.clone();
    if is_valid == Some(false) {
        attributes.coupon = None;
    }
    let of_coupon = coupon.filter(|row| is_valid == Some(true) && row.affiliate == affiliate.id);
    let of_coupon = of_coupon.and_then(|row| row.deal);
    Ok(Attributed { affiliate, chosen, decision, attributes, of_coupon })
}

pub(super) fn policy(program: &ProgramRow, name_decides: bool) -> Policy {
    let model = domain::attribution::Model::from_word(program.tracking.attribution_model.as_str());
    Policy {
        model: model.unwrap_or_default(),
        window_days: u16::try_from(program.tracking.cookie_days).unwrap_or(u16::MAX),
        name_decides,
    }
}

pub(super) fn described(name: &AffiliateName) -> String {
    match name {
        AffiliateName::Id(id) => id.to_string(),
        AffiliateName::Slug(slug) => slug.to_string(),
        AffiliateName::PartnerKey(key) => key.clone(),
    }
}

fn candidates(
    choices: &Choices,
    prepared: &Prepared,
    name: Option<&AffiliateName>,
    coupon: Option<&str>,
) -> Vec<Candidate> {
    let grade = match prepared.ask.operation.door() {
        Door::Keyed => Grade::Key,
        Door::Browser => Grade::Browser,
    };
    let bare = |basis, name: String| Candidate {
        basis,
        grade,
        name,
        affiliate: None,
        link: None,
        at: None,
        validity: Validity::default(),
        flaw: None,
    };
    let mut found = Vec::new();
    if let Some(text) = coupon {
        let shown = Code::parse(text).map_or_else(|_| "no code".to_owned(), String::from);
        let row = choices.coupon(text);
        let validity = row.map(|row| row.validity).unwrap_or_default();
        let affiliate = row.map(|row| row.affiliate);
        found.push(Candidate { affiliate, validity, ..bare(Basis::Coupon, shown) });
    }
    for click in &prepared.clicks {
        match click {
            Clicked::Signed(token) => found.push(Candidate {
                grade: Grade::Signed,
                affiliate: choices.links.get(&token.link).copied(),
                link: Some(token.link.0),
                at: Some(token.clicked_at()),
                ..bare(Basis::SignedClick, token.click().to_string())
            }),
            Clicked::Refused(text, error) => found.push(Candidate {
                flaw: Some(Flaw::Token(error.to_string())),
                ..bare(Basis::SignedClick, text.clone())
            }),
            Clicked::Client(id) => match choices.visits.get(id) {
                Some(visits) => found.extend(visits.iter().map(|visit| Candidate {
                    affiliate: Some(visit.affiliate),
                    link: visit.link.map(|link| link.0),
                    at: Some(visit.clicked_at),
                    ..bare(Basis::DeclaredClick, id.to_string())
                })),
                None => found.push(bare(Basis::DeclaredClick, id.to_string())),
            },
            Clicked::Unchecked => {}
        }
    }
    if let Some(name) = name {
        let affiliate = choices.affiliate(name).map(|affiliate| affiliate.id);
        found.push(Candidate { affiliate, ..bare(Basis::Slug, described(name)) });
    }
    found
}

/// The line of the record.
pub(super) fn record(
    prepared: &Prepared,
    referral: ReferralId,
    number: i32,
    attributed: &Attributed,
) -> AttributionRow {
    AttributionRow {
        referral,
        number,
        log: prepared.fact.into(),
        affiliate: attributed.affiliate.id,
        basis: attributed.chosen.basis,
        grade: attributed.chosen.grade,
        is_provisional: prepared.ask.operation.door() == Door::Browser,
        link: attributed.chosen.link,
        occurred_at: prepared.occurred_at,
        decided_at: prepared.now,
        evidence: attributed.decision.judged.clone(),
        reason: None,
    }
}

/// Flags a registration that a person should look at.
pub(super) fn watch(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    referral: ReferralId,
    email: Option<&Email>,
    affiliate: &Found,
) {
    let World { program, choices, .. } = world;
    let (own_email, own_visitor) = choices.people.get(&affiliate.id).cloned().unwrap_or_default();
    // Whoever tells is seen itself, or its clicks were.
    let clicked = prepared.clicks.iter().flat_map(|click| choices.made_with(click));
    let visitor =
        prepared.ask.visitor.iter().chain(clicked).find(|it| own_visitor.as_deref() == Some(&it[..]));
    let visitor = visitor.map(|visitor| &visitor[..]);
    let within_hour = choices.within_hour.get(&affiliate.id).copied().unwrap_or_default();
    let registered = Registered { email, visitor, within_hour };
    let known = Known { email: own_email.as_deref(), visitor: own_visitor.as_deref() };
    let per_hour = program.review_registrations_per_hour.and_then(|limit| u32::try_from(limit).ok());
    let watch = Watch { disposable_domains: &program.tracking.disposable_domains, per_hour };
    let mut found = suspicions(registered, known, watch);
    found.extend(prepared.clicks.iter().filter_map(|click| match click {
        Clicked::Refused(_, error @ (TokenError::Forged | TokenError::OtherProgram)) => {
            Some(Suspicion::ForgedClick(error.to_string()))
        }
        _ => None,
    }));
    choices.within_hour.insert(affiliate.id, within_hour.saturating_add(1));
    // Organic traffic earns nothing, so there is nothing to hold back.
    if affiliate.id == program.default_affiliate {
        return;
    }
    effects.reviews.extend(found.into_iter().map(|suspicion| ReviewRow {
        id: random::id(),
        referral_id: referral.0,
        affiliate_id: affiliate.id.0,
        kind: suspicion.as_str().to_owned(),
        reason: suspicion.detail(),
        raised_at: prepared.now,
        resolved_at: None,
        resolution: None,
        note: None,
    }));
}
