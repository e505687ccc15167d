//! Terms as English: one sentence per rule, and one for each thing that the deal adds.

use super::{
    Baseline, CarryScope, Charge, Fee, FlatRefund, Measure, Milestone, NegativeMonth, Occurrence, Of, On,
    Qualification, Release, Reward, Rule, Span, SubAffiliate, Terms, TierMode, Tiers, Unqualify,
};
use crate::currency::Currency;
use crate::money::{Amount, Money, decimal};

impl Rule {
    /// The rule as one English sentence.
    pub fn sentence(&self, currency: Currency) -> String {
        let preposition = if self.reward.rate().is_some() { "of" } else { "for" };
        let what = match (self.on, self.reward, self.when.occurrence) {
            (On::Registration, ..) => "a registration",
            (On::QualifiedLead, ..) => "each qualified lead",
            (On::QualifiedDeposit, ..) => "each qualified customer",
            (On::FirstDeposit, ..) => "the first deposit",
            (On::Activity, Reward::PercentOfNetDeposits(_), _) => "net deposits",
            (On::Activity, ..) => "net P&L",
            (On::Payment, _, Some(Occurrence::First)) => "the first payment",
            (On::Payment, _, Some(Occurrence::Renewal)) => "each payment after the first",
            (On::Payment, _, None) => "each payment",
        };
        let reward = reward(self.reward, currency);
        let tiers = self.tiers.as_ref().map(|tiers| tiers_clause(tiers, currency)).unwrap_or_default();
        format!(
            "{reward} {preposition} {what}{}{}{tiers}.",
            self.conditions(currency),
            self.limits_clause(currency)
        )
    }

    fn conditions(&self, currency: Currency) -> String {
        let when = &self.when;
        let mut parts = Vec::new();
        let lists = [
            ("brand", &when.brand),
            ("country", &when.country),
            ("product", &when.product),
            ("plan", &when.plan),
            ("campaign", &when.campaign),
            ("coupon", &when.coupon),
        ];
        for (name, list) in lists {
            if !list.is_empty() {
                parts.push(format!("where the {name} is {}", list.join(" or ")));
            }
        }
        if !when.interval.is_empty() {
            let words: Vec<&str> = when.interval.iter().map(|interval| interval.as_str()).collect();
            parts.push(format!("where the interval is {}", words.join(" or ")));
        }
        if let Some(from) = when.amount_from {
            parts.push(format!("of at least {}", money(from, currency)));
        }
        if let Some(below) = when.amount_below {
            parts.push(format!("below {}", money(below, currency)));
        }
        if let Some(from) = when.from {
            parts.push(format!("from {from}"));
        }
        if let Some(until) = when.until {
            parts.push(format!("before {until}"));
        }
        parts.iter().map(|part| format!(" {part}")).collect()
    }

    fn limits_clause(&self, currency: Currency) -> String {
        let limits = &self.limits;
        let mut clause = String::new();
        if let Some(months) = limits.months {
            clause += &format!(", for {months} months from the first payment");
        }
        if let Some(count) = limits.payments {
            clause += &format!(", for the first {count} payments");
        }
        if limits.once {
            clause += ", once per customer";
        }
        let caps = [
            (limits.per_referral, "per customer"),
            (limits.per_affiliate, "per affiliate"),
            (limits.per_month, "per affiliate and month"),
        ];
        for (cap, per) in caps {
            if let Some(cap) = cap {
                clause += &format!(", at most {} {per}", money(cap, currency));
            }
        }
        clause
    }
}

impl Terms {
    /// One English sentence per rule, one for each thing that the deal adds, and one on the hold.
    pub fn sentences(&self, currency: Currency) -> Vec<String> {
        let mut sentences: Vec<String> = self.rules.iter().map(|rule| rule.sentence(currency)).collect();
        let qualifications = [("customer", &self.qualification), ("lead", &self.lead_qualification)];
        for (who, qualification) in qualifications {
            sentences.extend(qualification.iter().map(|it| qualification_sentence(who, it, currency)));
        }
        match self.unqualify {
            Unqualify::WhileHeld => {}
            Unqualify::Never => sentences.push("A qualification is never undone.".to_owned()),
            Unqualify::Always => {
                sentences.push("A qualification that is undone takes its reward back.".to_owned())
            }
        }
        if self.flat_refund == FlatRefund::OnlyFull {
            sentences.push("A flat sum is taken back only when all of its payment is returned.".to_owned());
        }
        sentences.extend(self.fees.iter().map(|fee| fee_sentence(fee, currency)));
        sentences.extend(self.milestones.iter().map(|milestone| milestone_sentence(milestone, currency)));
        sentences.extend(self.month_sentence());
        let levels = self.sub_affiliates.iter().enumerate();
        sentences.extend(levels.filter_map(|(index, level)| level_sentence(index, level, currency)));
        sentences.extend(self.spend_limit.map(|limit| format!("At most {} in all.", money(limit, currency))));
        sentences.extend(self.criteria_sentence());
        sentences.push(match self.hold_days {
            0 if self.releases_at_once() => "Payable at once.".to_owned(),
            0 if self.holds_all_for_close() => "Payable when the month is closed.".to_owned(),
            0 => "Payable at once; commission on activity when its month is closed.".to_owned(),
            1 => "Held for 1 day.".to_owned(),
            days => format!("Held for {days} days."),
        });
        sentences
    }

