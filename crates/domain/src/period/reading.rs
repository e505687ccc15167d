//! What one referral brings to a month: its commissions dated in it, and what was reached by them.

use std::collections::{BTreeMap, BTreeSet};

use super::Item;
use crate::commission::{Key, Target};
use crate::deal::Measure;
use crate::fact::{Fact, Position};
use crate::fold::{Course, Folded, fold, fold_measured};
use crate::ids::{AffiliateId, DealVersionId, FactId};
use crate::time::Period;

/// Whose month is read.
#[derive(Clone, Copy, Debug)]
pub struct Under<'a> {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// All versions of the root deal.
    pub versions: &'a BTreeSet<DealVersionId>,
    /// The month.
    pub period: Period,
}

/// What referrals bring to a month.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    /// Commissions dated in it.
    pub items: Vec<Item>,
    /// What was reached, by facts dated up to its end.
    pub reached: BTreeMap<Measure, i64>,
}

impl Reading {
    /// Adds what another referral brings.
    pub fn add(&mut self, other: Reading) {
        self.items.extend(other.items);
        for (by, micros) in other.reached {
            let sum = self.reached.entry(by).or_default();
            *sum = sum.saturating_add(micros);
        }
    }
}

/// Reads one referral: what it reached by the facts dated up to the month's end, and what its commissions stand at by
/// all facts. A refund or rejection dated later lowers a commission, and never the level that the month reached.
pub fn read(course: &Course, facts: &[Fact], under: Under<'_>) -> Reading {
    let end = course.zone.close_of(under.period, 0);
    let at_end: Vec<Fact> = facts.iter().filter(|fact| fact.occurred_at <= end).cloned().collect();
    let rejected_at = course.rejected_at.filter(|at| *at <= end);
    let then = fold_measured(&Course { rejected_at, ..course.clone() }, &at_end);
    let is_same = at_end.len() == facts.len() && rejected_at == course.rejected_at;
    let now = if is_same { then.clone() } else { fold(course, facts) };
    let is_under = |affiliate: AffiliateId, version: DealVersionId, at| {
        affiliate == under.affiliate
            && under.versions.contains(&version)
            && course.zone.period_of(at) == under.period
    };
    let mut reading = Reading::default();
    for reached in then.reached.iter().filter(|it| is_under(it.affiliate, it.version, it.occurred_at)) {
        let sum = reading.reached.entry(reached.by).or_default();
        *sum = sum.saturating_add(reached.micros);
    }
    let by_id: BTreeMap<FactId, &Fact> = facts.iter().map(|fact| (fact.id, fact)).collect();
    for (key, target) in all(&then, &now) {
        if !is_under(key.affiliate, target.version, target.occurred_at) {
            continue;
        }
        let Some(fact) = by_id.get(&key.fact) else { continue };
        let full = then.targets.get(key).unwrap_or(target).full;
        let mut item = item(course, fact, *key, target, full);
        item.now = now.targets.get(key).map_or(0, |target| target.micros);
        reading.items.push(item);
    }
    reading
}

/// Every commission of either fold, as it is now where it is.
fn all<'a>(then: &'a Folded, now: &'a Folded) -> BTreeMap<&'a Key, &'a Target> {
    then.targets.iter().chain(&now.targets).collect()
}

fn item(course: &Course, fact: &Fact, key: Key, target: &Target, full: i64) -> Item {
    let position: Position = fact.position();
    let brand = fact.attributes.brand.clone().or_else(|| course.customer.brand.clone());
    Item {
        key,
        position,
        kind: target.kind,
        version: target.version,
        on: target.on,
        full,
        now: target.micros,
        full_now: target.full,
        returned: target.returned,
        base: target.base,
        brand,
    }
}
