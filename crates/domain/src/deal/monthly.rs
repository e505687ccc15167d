//! The terms that look at a calendar month of an affiliate: tiers, milestones, fees, negative months. How a month is
//! closed under them is in `period`.

use serde::{Deserialize, Serialize};

use super::Reward;
use crate::money::Amount;
use crate::rate::Rate;

/// What an affiliate reached under a deal in a calendar month, over all versions of the deal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Customers who registered.
    Registrations,
    /// Leads who became qualified.
    QualifiedLeads,
    /// Customers who paid for the first time.
    FirstDeposits,
    /// Customers who became qualified.
    QualifiedDeposits,
    /// Counted payments.
    Payments,
    /// What was paid or deposited, less what went back.
    Revenue,
    /// Deposits less withdrawals.
    NetDeposits,
    /// P&L as reported.
    Pnl,
    /// P&L less bonuses, deductions and linear fees.
    NetPnl,
    /// What was wagered.
    Volume,
}

/// Other rewards from certain steps on, in place of the rule's own.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// What is looked at.
    pub by: Measure,
    /// Whether the step reached counts for all or only for what is above it.
    #[serde(default)]
    pub mode: TierMode,
    /// The steps, ascending; below the first the rule's own reward holds.
    pub steps: Vec<Step>,
}

/// From a point on another reward.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From so many (or so much) on; of a marginal table what comes after that point.
    pub from: Amount,
    /// The reward; of the same sort as the rule's.
    pub reward: Reward,
}

/// Whether a step counts for all or only for what is above it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierMode {
    /// The step reached counts for everything of the month.
    #[default]
    Whole,
    /// Each step counts for what lies between it and the next.
    Marginal,
}

/// A bonus on what an affiliate reached.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milestone {
    /// What is looked at.
    pub by: Measure,
    /// From so many (or so much) on.
    pub from: Amount,
    /// The bonus.
    pub bonus: Amount,
    /// Whether it is earned in every month that reaches it, or once by all months together.
    #[serde(default)]
    pub per: Span,
}

/// What a milestone is counted over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Each calendar month by itself.
    #[default]
    Month,
    /// All months together; earned once, in the month that reached it.
    Ever,
}

/// Something taken off the net P&L, shown as a line of its own.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// What it is called on statements.
    pub name: String,
    /// How much.
    pub charge: Charge,
    /// Only of months whose sum is above zero; settled at the close, where a fee of each row would not be linear.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub positive_months_only: bool,
}

/// How much a fee takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Charge {
    /// A percentage.
    Percent {
        /// How much.
        rate: Rate,
        /// Of what.
        of: Of,
    },
    /// A flat sum a month with activity, as far as the month's net P&L reaches.
    FlatPerMonth(Amount),
}

/// What a fee is a percentage of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The P&L as reported.
    Pnl,
    /// P&L less bonuses and deductions.
    NetPnl,
    /// The deposits.
    Deposits,
    /// What was wagered.
    Volume,
}

/// What happens to a month whose shares, after tiers, come to less than nothing (money.md §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NegativeMonth {
    /// It lowers what is due.
    #[default]
    Net,
    /// It is put aside, and only later results of the same scope work it off.
    Carry,
    /// It is made good by an adjustment.
    Reset,
}

/// What a month's result is formed over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarryScope {
    /// The whole deal.
    #[default]
    Deal,
    /// Each brand by itself.
    Brand,
}

/// When commissions on activity are released.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// With the close of their month, then hold days.
    #[default]
    AtClose,
    /// After hold days alone, as any other commission.
    AtOnce,
}

impl Measure {
    /// Whether it counts things rather than money.
    pub fn is_count(self) -> bool {
        use Measure::{FirstDeposits, Payments, QualifiedDeposits, QualifiedLeads, Registrations};
        matches!(self, Registrations | QualifiedLeads | FirstDeposits | QualifiedDeposits | Payments)
    }
}

impl Tiers {
    /// The mean reward at a level, as numerator and denominator (above zero): what everything of the month is paid by,
    /// so that whatever goes back later takes its share with it. `own` is the rule's reward; level and steps are in
    /// micros.
    pub fn mean(&self, own: Reward, level: i128) -> (i128, i128) {
        let reached = self.steps.iter().rev().find(|step| i128::from(step.from.0) <= level);
        let Some(reached) = reached else { return (i128::from(own.size()), 1) };
        if self.mode == TierMode::Whole || level <= 0 {
            return (i128::from(reached.reward.size()), 1);
        }
        let (mut sum, mut from, mut reward) = (0_i128, 0_i128, own);
        for step in self.steps.iter().filter(|step| i128::from(step.from.0) <= level) {
            sum += (i128::from(step.from.0) - from) * i128::from(reward.size());
            (from, reward) = (i128::from(step.from.0), step.reward);
        }
        (sum + (level - from) * i128::from(reward.size()), level)
    }
}

impl Fee {
    /// Whether it is taken off each row when that is booked; others wait for the close.
    pub fn is_linear(&self) -> bool {
        !self.positive_months_only && matches!(self.charge, Charge::Percent { .. })
    }
}
