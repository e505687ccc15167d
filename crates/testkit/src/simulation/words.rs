//! What the simulation and its auditor speak of: terms, facts and programs as plain data, amounts in micros, instants in
//! microseconds, affiliates and deals by their place in the program. None of it is the engine's; what the engine is asked is
//! made of it in `wire` and `client`.

use chrono::NaiveDate;
use serde_json::{Value, json};

/// An instant, in microseconds since 1970.
pub(crate) type Instant = i64;

/// What a rule is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum On {
    Registration,
    Payment,
    FirstDeposit,
    Qualified,
    Activity,
}

/// What a rule rewards; rates in parts per million.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reward {
    Percent(i64),
    OfNetPnl(i64),
    OfNetDeposits(i64),
    Flat(i64),
}

/// Which of the payments of a customer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Occurrence {
    Any,
    First,
    Renewal,
}

/// What is counted over a month.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Measure {
    Registrations,
    FirstDeposits,
    Qualified,
    Payments,
    Revenue,
    NetPnl,
}

/// Other rewards from certain steps on. A count is in whole units of micros.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tiers {
    pub(crate) by: Measure,
    pub(crate) marginal: bool,
    pub(crate) steps: Vec<(i64, Reward)>,
}

/// A rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rule {
    pub(crate) on: On,
    pub(crate) reward: Reward,
    pub(crate) occurrence: Occurrence,
    pub(crate) plan: Option<&'static str>,
    pub(crate) country: Option<&'static str>,
    pub(crate) amount_from: Option<i64>,
    pub(crate) amount_below: Option<i64>,
    pub(crate) months: Option<u32>,
    pub(crate) payments: Option<u32>,
    pub(crate) once: bool,
    pub(crate) per_referral: Option<i64>,
    pub(crate) per_affiliate: Option<i64>,
    pub(crate) per_month: Option<i64>,
    pub(crate) tiers: Option<Tiers>,
}

/// What a qualification looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Baseline {
    FirstDeposit,
    TotalDeposits,
    NetDeposits,
    Volume,
    ActivityCount,
}

/// When a customer is qualified. A count is in whole units of micros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Qualification {
    pub(crate) baseline: Baseline,
    pub(crate) threshold: i64,
    pub(crate) within_days: Option<u32>,
}

/// What happens to a negative month.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Negative {
    Net,
    Carry,
    Reset,
}

/// A bonus on what was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Milestone {
    pub(crate) by: Measure,
    pub(crate) from: i64,
    pub(crate) bonus: i64,
    pub(crate) ever: bool,
}

/// What is earned by affiliates of one level below.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Level {
    pub(crate) flat: Option<i64>,
    pub(crate) of_share: Option<i64>,
    pub(crate) of_net_pnl: Option<i64>,
}

/// The terms of a deal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    pub(crate) rules: Vec<Rule>,
    pub(crate) hold_days: u32,
    pub(crate) only_full: bool,
    pub(crate) qualification: Option<Qualification>,
    pub(crate) negative: Negative,
    pub(crate) release_at_once: bool,
    /// A fee on the P&L of each row, in parts per million.
    pub(crate) fee_of_pnl: Option<i64>,
    pub(crate) milestones: Vec<Milestone>,
    pub(crate) spend_limit: Option<i64>,
    pub(crate) levels: Vec<Level>,
}

impl Terms {
    /// Terms with some rules and nothing else.
    pub(crate) fn of(rules: Vec<Rule>) -> Terms {
        Terms {
            rules,
            hold_days: 0,
            only_full: false,
            qualification: None,
            negative: Negative::Net,
            release_at_once: false,
            fee_of_pnl: None,
            milestones: Vec::new(),
            spend_limit: None,
            levels: Vec::new(),
        }
    }

