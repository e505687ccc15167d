//! Smartico's `deal_type_id` and qualifiers as terms, and back (Smartico contract §4.1, §4.3): CPL 1, CPA 2, a share of
//! net P&L 4, a share of net deposits 8; nine combinations are allowed. Names and fields of the wire are in `web`.

use super::{On, Qualification, Release, Reward, Rule, Terms};
use crate::money::Amount;
use crate::rate::Rate;

/// A flat fee per registration or qualified lead.
pub const CPL: i64 = 1;
/// A flat fee per qualified customer.
pub const CPA: i64 = 2;
/// A share of net P&L.
pub const REV_SHARE_NET_PNL: i64 = 4;
/// A share of net deposits.
pub const REV_SHARE_NET_DEPOSITS: i64 = 8;

/// The values that `deal_type_id` may have.
pub const ALLOWED: [i64; 9] = [1, 2, 4, 8, 3, 5, 6, 9, 10];

/// A deal as Smartico describes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Deal {
    /// The fee of a lead, with what qualifies it; without a qualifier every registration is one.
    pub cpl: Option<(Amount, Option<Qualification>)>,
    /// The fee of a customer, with what qualifies it; without a qualifier any first deposit does.
    pub cpa: Option<(Amount, Option<Qualification>)>,
    /// The share of net P&L.
    pub net_pnl: Option<Rate>,
    /// The share of net deposits.
    pub net_deposits: Option<Rate>,
}

impl Deal {
    /// The bit mask.
    pub fn type_id(&self) -> i64 {
        let bit = |given: bool, bit: i64| if given { bit } else { 0 };
        bit(self.cpl.is_some(), CPL)
            | bit(self.cpa.is_some(), CPA)
            | bit(self.net_pnl.is_some(), REV_SHARE_NET_PNL)
            | bit(self.net_deposits.is_some(), REV_SHARE_NET_DEPOSITS)
    }

    /// The rules and qualifications, released at once (money.md §9: a client pays what `balance` says, day by day); everything
    /// else of the terms is left as it is by default.
    pub fn to_terms(&self) -> Terms {
        let mut terms = Terms::default();
        if let Some((fee, qualifier)) = &self.cpl {
            let on = if qualifier.is_some() { On::QualifiedLead } else { On::Registration };
            terms.rules.push(Rule::new(on, Reward::Flat(*fee)));
            terms.lead_qualification = qualifier.clone();
        }
        if let Some((fee, qualifier)) = &self.cpa {
            let on = if qualifier.is_some() { On::QualifiedDeposit } else { On::FirstDeposit };
            terms.rules.push(Rule::new(on, Reward::Flat(*fee)));
            terms.qualification = qualifier.clone();
        }
        let shares =
            [self.net_pnl.map(Reward::PercentOfNetPnl), self.net_deposits.map(Reward::PercentOfNetDeposits)];
        terms.rules.extend(shares.into_iter().flatten().map(|reward| Rule::new(On::Activity, reward)));
        if terms.rules.iter().any(Rule::is_on_activity) {
            terms.release = Release::AtOnce;
        }
        terms
    }

    /// The deal that terms are, where Smartico can say them; `None` where they hold more than one rule of a sort or a
    /// sort that it does not know.
    pub fn from_terms(terms: &Terms) -> Option<Deal> {
        let mut deal = Deal::default();
        for rule in &terms.rules {
            let fresh = match (rule.on, rule.reward) {
                (On::Registration, Reward::Flat(fee)) => deal.cpl.replace((fee, None)).is_none(),
                (On::QualifiedLead, Reward::Flat(fee)) => {
                    deal.cpl.replace((fee, terms.lead_qualification.clone())).is_none()
                }
                (On::FirstDeposit, Reward::Flat(fee)) => deal.cpa.replace((fee, None)).is_none(),
                (On::QualifiedDeposit, Reward::Flat(fee)) => {
                    deal.cpa.replace((fee, terms.qualification.clone())).is_none()
                }
                (On::Activity, Reward::PercentOfNetPnl(rate)) => deal.net_pnl.replace(rate).is_none(),
                // Less what was refunded, payments are net deposits.
                (On::Activity, Reward::PercentOfNetDeposits(rate)) | (On::Payment, Reward::Percent(rate)) => {
                    deal.net_deposits.replace(rate).is_none()
                }
                _ => false,
            };
            if !fresh {
                return None;
            }
        }
        Some(deal)
    }
}
