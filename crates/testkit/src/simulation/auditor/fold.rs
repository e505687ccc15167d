//! What one customer's facts earn (money.md §4 and §5): the row of counted payments, limits applied to full amounts, refunds
//! last.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::super::words::{
    Baseline, Day, Dispute, Fact, Instant, Measure, Occurrence, On, Qualification, Refund, Reward, Rule,
    Said, Terms,
};
use super::calendar::{day_of_rates, months_after};
use super::{Auditor, Customer, Kind, in_force, rounded};

/// A fact's place in the canonical order.
pub(super) type Place = (Instant, u8, String);

/// What names a commission: the fact, the rule (of a parent, the rule and the cut), who earns.
pub(super) type Name = (String, usize, usize);

/// What a commission should stand at.
#[derive(Clone, Debug)]
pub(super) struct Earned {
    pub(super) name: Name,
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) on: On,
    pub(super) deal: usize,
    pub(super) version: usize,
    /// Before refunds.
    pub(super) full: i128,
    /// After them.
    pub(super) now: i128,
    /// How much of how much was returned.
    pub(super) back: (i128, i128),
    /// What a percentage was taken of.
    pub(super) base: i128,
    pub(super) is_disputed: bool,
    /// When its hold ends, and whether its month must be closed besides.
    pub(super) release: (Instant, bool),
}

/// What one customer brings.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded {
    pub(super) earned: Vec<Earned>,
    pub(super) reached: Vec<(Measure, Instant, i128)>,
}

/// What is counted on the way.
#[derive(Default)]
struct Count {
    payments: u32,
    first: Option<NaiveDate>,
    deposits: i128,
    returned: i128,
    withdrawals: i128,
    volume: i128,
    activity: i128,
    is_qualified: bool,
    once: Vec<usize>,
    used: BTreeMap<usize, i128>,
}

/// A payment or a carried deposit that a rule is tried on.
struct Paid<'a> {
    plan: &'a str,
    value: i128,
    back: (i128, i128),
}

/// One customer being folded.
struct Case<'a> {
    auditor: &'a Auditor,
    customer: &'a Customer,
    terms: &'a Terms,
    facts: Vec<&'a Fact>,
    is_rejected: bool,
    count: Count,
    folded: Folded,
}

impl Auditor {
    /// Folds what is known of a customer, or what of it is dated up to an instant.
    pub(super) fn fold(&self, name: &str, until: Option<Instant>) -> Folded {
        let Some(customer) = self.customers.get(name) else { return Folded::default() };
        let is_known = |at: Instant| until.is_none_or(|until| at <= until);
        let all = self.facts.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut facts: Vec<&Fact> = all.iter().filter(|fact| is_known(fact.at)).collect();
        facts.sort_by_cached_key(|fact| place(fact));
        let mut case = Case {
            auditor: self,
            customer,
            terms: self.terms(customer.deal, customer.version),
            facts: newest_rows(facts),
            is_rejected: customer.rejected_at.is_some_and(is_known),
            count: Count::default(),
            folded: Folded::default(),
        };
        for fact in case.facts.clone() {
            case.take(fact);
        }
        let mut folded = case.folded;
        self.parents(&mut folded);
        folded
    }

    /// An amount in the program's currency times parts per million, rounded once to its smallest unit.
    fn part(&self, amount: i64, currency: &'static str, at: Instant, ppm: i64) -> Option<i128> {
        let day = day_of_rates(at);
        let rate = |currency: &'static str| match currency {
            "EUR" => Some((1, 1)),
            other => self.rates.get(&(other, day)).copied(),
        };
        let unit = i128::from(self.program.unit);
        let (from, to) = if currency == self.program.currency {
            ((1, 1), (1, 1))
        } else {
            (rate(currency)?, rate(self.program.currency)?)
        };
        let numerator = i128::from(amount) * i128::from(ppm) * to.0 * from.1;
        Some(rounded(numerator, 1_000_000 * from.0 * to.1 * unit) * unit)
    }

    /// C − round(C × returned / amount), in the smallest units of the program's currency.
    pub(super) fn after(&self, full: i128, back: (i128, i128)) -> i128 {
        let unit = i128::from(self.program.unit);
        if back.0 == 0 { full } else { full - rounded(full * back.0, back.1 * unit) * unit }
    }
}

