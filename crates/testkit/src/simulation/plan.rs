//! Random programs and terms. Terms that look at months come with amounts that divide without a rest, so that every figure
//! of a statement can be said in one way only.

use super::draw::Draw;
use super::words::{
    Baseline, Level, Measure, Milestone, Negative, Occurrence, On, Program, Qualification, Reward, Rule,
    Terms, Tiers,
};

/// The countries of customers.
pub(crate) const COUNTRIES: [&str; 3] = ["DE", "FR", "US"];

/// The plans that payments are for.
pub(crate) const PLANS: [&str; 2] = ["basic", "team"];

const CURRENCIES: [(&str, i64); 4] = [("EUR", 10_000), ("USD", 10_000), ("JPY", 1_000_000), ("KWD", 1_000)];

const ZONES: [chrono_tz::Tz; 5] = [
    chrono_tz::UTC,
    chrono_tz::Europe::Berlin,
    chrono_tz::America::New_York,
    chrono_tz::Pacific::Auckland,
    chrono_tz::Asia::Kolkata,
];

/// A count, as tiers and milestones have it.
const ONE: i64 = 1_000_000;

/// A program with what its customers do.
pub(crate) fn program(draw: &mut Draw) -> Program {
    let (currency, unit) = draw.pick(&CURRENCIES);
    let (has_payments, has_rows, is_round) =
        draw.pick(&[(true, false, false), (true, false, true), (false, true, true), (true, true, true)]);
    let hold_days = is_round.then(|| hold_days(draw));
    Program { currency, unit, zone: draw.pick(&ZONES), has_rows, has_payments, hold_days, is_round }
}

fn hold_days(draw: &mut Draw) -> u32 {
    draw.pick(&[0, 0, 3, 14, 30])
}

/// Terms for a program.
pub(crate) fn terms(draw: &mut Draw, program: &Program) -> Terms {
    let mut terms = match (program.has_rows, program.is_round) {
        (false, false) => per_customer(draw, program),
        (false, true) => per_month(draw, program),
        (true, _) => on_activity(draw, program),
    };
    terms.hold_days = program.hold_days.unwrap_or_else(|| hold_days(draw));
    terms.only_full = draw.one_in(4);
    if terms.spend_limit.is_none() && draw.one_in(3) {
        let has = |on: On| terms.rules.iter().any(|rule| rule.on == on);
        let (is_qualified, is_active) = (has(On::Qualified), has(On::Activity));
        let level = |draw: &mut Draw| Level {
            flat: if is_qualified {
                draw.maybe(2, |draw| program.unit * draw.pick(&[400, 1000]))
            } else {
                None
            },
            of_share: draw.maybe(2, |draw| draw.pick(&[50_000, 100_000])),
            of_net_pnl: if is_active { draw.maybe(3, |draw| draw.pick(&[50_000, 100_000])) } else { None },
        };
        terms.levels = (0..draw.between(1, 2)).map(|_| level(draw)).collect();
        while terms.levels.last().is_some_and(|level| *level == Level::default()) {
            terms.levels.pop();
        }
    }
    terms
}

/// Another version of terms: the same in all that a month looks at, with other rates and sums.
pub(crate) fn next_version(draw: &mut Draw, program: &Program, before: &Terms) -> Terms {
    if !program.is_round {
        return terms(draw, program);
    }
    let mut next = before.clone();
    for rule in &mut next.rules {
        // The reward stays below that of the first step, whose size is at least twice as high.
        rule.reward = match rule.reward {
            Reward::Percent(_) => Reward::Percent(share(draw)),
            Reward::OfNetPnl(_) => Reward::OfNetPnl(share(draw)),
            Reward::OfNetDeposits(_) => Reward::OfNetDeposits(share(draw)),
            Reward::Flat(_) => Reward::Flat(sum(draw, program)),
        };
    }
    next
}

/// A rate that keeps amounts without a rest.
fn share(draw: &mut Draw) -> i64 {
    50_000 * draw.between(1, 8)
}

/// A flat sum that can be divided.
fn sum(draw: &mut Draw, program: &Program) -> i64 {
    program.unit * 400 * draw.between(1, 10)
}

