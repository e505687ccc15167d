//! Payments, what becomes of them, withdrawals and churn.

use domain::command::{Dispute, Payment, Refund, Refused, Withdrawal};
use domain::fact::Kind;
use domain::ids::{FactId, ReferralId};
use domain::money::Money;
use domain::referral::State;
use serde_json::json;
use store::fact::FactRow;
use store::name::Hash;

use super::book::{Cause, Effects, book};
use super::register::{names, refer_by_coupon};
use super::{attach, new_fact, park, recorded, set_value, take_own_names};
use crate::ingest::Answer;
use crate::ingest::prepare::Prepared;
use crate::ingest::world::World;

pub(super) fn pay(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    payment: &Payment,
) -> Answer {
    let mut fact = new_fact(prepared);
    fact.amount = Some(payment.amount);
    set_value(world, &mut fact)?;
    fact.detail = detail(payment);
    let known = world.referral_of(prepared);
    let Some(referral) = known.or_else(|| refer_by_coupon(world, effects, prepared, payment)) else {
        let answer = park_or_refuse(world, effects, prepared, fact);
        if answer.is_ok() {
            park_refunds_with_payment(world, effects, prepared, &prepared.sources, prepared.fact);
        }
        return answer;
    };
    if prepared.ask.operation.refuses_what_cannot_earn() {
        check_can_earn(world, referral, prepared)?;
    }
    record(world, effects, prepared, fact, referral)?;
    if known.is_none() {
        // Other facts of the customer may have waited for somebody to say who referred it.
        attach(world, effects, referral, &names(prepared), prepared.fact.into(), prepared.now)?;
    }
    // Refunds of this payment may have come before it.
    for source in &prepared.sources {
        attach_refunds(world, effects, prepared, (referral, prepared.fact), source)?;
    }
    answer(world, prepared)
}

/// Books refunds and disputes that waited under a source of a payment.
pub(super) fn attach_refunds(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    (referral, payment): (ReferralId, FactId),
    source: &Hash,
) -> Result<(), Refused> {
    settle_refunds(world, source, payment);
    attach(world, effects, referral, &[*source], prepared.fact.into(), prepared.now)
}

pub(super) fn refund(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    refund: &Refund,
) -> Answer {
    let mut detail = json!({ "payment": refund.payment.as_str() });
    if let Some(state) = refund.state {
        detail["state"] = state.as_str().into();
    }
    let fact = FactRow { detail: Some(detail), ..new_fact(prepared) };
    send_back(world, effects, prepared, fact, refund.amount)
}

pub(super) fn dispute(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    dispute: &Dispute,
) -> Answer {
    let detail = json!({ "payment": dispute.payment.as_str(), "state": dispute.state.as_str() });
    let fact = FactRow { detail: Some(detail), ..new_fact(prepared) };
    send_back(world, effects, prepared, fact, dispute.amount)
}

/// Records a refund or a dispute of a payment, or keeps it until its payment is known.
fn send_back(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    mut fact: FactRow,
    amount: Option<Money>,
) -> Answer {
    let name = prepared.payment.as_ref().ok_or(Refused::Unavailable)?;
    let payment = world.fact_named(name).filter(|fact| fact.kind == Kind::Payment).cloned();
    // What an earlier report of the same refund or dispute said.
    let earlier = prepared.sources.first().and_then(|source| world.fact_named(source)?.amount);
    let amount = amount.or(earlier);
    let Some(payment) = payment else {
        return match amount {
            Some(amount) if prepared.ask.park && world.fact_named(name).is_none() => {
                fact.amount = Some(amount);
                set_value(world, &mut fact)?;
                park(world, effects, prepared, fact, &[*name])
            }
            _ => {
                let payment = prepared.ask.command.payment().map(ToString::to_string);
                Err(Refused::UnknownPayment(payment.unwrap_or_default()))
            }
        };
    };
    fact.amount = Some(amount_of(world, &payment, fact.kind, amount)?);
    set_value(world, &mut fact)?;
    fact.payment = Some(payment.id);
    match payment.referral {
        Some(referral) => {
            record(world, effects, prepared, fact, referral)?;
            answer(world, prepared)
        }
        // The payment itself waits; what is of it waits with it, under the same names.
        None => match names_of_parked(world, payment.id) {
            names if names.is_empty() => {
                let payment = prepared.ask.command.payment().map(ToString::to_string);
                Err(Refused::UnknownPayment(payment.unwrap_or_default()))
            }
            names => park(world, effects, prepared, fact, &names),
        },
    }
}

