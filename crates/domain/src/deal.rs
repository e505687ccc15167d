//! Deal terms as typed data (design.md §4): rules, qualification, what happens at the close of a month, sub-affiliate
//! terms and the criteria a deal is chosen by. Terms are frozen in versions.
//!
//! How they are applied to facts is in `fold`, to months in `period`. Why terms are refused is in `check`.

mod check;
mod criteria;
mod monthly;
mod qualification;
pub(crate) mod sentence;
pub mod smartico;
mod sub_affiliate;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use check::TermsError;
pub use criteria::{Candidate, Chosen, Criteria, Evidence, choose};
pub use monthly::{
    CarryScope, Charge, Fee, Measure, Milestone, NegativeMonth, Of, Release, Span, Step, TierMode, Tiers,
};
pub use qualification::{Baseline, Qualification, Unqualify};
pub use sub_affiliate::SubAffiliate;

use crate::fact::{Attributes, Interval};
use crate::ledger::Kind;
use crate::money::Amount;
use crate::outcome::Why;
use crate::rate::Rate;

/// The terms of one deal version. Flat sums, caps, steps and thresholds are in the program's currency.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What is earned, rule by rule; several rules make a hybrid deal, none makes an organic one.
    pub rules: Vec<Rule>,
    /// Days a commission is held, counted in program-local dates from the date of its own fact.
    #[serde(default)]
    pub hold_days: u16,
    /// Whether a partial refund lowers a flat sum.
    #[serde(default)]
    pub flat_refund: FlatRefund,
    /// When a customer is qualified: what rules on `qualified_deposit` wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualification: Option<Qualification>,
    /// When a lead is qualified: what rules on `qualified_lead` wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_qualification: Option<Qualification>,
    /// Whether a qualification that is undone takes its reward back.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unqualify: Unqualify,
    /// Bonuses on what an affiliate reached, booked at the close of a month.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<Milestone>,
    /// What is taken off the net P&L before a percentage of it is earned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<Fee>,
    /// What happens to a month whose shares come to less than nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub negative_month: NegativeMonth,
    /// Whether the results of a month are judged for the deal as a whole or brand by brand.
    #[serde(default, skip_serializing_if = "is_default")]
    pub carry_scope: CarryScope,
    /// When commissions on activity are released.
    #[serde(default, skip_serializing_if = "is_default")]
    pub release: Release,
    /// What the deal may cost in all, over all affiliates, the earliest commissions first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_limit: Option<Amount>,
    /// What the affiliate earns by affiliates it brought: the first entry for those it brought itself, the second for
    /// those whom these brought, and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_affiliates: Vec<SubAffiliate>,
    /// Which registrations the deal is for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub criteria: Criteria,
}

/// One rule of a deal.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which facts it is on.
    pub on: On,
    /// When it applies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: When,
    /// What it rewards.
    pub reward: Reward,
    /// Its limits.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// Other rewards where an affiliate reached more in a calendar month, corrected at its close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Tiers>,
}

/// Which facts a rule is on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// The referral's registration.
    Registration,
    /// The fact by which the referral becomes a qualified lead.
    QualifiedLead,
    /// Every payment (a deposit is one).
    Payment,
    /// The first counted payment, or the first activity row with deposits.
    FirstDeposit,
    /// The fact by which the referral becomes a qualified customer.
    QualifiedDeposit,
    /// The daily figures of a player; for net deposits also payments and withdrawals, where these are what counts.
    Activity,
}

/// The conditions of a rule. All that are given must hold; of a list one must. A fact that does not say what a
/// condition asks for does not meet it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Only the first counted payment of the referral, or only the ones after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Occurrence>,
    /// Only these brands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brand: Vec<String>,
    /// Only customers of these countries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub country: Vec<String>,
    /// Only these products; of an activity row `casino` and `sport`, whose figures it then is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub product: Vec<String>,
    /// Only these plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<String>,
    /// Only these intervals of a subscription.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interval: Vec<Interval>,
    /// Only these campaigns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaign: Vec<String>,
    /// Only these coupons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupon: Vec<String>,
    /// Only amounts of at least this, in the program's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_from: Option<Amount>,
    /// Only amounts below this, in the program's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_below: Option<Amount>,
    /// Only facts of this local date or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Only facts before this local date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

