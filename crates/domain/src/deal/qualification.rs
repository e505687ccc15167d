//! When a customer or lead is qualified (money.md §4). How it is judged is in `fold`.

use serde::{Deserialize, Serialize};

use crate::money::Amount;

/// What must be reached, and how soon. Judged on program days: it must stand at the end of a day (a first deposit at
/// once), and it happens once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qualification {
    /// What is looked at.
    pub baseline: Baseline,
    /// At least this amount of the program's currency; of every baseline but the count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// At least so many activities; of the count alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Within so many local dates, that of the registration being the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_days: Option<u16>,
}

/// What a qualification looks at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The first deposit alone.
    FirstDeposit,
    /// All deposits so far.
    TotalDeposits,
    /// All deposits less all withdrawals so far.
    NetDeposits,
    /// What was wagered so far.
    Volume,
    /// How often was played so far.
    ActivityCount,
}

/// Whether a qualification that is undone (a row restated, a deposit returned, the referral rejected) takes its reward
/// back. A later withdrawal never undoes one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unqualify {
    /// Never: what was once booked stands.
    Never,
    /// While the reward is held; once released it stands.
    #[default]
    WhileHeld,
    /// Always.
    Always,
}

impl Qualification {
    /// What must be reached, in micros; a count as whole units.
    pub fn threshold(&self) -> i128 {
        let amount = self.amount.map_or(0, |amount| i128::from(amount.0));
        self.count.map_or(amount, |count| i128::from(count) * 1_000_000)
    }
}
