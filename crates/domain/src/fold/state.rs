//! The stored state of a fold: all that a newer fact needs to know of the older ones.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::deal::On;
use crate::fact::Position;
use crate::ids::{AffiliateId, DealVersionId, FactId};
use crate::ledger::Kind;
use crate::money::Amount;
use crate::referral::State as ReferralState;
use crate::time::Timestamp;

/// The stored state of a fold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The newest fact folded.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Position>,
    /// Where the referral stands.
    #[serde(rename = "s", default)]
    pub referral: ReferralState,
    /// Since when it stands there.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub referral_since: Option<Timestamp>,
    /// The first payment of all (gross figure: zero amounts aside, refunds do not matter).
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub first_payment: Option<FirstPayment>,
    /// How many payments count for limits.
    #[serde(rename = "n", default)]
    pub counted: u32,
    /// The local date of the first counted payment.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub counted_from: Option<NaiveDate>,
    /// The local date of the first fact, which a qualification's days run from.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<NaiveDate>,
    /// What counted deposits come to, in full.
    #[serde(rename = "p", default, skip_serializing_if = "is_zero")]
    pub deposits: i64,
    /// How much of these deposits was returned.
    #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
    pub returned: i64,
    /// What was withdrawn.
    #[serde(rename = "w", default, skip_serializing_if = "is_zero")]
    pub withdrawals: i64,
    /// What was wagered.
    #[serde(rename = "v", default, skip_serializing_if = "is_zero")]
    pub volume: i64,
    /// How often was played.
    #[serde(rename = "c", default, skip_serializing_if = "is_zero")]
    pub activity_count: i64,
    /// By which fact the customer became qualified.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Qualified>,
    /// By which fact the lead became qualified.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Qualified>,
    /// Rewards that are earned once and were.
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Taken>,
    /// What rules with a cap per referral gave so far, by their place in the deal.
    #[serde(rename = "u", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub used: BTreeMap<u16, i64>,
    /// Qualifications that stay booked although they are undone, with the fact of each: no other is rewarded.
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<(On, FactId)>,
}

/// The first payment of a referral, for the figures of first deposits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FirstPayment {
    /// The payment, or the activity row that carried it.
    #[serde(rename = "i")]
    pub fact: FactId,
    /// Its local date.
    #[serde(rename = "d")]
    pub date: NaiveDate,
    /// Whose referral it was.
    #[serde(rename = "a")]
    pub affiliate: AffiliateId,
    /// Its amount in the program's currency; `None` while the rate is missing.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Amount>,
}

/// A qualification that was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Qualified {
    /// By which fact.
    #[serde(rename = "i")]
    pub fact: FactId,
    /// On which local date.
    #[serde(rename = "d")]
    pub date: NaiveDate,
    /// Whether it holds from that moment, and not only if it stands at the end of the day.
    #[serde(rename = "n")]
    pub at_once: bool,
}

/// A reward that is earned once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// The version whose rule gave it.
    #[serde(rename = "v")]
    pub version: DealVersionId,
    /// The rule's place.
    #[serde(rename = "r")]
    pub rule: u16,
    /// Its kind: under another version no once-reward of this kind is earned again (money.md §4).
    #[serde(rename = "k")]
    pub kind: Kind,
}

fn is_zero(value: &i64) -> bool {
    *value == 0
}
