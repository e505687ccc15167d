//! What an affiliate earns by an affiliate it brought (money.md §4). How it is derived from the child's commissions is
//! in `sub_affiliate` of the crate.

use serde::{Deserialize, Serialize};

use crate::money::Amount;
use crate::rate::Rate;

/// The terms for the affiliates of one level; several may be combined.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubAffiliate {
    /// A flat sum per customer of the child who becomes qualified and earns the child something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flat: Option<Amount>,
    /// A percentage of the child's own shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_of_share: Option<Rate>,
    /// A percentage of the net P&L that the child earns a share of; with a carry-over of the parent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_of_net_pnl: Option<Rate>,
}
