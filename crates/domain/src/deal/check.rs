//! Which terms are refused, and why: each senseless combination by a name of its own.

use super::{
    Baseline, CarryScope, Charge, Fee, Limits, Measure, Milestone, NegativeMonth, On, Qualification, Release,
    Reward, Rule, Terms, TierMode, Tiers, When,
};
use crate::currency::Currency;
use crate::fact::Section;
use crate::money::{Amount, MAX_MICROS, MICROS};

/// Why terms are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// More rules than a deal may have.
    #[error("a deal has at most 32 rules; these terms have {0}")]
    TooManyRules(usize),
    /// A list longer than it may be.
    #[error("{0} has {1} entries; at most {2} are allowed")]
    TooManyEntries(String, usize, usize),
    /// A hold of more than ten years.
    #[error("hold_days is {0}; at most 3650 are allowed")]
    HoldTooLong(u16),
    /// A percentage of a fact without amount.
    #[error("rules[{0}]: a registration has no amount, so its reward must be flat")]
    PercentOfRegistration(usize),
    /// A percentage of a qualification, which stands on many facts.
    #[error("rules[{0}]: a qualification has no amount, so its reward must be flat")]
    PercentOfQualification(usize),
    /// A percentage of figures that the fact does not have.
    #[error("rules[{0}]: {1} is a reward of rules on activity; here it must be flat or percent")]
    ActivityReward(usize, &'static str),
    /// A reward that an activity row cannot earn.
    #[error("rules[{0}]: a rule on activity rewards percent_of_net_pnl or percent_of_net_deposits")]
    NoActivityReward(usize),
    /// A condition or limit on payments at a rule on something else.
    #[error("rules[{0}]: conditions and limits on payments do not apply to a rule on {1}: {2}")]
    PaymentLimit(usize, &'static str, &'static str),
    /// A product that activity rows are not split by.
    #[error("rules[{0}]: activity is split into casino and sport, not {1:?}")]
    UnknownSection(usize, String),
    /// Deposits are not split by product.
    #[error("rules[{0}]: deposits and withdrawals are not split by product")]
    SectionOfDeposits(usize),
    /// A rule that waits for a qualification nobody defined.
    #[error("rules[{0}]: a rule on {1} needs {2} in the terms")]
    NoQualification(usize, &'static str, &'static str),
    /// A qualification that nothing waits for.
    #[error("{0} is given, but no rule, tier or milestone looks at it")]
    UnusedQualification(&'static str),
    /// A qualification by count without a count, or by amount without an amount.
    #[error("{0}: the baseline {1} needs {2} and no {3}")]
    QualificationMismatch(&'static str, &'static str, &'static str, &'static str),
    /// Days out of range.
    #[error("{0}: within_days must be 1 to 3650")]
    DaysOutOfRange(&'static str),
    /// An unqualify that has nothing to act on.
    #[error("unqualify is given, but no rule is on qualified_lead or qualified_deposit")]
    UnusedUnqualify,
    /// A flat sum of zero, negative or above the limit.
    #[error("rules[{0}]: a flat reward must be above 0 and at most 1000000000000")]
    FlatOutOfRange(usize),
    /// A flat sum finer than the currency.
    #[error("rules[{0}]: the flat reward has more decimals than {1} has")]
    FlatTooFine(usize, Currency),
    /// Another amount out of range or finer than the currency.
    #[error("{0} must be above 0, at most 1000000000000 and in whole units of {1}")]
    AmountOutOfRange(String, Currency),
    /// A limit of zero or beyond reason.
    #[error("rules[{0}]: months must be 1 to 1200 and payments 1 to 100000")]
    LimitOutOfRange(usize),
    /// A range that holds nothing.
    #[error("{0} ends before it begins")]
    EmptyRange(String),
    /// A code that is empty or too long.
    #[error("{0}: {1:?} must have 1 to 100 characters")]
    BadCode(String, String),
    /// Tiers without steps, or steps that do not rise.
    #[error("rules[{0}].tiers: the steps must be 1 to 32 in ascending order")]
    StepsNotAscending(usize),
    /// A step whose reward is of another sort than the rule's.
    #[error("rules[{0}].tiers: every step must reward in the same way as the rule")]
    StepReward(usize),
    /// A count that is not whole.
    #[error("{0}: {1} is counted, so its steps must be whole numbers")]
    NotACount(String, &'static str),
    /// A marginal table over something other than what the rule rewards.
    #[error("rules[{0}].tiers: a marginal table must be by what the rule rewards{1}")]
    MarginalMeasure(usize, &'static str),
    /// Fees without a share of net P&L.
    #[error("fees lower the net P&L, but no rule rewards percent_of_net_pnl")]
    UnusedFees,
    /// A negative month where nothing can be below zero.
    #[error(
        "{0} is for months below zero, but nothing in these terms can be below zero: no rule is on activity"
    )]
    NothingNegative(&'static str),
    /// An early release of activity that there is none of, or that the close must see first.
    #[error("release at_once is for rules on activity in a deal without cap per month or spend limit")]
    ReleaseWithoutActivity,
    /// The last level of sub-affiliates earns nothing.
    #[error("sub_affiliates[{0}] rewards nothing")]
    EmptyLevel(usize),
}

type Checked = Result<(), TermsError>;

impl Terms {
    /// Checks the terms of a program that keeps its books in `currency`.
    pub fn check(&self, currency: Currency) -> Checked {
        if self.rules.len() > 32 {
            return Err(TermsError::TooManyRules(self.rules.len()));
        }
        if self.hold_days > 3650 {
            return Err(TermsError::HoldTooLong(self.hold_days));
        }
        for (index, rule) in self.rules.iter().enumerate() {
            check_rule(index, rule, currency)?;
            self.check_waits(index, rule)?;
        }
        self.check_qualifications(currency)?;
        self.check_months(currency)?;
        self.check_sub_affiliates(currency)?;
        self.check_criteria()
    }

    fn check_waits(&self, index: usize, rule: &Rule) -> Checked {
        match rule.on {
            On::QualifiedDeposit if self.qualification.is_none() => {
                Err(TermsError::NoQualification(index, "qualified_deposit", "a qualification"))
            }
            On::QualifiedLead if self.lead_qualification.is_none() => {
                Err(TermsError::NoQualification(index, "qualified_lead", "a lead_qualification"))
            }
            _ => Ok(()),
        }
    }

    fn check_qualifications(&self, currency: Currency) -> Checked {
        let sorts = [
            ("qualification", &self.qualification, On::QualifiedDeposit, Measure::QualifiedDeposits),
            ("lead_qualification", &self.lead_qualification, On::QualifiedLead, Measure::QualifiedLeads),
        ];
        for (name, qualification, on, measure) in sorts {
            let Some(qualification) = qualification else { continue };
            let waited_for =
                self.rules.iter().any(|rule| rule.on == on) || self.measures().any(|by| by == measure);
            if !waited_for {
                return Err(TermsError::UnusedQualification(name));
            }
            check_qualification(name, qualification, currency)?;
        }
        let waits = |rule: &Rule| matches!(rule.on, On::QualifiedDeposit | On::QualifiedLead);
        if self.unqualify != Default::default() && !self.rules.iter().any(waits) {
            return Err(TermsError::UnusedUnqualify);
        }
        Ok(())
    }

    fn measures(&self) -> impl Iterator<Item = Measure> + '_ {
        let tiers = self.rules.iter().filter_map(|rule| rule.tiers.as_ref().map(|tiers| tiers.by));
        tiers.chain(self.milestones.iter().map(|milestone| milestone.by))
    }

    fn check_months(&self, currency: Currency) -> Checked {
        let has_activity = self.rules.iter().any(Rule::is_on_activity);
        let may_be_negative =
            has_activity || self.sub_affiliates.iter().any(|level| level.percent_of_net_pnl.is_some());
        if self.negative_month != NegativeMonth::Net && !may_be_negative {
            return Err(TermsError::NothingNegative("negative_month"));
        }
        if self.carry_scope != CarryScope::Deal && !may_be_negative {
            return Err(TermsError::NothingNegative("carry_scope"));
        }
        if self.release == Release::AtOnce && (!has_activity || self.holds_all_for_close()) {
            return Err(TermsError::ReleaseWithoutActivity);
        }
        let of_net_pnl = |rule: &Rule| matches!(rule.reward, Reward::PercentOfNetPnl(_));
        if !self.fees.is_empty() && !self.rules.iter().any(of_net_pnl) {
            return Err(TermsError::UnusedFees);
        }
        at_most("fees", self.fees.len(), 16)?;
        at_most("milestones", self.milestones.len(), 32)?;
        self.fees.iter().enumerate().try_for_each(|(index, fee)| check_fee(index, fee, currency))?;
        let mut milestones = self.milestones.iter().enumerate();
        milestones.try_for_each(|(index, milestone)| check_milestone(index, milestone, currency))?;
        self.spend_limit.map_or(Ok(()), |limit| check_amount("spend_limit", limit, currency))
    }

    fn check_sub_affiliates(&self, currency: Currency) -> Checked {
        at_most("sub_affiliates", self.sub_affiliates.len(), 10)?;
        for (index, level) in self.sub_affiliates.iter().enumerate() {
            if let Some(flat) = level.flat {
                check_amount(&format!("sub_affiliates[{index}].flat"), flat, currency)?;
            }
        }
        match self.sub_affiliates.last() {
            Some(last) if *last == Default::default() => {
                Err(TermsError::EmptyLevel(self.sub_affiliates.len() - 1))
            }
            _ => Ok(()),
        }
    }

    fn check_criteria(&self) -> Checked {
        let criteria = &self.criteria;
        let lists = [
            ("country", &criteria.country),
            ("brand", &criteria.brand),
            ("campaign", &criteria.campaign),
            ("coupon", &criteria.coupon),
            ("traffic", &criteria.traffic),
        ];
        for (name, list) in lists {
            check_codes(&format!("criteria.{name}"), list)?;
        }
        check_range("criteria.active_from", criteria.active_from, criteria.active_until)
    }
}

fn check_rule(index: usize, rule: &Rule, currency: Currency) -> Checked {
    check_reward(index, rule.on, rule.reward)?;
    check_flat(index, rule.reward, currency)?;
    if let Some(surplus) = surplus(rule) {
        return Err(TermsError::PaymentLimit(index, word(rule.on), surplus));
    }
    check_when(index, rule)?;
    check_limits(index, &rule.limits, currency)?;
    rule.tiers.as_ref().map_or(Ok(()), |tiers| check_tiers(index, rule, tiers, currency))
}

fn check_reward(index: usize, on: On, reward: Reward) -> Checked {
    use Reward::{Flat, Percent, PercentOfNetDeposits, PercentOfNetPnl};
    match (on, reward) {
        (On::Registration | On::QualifiedLead | On::QualifiedDeposit, Flat(_)) => Ok(()),
        (On::Registration, _) => Err(TermsError::PercentOfRegistration(index)),
        (On::QualifiedLead | On::QualifiedDeposit, _) => Err(TermsError::PercentOfQualification(index)),
        (On::Activity, PercentOfNetPnl(_) | PercentOfNetDeposits(_)) => Ok(()),
        (On::Activity, _) => Err(TermsError::NoActivityReward(index)),
        (_, Flat(_) | Percent(_)) => Ok(()),
        (_, PercentOfNetPnl(_)) => Err(TermsError::ActivityReward(index, "percent_of_net_pnl")),
        (_, PercentOfNetDeposits(_)) => Err(TermsError::ActivityReward(index, "percent_of_net_deposits")),
    }
}

fn check_flat(index: usize, reward: Reward, currency: Currency) -> Checked {
    let Reward::Flat(amount) = reward else { return Ok(()) };
    if amount.0 <= 0 || amount.0 > MAX_MICROS {
        return Err(TermsError::FlatOutOfRange(index));
    }
    if amount.0 % currency.minor_unit_micros() != 0 {
        return Err(TermsError::FlatTooFine(index, currency));
    }
    Ok(())
}

/// The word of a sort of fact, as it is written.
pub(super) fn word(on: On) -> &'static str {
    match on {
        On::Registration => "registration",
        On::QualifiedLead => "qualified_lead",
        On::Payment => "payment",
        On::FirstDeposit => "first_deposit",
        On::QualifiedDeposit => "qualified_deposit",
        On::Activity => "activity",
    }
}

/// The first condition or limit that makes no sense on the rule's sort of fact.
fn surplus(rule: &Rule) -> Option<&'static str> {
    let (when, limits) = (&rule.when, &rule.limits);
    let of_rows = [
        ("occurrence", when.occurrence.is_some()),
        ("payments", limits.payments.is_some()),
        ("once", limits.once),
    ];
    let of_amounts = [
        ("amount_from", when.amount_from.is_some()),
        ("amount_below", when.amount_below.is_some()),
        ("plan", !when.plan.is_empty()),
        ("interval", !when.interval.is_empty()),
    ];
    let of_repetition =
        [("months", limits.months.is_some()), ("per_referral", limits.per_referral.is_some())];
    let given = |list: &[(&'static str, bool)]| list.iter().find(|(_, given)| *given).map(|(name, _)| *name);
    match rule.on {
        On::Payment => None,
        On::FirstDeposit => given(&of_rows).or(given(&of_repetition)),
        On::Activity => given(&of_rows).or(given(&of_amounts)),
        On::Registration | On::QualifiedLead | On::QualifiedDeposit => {
            given(&of_rows).or(given(&of_amounts)).or(given(&of_repetition))
        }
    }
}

fn check_when(index: usize, rule: &Rule) -> Checked {
    let When { brand, country, product, plan, campaign, coupon, .. } = &rule.when;
    let lists = [
        ("brand", brand),
        ("country", country),
        ("product", product),
        ("plan", plan),
        ("campaign", campaign),
        ("coupon", coupon),
    ];
    for (name, list) in lists {
        check_codes(&format!("rules[{index}].when.{name}"), list)?;
    }
    if rule.is_on_activity() {
        if let Some(unknown) = product.iter().find(|product| Section::from_word(product).is_none()) {
            return Err(TermsError::UnknownSection(index, unknown.clone()));
        }
        if matches!(rule.reward, Reward::PercentOfNetDeposits(_)) && !product.is_empty() {
            return Err(TermsError::SectionOfDeposits(index));
        }
    }
    check_range(&format!("rules[{index}].when.amount_from"), rule.when.amount_from, rule.when.amount_below)?;
    check_range(&format!("rules[{index}].when.from"), rule.when.from, rule.when.until)
}

fn check_limits(index: usize, limits: &Limits, currency: Currency) -> Checked {
    let months_fit = limits.months.is_none_or(|months| (1..=1200).contains(&months));
    let payments_fit = limits.payments.is_none_or(|payments| (1..=100_000).contains(&payments));
    if !months_fit || !payments_fit {
        return Err(TermsError::LimitOutOfRange(index));
    }
    let caps = [
        ("per_referral", limits.per_referral),
        ("per_affiliate", limits.per_affiliate),
        ("per_month", limits.per_month),
    ];
    for (name, cap) in caps {
        let Some(cap) = cap else { continue };
        check_amount(&format!("rules[{index}].limits.{name}"), cap, currency)?;
    }
    Ok(())
}

fn check_tiers(index: usize, rule: &Rule, tiers: &Tiers, currency: Currency) -> Checked {
    let ascending = tiers.steps.windows(2).all(|pair| pair[0].from < pair[1].from);
    if !(1..=32).contains(&tiers.steps.len()) || !ascending || tiers.steps.iter().any(|step| step.from.0 <= 0)
    {
        return Err(TermsError::StepsNotAscending(index));
    }
    for step in &tiers.steps {
        if !step.reward.is_like(&rule.reward) {
            return Err(TermsError::StepReward(index));
        }
        check_flat(index, step.reward, currency)?;
        check_count(&format!("rules[{index}].tiers"), tiers.by, step.from)?;
    }
    let own = own_measure(rule);
    if tiers.mode == TierMode::Marginal && own.is_none_or(|(own, _)| own != tiers.by) {
        return Err(TermsError::MarginalMeasure(index, own.map_or("; this rule has none", |(_, word)| word)));
    }
    Ok(())
}

/// What a rule rewards, as something that is summed up over a month.
fn own_measure(rule: &Rule) -> Option<(Measure, &'static str)> {
    match (rule.on, rule.reward) {
        (On::Registration, _) => Some((Measure::Registrations, ": registrations")),
        (On::QualifiedLead, _) => Some((Measure::QualifiedLeads, ": qualified_leads")),
        (On::QualifiedDeposit, _) => Some((Measure::QualifiedDeposits, ": qualified_deposits")),
        (On::FirstDeposit, Reward::Flat(_)) => Some((Measure::FirstDeposits, ": first_deposits")),
        (On::Payment, Reward::Flat(_)) => Some((Measure::Payments, ": payments")),
        (On::Payment, _) => Some((Measure::Revenue, ": revenue")),
        (On::Activity, Reward::PercentOfNetPnl(_)) => Some((Measure::NetPnl, ": net_pnl")),
        (On::Activity, Reward::PercentOfNetDeposits(_)) => Some((Measure::NetDeposits, ": net_deposits")),
        _ => None,
    }
}

fn check_qualification(name: &'static str, qualification: &Qualification, currency: Currency) -> Checked {
    let Qualification { baseline, amount, count, within_days } = qualification;
    let is_count = *baseline == Baseline::ActivityCount;
    let word = match baseline {
        Baseline::FirstDeposit => "first_deposit",
        Baseline::TotalDeposits => "total_deposits",
        Baseline::NetDeposits => "net_deposits",
        Baseline::Volume => "volume",
        Baseline::ActivityCount => "activity_count",
    };
    if is_count && (amount.is_some() || count.is_none_or(|count| count == 0)) {
        return Err(TermsError::QualificationMismatch(name, word, "a count above 0", "amount"));
    }
    let any_deposit = *baseline == Baseline::FirstDeposit && amount.is_none();
    if !is_count && (count.is_some() || (amount.is_none() && !any_deposit)) {
        return Err(TermsError::QualificationMismatch(name, word, "an amount", "count"));
    }
    if within_days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return Err(TermsError::DaysOutOfRange(name));
    }
    amount.map_or(Ok(()), |amount| check_amount(&format!("{name}.amount"), amount, currency))
}

fn check_fee(index: usize, fee: &Fee, currency: Currency) -> Checked {
    let path = format!("fees[{index}]");
    check_codes(&format!("{path}.name"), std::slice::from_ref(&fee.name))?;
    match fee.charge {
        Charge::FlatPerMonth(amount) => check_amount(&format!("{path}.charge"), amount, currency),
        Charge::Percent { .. } => Ok(()),
    }
}

fn check_milestone(index: usize, milestone: &Milestone, currency: Currency) -> Checked {
    let path = format!("milestones[{index}]");
    check_amount(&format!("{path}.bonus"), milestone.bonus, currency)?;
    if milestone.from.0 <= 0 {
        return Err(TermsError::AmountOutOfRange(format!("{path}.from"), currency));
    }
    check_count(&path, milestone.by, milestone.from)
}

fn check_count(path: &str, by: Measure, from: Amount) -> Checked {
    let whole = !by.is_count() || from.0 % MICROS == 0;
    if whole { Ok(()) } else { Err(TermsError::NotACount(path.to_owned(), super::sentence::measure(by))) }
}

fn check_amount(path: &str, amount: Amount, currency: Currency) -> Checked {
    let fits = amount.0 > 0 && amount.0 <= MAX_MICROS && amount.0 % currency.minor_unit_micros() == 0;
    if fits { Ok(()) } else { Err(TermsError::AmountOutOfRange(path.to_owned(), currency)) }
}

fn check_codes(path: &str, codes: &[String]) -> Checked {
    at_most(path, codes.len(), 250)?;
    let bad =
        codes.iter().find(|code| code.trim().is_empty() || code.chars().count() > 100 || code.contains('\0'));
    bad.map_or(Ok(()), |code| Err(TermsError::BadCode(path.to_owned(), code.chars().take(120).collect())))
}

fn check_range<T: PartialOrd>(path: &str, from: Option<T>, until: Option<T>) -> Checked {
    match (from, until) {
        (Some(from), Some(until)) if from >= until => Err(TermsError::EmptyRange(path.to_owned())),
        _ => Ok(()),
    }
}

fn at_most(path: &str, count: usize, limit: usize) -> Checked {
    if count > limit { Err(TermsError::TooManyEntries(path.to_owned(), count, limit)) } else { Ok(()) }
}
