//! Every closed month closed again from the first one on, and compared with what is kept of it: what is posted, and what
//! it hands on. Affiliates who share a spend limit or brought one another are closed together, everybody else alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use domain::ids::AffiliateId;
use store::Connection;
use uuid::Uuid;

use super::Report;
use crate::App;
use crate::cache::Decisions;
use crate::error::Result;
use crate::period::{Month, Reader, Wanted, months_of, together};

/// Affiliates looked up at a time.
const PAGE: i64 = 200;

/// What the closes of a month should have moved, by the id of its row: adjustments, and what is carried of shares and of
/// parents' parts.
pub(super) type Posted = BTreeMap<Uuid, i128>;

/// Compares every closed month; what each should have moved on `due` is returned, for the transfers to be compared with.
pub(super) async fn compare(
    app: &App,
    connection: &mut Connection,
    decisions: &Decisions,
    accepted: Option<&BTreeSet<String>>,
    report: &mut Report,
) -> Result<Posted> {
    let program = &decisions.program;
    let mut posted = Posted::new();
    let Some(through) = program.closed_through else { return Ok(posted) };
    let sets = together(connection, program.id).await?;
    let waiting = store::period::due(connection, program.id, app.now(), i64::MAX).await?;
    let mut done: BTreeSet<AffiliateId> = BTreeSet::new();
    let mut after = AffiliateId(i64::MIN);
    loop {
        let page = store::affiliate::ids_after(connection, program.id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(posted) };
        after = *last;
        for affiliate in page {
            if done.contains(&affiliate) {
                continue;
            }
            let set = sets.iter().find(|set| set.contains(&affiliate)).cloned();
            let set = set.unwrap_or_else(|| BTreeSet::from([affiliate]));
            let Some(first) = store::period::first_of(connection, program.id, &set).await? else { continue };
            let wanted = Wanted { affiliates: &set, span: (first, through), watched: None, instead: None };
            let mut reader = Reader::Looking(&mut *connection);
            for month in months_of(app, &mut reader, decisions, program, wanted).await? {
                let is_waiting = waiting.iter().any(|(id, _)| set.contains(id));
                one(&month, is_waiting, &mut posted, (accepted, &mut *report));
            }
            done.extend(set);
        }
    }
}

/// Where differences go: those that were accepted, if an older engine booked anything, and the report.
type Told<'a> = (Option<&'a BTreeSet<String>>, &'a mut Report);

fn one(month: &Month, is_waiting: bool, posted: &mut Posted, (accepted, report): Told<'_>) {
    report.months += 1;
    let name = format!("month {} of affiliate {} under deal {}", month.month, month.affiliate, month.deal);
    let closed = &month.closed;
    let Some(row) = &month.before else {
        if !is_waiting && !month.postings.is_empty() {
            let given = &closed.adjustments;
            report.differs_from(
                accepted,
                format!("{name}: nothing is kept of its close, the rules give {given:?}"),
            );
        }
        return;
    };
    // What waits to be closed again is booked by that.
    if is_waiting {
        posted.insert(row.id, sum(&row.posted.adjustments) - sum(&row.posted.carried));
        return;
    }
    if row.booked_at.is_none() {
        posted.insert(row.id, 0);
        return;
    }
    posted.insert(
        row.id,
        closed.adjustments.values().map(|it| i128::from(it.micros)).sum::<i128>() - sum(&closed.carried),
    );
    let adjustments = closed.adjustments.iter().map(|(key, adjusted)| (key.clone(), adjusted.micros));
    each((&name, "adjustment"), &row.posted.adjustments, &adjustments.collect(), (accepted, &mut *report));
    each((&name, "carried"), &row.posted.carried, &closed.carried, (accepted, &mut *report));
    if row.chain != closed.chain {
        let what = format!("{name}: it handed on {:?}, the rules give {:?}", row.chain, closed.chain);
        report.differs_from(accepted, what);
    }
}

fn sum<K>(amounts: &BTreeMap<K, i64>) -> i128 {
    amounts.values().map(|micros| i128::from(*micros)).sum()
}

fn each<K: Ord + Clone + Debug>(
    (name, what): (&str, &str),
    kept: &BTreeMap<K, i64>,
    given: &BTreeMap<K, i64>,
    (accepted, report): Told<'_>,
) {
    let keys: BTreeSet<&K> = kept.keys().chain(given.keys()).collect();
    for key in keys {
        let amount = |amounts: &BTreeMap<K, i64>| amounts.get(key).copied().unwrap_or(0);
        let (kept, given) = (amount(kept), amount(given));
        if kept != given {
            let print = |micros: i64| domain::money::decimal(micros.into(), 2);
            let (kept, given) = (print(kept), print(given));
            let what = format!("{name}: {what} {key:?} is posted with {kept}, the rules give {given}");
            report.differs_from(accepted, what);
        }
    }
}
