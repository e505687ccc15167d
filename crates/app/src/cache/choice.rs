//! What the registrations of a batch choose their deals from (money.md §4): the affiliates' own deals over time, those made
//! for them under criteria, those of coupons, and the program's default at the time, each with its versions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use domain::deal::{Candidate, Chosen, Criteria, Evidence, Terms, choose};
use domain::fact::Attributes;
use domain::ids::{AffiliateId, DealId, DealVersionId};
use domain::time::Timestamp;
use store::program::ProgramRow;
use store::{Connection, Result};

use super::Decisions;
use super::network::{Versions, dated};

/// The deals of an affiliate.
pub(super) struct Own {
    /// The one it is set to, with the time each holds from; `None` for the program's default.
    set: Vec<(Timestamp, Option<DealId>)>,
    /// Those made for it.
    made: Vec<DealId>,
}

/// A deal version in force.
pub(crate) type InForce = Option<(DealVersionId, Arc<Terms>)>;

/// What there is to choose from.
#[derive(Default)]
pub(crate) struct Offers {
    own: BTreeMap<AffiliateId, Arc<Own>>,
    /// Deals for coupons, with whom they were made for.
    by_coupon: Vec<(DealId, Option<AffiliateId>)>,
    /// The program's default deals over time.
    defaults: Vec<(Timestamp, DealId)>,
    versions: BTreeMap<DealId, Versions>,
}

impl Decisions {
    /// What registrations of customers of these affiliates with these coupons choose from, the deals that coupons name
    /// among it.
    pub(crate) async fn offers(
        &self,
        connection: &mut Connection,
        affiliates: &BTreeSet<AffiliateId>,
        coupons: &[String],
        of_coupons: impl Iterator<Item = DealId>,
    ) -> Result<Offers> {
        let own = self.own(connection, affiliates).await?;
        let by_coupon = match coupons {
            [] => Vec::new(),
            _ => store::deal::with_coupons(connection, self.program.id, coupons).await?,
        };
        let mut deals: BTreeSet<DealId> = self.default_deals.iter().map(|(_, deal)| *deal).collect();
        deals.extend(by_coupon.iter().map(|(deal, _)| deal));
        deals.extend(of_coupons);
        for own in own.values() {
            deals.extend(own.made.iter().copied().chain(own.set.iter().filter_map(|(_, deal)| *deal)));
        }
        let mut versions = BTreeMap::new();
        for deal in deals {
            versions.insert(deal, self.versions_of(connection, deal).await?);
        }
        Ok(Offers { own, by_coupon, defaults: self.default_deals.clone(), versions })
    }

    async fn own(
        &self,
        connection: &mut Connection,
        affiliates: &BTreeSet<AffiliateId>,
    ) -> Result<BTreeMap<AffiliateId, Arc<Own>>> {
        let mut found = BTreeMap::new();
        {
            let kept = self.own.lock().expect("nothing panics while it holds this");
            found.extend(affiliates.iter().filter_map(|id| Some((*id, kept.get(id)?.clone()))));
        }
        let missing: BTreeSet<AffiliateId> =
            affiliates.iter().copied().filter(|id| !found.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let settings = store::affiliate::setting::of(connection, self.program.id, &missing).await?;
        let mut made = store::deal::made_for(connection, self.program.id, &missing).await?;
        for id in missing {
            let set = dated(settings.get(&id).map_or(&[][..], Vec::as_slice));
            let set = set.into_iter().map(|(from, row)| (from, row.and_then(|row| row.deal))).collect();
            found.insert(id, Arc::new(Own { set, made: made.remove(&id).unwrap_or_default() }));
        }
        self.own.lock().expect("nothing panics while it holds this").extend(found.clone());
        Ok(found)
    }
}

impl Offers {
    /// Every version that may be chosen, with its deal.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (DealVersionId, DealId)> {
        self.versions
            .iter()
            .flat_map(|(deal, versions)| versions.iter().map(|(_, version, _)| (*version, *deal)))
    }

