//! Deciding one command in the world that its batch has read: refused, known already, or a new fact with what it
//! earns. Nothing here waits or writes; what is to be written is collected in `Effects`.

mod activity;
mod attribute;
mod book;
mod count;
mod fact;
mod register;
mod replace;

use domain::command::{Command, Refused};
use domain::fact::Kind;
use domain::ids::{FactId, LogId, ReferralId};
use domain::outcome::{Note, Outcome};
use domain::time::is_plausible;
use serde_json::json;
use store::fact::{Attached, FactRow};
use store::log::LogRow;
use store::name::Hash;
use uuid::Uuid;

use super::prepare::Prepared;
use super::rates::Rates;
use super::world::{Name, World};
use super::{Answer, NAMED, Recorded};

pub(crate) use book::{Cause, Effects, book, book_in, convert, re_rate, reject_commission, reject_referral};

/// How long a fact may wait for its customer or payment, in days.
const PARKED_DAYS: i64 = 90;

/// How far ahead of the program's clock a fact may be, in minutes.
const AHEAD_MINUTES: i64 = 5;

/// Decides one command.
pub(crate) fn decide(world: &mut World, effects: &mut Effects, prepared: &Prepared) -> Answer {
    let before = effects.attached.len();
    let answer = match known(world, effects, prepared) {
        Some(answer) => answer,
        None => decide_new(world, effects, prepared),
    };
    effects.log_attached(prepared, before);
    answer
}

fn decide_new(world: &mut World, effects: &mut Effects, prepared: &Prepared) -> Answer {
    check_time(prepared)?;
    match &prepared.ask.command {
        Command::Registration(registration) => register::register(world, effects, prepared, registration),
        Command::Payment(payment) => fact::pay(world, effects, prepared, payment),
        Command::Refund(refund) => fact::refund(world, effects, prepared, refund),
        Command::Dispute(dispute) => fact::dispute(world, effects, prepared, dispute),
        Command::Withdrawal(withdrawal) => fact::withdraw(world, effects, prepared, withdrawal),
        Command::Churn(_) => fact::churn(world, effects, prepared),
        Command::Activity(activity) => activity::row(world, effects, prepared, activity),
    }
}

fn check_time(prepared: &Prepared) -> Result<(), Refused> {
    let at = prepared.occurred_at;
    let is_ahead = at > prepared.now + chrono::Duration::minutes(AHEAD_MINUTES);
    if !is_ahead && is_plausible(at) {
        return Ok(());
    }
    let (field, value) = match &prepared.ask.command {
        Command::Activity(activity) => ("day", activity.day.to_string()),
        _ => ("occurred_at", at.to_rfc3339()),
    };
    Err(if is_ahead { Refused::InFuture { field, value } } else { Refused::Implausible { field, value } })
}

/// The answer to a command whose key or money is known: the first answer again, or a conflict.
fn known(world: &mut World, effects: &mut Effects, prepared: &Prepared) -> Option<Answer> {
    // A batch that is tried again meets its own facts, if its first commit went through after all.
    if let Some(own) = world.facts.get(&prepared.fact) {
        return Some(Ok(recorded(world, own, false)));
    }
    // Reports of a player's day are told apart by their revisions.
    if matches!(prepared.ask.command, Command::Activity(_)) {
        return None;
    }
    if let Some(first) = prepared.key.as_ref().and_then(|key| world.fact_named(key)) {
        let key = prepared.ask.key.as_ref().map_or_else(String::new, ToString::to_string);
        return Some(repeat(world, first, prepared, Refused::KeyReused(key)));
    }
    if let Some(is_state) = is_report(&prepared.ask.command) {
        return known_report(world, prepared, is_state);
    }
    known_money(world, effects, prepared)
}

/// The answer to money of which one of its ids is known: the first answer again, or a conflict.
fn known_money(world: &mut World, effects: &mut Effects, prepared: &Prepared) -> Option<Answer> {
    // The names of the sources were made of their texts, in this order.
    let texts = prepared.ask.command.sources();
    let mut named = prepared.sources.iter().zip(&texts).filter_map(|(source, text)| {
        let fact = world.fact_named(source)?;
        Some((fact, text))
    });
    let (first, text) = named.next()?;
    let operation = prepared.ask.operation;
    let same_door = first.operation == operation.code();
    if same_door && first.input_hash == prepared.input_hash {
        return Some(Ok(recorded(world, first, true)));
    }
    if let Some(field) = differs(world, first, prepared) {
        return Some(Err(Refused::OtherMoney { source_id: text.clone(), field }));
    }
    if let Some((_, text)) = named.find(|(other, _)| other.id != first.id) {
        return Some(Err(Refused::OtherMoney { source_id: text.clone(), field: "payment" }));
    }
    if same_door && operation.source_is_key() {
        return Some(Err(Refused::KeyReused(text.clone())));
    }
    let (answer, payment, referral) = (recorded(world, first, true), first.id, first.referral);
    Some(take_more_names(world, effects, prepared, payment, referral).map(|()| answer))
}