/// A payment's place in the row of the referral's counted payments.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occurrence {
    /// The first.
    First,
    /// Any after the first.
    Renewal,
}

/// What a rule rewards.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// A percentage of the amount paid.
    Percent(Rate),
    /// A percentage of the net P&L (P&L less bonuses, deductions and fees) of an activity row; may be below zero.
    PercentOfNetPnl(Rate),
    /// A percentage of deposits less withdrawals; may be below zero.
    PercentOfNetDeposits(Rate),
    /// A flat sum in the program's currency.
    Flat(Amount),
}

/// The limits of a rule.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// For so many months from the first counted payment, as program-local dates [d, d + months).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u16>,
    /// For so many counted payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payments: Option<u32>,
    /// Once per referral: by the first fact that meets the rule.
    #[serde(default, skip_serializing_if = "is_default")]
    pub once: bool,
    /// At most so much by one referral, ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_referral: Option<Amount>,
    /// At most so much for one affiliate, ever; settled at the close of a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_affiliate: Option<Amount>,
    /// At most so much for one affiliate in a calendar month; settled at its close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_month: Option<Amount>,
}

/// Whether a partial refund lowers a flat sum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlatRefund {
    /// In proportion to what was returned.
    #[default]
    Proportional,
    /// Only when all was returned.
    OnlyFull,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl When {
    /// The first condition on attributes that a fact fails; amounts, dates and places are not looked at. What the fact
    /// does not say of customer, brand and campaign, the registration stands in for. The products of an activity row
    /// are its sections and not looked at here.
    pub fn unmet(&self, fact: &Attributes, customer: &Attributes, is_activity: bool) -> Option<Why> {
        let fits = |list: &[String], value: Option<&String>| {
            list.is_empty() || value.is_some_and(|value| list.contains(value))
        };
        let told = |list: &[String], one: &Option<String>, other: &Option<String>| {
            let value = one.as_ref().or(other.as_ref());
            list.is_empty() || value.is_some_and(|value| list.contains(value))
        };
        let interval_fits = self.interval.is_empty()
            || fact.interval.is_some_and(|interval| self.interval.contains(&interval));
        let conditions = [
            (told(&self.brand, &fact.brand, &customer.brand), Why::OtherBrand),
            (told(&self.country, &fact.country, &customer.country), Why::OtherCountry),
            (is_activity || fits(&self.product, fact.product.as_ref()), Why::OtherProduct),
            (fits(&self.plan, fact.plan.as_ref()), Why::OtherPlan),
            (interval_fits, Why::OtherInterval),
            (told(&self.campaign, &fact.campaign, &customer.campaign), Why::OtherCampaign),
            (told(&self.coupon, &fact.coupon, &customer.coupon), Why::OtherCoupon),
        ];
        conditions.into_iter().find(|(fits, _)| !fits).map(|(_, why)| why)
    }
}

impl Reward {
    /// The rate of a percentage.
    pub fn rate(&self) -> Option<Rate> {
        match self {
            Reward::Percent(rate) | Reward::PercentOfNetPnl(rate) | Reward::PercentOfNetDeposits(rate) => {
                Some(*rate)
            }
            Reward::Flat(_) => None,
        }
    }

    /// The reward as a number that rewards of one sort are in proportion by: parts per million, or micros.
    pub fn size(&self) -> i64 {
        match self {
            Reward::Flat(amount) => amount.0,
            reward => reward.rate().map_or(0, |rate| i64::from(rate.ppm())),
        }
    }

