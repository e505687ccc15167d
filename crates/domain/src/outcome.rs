//! What came of a fact, as it was first answered: rule by rule what was earned or why nothing. Stored with the fact,
//! compactly, and without personal data.

use serde::{Deserialize, Serialize};

use crate::affiliate;
use crate::money::Amount;
use crate::referral;
use crate::time::Timestamp;

/// What came of a fact.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Whose referral it was when the fact occurred.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub affiliate: Option<crate::ids::AffiliateId>,
    /// Why nothing was earned at all, or what else there is to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// What each rule of the deal version made of the fact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// The referral as it stood when the fact was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Standing>,
}

/// The referral as it stood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// Its state.
    pub state: referral::State,
    /// Since when.
    pub state_set_at: Timestamp,
    /// When its row was last changed.
    pub updated_at: Timestamp,
}

/// Something to know about a fact as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The customer or payment is not known yet; the fact waits.
    Parked,
    /// The amount is in a currency whose rate is not known; the fact waits.
    RateMissing,
    /// The affiliate earned nothing at that time.
    AffiliateStatus(affiliate::Status),
    /// The referral was rejected.
    ReferralRejected,
    /// The referral had not paid in time.
    ReferralExpired,
    /// There are no terms for this referral (organic traffic).
    NoTerms,
    /// Nothing was paid.
    ZeroAmount,
    /// All of the payment went back.
    FullyReturned,
    /// The refunds of the payment exceed it; the sum was cut off at the payment.
    CutOff,
    /// A reviewer rejected the commission on this payment.
    CommissionRejected,
    /// The brand counts deposits and withdrawals from activity rows, so this one is not added up.
    CountedFromRows,
    /// The payment is disputed: what was earned by it is held until the dispute ends.
    Disputed,
}

/// What one rule made of a fact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The rule's place in the deal version.
    pub rule: u16,
    /// What came of it.
    #[serde(flatten)]
    pub result: LineResult,
    /// How it was worked out.
    #[serde(rename = "sum", default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<Box<Arithmetic>>,
}

/// How a commission was worked out; the rate stands in the deal version. Amounts are in the program's currency.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Arithmetic {
    /// What the percentage was taken of; nothing for a flat sum.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Amount>,
    /// What it came to, rounded, before caps and refunds.
    #[serde(rename = "f")]
    pub full: Amount,
    /// What a cap left of it, where one did.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub capped: Option<Amount>,
    /// How much of how much was returned, as the payment came.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<(Amount, Amount)>,
    /// How the base came about, line by line: P&L, bonuses, deductions, fees.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// A visible line of a base.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What it is.
    #[serde(rename = "n")]
    pub name: String,
    /// What it adds; below zero what it takes off.
    #[serde(rename = "a")]
    pub amount: Amount,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 23] = [
        Why::OtherFact,
        Why::NotFirst,
        Why::NotRenewal,
        Why::MonthsOver,
        Why::PaymentsReached,
        Why::RoundsToZero,
        Why::OtherBrand,
        Why::OtherCountry,
        Why::OtherProduct,
        Why::OtherPlan,
        Why::OtherInterval,
        Why::OtherCampaign,
        Why::OtherCoupon,
        Why::AmountTooSmall,
        Why::AmountTooLarge,
        Why::TooEarly,
        Why::TooLate,
        Why::OnceOnly,
        Why::CapReached,
        Why::NotQualified,
        Why::NotInTime,
        Why::AlreadyQualified,
        Why::NothingToShare,
    ];

    /// The word of this reason.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::OtherFact => "other_fact",
            Why::NotFirst => "not_first",
            Why::NotRenewal => "not_renewal",
            Why::MonthsOver => "months_over",
            Why::PaymentsReached => "payments_reached",
            Why::RoundsToZero => "rounds_to_zero",
            Why::OtherBrand => "other_brand",
            Why::OtherCountry => "other_country",
            Why::OtherProduct => "other_product",
            Why::OtherPlan => "other_plan",
            Why::OtherInterval => "other_interval",
            Why::OtherCampaign => "other_campaign",
            Why::OtherCoupon => "other_coupon",
            Why::AmountTooSmall => "amount_too_small",
            Why::AmountTooLarge => "amount_too_large",
            Why::TooEarly => "too_early",
            Why::TooLate => "too_late",
            Why::OnceOnly => "once_only",
            Why::CapReached => "cap_reached",
            Why::NotQualified => "not_qualified",
            Why::NotInTime => "not_in_time",
            Why::AlreadyQualified => "already_qualified",
            Why::NothingToShare => "nothing_to_share",
        }
    }
}

impl Line {
    /// A line without arithmetic.
    pub fn new(rule: usize, result: LineResult) -> Line {
        Line { rule: rule as u16, result, sum: None }
    }
}

/// What came of one rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineResult {
    /// The commission stands at this amount of the program's currency.
    Earned(Amount),
    /// The rule did not apply.
    Skipped(Why),
}

/// Why a rule did not apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The rule is on another sort of fact.
    OtherFact,
    /// The rule is for the first payment only.
    NotFirst,
    /// The rule is for renewals only.
    NotRenewal,
    /// The months are over.
    MonthsOver,
    /// The number of payments is reached.
    PaymentsReached,
    /// The share is less than half a minor unit.
    RoundsToZero,
    /// The rule is for other brands.
    OtherBrand,
    /// The rule is for other countries.
    OtherCountry,
    /// The rule is for other products.
    OtherProduct,
    /// The rule is for other plans.
    OtherPlan,
    /// The rule is for other intervals.
    OtherInterval,
    /// The rule is for other campaigns.
    OtherCampaign,
    /// The rule is for other coupons.
    OtherCoupon,
    /// The rule is for larger amounts.
    AmountTooSmall,
    /// The rule is for smaller amounts.
    AmountTooLarge,
    /// The rule is for later facts.
    TooEarly,
    /// The rule is for earlier facts.
    TooLate,
    /// The reward is earned once per referral, and was.
    OnceOnly,
    /// The cap per referral is used up.
    CapReached,
    /// The qualification is not reached.
    NotQualified,
    /// The qualification came after its days.
    NotInTime,
    /// The qualification was reached before; it happens once.
    AlreadyQualified,
    /// There is nothing to take a percentage of.
    NothingToShare,
}