/// Takes what else a known payment is called, so that what is told of it by that id later finds it, and what was told of it
/// before is booked (money.md §3).
fn take_more_names(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    payment: FactId,
    referral: Option<ReferralId>,
) -> Result<(), Refused> {
    let Command::Payment(told) = &prepared.ask.command else { return Ok(()) };
    let more =
        prepared.sources.iter().zip(&told.sources).filter(|(source, _)| world.subject(source).is_none());
    let (more, ids): (Vec<Hash>, Vec<&str>) = more.map(|(source, id)| (*source, id.as_str())).unzip();
    if more.is_empty() {
        return Ok(());
    }
    for source in &more {
        take_name(world, effects, *source, payment.0);
    }
    let before = effects.attached.len();
    match referral {
        Some(referral) => {
            for source in &more {
                fact::attach_refunds(world, effects, prepared, (referral, payment), source)?;
            }
        }
        None => fact::park_refunds_with_payment(world, effects, prepared, &more, payment),
    }
    let has_booked = effects.attached.len() > before;
    let scope = referral.filter(|_| has_booked).and_then(|id| world.referrals.get(&id));
    effects.logs.push(LogRow {
        id: prepared.fact.into(),
        kind: NAMED,
        scope: scope.map(|scope| (scope.row.id.0, scope.row.version)),
        recorded_at: prepared.now,
        body: Some(json!({ "payment": payment.0, "ids": ids })),
    });
    Ok(())
}

/// Of a report of a state of a refund or dispute: whether a recorded fact reports the same state.
fn is_report(command: &Command) -> Option<impl Fn(&FactRow) -> bool> {
    let state = match command {
        Command::Refund(refund) if refund.source.is_some() => refund.state?.as_str(),
        Command::Dispute(dispute) => dispute.state.as_str(),
        _ => return None,
    };
    Some(move |row: &FactRow| row.state() == Some(state))
}

/// The answer to a report of a refund or dispute: the same state again is the first report of it, another one is a new
/// fact, as long as it is of the same money.
fn known_report(world: &World, prepared: &Prepared, is_state: impl Fn(&FactRow) -> bool) -> Option<Answer> {
    let same = prepared.sources.last().and_then(|report| world.fact_named(report));
    let money = prepared.sources.first().and_then(|source| world.fact_named(source));
    let known = same.or(money)?;
    if let Some(field) = differs(world, known, prepared) {
        let source_id = prepared.ask.command.source().unwrap_or_default();
        return Some(Err(Refused::OtherMoney { source_id, field }));
    }
    is_state(known).then(|| Ok(recorded(world, known, true)))
}

fn repeat(world: &World, first: &FactRow, prepared: &Prepared, conflict: Refused) -> Answer {
    if first.input_hash == prepared.input_hash { Ok(recorded(world, first, true)) } else { Err(conflict) }
}

/// In what a command differs from the money its source id names (money.md §3).
fn differs(world: &World, known: &FactRow, prepared: &Prepared) -> Option<&'static str> {
    let (kind, amount) = match &prepared.ask.command {
        Command::Payment(payment) => (Kind::Payment, Some(payment.amount)),
        Command::Refund(refund) => (Kind::Refund, refund.amount.or(known.amount)),
        Command::Dispute(dispute) => (Kind::Dispute, dispute.amount.or(known.amount)),
        Command::Withdrawal(withdrawal) => (Kind::Withdrawal, Some(withdrawal.amount)),
        Command::Registration(_) | Command::Churn(_) | Command::Activity(_) => return Some("kind"),
    };
    if known.kind != kind {
        return Some("kind");
    }
    let currency = |money: Option<domain::money::Money>| money.map(|money| money.currency());
    if currency(known.amount) != currency(amount) {
        return Some("currency");
    }
    if known.amount != amount {
        return Some("amount");
    }
    match &prepared.payment {
        Some(payment) => {
            let named = world.fact_named(payment).map(|payment| payment.id);
            (known.payment.is_some() && named != known.payment).then_some("payment")
        }
        None => {
            let named = world.referral_of(prepared);
            (known.referral.is_some() && named != known.referral).then_some("customer")
        }
    }
}

/// What is answered for a fact; nothing but what was stored with it and the currency of the program, which its first fact
/// fixed, so that it never changes.
pub(crate) fn recorded(world: &World, fact: &FactRow, replayed: bool) -> Recorded {
    let parked = fact.outcome.note == Some(Note::Parked);
    let had_value = fact.valued_at.is_none();
    Recorded {
        fact: fact.id,
        kind: fact.kind,
        referral: fact.referral.filter(|_| !parked),
        affiliate: fact.outcome.affiliate,
        amount: fact.amount,
        program_currency: world.program.currency,
        value_micros: fact.value_micros.filter(|_| had_value),
        exchange: fact.exchange.filter(|_| had_value),
        occurred_at: fact.occurred_at,
        recorded_at: fact.recorded_at,
        state: fact.state().map(str::to_owned),
        outcome: fact.outcome.clone(),
        replayed,
    }
}