/// Terms of which nothing waits for a close.
fn per_customer(draw: &mut Draw, program: &Program) -> Terms {
    let unit = program.unit;
    let mut rules = Vec::new();
    for _ in 0..draw.between(1, 4) {
        let on = draw.pick(&[
            On::Registration,
            On::Payment,
            On::Payment,
            On::Payment,
            On::FirstDeposit,
            On::Qualified,
        ]);
        let flat = Reward::Flat(unit * draw.between(1, 9_999));
        let reward = match on {
            On::Payment | On::FirstDeposit if !draw.one_in(3) => Reward::Percent(draw.between(1, 600_000)),
            _ => flat,
        };
        let mut rule = Rule::new(on, reward);
        rule.country = draw.maybe(6, |draw| draw.pick(&COUNTRIES));
        if on == On::Payment {
            rule.occurrence =
                draw.pick(&[Occurrence::Any, Occurrence::Any, Occurrence::First, Occurrence::Renewal]);
            rule.months = draw.maybe(4, |draw| draw.between(1, 3).unsigned_abs() as u32);
            rule.payments = draw.maybe(4, |draw| draw.between(1, 3).unsigned_abs() as u32);
            rule.once = draw.one_in(6);
            rule.per_referral = draw.maybe(5, |draw| unit * draw.between(100, 20_000));
        }
        if matches!(on, On::Payment | On::FirstDeposit) {
            rule.plan = draw.maybe(6, |draw| draw.pick(&PLANS));
            rule.amount_from = draw.maybe(6, |draw| unit * draw.between(1_000, 10_000));
            rule.amount_below = draw.maybe(6, |draw| unit * draw.between(10_001, 40_000));
        }
        rules.push(rule);
    }
    qualified(draw, Terms::of(rules), unit, &[Baseline::FirstDeposit, Baseline::TotalDeposits])
}

/// Adds when a customer is qualified, where a rule waits for it.
fn qualified(draw: &mut Draw, mut terms: Terms, unit: i64, baselines: &[Baseline]) -> Terms {
    if !terms.rules.iter().any(|rule| rule.on == On::Qualified) {
        return terms;
    }
    let baseline = draw.pick(baselines);
    let threshold = match baseline {
        Baseline::ActivityCount => ONE * draw.between(3, 40),
        Baseline::FirstDeposit => unit * draw.between(100, 12_000),
        Baseline::TotalDeposits | Baseline::NetDeposits | Baseline::Volume => {
            unit * draw.between(5_000, 50_000)
        }
    };
    let within_days = draw.maybe(2, |draw| draw.between(1, 45).unsigned_abs() as u32);
    terms.qualification = Some(Qualification { baseline, threshold, within_days });
    terms
}

/// Terms with limits, tiers and milestones that are settled at the close of a month.
fn per_month(draw: &mut Draw, program: &Program) -> Terms {
    let unit = program.unit;
    let mut rules = vec![Rule::new(On::Payment, Reward::Percent(share(draw)))];
    if draw.one_in(2) {
        rules.push(Rule::new(On::FirstDeposit, Reward::Flat(sum(draw, program))));
    }
    if draw.one_in(3) {
        rules.push(Rule::new(On::Qualified, Reward::Flat(sum(draw, program))));
    }
    if draw.one_in(3) {
        rules.push(Rule::new(On::Registration, Reward::Flat(sum(draw, program))));
    }
    for rule in &mut rules {
        rule.tiers = draw.maybe(2, |draw| tiers(draw, unit, rule));
        rule.per_month = draw.maybe(4, |draw| unit * 400 * draw.between(10, 60));
        rule.per_affiliate = draw.maybe(4, |draw| unit * 400 * draw.between(20, 200));
    }
    let mut terms = Terms::of(rules);
    if draw.one_in(3) {
        let by =
            draw.pick(&[Measure::FirstDeposits, Measure::Payments, Measure::Revenue, Measure::Registrations]);
        terms.milestones = milestones(draw, unit, by);
    }
    terms.spend_limit = draw.maybe(4, |draw| unit * 400 * draw.between(50, 400));
    qualified(draw, terms, unit, &[Baseline::FirstDeposit, Baseline::TotalDeposits])
}

