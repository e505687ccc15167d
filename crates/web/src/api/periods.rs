//! `/v1/periods`: months of affiliates under deals, as their closes left them, and the close itself.

pub(super) mod close;
pub(super) mod list;

use app::period::{Booking, PeriodRow};
use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::money::decimal;
use domain::period::{Correction, Scope, Statement};
use serde::Serialize;
use utoipa::ToSchema;

use super::commissions::CommissionKind;
use super::fields::{Amount, Month, amount, schema, words};

schema! {
    CorrectionReason = words(
        "Why the close of a month corrects: `tier`: another step was reached. `cap_per_month`, `cap_per_affiliate`, \
         `spend_limit`: a limit. `fee`: a fee that is not a percentage of each row. `milestone`: a bonus. `reset`: a \
         month below zero is made good.",
        Correction::WORDS,
    );
    BookingReason = words(
        "What a close books: one of the corrections, or `carried`: a month below zero is put aside, `worked_off`: it \
         is worked off by a later month.",
        Booking::WORDS,
    );
}

/// A month of an affiliate under a deal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Period {
    /// The affiliate.
    affiliate_id: i64,
    /// The deal.
    deal_id: i64,
    /// The month.
    #[schema(value_type = Month)]
    month: String,
    /// When it was closed.
    closed_at: DateTime<Utc>,
    /// When what its close books takes effect: the end of the month, plus the deal's hold days.
    effective_at: DateTime<Utc>,
    /// When that was booked; null while the hold days run.
    booked_at: Option<DateTime<Utc>>,
    /// What the month came to when it was closed. Facts that come later are booked in an open month and change nothing
    /// here.
    statement: MonthStatement,
    /// What is booked for the month by now, late facts included: the sum of its adjustments.
    #[schema(value_type = Amount)]
    adjusted: String,
    /// What is carried after this month by now, at most zero.
    #[schema(value_type = Amount)]
    carried: String,
}

/// The statement of a month.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonthStatement {
    /// What the commissions dated in the month stood at, by kind.
    commissions: Vec<MonthCommissions>,
    /// What was reached in the month.
    reached: Vec<MonthReached>,
    /// What the close corrected.
    adjustments: Vec<MonthAdjustment>,
    /// The result of each scope, after tiers and caps.
    results: Vec<MonthResult>,
    /// What was put aside, below zero, or worked off, above zero.
    carried: Vec<MonthResult>,
    /// Whether months below zero of this affiliate are made good whatever the deal says.
    no_carry_over: bool,
}

/// What commissions of a kind came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonthCommissions {
    /// The kind.
    #[schema(value_type = CommissionKind)]
    kind: &'static str,
    /// Their sum.
    #[schema(value_type = Amount)]
    amount: String,
}

/// What was reached of a measure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonthReached {
    /// The measure, as terms name it.
    #[schema(value_type = String)]
    by: serde_json::Value,
    /// How many, or how much.
    #[schema(value_type = Amount)]
    value: String,
}

/// A correction with what it was worked out from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonthAdjustment {
    /// Why.
    #[schema(value_type = CorrectionReason)]
    reason: &'static str,
    /// The place of the rule, fee or milestone in the terms, from 0.
    place: Option<u16>,
    /// Of a reset: the kind of commission.
    #[schema(value_type = Option<CommissionKind>)]
    kind: Option<&'static str>,
    /// Of a reset: the brand, where the deal is judged brand by brand.
    brand: Option<String>,
    /// The correction, signed.
    #[schema(value_type = Amount)]
    amount: String,
    /// What was reached, what stood before it, or what the result was.
    #[schema(value_type = Amount)]
    from: String,
}

/// An amount of a scope.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonthResult {
    /// The kind of commission.
    #[schema(value_type = CommissionKind)]
    kind: &'static str,
    /// The brand, where the deal is judged brand by brand.
    brand: Option<String>,
    /// The amount, signed.
    #[schema(value_type = Amount)]
    amount: String,
}

impl Period {
    fn new(row: PeriodRow, currency: Currency) -> Period {
        let sum =
            |micros: &mut dyn Iterator<Item = i64>| amount(micros.map(i128::from).sum::<i128>(), currency);
        Period {
            affiliate_id: row.affiliate.0,
            deal_id: row.deal.0,
            month: row.month.to_string(),
            closed_at: row.closed_at,
            effective_at: row.effective_at,
            booked_at: row.booked_at,
            statement: MonthStatement::new(&row.statement, currency),
            adjusted: sum(&mut row.posted.adjustments.values().copied()),
            carried: sum(&mut row.chain.carried.iter().map(|(_, micros)| *micros)),
        }
    }
}

impl MonthStatement {
    fn new(statement: &Statement, currency: Currency) -> MonthStatement {
        let commissions = statement.commissions.iter().map(|(kind, micros)| MonthCommissions {
            kind: kind.as_str(),
            amount: amount(*micros, currency),
        });
        let reached = statement.reached.iter().map(|(by, micros)| MonthReached {
            by: serde_json::to_value(by).unwrap_or_default(),
            value: decimal((*micros).into(), 0),
        });
        let adjustments = statement.adjustments.iter().map(|(correction, adjusted)| MonthAdjustment {
            reason: correction.as_str(),
            place: correction.place(),
            kind: correction.scope().map(|scope| scope.kind.as_str()),
            brand: correction.scope().and_then(|scope| scope.brand.clone()),
            amount: amount(adjusted.micros, currency),
            from: amount(adjusted.from, currency),
        });
        let result = |(scope, micros): &(Scope, i64)| MonthResult {
            kind: scope.kind.as_str(),
            brand: scope.brand.clone(),
            amount: amount(*micros, currency),
        };
        MonthStatement {
            commissions: commissions.collect(),
            reached: reached.collect(),
            adjustments: adjustments.collect(),
            results: statement.results.iter().map(result).collect(),
            carried: statement.carried.iter().map(result).collect(),
            no_carry_over: statement.no_carry_over,
        }
    }
}