    /// The terms as a client writes them.
    pub(crate) fn json(&self) -> Value {
        let mut terms = json!({
            "rules": self.rules.iter().map(Rule::json).collect::<Vec<_>>(),
            "hold_days": self.hold_days,
            "flat_refund": if self.only_full { "only_full" } else { "proportional" },
        });
        if let Some(qualification) = &self.qualification {
            terms["qualification"] = qualification.json();
            terms["unqualify"] = json!("always");
        }
        match self.negative {
            Negative::Net => {}
            Negative::Carry => terms["negative_month"] = json!("carry"),
            Negative::Reset => terms["negative_month"] = json!("reset"),
        }
        if self.release_at_once {
            terms["release"] = json!("at_once");
        }
        if let Some(rate) = self.fee_of_pnl {
            terms["fees"] = json!([{ "name": "Admin fee", "charge": { "percent": { "rate": percent(rate), "of": "pnl" } } }]);
        }
        if !self.milestones.is_empty() {
            terms["milestones"] = self.milestones.iter().map(Milestone::json).collect();
        }
        if let Some(limit) = self.spend_limit {
            terms["spend_limit"] = json!(decimal(limit));
        }
        if !self.levels.is_empty() {
            terms["sub_affiliates"] = self.levels.iter().map(Level::json).collect();
        }
        terms
    }
}

impl Rule {
    /// A reward, always and without limits.
    pub(crate) fn new(on: On, reward: Reward) -> Rule {
        Rule {
            on,
            reward,
            occurrence: Occurrence::Any,
            plan: None,
            country: None,
            amount_from: None,
            amount_below: None,
            months: None,
            payments: None,
            once: false,
            per_referral: None,
            per_affiliate: None,
            per_month: None,
            tiers: None,
        }
    }

    fn json(&self) -> Value {
        let on = match self.on {
            On::Registration => "registration",
            On::Payment => "payment",
            On::FirstDeposit => "first_deposit",
            On::Qualified => "qualified_deposit",
            On::Activity => "activity",
        };
        let (mut when, mut limits) = (json!({}), json!({}));
        match self.occurrence {
            Occurrence::Any => {}
            Occurrence::First => when["occurrence"] = json!("first"),
            Occurrence::Renewal => when["occurrence"] = json!("renewal"),
        }
        if let Some(plan) = self.plan {
            when["plan"] = json!([plan]);
        }
        if let Some(country) = self.country {
            when["country"] = json!([country]);
        }
        for (name, amount) in [("amount_from", self.amount_from), ("amount_below", self.amount_below)] {
            if let Some(amount) = amount {
                when[name] = json!(decimal(amount));
            }
        }
        for (name, count) in [("months", self.months), ("payments", self.payments)] {
            if let Some(count) = count {
                limits[name] = json!(count);
            }
        }
        let caps = [
            ("per_referral", self.per_referral),
            ("per_affiliate", self.per_affiliate),
            ("per_month", self.per_month),
        ];
        for (name, amount) in caps {
            if let Some(amount) = amount {
                limits[name] = json!(decimal(amount));
            }
        }
        if self.once {
            limits["once"] = json!(true);
        }
        let mut rule = json!({ "on": on, "when": when, "reward": self.reward.json(), "limits": limits });
        if let Some(tiers) = &self.tiers {
            let steps: Vec<Value> = tiers
                .steps
                .iter()
                .map(|(from, reward)| json!({ "from": decimal(*from), "reward": reward.json() }))
                .collect();
            let mode = if tiers.marginal { "marginal" } else { "whole" };
            rule["tiers"] = json!({ "by": tiers.by.word(), "mode": mode, "steps": steps });
        }
        rule
    }
}

impl Reward {
    fn json(&self) -> Value {
        match self {
            Reward::Percent(rate) => json!({ "percent": percent(*rate) }),
            Reward::OfNetPnl(rate) => json!({ "percent_of_net_pnl": percent(*rate) }),
            Reward::OfNetDeposits(rate) => json!({ "percent_of_net_deposits": percent(*rate) }),
            Reward::Flat(amount) => json!({ "flat": decimal(*amount) }),
        }
    }