fn milestones(draw: &mut Draw, unit: i64, by: Measure) -> Vec<Milestone> {
    let from = match by {
        Measure::Revenue | Measure::NetPnl => unit * 4_000 * draw.between(2, 20),
        _ => ONE * draw.between(1, 6),
    };
    vec![Milestone { by, from, bonus: unit * 100 * draw.between(1, 50), ever: draw.one_in(2) }]
}

/// A table of one or two steps above a rule's own reward.
fn tiers(draw: &mut Draw, unit: i64, rule: &Rule) -> Tiers {
    let own = match (rule.on, rule.reward) {
        (On::Registration, _) => Measure::Registrations,
        (On::Qualified, _) => Measure::Qualified,
        (On::FirstDeposit, _) => Measure::FirstDeposits,
        (On::Activity, _) => Measure::NetPnl,
        (On::Payment, _) => Measure::Revenue,
    };
    let marginal = draw.one_in(3);
    let by = if marginal || draw.one_in(2) { own } else { draw.pick(&[Measure::Registrations, own]) };
    let one = match by {
        Measure::Revenue | Measure::NetPnl => unit * 4_000,
        _ => ONE,
    };
    let like = |size: i64| match rule.reward {
        Reward::Percent(_) => Reward::Percent(size),
        Reward::OfNetPnl(_) => Reward::OfNetPnl(size),
        Reward::OfNetDeposits(_) => Reward::OfNetDeposits(size),
        Reward::Flat(_) => Reward::Flat(size),
    };
    let mut from = one * draw.between(1, 6);
    let mut steps = vec![(from, like(rule.reward.size() * 2))];
    if draw.one_in(2) {
        from += one * draw.between(1, 8);
        steps.push((from, like(rule.reward.size() * 5 / 2)));
    }
    Tiers { by, marginal, steps }
}

/// Terms on days of players.
fn on_activity(draw: &mut Draw, program: &Program) -> Terms {
    let unit = program.unit;
    let mut share_of_pnl = Rule::new(On::Activity, Reward::OfNetPnl(share(draw)));
    share_of_pnl.tiers = draw.maybe(4, |draw| tiers(draw, unit, &share_of_pnl));
    share_of_pnl.months = draw.maybe(5, |draw| draw.between(1, 3).unsigned_abs() as u32);
    let mut rules = vec![share_of_pnl];
    if draw.one_in(2) {
        rules.push(Rule::new(On::Qualified, Reward::Flat(sum(draw, program))));
    }
    if draw.one_in(4) {
        rules.push(Rule::new(On::FirstDeposit, Reward::Flat(sum(draw, program))));
    }
    if !program.has_payments && draw.one_in(4) {
        rules.push(Rule::new(On::Activity, Reward::OfNetDeposits(share(draw))));
    }
    if program.has_payments && draw.one_in(3) {
        rules.push(Rule::new(On::Payment, Reward::Percent(share(draw))));
    }
    let mut terms = Terms::of(rules);
    terms.negative = draw.pick(&[Negative::Net, Negative::Carry, Negative::Reset]);
    terms.release_at_once = draw.one_in(5);
    terms.fee_of_pnl = draw.maybe(3, |draw| draw.pick(&[50_000, 100_000]));
    if draw.one_in(4) {
        let by = draw.pick(&[Measure::FirstDeposits, Measure::NetPnl, Measure::Registrations]);
        terms.milestones = milestones(draw, unit, by);
    }
    let baselines: &[Baseline] = match program.has_payments {
        true => &[Baseline::FirstDeposit, Baseline::TotalDeposits, Baseline::Volume, Baseline::ActivityCount],
        false => &[
            Baseline::FirstDeposit,
            Baseline::NetDeposits,
            Baseline::TotalDeposits,
            Baseline::Volume,
            Baseline::ActivityCount,
        ],
    };
    qualified(draw, terms, unit, baselines)
}
