//! What a referral told again came to, beside what is booked of it: every difference by name.

use std::collections::{BTreeMap, BTreeSet};

use domain::commission::{Booked, Key};
use domain::ids::CommissionId;
use domain::money::Money;
use domain::outcome::Note;
use store::transfer::TransferRow;
use uuid::Uuid;

use super::Report;
use super::history::{Case, Replayed};

/// Compares a referral. Of one that an older engine booked, its commissions: how they came to stand where they do, and
/// what was kept on the way, is that engine's.
pub(super) fn referral(case: &Case, replayed: &Replayed, accepted: &BTreeSet<String>, report: &mut Report) {
    let nothing = BTreeMap::new();
    let given = replayed.scope.history.as_ref().map_or(&nothing, |history| &history.booked);
    if case.facts.iter().any(|fact| fact.engine < domain::ENGINE_VERSION) {
        return commissions(case, given, Some(accepted), report);
    }
    commissions(case, given, None, report);
    transfers(case, replayed, report);
    outcomes(case, replayed, report);
    let (stored, told) = (&case.row, &replayed.scope.row);
    if stored.fold != told.fold {
        let (stored_fold, told_fold) = (json(&stored.fold), json(&told.fold));
        report
            .differs(format!("{}: the stored fold is {stored_fold}, the facts give {told_fold}", stored.id));
    }
    if (stored.state, stored.version) != (told.state, told.version) {
        report.differs(format!(
            "{}: stored are state {} and version {}, the facts give {} and {}",
            stored.id, stored.state, stored.version, told.state, told.version
        ));
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Where a commission stands, in words.
fn named(key: &Key, id: Option<CommissionId>) -> String {
    let id = id.map_or_else(|| "a commission".to_owned(), |id| id.to_string());
    format!("{id} on {}, rule {}, affiliate {}", key.fact, key.rule, key.affiliate)
}

fn commissions(
    case: &Case,
    given: &BTreeMap<Key, Booked>,
    accepted: Option<&BTreeSet<String>>,
    report: &mut Report,
) {
    let currency = case.course.currency;
    let print = |micros: i64| Money::from_micros(micros, currency).to_string();
    for (key, booked) in &case.booked {
        let name = named(key, Some(booked.header.id));
        let Some(told) = given.get(key) else {
            let what = format!("{name}: booked is {}, the rules give none", print(booked.standing));
            report.differs_from(accepted, what);
            continue;
        };
        if booked.standing != told.standing {
            let (booked, told) = (print(booked.standing), print(told.standing));
            report.differs_from(accepted, format!("{name}: booked is {booked}, the rules give {told}"));
        }
        let header = |it: &Booked| {
            let header = &it.header;
            (header.kind, header.version, header.occurred_at, header.release_at, it.released_at, it.disputed)
        };
        if header(booked) != header(told) {
            let (booked, told) = (header(booked), header(told));
            let what = format!(
                "{name}: booked are kind, version, times and dispute {booked:?}, the rules give {told:?}"
            );
            report.differs_from(accepted, what);
        }
    }
    for (key, told) in given.iter().filter(|(key, _)| !case.booked.contains_key(key)) {
        let name = named(key, None);
        let what = format!("{name}: nothing is booked, the rules give {}", print(told.standing));
        report.differs_from(accepted, what);
    }
}

/// What names a transfer whatever its own id is: its commission, its cause, and its place among the cause's.
type Place = (Key, i16, Uuid, i32, i16);

fn transfers(case: &Case, replayed: &Replayed, report: &mut Report) {
    let place = |key: Key, row: &TransferRow| (key, row.cause.code(), row.cause_id, row.revision, row.leg);
    let mut given: BTreeMap<Place, &TransferRow> =
        replayed.transfers.iter().map(|(key, row)| (place(*key, row), row)).collect();
    let keys: BTreeMap<CommissionId, Key> =
        case.booked.iter().map(|(key, booked)| (booked.header.id, *key)).collect();
    for row in &case.transfers {
        let (transfer, engine) = (&row.transfer, row.engine);
        let Some(key) = transfer.commission.and_then(|id| keys.get(&id)) else { continue };
        let name = format!("{} of {}", transfer.id, named(key, transfer.commission));
        match given.remove(&place(*key, transfer)) {
            None => report.differs(format!("{name}: booked is {}, the rules give none", shown(transfer))),
            Some(told) if !is_same(transfer, told) => {
                report.differs(format!(
                    "{name}: booked is {}, the rules give {}",
                    shown(transfer),
                    shown(told)
                ));
            }
            Some(_) => {}
        }
        if transfer.period < case.course.zone.period_of(transfer.effective_at) {
            report.differs(format!("{name}: posted in {}, before it takes effect", transfer.period));
        }
        if engine > domain::ENGINE_VERSION {
            report.differs(format!("{name}: booked by engine {engine}, newer than this one"));
        }
    }
    for ((key, ..), told) in given {
        let id = case.booked.get(&key).map(|booked| booked.header.id);
        report.differs(format!("{}: the rules give {}, nothing is booked", named(&key, id), shown(told)));
    }
}

fn is_same(booked: &TransferRow, told: &TransferRow) -> bool {
    let all = |row: &TransferRow| {
        let currency = row.currency.clone();
        (row.affiliate, currency, row.movement, row.entry, row.effective_at, row.log)
    };
    all(booked) == all(told)
}

/// A transfer in words.
fn shown(row: &TransferRow) -> String {
    let (debit, credit) = (row.movement.debit().name(), row.movement.credit().name());
    let micros = domain::money::decimal(row.movement.micros().into(), 2);
    let entry = row.entry.map_or("moved", |entry| entry.as_str());
    let at = row.effective_at.to_rfc3339();
    let cause = row.cause.as_str();
    format!(
        "{micros} {} {debit} -> {credit} ({entry}, effective {at}, by {cause} {})",
        row.currency, row.cause_id
    )
}

/// What came of each fact as it was first answered. One that waited was answered before it was booked.
fn outcomes(case: &Case, replayed: &Replayed, report: &mut Report) {
    for fact in case.facts.iter().filter(|fact| fact.outcome.note != Some(Note::Parked)) {
        let told = replayed.outcomes.get(&fact.id);
        if told != Some(&fact.outcome) {
            let told = told.map_or_else(|| "nothing".to_owned(), json);
            report.differs(format!(
                "{}: answered was {}, the rules give {told}",
                fact.id,
                json(&fact.outcome)
            ));
        }
    }
}
