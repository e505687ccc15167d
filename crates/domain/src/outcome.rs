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
}

/// What one rule made of a fact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The rule's place in the deal version.
    pub rule: u16,
    /// What came of it.
    #[serde(flatten)]
    pub result: LineResult,
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
}