/// Registration, what comes in, what goes out, churn; then the source id.
fn place(fact: &Fact) -> Place {
    let (rank, source) = match &fact.said {
        Said::Registered { .. } => (0, String::new()),
        Said::Paid { name, .. } => (1, name.clone()),
        Said::Reported { day, .. } => (1, format!("activity {} {day}", super::super::client::BRAND)),
        Said::Refunded { name, .. } | Said::Disputed { name, .. } => (2, name.clone()),
        Said::RefundedInTotal { .. } => (2, "refunds in total".to_owned()),
        Said::Churned => (3, String::new()),
    };
    (fact.at, rank, source)
}

/// Of the reports of one day the one with the highest revision.
fn newest_rows(facts: Vec<&Fact>) -> Vec<&Fact> {
    let mut newest: BTreeMap<NaiveDate, u64> = BTreeMap::new();
    for fact in &facts {
        if let Said::Reported { day, revision, .. } = &fact.said {
            let known = newest.entry(*day).or_default();
            *known = (*known).max(*revision);
        }
    }
    let counts = |fact: &&Fact| match &fact.said {
        Said::Reported { day, revision, .. } => newest.get(day) == Some(revision),
        _ => true,
    };
    facts.into_iter().filter(counts).collect()
}

impl Case<'_> {
    fn take(&mut self, fact: &Fact) {
        match &fact.said {
            Said::Registered { .. } => self.registered(fact),
            Said::Paid { name, amount, base, currency, plan } => {
                let back = self.returned(name, *amount);
                if *amount == 0 || back >= i128::from(*amount) || self.customer.rejected.contains(name) {
                    return;
                }
                let date = self.auditor.date(fact.at);
                self.count.payments += 1;
                self.count.first.get_or_insert(date);
                let Some(value) = self.auditor.part(*amount, currency, fact.at, 1_000_000) else { return };
                let back = (back, i128::from(*amount));
                self.count.deposits += value;
                self.count.returned += rounded(value * back.0, back.1);
                let part = |ppm: i64| {
                    self.auditor.part(base.unwrap_or(*amount), currency, fact.at, ppm).unwrap_or(0)
                };
                let bases: Vec<(i128, i128)> =
                    self.terms.rules.iter().map(|rule| (part(rule.reward.size()), part(1_000_000))).collect();
                self.paid(fact, &Paid { plan, value, back }, &bases);
                self.qualify(fact, Some((value, back)));
            }
            Said::Reported { figures, .. } => self.reported(fact, figures),
            Said::Refunded { .. } | Said::RefundedInTotal { .. } | Said::Disputed { .. } | Said::Churned => {}
        }
    }

    fn earns(&self, at: Instant) -> bool {
        let person = &self.auditor.people[self.customer.affiliate];
        !self.is_rejected && in_force(&person.earns, at).unwrap_or(false)
    }

    fn registered(&mut self, fact: &Fact) {
        if !self.earns(fact.at) {
            return;
        }
        self.reach(Measure::Registrations, fact, 1_000_000);
        for (index, rule) in
            self.terms.rules.iter().enumerate().filter(|(_, rule)| rule.on == On::Registration)
        {
            if let Reward::Flat(sum) = rule.reward
                && self.is_for_country(rule)
            {
                self.earn(fact, index, sum.into(), sum.into(), (0, 1), 0);
            }
        }
    }

    fn is_for_country(&self, rule: &Rule) -> bool {
        rule.country.is_none_or(|country| country == self.customer.country)
    }

    /// Refunds by refund id whose newest report has not failed, and lost disputes, at most the payment.
    fn returned(&self, payment: &str, amount: i64) -> i128 {
        let mut sums: BTreeMap<(u8, &str), i128> = BTreeMap::new();
        for fact in &self.facts {
            match &fact.said {
                Said::Refunded { payment: of, name, amount, state, .. } if of == payment => {
                    let counts = if *state == Refund::Failed { 0 } else { (*amount).into() };
                    sums.insert((0, name), counts);
                }
                Said::RefundedInTotal { payment: of, amount, .. } if of == payment => {
                    sums.insert((1, ""), (*amount).into());
                }
                Said::Disputed { payment: of, name, amount, state, .. } if of == payment => {
                    let counts = if *state == Dispute::Lost { (*amount).into() } else { 0 };
                    sums.insert((2, name), counts);
                }
                _ => {}
            }
        }
        sums.values().sum::<i128>().min(amount.into())
    }

    fn is_disputed(&self, fact: &Fact) -> bool {
        let Said::Paid { name: payment, .. } = &fact.said else { return false };
        let mut open: BTreeMap<&str, bool> = BTreeMap::new();
        for fact in &self.facts {
            if let Said::Disputed { payment: of, name, state, .. } = &fact.said
                && of == payment
            {
                open.insert(name, *state == Dispute::Opened);
            }
        }
        open.into_values().any(|is_open| is_open)
    }

    /// Tries the rules on a payment that counts. Limits count what the facts say, whoever earns by it.
    fn paid(&mut self, fact: &Fact, paid: &Paid<'_>, bases: &[(i128, i128)]) {
        let earns = self.earns(fact.at);
        if earns {
            let left = rounded(paid.value * (paid.back.1 - paid.back.0), paid.back.1);
            self.reach(Measure::Payments, fact, 1_000_000);
            self.reach(Measure::Revenue, fact, left);
            if self.count.payments == 1 {
                self.reach(Measure::FirstDeposits, fact, 1_000_000);
            }
        }
        let terms = self.terms;
        for (index, rule) in terms.rules.iter().enumerate() {
            let (full, base) = match rule.reward {
                Reward::Flat(sum) => (i128::from(sum), 0),
                Reward::Percent(_) => bases[index],
                Reward::OfNetDeposits(_) | Reward::OfNetPnl(_) => continue,
            };
            if full == 0 || !self.meets(rule, paid, self.auditor.date(fact.at)) {
                continue;
            }
            let Some(full) = self.limited(index, rule, full) else { continue };
            let keeps = matches!(rule.reward, Reward::Flat(_)) && terms.only_full;
            let back = if keeps { (0, 1) } else { paid.back };
            if earns {
                self.earn(fact, index, full, self.auditor.after(full, back), back, base);
            }
        }
    }

    fn meets(&self, rule: &Rule, paid: &Paid<'_>, date: NaiveDate) -> bool {
        let number = self.count.payments;
        let occurrence = match (rule.on, rule.occurrence) {
            (On::FirstDeposit, _) | (On::Payment, Occurrence::First) => number == 1,
            (On::Payment, Occurrence::Renewal) => number > 1,
            (On::Payment, Occurrence::Any) => true,
            _ => false,
        };
        let first = self.count.first.unwrap_or(date);
        occurrence
            && self.is_for_country(rule)
            && rule.plan.is_none_or(|plan| plan == paid.plan)
            && rule.amount_from.is_none_or(|from| paid.value >= i128::from(from))
            && rule.amount_below.is_none_or(|below| paid.value < i128::from(below))
            && rule.payments.is_none_or(|payments| number <= payments)
            && rule.months.is_none_or(|months| date < months_after(first, months))
    }

    /// Once and the cap per referral, applied to a full amount.
    fn limited(&mut self, index: usize, rule: &Rule, full: i128) -> Option<i128> {
        if rule.once && self.count.once.contains(&index) {
            return None;
        }
        let mut allowed = full;
        if let Some(cap) = rule.per_referral {
            let used = self.count.used.entry(index).or_default();
            allowed = full.min(i128::from(cap) - *used);
            *used += allowed;
        }
        if allowed <= 0 {
            return None;
        }
        if rule.once {
            self.count.once.push(index);
        }
        Some(allowed)
    }

    fn reported(&mut self, fact: &Fact, day: &Day) {
        self.count.volume += i128::from(day.volume);
        self.count.activity += i128::from(day.count) * 1_000_000;
        let mut is_first = false;
        if self.auditor.program.has_rows && !self.auditor.program.has_payments {
            self.count.deposits += i128::from(day.deposits);
            self.count.withdrawals += i128::from(day.withdrawals);
            if day.deposits > 0 && self.count.payments == 0 {
                is_first = true;
                self.count.payments = 1;
                self.count.first.get_or_insert(self.auditor.date(fact.at));
            }
        }
        if self.earns(fact.at) {
            self.shares(fact, day, is_first);
        }
        let first = is_first.then_some((i128::from(day.deposits), (0, 1)));
        self.qualify(fact, first);
    }

    /// What a day earns.
    fn shares(&mut self, fact: &Fact, day: &Day, is_first: bool) {
        let terms = self.terms;
        let fee = rounded(i128::from(day.pnl) * i128::from(terms.fee_of_pnl.unwrap_or(0)), 1_000_000);
        let net_pnl = i128::from(day.pnl) - i128::from(day.bonuses) - i128::from(day.deductions) - fee;
        let counts_deposits = !self.auditor.program.has_payments;
        let net_deposits =
            if counts_deposits { i128::from(day.deposits) - i128::from(day.withdrawals) } else { 0 };
        self.reach(Measure::NetPnl, fact, net_pnl);
        if counts_deposits {
            self.reach(Measure::Revenue, fact, day.deposits.into());
        }
        if is_first {
            self.reach(Measure::FirstDeposits, fact, 1_000_000);
        }
        for (index, rule) in terms.rules.iter().enumerate() {
            let in_time = rule.months.is_none_or(|months| {
                self.count.first.is_none_or(|first| self.auditor.date(fact.at) < months_after(first, months))
            });
            let (base, rate) = match (rule.on, rule.reward) {
                (On::Activity, Reward::OfNetPnl(rate)) if in_time => (net_pnl, rate),
                (On::Activity, Reward::OfNetDeposits(rate)) if in_time => (net_deposits, rate),
                (On::FirstDeposit, Reward::Flat(sum)) if is_first && self.is_for_country(rule) => {
                    let value = i128::from(day.deposits);
                    let fits = rule.amount_from.is_none_or(|from| value >= from.into())
                        && rule.amount_below.is_none_or(|below| value < below.into());
                    if fits {
                        self.earn(fact, index, sum.into(), sum.into(), (0, 1), 0);
                    }
                    continue;
                }
                _ => continue,
            };
            let full = rounded(base * i128::from(rate), 1_000_000);
            if full != 0 && self.is_for_country(rule) {
                self.earn(fact, index, full, full, (0, 1), base);
            }
        }
    }

    /// Whether the customer becomes qualified by a fact. In the simulation nothing falls again within a day.
    fn qualify(&mut self, fact: &Fact, first_deposit: Option<(i128, (i128, i128))>) {
        let Some(qualification) = self.terms.qualification.filter(|_| !self.count.is_qualified) else {
            return;
        };
        let Some(back) = self.stands_on(&qualification, first_deposit) else { return };
        let registered = self.auditor.date(self.customer.at);
        let day = (self.auditor.date(fact.at) - registered).num_days();
        if qualification.within_days.is_some_and(|days| day >= i64::from(days)) {
            return;
        }
        self.count.is_qualified = true;
        if !self.earns(fact.at) {
            return;
        }
        self.reach(Measure::Qualified, fact, 1_000_000);
        for (index, rule) in self.terms.rules.iter().enumerate().filter(|(_, rule)| rule.on == On::Qualified)
        {
            let Reward::Flat(sum) = rule.reward else { continue };
            if self.is_for_country(rule) {
                let back = if self.terms.only_full { (0, 1) } else { back };
                self.earn(fact, index, sum.into(), self.auditor.after(sum.into(), back), back, 0);
            }
        }
    }

    /// What of the deposits that a qualification stands on was returned; nothing while it is not reached.
    fn stands_on(
        &self,
        qualification: &Qualification,
        first_deposit: Option<(i128, (i128, i128))>,
    ) -> Option<(i128, i128)> {
        let count = &self.count;
        let deposits = (count.returned, count.deposits);
        let (level, back) = match qualification.baseline {
            Baseline::FirstDeposit => first_deposit.filter(|_| count.payments == 1)?,
            Baseline::TotalDeposits => (count.deposits, deposits),
            Baseline::NetDeposits => (count.deposits - count.withdrawals, deposits),
            Baseline::Volume => (count.volume, (0, 1)),
            Baseline::ActivityCount => (count.activity, (0, 1)),
        };
        (level >= i128::from(qualification.threshold)).then_some(back)
    }

    fn reach(&mut self, by: Measure, fact: &Fact, micros: i128) {
        self.folded.reached.push((by, fact.at, micros));
    }

    fn earn(&mut self, fact: &Fact, index: usize, full: i128, now: i128, back: (i128, i128), base: i128) {
        if now == 0 {
            return;
        }
        let rule = &self.terms.rules[index];
        let kind = match (rule.on, rule.reward) {
            (On::Registration, _) => Kind::Lead,
            (_, Reward::Flat(_)) => Kind::Acquisition,
            _ => Kind::Share,
        };
        let place = place(fact);
        let earned = Earned {
            name: (place.2.clone(), index, self.customer.affiliate),
            kind,
            on: rule.on,
            deal: self.customer.deal,
            version: self.customer.version,
            full,
            now,
            back,
            base,
            is_disputed: self.is_disputed(fact),
            release: self.auditor.release(self.terms, rule, fact.at),
            place,
        };
        self.folded.earned.push(earned);
    }
}

impl Auditor {
    /// When the hold of a commission ends, and whether its month must be closed besides.
    fn release(&self, terms: &Terms, rule: &Rule, at: Instant) -> (Instant, bool) {
        let holds_all =
            terms.spend_limit.is_some() || terms.rules.iter().any(|rule| rule.per_month.is_some());
        match holds_all || (rule.on == On::Activity && !terms.release_at_once) {
            true => (self.end(self.month(at), terms.hold_days), true),
            false => (self.hold_end(at, terms.hold_days), false),
        }
    }
}