/// A new fact without referral, value and outcome yet.
fn new_fact(prepared: &Prepared) -> FactRow {
    FactRow {
        id: prepared.fact,
        kind: prepared.ask.command.kind(),
        operation: prepared.ask.operation.code(),
        referral: None,
        payment: None,
        amount: None,
        value_micros: None,
        exchange: None,
        valued_at: None,
        source: prepared.source(),
        occurred_at: prepared.occurred_at,
        recorded_at: prepared.now,
        input_hash: prepared.input_hash.clone(),
        engine: domain::ENGINE_VERSION,
        detail: None,
        outcome: Outcome::default(),
    }
}

/// Takes the key and sources of a command for its fact.
fn take_own_names(world: &mut World, effects: &mut Effects, prepared: &Prepared) {
    for hash in prepared.key.iter().chain(&prepared.sources) {
        // A newer report of a day, a refund or a dispute leaves the name to the first one.
        if world.subject(hash).is_some() {
            continue;
        }
        take_name(world, effects, *hash, prepared.fact.0);
    }
}

/// Takes a name that nobody has; whatever the row says now, it will name the subject after the commit.
fn take_name(world: &mut World, effects: &mut Effects, hash: Hash, subject: Uuid) {
    if world.names.get(&hash) != Some(&Name::Fresh(Some(subject))) {
        effects.bindings.push((hash, subject));
    }
    world.names.insert(hash, Name::Bound(subject));
}

/// Keeps a fact whose customer or payment is not known yet, under the names that may make it known.
fn park(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    mut fact: FactRow,
    names: &[Hash],
) -> Answer {
    fact.outcome.note = Some(Note::Parked);
    let until = prepared.now + chrono::Duration::days(PARKED_DAYS);
    for name in names {
        effects.parked.push((*name, fact.id, until));
        effects.kept_names.insert(*name);
        world.parked.entry(*name).or_default().push(fact.id);
        if let Some(Name::Fresh(Some(_))) = world.names.get(name) {
            // Another command of the batch would have owned the name, but has not: it names nothing yet.
            effects.unbound.insert(*name);
        }
        world.names.insert(*name, Name::Waiting);
    }
    take_own_names(world, effects, prepared);
    effects.log(prepared, None, None);
    let answer = recorded(world, &fact, false);
    effects.facts.push(fact.id);
    world.facts.insert(fact.id, fact);
    Ok(answer)
}

/// Says what an amount of another currency is worth. One that is worth more than any amount may be is refused.
fn set_value(world: &World, fact: &mut FactRow) -> Result<(), Refused> {
    world.rates.set_value(fact).map_err(|error| Refused::NotConvertible(error.to_string()))
}

/// A parked fact may have waited for its rates too; where they are still missing it goes on waiting for those.
fn value_late(rates: &Rates, effects: &mut Effects, fact: &mut FactRow, now: domain::time::Timestamp) {
    if fact.value_micros.is_some() {
        return;
    }
    if let Err(error) = rates.set_value(fact) {
        tracing::warn!(fact = %fact.id, %error, "a fact cannot be converted and goes on waiting");
    }
    if fact.value_micros.is_some() {
        fact.valued_at = Some(now);
        effects.converted.push(fact.clone());
    }
}

/// Attaches facts that waited under a name: to the referral, and refunds to their payment.
fn attach(
    world: &mut World,
    effects: &mut Effects,
    referral: ReferralId,
    names: &[Hash],
    log: LogId,
    now: domain::time::Timestamp,
) -> Result<(), Refused> {
    let mut waiting: Vec<FactId> =
        names.iter().filter_map(|name| world.parked.remove(name)).flatten().collect();
    // In the order of the log; a payment before the refunds and disputes that wait for it.
    waiting.sort_by_key(|id| (world.facts.get(id).map(|fact| fact.kind), *id));
    waiting.dedup();
    for id in waiting {
        let Some(fact) = world.facts.get_mut(&id) else { continue };
        let is_of_other_money = fact.payment.is_none() && matches!(fact.kind, Kind::Refund | Kind::Dispute);
        if fact.referral.is_some() || is_of_other_money {
            continue;
        }
        fact.referral = Some(referral);
        effects.parked.retain(|(_, parked, _)| *parked != id);
        effects.unparked.push(id);
        effects.attached.push(Attached { fact: id, referral, payment: fact.payment });
        value_late(&world.rates, effects, fact, now);
        let row = fact.clone();
        book(world, effects, referral, &row, Cause { log, now })?;
    }
    Ok(())
}
