//! The decisions about one referral, which its facts are folded under.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::affiliate;
use crate::commission::Booked;
use crate::currency::Currency;
use crate::deal::{On, Terms, Unqualify};
use crate::fact::{Attributes, Fact, Figures};
use crate::ids::{AffiliateId, DealVersionId, FactId};
use crate::outcome::Note;
use crate::referral::State as ReferralState;
use crate::time::{Timestamp, Zone};

use super::State;

/// Who a referral belongs to and under which terms, from an instant on.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// From when; the first assignment of a referral holds for all time before it too.
    pub from: Timestamp,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The deal version, if the affiliate has one (organic traffic has none).
    pub terms: Option<(DealVersionId, Arc<Terms>)>,
}

/// What counts a measure of a brand; the other is not added up (money.md §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Source {
    /// Payments and withdrawals, one by one.
    #[default]
    Events,
    /// Activity rows.
    Rows,
}

/// What counts the measures of a brand that come in two ways. All others come in rows alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Truth {
    /// Deposits, the first one among them.
    pub deposits: Source,
    /// Withdrawals.
    pub withdrawals: Source,
}

/// The decisions about one referral.
#[derive(Clone, Debug)]
pub struct Course {
    /// The program's currency.
    pub currency: Currency,
    /// The program's time zone.
    pub zone: Zone,
    /// Owners and terms, oldest first; never empty.
    pub assignments: Vec<Assignment>,
    /// The dated statuses of every affiliate in `assignments`.
    pub statuses: BTreeMap<AffiliateId, affiliate::History>,
    /// Rejected by the staff, and when.
    pub rejected_at: Option<Timestamp>,
    /// Without a payment up to here the referral expires.
    pub expires_at: Option<Timestamp>,
    /// What was said of the customer at registration; stands in for what a fact does not say of customer, brand,
    /// campaign and coupon.
    pub customer: Attributes,
    /// What counts deposits and withdrawals, by brand; brands that are not here count events.
    pub truths: BTreeMap<String, Truth>,
    /// Facts whose commission a reviewer rejected: they earn nothing, and payments are left out of the row of counted
    /// payments (money.md §4).
    pub rejected: BTreeSet<FactId>,
    /// The commissions of the referral that are booked on qualifications, whatever they stand at; needed by
    /// [`fold`](super::fold) alone, which keeps those that `unqualify` protects.
    pub booked: Vec<Booked>,
}

impl Course {
    /// A course with one owner from the beginning of time and no decision beyond.
    pub fn new(currency: Currency, zone: Zone, owner: Assignment) -> Course {
        Course {
            currency,
            zone,
            assignments: vec![owner],
            statuses: BTreeMap::new(),
            rejected_at: None,
            expires_at: None,
            customer: Attributes::default(),
            truths: BTreeMap::new(),
            rejected: BTreeSet::new(),
            booked: Vec::new(),
        }
    }

    /// The assignment in force at an instant.
    pub fn owner_at(&self, at: Timestamp) -> &Assignment {
        let in_force = self.assignments.iter().rev().find(|assignment| assignment.from <= at);
        in_force.or(self.assignments.first()).expect("a referral has at least one assignment")
    }

    /// What counts deposits and withdrawals of the fact's brand.
    pub fn truth_of(&self, fact: &Fact) -> Truth {
        let brand = fact.attributes.brand.as_ref().or(self.customer.brand.as_ref());
        brand.and_then(|brand| self.truths.get(brand)).copied().unwrap_or_default()
    }

    /// What a row would carry as the first deposit; zero where its brand counts events.
    pub(crate) fn first_deposit_of(&self, fact: &Fact, figures: &Figures) -> i64 {
        match self.truth_of(fact).deposits {
            Source::Events => 0,
            Source::Rows => figures.first_deposit.unwrap_or(figures.deposits),
        }
    }

    /// The terms a fact earns under, or why it earns nothing.
    pub(super) fn earning<'a>(
        &self,
        owner: &'a Assignment,
        fact: &Fact,
        state: &State,
    ) -> Result<(DealVersionId, &'a Terms), Note> {
        if self.rejected_at.is_some() {
            return Err(Note::ReferralRejected);
        }
        if self.rejected.contains(&fact.id) {
            return Err(Note::CommissionRejected);
        }
        if state.referral == ReferralState::Expired {
            return Err(Note::ReferralExpired);
        }
        let status = self
            .statuses
            .get(&owner.affiliate)
            .map_or(affiliate::Status::Pending, |history| history.at(fact.occurred_at));
        if !status.earns() {
            return Err(Note::AffiliateStatus(status));
        }
        owner.terms.as_ref().map(|(version, terms)| (*version, &**terms)).ok_or(Note::NoTerms)
    }

    /// Booked commissions on qualifications that stay whatever becomes of the qualification (money.md §4), with what
    /// their rule is on.
    pub(super) fn kept(&self) -> impl Iterator<Item = (On, &Booked)> {
        let stands =
            |booked: &&Booked| booked.standing > 0 && !self.rejected.contains(&booked.header.key.fact);
        self.booked.iter().filter(stands).filter_map(|booked| {
            let of = |assignment: &Assignment| {
                assignment.terms.clone().filter(|(version, _)| *version == booked.header.version)
            };
            let (_, terms) = self.assignments.iter().find_map(of)?;
            let rule = terms.rules.get(usize::from(booked.header.key.rule))?;
            let is_qualification = matches!(rule.on, On::QualifiedLead | On::QualifiedDeposit);
            let stays = match terms.unqualify {
                Unqualify::Never => true,
                Unqualify::WhileHeld => booked.released_at.is_some(),
                Unqualify::Always => false,
            };
            (is_qualification && stays).then_some((rule.on, booked))
        })
    }
}
