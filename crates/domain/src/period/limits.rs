//! Tiers, caps and the spend limit of a month. Each replaces what the items are worth; the difference is an adjustment
//! in proportion to what each item stands at now, so that a later refund gives back its share of the correction too.

use super::{Adjusted, Asked, Change, Closed, Correction, Input, Item, Trace, clamp, scale_item};
use crate::deal::Rule;
use crate::ledger::Kind;
use crate::money::left_of;

/// The rule of an item, in its own version.
pub(super) fn rule_of<'a>(input: &Input<'a>, item: &Item) -> Option<&'a Rule> {
    let terms = input.versions.get(&item.version).filter(|_| item.kind != Kind::SubAffiliate)?;
    terms.rules.get(usize::from(item.key.rule))
}

/// Sets what an item is worth before refunds and books the difference that makes now to a correction.
fn replace(
    input: &Input<'_>,
    item: &mut Item,
    full: i64,
    correction: Correction,
    from: i64,
    (closed, trace): (&mut Closed, &impl Trace),
) {
    let full_now = match item.full_now == item.full {
        true => full,
        false => scale_item(input, item, item.full_now, full.into(), item.full.into()),
    };
    // What nothing stands of stays nothing; the rest is left of its own full amount, rounded once.
    let now = match (item.now, item.returned) {
        (0, _) => 0,
        (_, (0, _)) => full_now,
        (_, returned) => left_of(full_now, returned, input.currency),
    };
    let change = now.saturating_sub(item.now);
    trace.change(|| Change {
        key: item.key,
        correction: correction.clone(),
        from,
        before: item.now,
        after: now,
    });
    let adjusted = closed.adjustments.entry(correction).or_default();
    adjusted.micros = adjusted.micros.saturating_add(change);
    if item.kind == Kind::Share {
        adjusted.of_shares = adjusted.of_shares.saturating_add(change);
    }
    adjusted.from = from;
    (item.full, item.full_now, item.now) = (full, full_now, now);
}

/// The level counts over all versions of the deal; each item is paid by its own version's table, at the mean reward.
pub(super) fn tiers(input: &Input<'_>, items: &mut [Item], closed: &mut Closed, trace: &impl Trace) {
    for item in items {
        let Some(rule) = rule_of(input, item) else { continue };
        let Some(tiers) = &rule.tiers else { continue };
        let level = input.reached.get(&tiers.by).copied().unwrap_or(0);
        let (numerator, denominator) = tiers.mean(rule.reward, level.into());
        let Some(denominator) = denominator.checked_mul(rule.reward.size().into()) else { continue };
        let full = scale_item(input, item, item.full, numerator, denominator);
        replace(input, item, full, Correction::Tier(item.key.rule), level, (closed, trace));
    }
}

/// Caps per month and per affiliate, as the terms at the month's end say them for a rule's place: what exceeds one is cut
/// from the latest items, so that the earliest are paid.
pub(super) fn caps(input: &Input<'_>, items: &mut [Item], closed: &mut Closed, trace: &impl Trace) {
    let rules: std::collections::BTreeSet<u16> =
        items.iter().filter(|item| item.kind != Kind::SubAffiliate).map(|item| item.key.rule).collect();
    for rule in rules {
        let limits =
            input.terms.rules.get(usize::from(rule)).map(|rule| rule.limits.clone()).unwrap_or_default();
        let is_it = |item: &Item| item.kind != Kind::SubAffiliate && item.key.rule == rule;
        if let Some(cap) = limits.per_month {
            cut(input, items, &is_it, cap.0.into(), &Correction::CapPerMonth(rule), (closed, trace));
        }
        let given = closed.chain.given.get(&rule).copied().unwrap_or(0);
        if let Some(cap) = limits.per_affiliate {
            let room = i128::from(cap.0) - i128::from(given);
            cut(input, items, &is_it, room.max(0), &Correction::CapPerAffiliate(rule), (closed, trace));
        }
        let full: i128 = items.iter().filter(|item| is_it(item)).map(|item| i128::from(item.full)).sum();
        closed.chain.given.insert(rule, clamp(i128::from(given) + full));
    }
}

fn cut(
    input: &Input<'_>,
    items: &mut [Item],
    is_it: &impl Fn(&Item) -> bool,
    room: i128,
    correction: &Correction,
    (closed, trace): (&mut Closed, &impl Trace),
) {
    let sum: i128 = items.iter().filter(|item| is_it(item)).map(|item| i128::from(item.full)).sum();
    let mut excess = sum - room;
    for item in items.iter_mut().rev().filter(|item| is_it(item)) {
        if excess <= 0 {
            break;
        }
        if item.full <= 0 {
            continue;
        }
        let full = clamp(i128::from(item.full) - excess.min(item.full.into()));
        excess -= i128::from(item.full) - i128::from(full);
        replace(input, item, full, correction.clone(), clamp(sum), (closed, trace));
    }
}

/// The spend limit of the deal over all affiliates, filled from the earliest commission on.
pub(super) fn spend_limit(input: &Input<'_>, items: &mut [Item], closed: &mut Closed, trace: &impl Trace) {
    let before = i128::from(input.asked_before) + i128::from(closed.chain.spent);
    let own: i128 = items.iter().map(|item| i128::from(item.full)).sum();
    if let Some(limit) = input.terms.spend_limit {
        let mut asked = input.asked.iter().peekable();
        let mut spent = before;
        for item in items.iter_mut() {
            let is_earlier = |it: &&Asked| (&it.position, &it.key) < (&item.position, &item.key);
            while let Some(other) = asked.next_if(is_earlier) {
                if other.key.affiliate != item.key.affiliate {
                    spent += i128::from(other.micros);
                }
            }
            let room = (i128::from(limit.0) - spent).max(0);
            spent += i128::from(item.full);
            if i128::from(item.full) > room {
                let full = clamp(room);
                replace(input, item, full, Correction::SpendLimit, limit.0, (closed, trace));
            }
        }
    }
    closed.chain.spent = clamp(i128::from(closed.chain.spent) + own);
}

impl Adjusted {
    /// Whether there is nothing to book.
    pub fn is_nothing(&self) -> bool {
        self.micros == 0
    }
}
