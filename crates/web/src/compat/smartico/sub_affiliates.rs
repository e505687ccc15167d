//! The three sub-affiliate terms of this surface (contract §2.4, §4.4) and what they are in a deal: `sub_cpa_fee` a flat
//! sum per qualified customer of the child, `sub_commission_cut_percent` a cut of its shares, `sub_affiliate_fee` a cut
//! of the net P&L of its players. They are the first level of a deal; further levels are the native API's and stay.

use app::Error;
use domain::deal::{SubAffiliate, Terms};
use domain::money;
use domain::rate::Rate;
use serde::Serialize;

use super::input::Amount;
use crate::decimal::Decimal;

/// The terms as they are shown.
#[derive(Serialize)]
pub(super) struct Shown {
    sub_affiliate_fee: Option<Decimal>,
    sub_cpa_fee: Decimal,
    sub_commission_cut_percent: Decimal,
}

impl Shown {
    /// Those of a deal, if there is one.
    pub(super) fn of(terms: Option<&Terms>) -> Shown {
        let level = terms.and_then(|terms| terms.sub_affiliates.first()).cloned().unwrap_or_default();
        // A percentage has ten thousand parts per million.
        let percent = |rate: Rate| Decimal(i128::from(rate.ppm()) * 100);
        Shown {
            sub_affiliate_fee: level.percent_of_net_pnl.map(percent),
            sub_cpa_fee: level.flat.map(|flat| Decimal(flat.0.into())).unwrap_or_default(),
            sub_commission_cut_percent: level.percent_of_share.map(percent).unwrap_or_default(),
        }
    }
}

/// The terms as they are sent; what is not sent stays, 0 takes away.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Said {
    pub(super) sub_affiliate_fee: Option<Amount>,
    pub(super) sub_cpa_fee: Option<Amount>,
    pub(super) sub_commission_cut_percent: Option<Amount>,
}

impl Said {
    /// Puts what was sent into terms.
    pub(super) fn change(self, terms: &mut Terms) -> app::Result<()> {
        let mut level = terms.sub_affiliates.first().cloned().unwrap_or_default();
        if let Some(fee) = self.sub_affiliate_fee {
            level.percent_of_net_pnl = rate("sub_affiliate_fee", fee)?;
        }
        if let Some(percent) = self.sub_commission_cut_percent {
            level.percent_of_share = rate("sub_commission_cut_percent", percent)?;
        }
        match self.sub_cpa_fee {
            Some(Amount(..0)) => {
                return Err(Error::invalid(
                    "sub_cpa_fee",
                    "it is negative; expected an amount, or 0 for none",
                ));
            }
            Some(Amount(fee)) => level.flat = (fee != 0).then_some(money::Amount(fee)),
            None => {}
        }
        let is_none = level == SubAffiliate::default() && terms.sub_affiliates.len() < 2;
        match terms.sub_affiliates.first_mut() {
            _ if is_none => terms.sub_affiliates.clear(),
            Some(first) => *first = level,
            None => terms.sub_affiliates.push(level),
        }
        Ok(())
    }
}

/// A percentage; 0 is none.
fn rate(field: &str, percentage: Amount) -> app::Result<Option<Rate>> {
    if percentage.0 == 0 {
        return Ok(None);
    }
    let text = Decimal(percentage.0.into()).to_string();
    Rate::from_percent(&text).map(Some).map_err(|error| Error::invalid(field, error))
}