    /// The terms of a customer who registered for an affiliate at an instant: those of the coupon, else of the
    /// affiliate's deal whose criteria fit, else of the program's default, in the version in force then. The default
    /// affiliate (organic traffic) has none. `of_coupon` is the deal that a valid coupon names itself.
    pub(crate) fn choose(
        &self,
        program: &ProgramRow,
        affiliate: AffiliateId,
        customer: &Attributes,
        of_coupon: Option<DealId>,
        at: Timestamp,
    ) -> InForce {
        if affiliate == program.default_affiliate {
            return None;
        }
        if let Some(terms) = of_coupon.and_then(|deal| self.in_force(deal, at)) {
            return Some(terms);
        }
        let evidence = Evidence {
            country: customer.country.clone(),
            brand: customer.brand.clone(),
            campaign: customer.campaign.clone(),
            coupon: customer.coupon.clone(),
            traffic: None,
        };
        let date = program.zone.date_of(at);
        let own = self.own.get(&affiliate);
        let set = own.and_then(|own| own.set.iter().rev().find(|(from, _)| *from <= at)?.1);
        let made = own.iter().flat_map(|own| &own.made).copied();
        // What was made for it without criteria is replaced by what it is set to.
        let made = made
            .filter(|deal| self.criteria(*deal, at).is_some_and(|criteria| *criteria != Criteria::default()));
        let deals: BTreeSet<DealId> = made.chain(set).collect();
        let candidates: Vec<Candidate<'_>> =
            deals.into_iter().filter_map(|deal| self.candidate(deal, at)).collect();
        let deal = match choose(
            self.of_coupon(affiliate, &evidence, date, at),
            &candidates,
            self.default_deal(at),
            &evidence,
            date,
        ) {
            Chosen::ByCoupon(deal) | Chosen::ByCriteria(deal, _) | Chosen::Default(deal) => deal,
            Chosen::Nothing => return None,
        };
        self.in_force(deal, at)
    }

    /// The deal that is for the coupon, of several the one that fits best.
    fn of_coupon(
        &self,
        affiliate: AffiliateId,
        evidence: &Evidence,
        date: NaiveDate,
        at: Timestamp,
    ) -> Option<DealId> {
        let coupon = evidence.coupon.as_ref()?;
        let allowed = self.by_coupon.iter().filter(|(_, owner)| owner.is_none_or(|owner| owner == affiliate));
        allowed
            .filter_map(|(deal, _)| {
                let criteria =
                    self.criteria(*deal, at).filter(|criteria| criteria.coupon.contains(coupon))?;
                Some((criteria.fit(evidence, date)?, *deal))
            })
            .max()
            .map(|(_, deal)| deal)
    }

    /// The program's default deal at an instant; the first one holds for all time before it too.
    fn default_deal(&self, at: Timestamp) -> Option<DealId> {
        let in_force = self.defaults.iter().rev().find(|(from, _)| *from <= at).or(self.defaults.first());
        in_force.map(|(_, deal)| *deal)
    }

    fn candidate(&self, deal: DealId, at: Timestamp) -> Option<Candidate<'_>> {
        Some(Candidate { deal, criteria: self.criteria(deal, at)? })
    }

    fn criteria(&self, deal: DealId, at: Timestamp) -> Option<&Criteria> {
        let (_, _, terms) = self.version(deal, at)?;
        Some(&terms.criteria)
    }

    fn in_force(&self, deal: DealId, at: Timestamp) -> InForce {
        self.version(deal, at).map(|(_, version, terms)| (*version, terms.clone()))
    }

    /// The version of a deal in force at an instant; the first one holds for all time before it too.
    fn version(&self, deal: DealId, at: Timestamp) -> Option<&(Timestamp, DealVersionId, Arc<Terms>)> {
        let versions = self.versions.get(&deal)?;
        versions.iter().rev().find(|(from, ..)| *from <= at).or(versions.first())
    }
}