pub(super) fn withdraw(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    withdrawal: &Withdrawal,
) -> Answer {
    let mut fact = new_fact(prepared);
    fact.amount = Some(withdrawal.amount);
    fact.detail = withdrawal.brand.as_ref().map(|brand| json!({ "brand": brand }));
    set_value(world, &mut fact)?;
    record_or_park(world, effects, prepared, fact)
}

pub(super) fn churn(world: &mut World, effects: &mut Effects, prepared: &Prepared) -> Answer {
    record_or_park(world, effects, prepared, new_fact(prepared))
}

fn record_or_park(world: &mut World, effects: &mut Effects, prepared: &Prepared, fact: FactRow) -> Answer {
    match world.referral_of(prepared) {
        Some(referral) => {
            record(world, effects, prepared, fact, referral)?;
            answer(world, prepared)
        }
        None => park_or_refuse(world, effects, prepared, fact),
    }
}

pub(super) fn record(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    mut fact: FactRow,
    referral: ReferralId,
) -> Result<(), Refused> {
    fact.referral = Some(referral);
    let cause = Cause { log: prepared.fact.into(), now: prepared.now };
    fact.outcome = book(world, effects, referral, &fact, cause)?;
    take_own_names(world, effects, prepared);
    let version = world.referrals.get(&referral).map(|scope| (referral.0, scope.row.version));
    effects.log(prepared, version, None);
    effects.facts.push(fact.id);
    world.facts.insert(fact.id, fact);
    Ok(())
}

pub(super) fn answer(world: &World, prepared: &Prepared) -> Answer {
    world.facts.get(&prepared.fact).map(|fact| recorded(world, fact, false)).ok_or(Refused::Unavailable)
}

pub(super) fn park_or_refuse(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    fact: FactRow,
) -> Answer {
    let names: Vec<Hash> = prepared.uid.iter().chain(&prepared.email).copied().collect();
    if prepared.ask.park && !names.is_empty() {
        return park(world, effects, prepared, fact, &names);
    }
    let customer = prepared.customer().cloned().unwrap_or_default();
    let described = [
        customer.uid.map(|uid| format!("uid {uid:?}")),
        customer.id.map(|id| format!("id {id}")),
        customer.email.map(|email| format!("e-mail {email:?}")),
    ];
    Err(Refused::UnknownCustomer(described.into_iter().flatten().collect::<Vec<_>>().join(", ")))
}

/// Refunds that waited under sources of a payment which is parked itself now wait for its customer.
pub(super) fn park_refunds_with_payment(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    sources: &[Hash],
    payment: FactId,
) {
    let names = names_of_parked(world, payment);
    // A payment that has waited in vain waits for nobody any more.
    if names.is_empty() {
        return;
    }
    let until = prepared.now + chrono::Duration::days(super::PARKED_DAYS);
    for source in sources {
        settle_refunds(world, source, payment);
        let waiting = world.parked.remove(source).unwrap_or_default();
        let is_settled = |id: &FactId| world.facts.get(id).is_some_and(|row| row.payment == Some(payment));
        for refund in waiting.into_iter().filter(is_settled).collect::<Vec<_>>() {
            effects.repointed.push((refund, payment));
            effects.unparked.push(refund);
            for name in &names {
                effects.parked.push((*name, refund, until));
                world.parked.entry(*name).or_default().push(refund);
            }
        }
    }
}