    fn month_sentence(&self) -> Option<String> {
        let scope = match self.carry_scope {
            CarryScope::Deal => "",
            CarryScope::Brand => " of a brand",
        };
        let release = match self.release {
            Release::AtClose => None,
            Release::AtOnce => {
                Some("Commission on activity does not wait for the close of its month.".to_owned())
            }
        };
        let month = match self.negative_month {
            NegativeMonth::Net => None,
            NegativeMonth::Carry => {
                Some(format!("A negative month{scope} is carried and worked off by later ones."))
            }
            NegativeMonth::Reset => Some(format!("A negative month{scope} is reset to zero.")),
        };
        [month, release].into_iter().flatten().reduce(|one, other| format!("{one} {other}"))
    }

    fn criteria_sentence(&self) -> Option<String> {
        let criteria = &self.criteria;
        let lists = [
            ("country", &criteria.country),
            ("brand", &criteria.brand),
            ("campaign", &criteria.campaign),
            ("coupon", &criteria.coupon),
            ("traffic source", &criteria.traffic),
        ];
        let mut parts: Vec<String> = lists
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| format!("the {name} is {}", list.join(" or ")))
            .collect();
        parts.extend(criteria.active_from.map(|from| format!("they register on {from} or later")));
        parts.extend(criteria.active_until.map(|until| format!("they register before {until}")));
        (!parts.is_empty()).then(|| format!("For customers where {}.", parts.join(" and ")))
    }
}

fn reward(reward: Reward, currency: Currency) -> String {
    match reward {
        Reward::Flat(amount) => money(amount, currency),
        reward => reward.rate().map_or_else(String::new, |rate| format!("{rate} %")),
    }
}

fn money(amount: Amount, currency: Currency) -> String {
    Money::from_micros(amount.0, currency).to_string()
}

/// A measure in words.
pub(crate) fn measure(by: Measure) -> &'static str {
    match by {
        Measure::Registrations => "registrations",
        Measure::QualifiedLeads => "qualified leads",
        Measure::FirstDeposits => "first deposits",
        Measure::QualifiedDeposits => "qualified customers",
        Measure::Payments => "payments",
        Measure::Revenue => "revenue",
        Measure::NetDeposits => "net deposits",
        Measure::Pnl => "P&L",
        Measure::NetPnl => "net P&L",
        Measure::Volume => "volume",
    }
}

fn amount_of(by: Measure, from: Amount, currency: Currency) -> String {
    if by.is_count() { decimal(i128::from(from.0), 0) } else { money(from, currency) }
}

fn tiers_clause(tiers: &Tiers, currency: Currency) -> String {
    let steps: Vec<String> = tiers
        .steps
        .iter()
        .map(|step| {
            let from = amount_of(tiers.by, step.from, currency);
            format!("{} from {from}", reward(step.reward, currency))
        })
        .collect();
    let mode = match tiers.mode {
        TierMode::Whole => "for everything of the month",
        TierMode::Marginal => "for what is above",
    };
    format!("; by {} of the month {} ({mode})", measure(tiers.by), steps.join(", "))
}

fn qualification_sentence(who: &str, qualification: &Qualification, currency: Currency) -> String {
    let Qualification { baseline, amount, count, within_days } = qualification;
    let at_least =
        amount.map_or_else(String::new, |amount| format!(" of at least {}", money(amount, currency)));
    let reached = match baseline {
        Baseline::FirstDeposit => format!("a first deposit{at_least}"),
        Baseline::TotalDeposits => format!("deposits{at_least}"),
        Baseline::NetDeposits => format!("net deposits{at_least}"),
        Baseline::Volume => format!("a volume{at_least}"),
        Baseline::ActivityCount => format!("at least {} activities", count.unwrap_or(0)),
    };
    let within = match within_days {
        None => String::new(),
        Some(1) => " on the day of registration".to_owned(),
        Some(days) => format!(" within {days} days of registration"),
    };
    format!("A {who} is qualified by {reached}{within}.")
}

fn fee_sentence(fee: &Fee, currency: Currency) -> String {
    let when = if fee.positive_months_only { " in months above zero" } else { "" };
    let charge = match fee.charge {
        Charge::FlatPerMonth(amount) => format!("{} a month", money(amount, currency)),
        Charge::Percent { rate, of } => {
            let of = match of {
                Of::Pnl => "P&L",
                Of::NetPnl => "net P&L",
                Of::Deposits => "deposits",
                Of::Volume => "volume",
            };
            format!("{rate} % of {of}")
        }
    };
    format!("Net P&L is less {}: {charge}{when}.", fee.name)
}

fn milestone_sentence(milestone: &Milestone, currency: Currency) -> String {
    let per = match milestone.per {
        Span::Month => "in a month",
        Span::Ever => "in all, once",
    };
    let bonus = money(milestone.bonus, currency);
    let from = amount_of(milestone.by, milestone.from, currency);
    format!("A bonus of {bonus} at {from} {} {per}.", measure(milestone.by))
}

fn level_sentence(index: usize, level: &SubAffiliate, currency: Currency) -> Option<String> {
    let parts = [
        level.flat.map(|flat| format!("{} per qualified customer", money(flat, currency))),
        level.percent_of_share.map(|rate| format!("{rate} % of their shares")),
        level.percent_of_net_pnl.map(|rate| format!("{rate} % of their net P&L")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let level = index + 1;
    (!parts.is_empty()).then(|| format!("Of sub-affiliates of level {level}: {}.", parts.join(" and ")))
}
