//! Which deal a referral gets: chosen once, at registration (money.md §4).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::DealId;

/// Which registrations a deal is for. All that are given must fit; of a list one must.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criteria {
    /// The customer's country.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub country: Vec<String>,
    /// The brand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brand: Vec<String>,
    /// The campaign.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaign: Vec<String>,
    /// The coupon; a deal with coupons is for these alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupon: Vec<String>,
    /// The source of the traffic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<String>,
    /// From this local date on. Customers who are in the deal keep earning whatever the dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<NaiveDate>,
    /// Before this local date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_until: Option<NaiveDate>,
}

/// What a registration says that criteria look at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    /// The customer's country.
    pub country: Option<String>,
    /// The brand.
    pub brand: Option<String>,
    /// The campaign.
    pub campaign: Option<String>,
    /// The coupon.
    pub coupon: Option<String>,
    /// The source of the traffic.
    pub traffic: Option<String>,
}

/// A deal that a registration may get, in its newest version.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The deal; of two that fit equally well the newer, which has the higher number, is chosen.
    pub deal: DealId,
    /// Its criteria.
    pub criteria: &'a Criteria,
}

/// A deal and why it was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chosen {
    /// The coupon's.
    ByCoupon(DealId),
    /// The affiliate's whose criteria fit, with their number.
    ByCriteria(DealId, usize),
    /// The program's default.
    Default(DealId),
    /// None: there is no default.
    Nothing,
}

impl Criteria {
    /// How many criteria a registration of a local date meets; `None` when it fails one.
    pub fn fit(&self, evidence: &Evidence, date: NaiveDate) -> Option<usize> {
        let active = self.active_from.is_none_or(|from| from <= date)
            && self.active_until.is_none_or(|until| date < until);
        let lists = [
            (&self.country, &evidence.country),
            (&self.brand, &evidence.brand),
            (&self.campaign, &evidence.campaign),
            (&self.coupon, &evidence.coupon),
            (&self.traffic, &evidence.traffic),
        ];
        let given = lists.iter().filter(|(list, _)| !list.is_empty());
        let met =
            given.clone().filter(|(list, value)| value.as_ref().is_some_and(|value| list.contains(value)));
        (active && met.count() == given.clone().count()).then(|| given.count())
    }
}

/// Chooses the deal of a registration: that of a valid coupon, else the affiliate's whose criteria fit (most criteria,
/// then the newest), else the program's default.
pub fn choose(
    coupon: Option<DealId>,
    of_the_affiliate: &[Candidate<'_>],
    default: Option<DealId>,
    evidence: &Evidence,
    date: NaiveDate,
) -> Chosen {
    if let Some(deal) = coupon {
        return Chosen::ByCoupon(deal);
    }
    let fitting = of_the_affiliate.iter().filter_map(|candidate| {
        candidate.criteria.fit(evidence, date).map(|criteria| (criteria, candidate.deal))
    });
    match (fitting.max(), default) {
        (Some((criteria, deal)), _) => Chosen::ByCriteria(deal, criteria),
        (None, Some(deal)) => Chosen::Default(deal),
        (None, None) => Chosen::Nothing,
    }
}