    /// Whether two rewards are of one sort, so that one can take the place of the other in a tier.
    pub fn is_like(&self, other: &Reward) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Rule {
    /// A reward on a sort of fact, always and without limits.
    pub fn new(on: On, reward: Reward) -> Rule {
        Rule { on, when: When::default(), reward, limits: Limits::default(), tiers: None }
    }

    /// A percentage of every payment, for ever.
    pub fn percent(rate: Rate) -> Rule {
        Rule::new(On::Payment, Reward::Percent(rate))
    }

    /// The kind of commission the rule makes (money.md §2): percentages are shares, flat sums acquisition, flat sums on
    /// registrations and qualified leads lead.
    pub fn kind(&self) -> Kind {
        match (self.on, self.reward) {
            (On::Registration | On::QualifiedLead, _) => Kind::Lead,
            (_, Reward::Flat(_)) => Kind::Acquisition,
            (_, _) => Kind::Share,
        }
    }

    /// Whether its commissions are on activity: kept in micros, perhaps below zero, released with their month.
    pub fn is_on_activity(&self) -> bool {
        self.on == On::Activity
    }
}

impl Terms {
    /// Whether a cap per month or a spend limit keeps every commission of the deal back until the close (money.md §4).
    pub fn holds_all_for_close(&self) -> bool {
        self.spend_limit.is_some() || self.rules.iter().any(|rule| rule.limits.per_month.is_some())
    }

    /// Whether commissions of a rule are released by the close of their month.
    pub fn waits_for_close(&self, rule: &Rule) -> bool {
        self.holds_all_for_close() || (rule.is_on_activity() && self.release == Release::AtClose)
    }

    /// Whether commissions are booked straight to `due`: no hold and no rule that waits for a close.
    pub fn releases_at_once(&self) -> bool {
        self.hold_days == 0 && !self.rules.iter().any(|rule| self.waits_for_close(rule))
    }

    /// Whether the close of a month may book anything for this deal.
    pub fn has_close(&self) -> bool {
        let rule = |rule: &Rule| {
            rule.is_on_activity() || rule.tiers.is_some() || rule.limits.per_affiliate.is_some()
        };
        self.holds_all_for_close()
            || !self.milestones.is_empty()
            || !self.sub_affiliates.is_empty()
            || self.rules.iter().any(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;

    fn terms(json: &str) -> Terms {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn terms_read_as_sentences() {
        let deal = terms(
            r#"{"hold_days": 30, "rules": [
                {"on": "registration", "reward": {"flat": "2.50"}},
                {"on": "payment", "when": {"occurrence": "first"}, "reward": {"flat": "40"}},
                {"on": "payment", "reward": {"percent": "20"}, "limits": {"months": 12}}
            ]}"#,
        );
        assert_eq!(deal.check(Currency::EUR), Ok(()));
        assert_eq!(
            deal.sentences(Currency::EUR),
            [
                "2.50 EUR for a registration.",
                "40.00 EUR for the first payment.",
                "20 % of each payment, for 12 months from the first payment.",
                "Held for 30 days."
            ]
        );
        let kinds: Vec<Kind> = deal.rules.iter().map(Rule::kind).collect();
        assert_eq!(kinds, [Kind::Lead, Kind::Acquisition, Kind::Share]);
        let again: Terms = serde_json::from_value(serde_json::to_value(&deal).expect("json")).expect("terms");
        assert_eq!(again, deal);
    }

    #[test]
    fn senseless_terms_are_refused_by_name() {
        for (rule, expected) in [
            (r#"{"on":"registration","reward":{"percent":"20"}}"#, "no amount"),
            (r#"{"on":"registration","reward":{"flat":"1"},"limits":{"months":2}}"#, "do not apply"),
            (r#"{"on":"payment","reward":{"flat":"0"}}"#, "above 0"),
            (r#"{"on":"payment","reward":{"flat":"0.001"}}"#, "more decimals than EUR"),
            (r#"{"on":"payment","reward":{"flat":"1"},"limits":{"payments":0}}"#, "1 to 100000"),
        ] {
            let error = terms(&format!(r#"{{"rules":[{rule}]}}"#)).check(Currency::EUR).expect_err(rule);
            assert!(error.to_string().contains(expected), "{rule}: {error}");
        }
        assert!(
            serde_json::from_str::<Terms>(r#"{"rules":[{"on":"payment","reward":{"percent":"101"}}]}"#)
                .is_err()
        );
    }
}