    /// Parts per million, or micros.
    pub(crate) fn size(&self) -> i64 {
        match self {
            Reward::Percent(size)
            | Reward::OfNetPnl(size)
            | Reward::OfNetDeposits(size)
            | Reward::Flat(size) => *size,
        }
    }
}

impl Measure {
    fn word(self) -> &'static str {
        match self {
            Measure::Registrations => "registrations",
            Measure::FirstDeposits => "first_deposits",
            Measure::Qualified => "qualified_deposits",
            Measure::Payments => "payments",
            Measure::Revenue => "revenue",
            Measure::NetPnl => "net_pnl",
        }
    }
}

impl Qualification {
    fn json(&self) -> Value {
        let baseline = match self.baseline {
            Baseline::FirstDeposit => "first_deposit",
            Baseline::TotalDeposits => "total_deposits",
            Baseline::NetDeposits => "net_deposits",
            Baseline::Volume => "volume",
            Baseline::ActivityCount => "activity_count",
        };
        let mut json = json!({ "baseline": baseline });
        match self.baseline {
            Baseline::ActivityCount => json["count"] = json!(self.threshold / 1_000_000),
            _ => json["amount"] = json!(decimal(self.threshold)),
        }
        if let Some(days) = self.within_days {
            json["within_days"] = json!(days);
        }
        json
    }
}

impl Milestone {
    fn json(&self) -> Value {
        let per = if self.ever { "ever" } else { "month" };
        json!({ "by": self.by.word(), "from": decimal(self.from), "bonus": decimal(self.bonus), "per": per })
    }
}

impl Level {
    fn json(&self) -> Value {
        let mut level = json!({});
        if let Some(flat) = self.flat {
            level["flat"] = json!(decimal(flat));
        }
        if let Some(rate) = self.of_share {
            level["percent_of_share"] = json!(percent(rate));
        }
        if let Some(rate) = self.of_net_pnl {
            level["percent_of_net_pnl"] = json!(percent(rate));
        }
        level
    }
}

/// An amount in micros as text.
pub(crate) fn decimal(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (whole, part) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    format!("{sign}{whole}.{part:06}")
}

/// A rate in parts per million as a percentage.
fn percent(ppm: i64) -> String {
    format!("{}.{:04}", ppm / 10_000, ppm % 10_000)
}

/// How a dispute stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dispute {
    Opened,
    Won,
    Lost,
}

/// How a refund stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refund {
    Pending,
    Succeeded,
    Failed,
}

/// The figures of a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Day {
    pub(crate) pnl: i64,
    pub(crate) bonuses: i64,
    pub(crate) deductions: i64,
    pub(crate) volume: i64,
    pub(crate) deposits: i64,
    pub(crate) withdrawals: i64,
    pub(crate) count: i64,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    Registered { affiliate: usize, country: &'static str },
    Paid { name: String, amount: i64, base: Option<i64>, currency: &'static str, plan: &'static str },
    Refunded { payment: String, name: String, amount: i64, currency: &'static str, state: Refund },
    RefundedInTotal { payment: String, amount: i64, currency: &'static str },
    Disputed { payment: String, name: String, amount: i64, currency: &'static str, state: Dispute },
    Reported { day: NaiveDate, revision: u64, figures: Day },
    Churned,
}

/// A fact: who, when, what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fact {
    pub(crate) customer: String,
    pub(crate) at: Instant,
    pub(crate) said: Said,
}

/// A program.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) currency: &'static str,
    /// Micros of the smallest unit of its currency.
    pub(crate) unit: i64,
    pub(crate) zone: chrono_tz::Tz,
    /// Whether customers' days are reported.
    pub(crate) has_rows: bool,
    /// Whether customers' payments are told.
    pub(crate) has_payments: bool,
    /// Days of hold of all its deals, where they look at months.
    pub(crate) hold_days: Option<u32>,
    /// Whether amounts divide without a rest, as terms that look at months are tested with.
    pub(crate) is_round: bool,
}
