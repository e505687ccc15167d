//! What facts are counted into: the figures of a day of an affiliate, which reports and balances show (engineering.md §4).
//! Nothing here earns anything.

use std::collections::BTreeMap;

use domain::fact::{Body, Fact};
use domain::fold::{FirstPayment, Source};
use domain::ids::{DealId, DealVersionId};
use domain::time::Timestamp;
use store::fact::FactRow;
use store::roll_up::{Day, Figures};

use super::book::Effects;
use crate::ingest::world::{Counted, Scope};

/// The day of an owner and deal that a fact of an instant is counted into.
pub(super) fn day_of(scope: &Scope, at: Timestamp, deals: &BTreeMap<DealVersionId, DealId>) -> Day {
    let owner = scope.course.owner_at(at);
    let deal = owner.terms.as_ref().and_then(|(version, _)| deals.get(version).copied());
    Day { affiliate: owner.affiliate, day: scope.course.zone.date_of(at), deal: deal.unwrap_or(DealId(0)) }
}

/// Counts a fact into its day.
pub(super) fn count(
    scope: &mut Scope,
    effects: &mut Effects,
    fact: &Fact,
    row: &FactRow,
    deals: &BTreeMap<DealVersionId, DealId>,
) {
    let value = i128::from(row.value_micros.unwrap_or(0));
    let figures = match &fact.body {
        Body::Registration => Figures { registrations: 1, ..Figures::default() },
        Body::Payment { amount, .. } if amount.micros() > 0 && counts_payments(scope, fact) => {
            Figures { payments: 1, payments_micros: value, ..Figures::default() }
        }
        Body::Payment { .. } => return,
        Body::Refund { .. } | Body::Dispute { .. } => return count_refund(scope, effects, row, deals),
        Body::Churn => Figures { churns: 1, ..Figures::default() },
        Body::Conversion | Body::Withdrawal { .. } | Body::Activity { .. } => return,
    };
    let day = day_of(scope, fact.occurred_at, deals);
    effects.figures(day, scope.course.currency, &figures);
}

/// Whether payments are what counts the deposits of the fact's brand, rather than its rows (money.md §6).
pub(super) fn counts_payments(scope: &Scope, fact: &Fact) -> bool {
    scope.course.truth_of(fact).deposits == Source::Events
}

/// What a report of a player's day adds to the deposits that earlier reports of that day counted; nothing where its brand
/// counts them one by one, or a newer report is known. To be called before the report is folded.
pub(super) fn deposits_of(scope: &Scope, fact: &Fact) -> Option<Figures> {
    let Body::Activity { revision, figures: Some(new) } = &fact.body else { return None };
    if counts_payments(scope, fact) {
        return None;
    }
    let known = scope.history.iter().flat_map(|history| &history.facts).filter(|known| known.id == fact.id);
    let known = known.filter_map(|known| match &known.body {
        Body::Activity { revision, figures: Some(figures) } => Some((*revision, figures)),
        _ => None,
    });
    let newest = known.max_by_key(|(revision, _)| *revision);
    if newest.is_some_and(|(known, _)| known > *revision) {
        return None;
    }
    let old = newest.map(|(_, figures)| (i64::from(figures.deposit_count), i128::from(figures.deposits)));
    let (count, micros) = old.unwrap_or_default();
    let payments = i64::from(new.deposit_count) - count;
    Some(Figures { payments, payments_micros: i128::from(new.deposits) - micros, ..Figures::default() })
}

/// Counts a refund once, by its newest report, and not at all once it has failed; a dispute like a refund once it is
/// lost.
pub(super) fn count_refund(
    scope: &mut Scope,
    effects: &mut Effects,
    row: &FactRow,
    deals: &BTreeMap<DealVersionId, DealId>,
) {
    let Some(history) = &mut scope.history else { return };
    let (before, after) = history.refunds.put(row);
    for (counted, sign) in [(before, -1_i64), (after, 1)].into_iter().filter(|_| before != after) {
        let Some(Counted { occurred_at, value_micros }) = counted else { continue };
        let refunds_micros = i128::from(sign) * i128::from(value_micros);
        let figures = Figures { refunds: sign, refunds_micros, ..Figures::default() };
        effects.figures(day_of(scope, occurred_at, deals), scope.course.currency, &figures);
    }
}

/// Moves the figure of the first payment when another payment turns out to be the first.
pub(super) fn count_first(
    scope: &Scope,
    effects: &mut Effects,
    before: Option<FirstPayment>,
    deals: &BTreeMap<DealVersionId, DealId>,
) {
    let after = scope.row.fold.first_payment;
    if before == after {
        return;
    }
    for (first, sign) in [(before, -1_i64), (after, 1)] {
        let Some(first) = first else { continue };
        let deal = scope
            .course
            .assignments
            .iter()
            .find(|assignment| assignment.affiliate == first.affiliate)
            .and_then(|assignment| deals.get(&assignment.terms.as_ref()?.0).copied());
        let day = Day { affiliate: first.affiliate, day: first.date, deal: deal.unwrap_or(DealId(0)) };
        let figures = Figures {
            first_payments: sign,
            first_payments_micros: i128::from(sign) * i128::from(first.value.map_or(0, |value| value.0)),
            ..Figures::default()
        };
        effects.figures(day, scope.course.currency, &figures);
    }
}
