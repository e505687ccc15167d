//! What one rule makes of one fact: conditions, limits per referral, and the target that comes of it.

use chrono::NaiveDate;

use super::state::{State, Taken};
use super::{Assignment, Context, Folded, Seen, Trace};
use crate::commission::{Key, Target};
use crate::deal::{FlatRefund, Reward, Rule, Terms};
use crate::fact::Fact;
use crate::ids::DealVersionId;
use crate::money::{divide_half_away, left_of};
use crate::outcome::Why;
use crate::time::add_months;

/// A fact with whose it was and its local date.
pub(super) struct Case<'a> {
    pub(super) fact: &'a Fact,
    pub(super) owner: &'a Assignment,
    pub(super) date: NaiveDate,
}

/// What a rule gives for a fact.
#[derive(Clone, Copy)]
pub(super) struct Earned {
    /// What the commission stands at.
    pub(super) micros: i64,
    /// Before refunds, after limits per referral.
    pub(super) full: i64,
    /// What a percentage was taken of.
    pub(super) base: i64,
    /// How much of how much was returned.
    pub(super) returned: (i64, i64),
}

impl Earned {
    /// A flat sum that nothing was taken back of.
    pub(super) fn flat(micros: i64) -> Earned {
        Earned::whole(micros, 0)
    }

    /// A sum that nothing was taken back of.
    pub(super) fn whole(micros: i64, base: i64) -> Earned {
        Earned { micros, full: micros, base, returned: (0, 1) }
    }

    /// The sum after what was returned of its payment, C − round(C × returned / amount), money.md §5, rounded to minor
    /// units; flat sums too unless the deal says otherwise. The payment is not returned in full.
    pub(super) fn after(
        self,
        context: Context<'_, impl Trace>,
        rule: &Rule,
        terms: &Terms,
        (case, index): (&Case<'_>, usize),
        back: (i128, i128),
    ) -> Earned {
        let keeps = matches!(rule.reward, Reward::Flat(_)) && terms.flat_refund == FlatRefund::OnlyFull;
        if back.0 == 0 || back.1 == 0 || keeps {
            return self;
        }
        let returned = (clamp(back.0), clamp(back.1));
        let micros = left_of(self.full, returned, context.course.currency);
        context.see(case, || Seen::Returned {
            rule: index as u16,
            full: self.full,
            returned: returned.0,
            of: returned.1,
            left: micros,
        });
        Earned { micros, returned, ..self }
    }
}

/// Conditions on attributes and dates.
pub(super) fn conditions(context: Context<'_, impl Trace>, rule: &Rule, case: &Case<'_>) -> Result<(), Why> {
    if let Some(why) = rule.when.unmet(&case.fact.attributes, &context.course.customer, rule.is_on_activity())
    {
        return Err(why);
    }
    if rule.when.from.is_some_and(|from| case.date < from) {
        return Err(Why::TooEarly);
    }
    if rule.when.until.is_some_and(|until| case.date >= until) {
        return Err(Why::TooLate);
    }
    Ok(())
}

/// Conditions on an amount of the program's currency.
pub(super) fn amount_fits(rule: &Rule, micros: i64) -> Result<(), Why> {
    if rule.when.amount_from.is_some_and(|from| micros < from.0) {
        return Err(Why::AmountTooSmall);
    }
    if rule.when.amount_below.is_some_and(|below| micros >= below.0) {
        return Err(Why::AmountTooLarge);
    }
    Ok(())
}

/// N months from the first counted payment, as local dates.
pub(super) fn months_fit(
    context: Context<'_, impl Trace>,
    (index, rule): (usize, &Rule),
    case: &Case<'_>,
    from: Option<NaiveDate>,
) -> Result<(), Why> {
    let (Some(months), Some(from)) = (rule.limits.months, from) else { return Ok(()) };
    let until = add_months(from, months);
    context.see(case, || Seen::Months { rule: index as u16, from, until });
    if case.date >= until { Err(Why::MonthsOver) } else { Ok(()) }
}

/// Applies `once` and the cap per referral to a full amount, and counts it, whether or not anybody earns by it.
pub(super) fn limit(
    context: Context<'_, impl Trace>,
    state: &mut State,
    (index, rule): (usize, &Rule),
    (case, version): (&Case<'_>, DealVersionId),
    full: i64,
) -> Result<i64, Why> {
    let (place, kind) = (index as u16, rule.kind());
    if rule.limits.once {
        let blocks = |taken: &Taken| match taken.version == version {
            true => taken.rule == place,
            false => taken.kind == kind,
        };
        if state.taken.iter().any(blocks) {
            return Err(Why::OnceOnly);
        }
    }
    let mut allowed = full;
    if let Some(cap) = rule.limits.per_referral {
        let used = state.used.entry(place).or_default();
        allowed = full.min(cap.0.saturating_sub(*used).max(0));
        let (before, got) = (*used, allowed);
        context.see(case, || Seen::Cap { rule: place, cap: cap.0, used: before, asked: full, got });
        *used = used.saturating_add(allowed);
        if allowed == 0 && full > 0 {
            return Err(Why::CapReached);
        }
    }
    if rule.limits.once {
        state.taken.push(Taken { version, rule: place, kind });
    }
    Ok(allowed)
}

/// `micros × numerator / denominator` in micros, rounded once, half away from zero; commission on activity keeps micros.
pub(super) fn share_in_micros(micros: i128, numerator: i128, denominator: i128) -> i64 {
    let share = micros.checked_mul(numerator).and_then(|product| divide_half_away(product, denominator));
    clamp(share.unwrap_or(0))
}

pub(super) fn clamp(micros: i128) -> i64 {
    i64::try_from(micros).unwrap_or(if micros < 0 { -i64::MAX } else { i64::MAX })
}

impl<T: Trace> Context<'_, T> {
    /// Sets what the commission of a rule on a fact should stand at.
    pub(super) fn target(
        &self,
        folded: &mut Folded,
        index: usize,
        (version, terms): (DealVersionId, &Terms),
        case: &Case<'_>,
        earned: Earned,
    ) {
        if earned.micros == 0 {
            return;
        }
        let rule = &terms.rules[index];
        let occurred_at = case.fact.occurred_at;
        let (at_once, after_close) = (terms.releases_at_once(), terms.waits_for_close(rule));
        let zone = &self.course.zone;
        let release_at = if at_once {
            occurred_at
        } else if after_close {
            zone.close_of(zone.period_of(occurred_at), terms.hold_days)
        } else {
            // Without hold days the hold would end at the start of the day, before there was anything to hold.
            zone.hold_end(occurred_at, terms.hold_days).max(occurred_at)
        };
        let key = Key { fact: case.fact.id, rule: index as u16, affiliate: case.owner.affiliate };
        let target = Target {
            kind: rule.kind(),
            version,
            micros: earned.micros,
            occurred_at,
            release_at,
            at_once,
            after_close,
            disputed: self.returned.is_disputed(case.fact.id),
            on: rule.on,
            full: earned.full,
            base: earned.base,
            returned: earned.returned,
        };
        folded.targets.insert(key, target);
    }
}