/// Tells refunds and disputes that waited under a source which payment it names. One in another currency is none of this
/// payment (money.md §5) and goes on waiting.
fn settle_refunds(world: &mut World, source: &Hash, payment: FactId) {
    let currency = |fact: &FactRow| fact.amount.map(|amount| amount.currency());
    let paid = world.facts.get(&payment).and_then(currency);
    for refund in world.parked.get(source).cloned().unwrap_or_default() {
        if let Some(refund) = world.facts.get_mut(&refund).filter(|refund| currency(refund) == paid) {
            refund.payment = Some(payment);
        }
    }
}

fn names_of_parked(world: &World, fact: FactId) -> Vec<Hash> {
    let mut names: Vec<Hash> =
        world.parked.iter().filter(|(_, facts)| facts.contains(&fact)).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// How much a refund gives back or a dispute is about: what it says, or what is left of the payment, or all of it.
fn amount_of(world: &World, payment: &FactRow, kind: Kind, amount: Option<Money>) -> Result<Money, Refused> {
    let paid = payment.amount.ok_or(Refused::Unavailable)?;
    let is_dispute = kind == Kind::Dispute;
    let Some(amount) = amount else {
        let history = payment.referral.and_then(|id| world.referrals.get(&id)?.history.as_ref());
        let returned = history.map_or(0, |history| domain::fold::returned(&history.facts, payment.id));
        let left = if is_dispute { paid.micros().into() } else { i128::from(paid.micros()) - returned };
        return Ok(Money::from_micros(left.max(0) as i64, paid.currency()));
    };
    let (given, payment) = (amount.currency().to_string(), paid.currency().to_string());
    match (amount.currency() == paid.currency(), is_dispute) {
        (true, _) => {}
        (false, true) => return Err(Refused::DisputeInOtherCurrency { dispute: given, payment }),
        (false, false) => return Err(Refused::RefundInOtherCurrency { refund: given, payment }),
    }
    let (given, payment) = (amount.to_string(), paid.to_string());
    match (amount.micros() <= paid.micros(), is_dispute) {
        (true, _) => Ok(amount),
        (false, true) => Err(Refused::DisputeAbovePayment { dispute: given, payment }),
        (false, false) => Err(Refused::RefundAbovePayment { refund: given, payment }),
    }
}

/// The Reditus payment call refuses what the other doors keep without earning (money.md §5).
fn check_can_earn(world: &World, referral: ReferralId, prepared: &Prepared) -> Result<(), Refused> {
    let Some(scope) = world.referrals.get(&referral) else { return Ok(()) };
    let (state, _) = scope.row.state_at(prepared.occurred_at);
    if matches!(state, State::Rejected | State::Expired) {
        return Err(Refused::ReferralCannotEarn(state));
    }
    let owner = scope.course.owner_at(prepared.occurred_at);
    let status = scope.course.statuses.get(&owner.affiliate).map(|history| history.at(prepared.occurred_at));
    match status {
        Some(status @ domain::affiliate::Status::Blocked) => Err(Refused::AffiliateCannotEarn(status)),
        _ => Ok(()),
    }
}

/// What a payment says beyond its amount, for rules and people to read.
fn detail(payment: &Payment) -> Option<serde_json::Value> {
    let mut detail = serde_json::Map::new();
    let mut put = |name: &str, value: Option<serde_json::Value>| {
        if let Some(value) = value {
            detail.insert(name.to_owned(), value);
        }
    };
    put("subscription_id", payment.subscription_id.clone().map(Into::into));
    put("interval", payment.interval.clone().map(Into::into));
    put("interval_count", payment.interval_count.map(Into::into));
    put("base_micros", payment.base.map(|base| base.micros().into()));
    let more: Vec<&str> = payment.sources.iter().skip(1).map(|source| source.as_str()).collect();
    put("sources", (!more.is_empty()).then(|| json!(more)));
    if let Ok(serde_json::Value::Object(attributes)) = serde_json::to_value(&payment.attributes) {
        detail.extend(attributes);
    }
    (!detail.is_empty()).then_some(serde_json::Value::Object(detail))
}
