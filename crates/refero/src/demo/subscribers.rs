//! Customers of the subscription program: trials, first payments, renewals by month and year, upgrades, refunds, churn
//! and returns.

use chrono::Months;
use domain::text::TextError;
use domain::time::Timestamp;

use super::cast::{RECOMMENDERS, work_address};
use super::customer::{Identity, Interval, Life};
use super::year::{Event, Year};

const IDENTITY: Identity = Identity {
    stream: "subscribers",
    uid: "acct-",
    address: work_address,
    partners: &RECOMMENDERS,
    organic: 60,
};

/// What a month costs, in cents; a year costs ten of them.
const PLANS: [i64; 3] = [2_900, 7_900, 19_900];

/// How often a customer takes each plan.
const PLAN_WEIGHTS: [i64; 3] = [58, 31, 11];

/// Everything that happens to `count` customers in a year.
pub(super) fn events(year: &Year, count: usize) -> Result<Vec<Event>, TextError> {
    let mut events = Vec::new();
    for index in 0..count {
        let mut life = Life::begin(&IDENTITY, year, index)?;
        if life.generator.chance(640) {
            subscribe(&mut life)?;
        }
        events.extend(life.end());
    }
    Ok(events)
}

/// What a customer has subscribed to.
struct Subscription {
    plan: usize,
    interval: Interval,
    /// The day on which renewals fall.
    anchor: Timestamp,
    /// How many months after the anchor the next payment falls.
    months: u32,
}

fn subscribe(life: &mut Life) -> Result<(), TextError> {
    let plan = life.generator.pick_weighted(&PLAN_WEIGHTS);
    let interval = if life.generator.chance(180) { Interval::Year } else { Interval::Month };
    // A trial has two weeks; one in four does not wait for its end.
    let registered_at = life.registered_at;
    let (first, last) = if life.generator.chance(250) { (0, 6) } else { (14, 15) };
    let anchor = life.later(registered_at, first, last);
    let mut subscription = Subscription { plan, interval, anchor, months: 0 };
    loop {
        let due = subscription.anchor + Months::new(subscription.months);
        if !life.is_told(due) {
            return Ok(());
        }
        if !renew(life, &mut subscription, due)? {
            return Ok(());
        }
    }
}

/// One payment and what follows it until the next; says whether there will be a next.
fn renew(life: &mut Life, subscription: &mut Subscription, due: Timestamp) -> Result<bool, TextError> {
    let price = price(subscription.plan, subscription.interval);
    let payment = life.pay(due, price, Some(subscription.interval))?;
    subscription.months += subscription.interval.months();
    if life.generator.chance(22) {
        let at = life.later(due, 1, 9);
        let is_full = life.generator.chance(550);
        let part = price * life.generator.between(20, 80) / 100;
        life.refund(at, &payment, (!is_full).then_some(part))?;
        // Most of those who got everything back are gone.
        if is_full && life.generator.chance(700) {
            let at = life.later(at, 0, 2);
            life.churn(at);
            return Ok(false);
        }
    }
    if subscription.plan + 1 < PLANS.len() && life.generator.chance(35) {
        let at = life.later(due, 8, 20);
        let old = subscription.plan;
        subscription.plan += 1;
        // About half of the period is left when the better plan begins.
        let difference =
            (PLANS[subscription.plan] - PLANS[old]) * i64::from(subscription.interval.months()) / 2;
        life.pay(at, difference, Some(subscription.interval))?;
    }
    if life.generator.chance(45) {
        return leave(life, subscription, due);
    }
    Ok(true)
}

/// The customer leaves before the next payment; one in eight comes back a few months later, with a new anchor.
fn leave(life: &mut Life, subscription: &mut Subscription, paid_at: Timestamp) -> Result<bool, TextError> {
    let left_at = life.later(paid_at, 22, 27);
    life.churn(left_at);
    if life.generator.chance(875) {
        return Ok(false);
    }
    subscription.anchor = life.later(left_at, 30, 100);
    subscription.months = 0;
    Ok(true)
}

fn price(plan: usize, interval: Interval) -> i64 {
    match interval {
        Interval::Month => PLANS[plan],
        Interval::Year => PLANS[plan] * 10,
    }
}

#[cfg(test)]
mod tests {
    use domain::command::Command;
    use domain::fact::Kind;
    use domain::time::Zone;

    use super::*;

    fn year() -> Year {
        Year::before("2026-06-10T08:00:00Z".parse().expect("a time"), Zone::UTC)
    }

    #[test]
    fn a_year_has_something_of_everything() {
        let events = events(&year(), 1000).expect("texts are well formed");
        let count = |kind| events.iter().filter(|event| event.command.kind() == kind).count();
        assert_eq!(count(Kind::Registration), 1000);
        assert!(count(Kind::Payment) > 2000, "{}", count(Kind::Payment));
        assert!(count(Kind::Refund) > 20 && count(Kind::Churn) > 50);
        assert!(events.iter().all(|event| event.at >= year().start() && event.at < year().end()));
        let is_partial =
            |event: &Event| matches!(&event.command, Command::Refund(refund) if refund.amount.is_some());
        assert!(events.iter().any(is_partial));
    }

    #[test]
    fn the_same_year_comes_out_again() {
        let told = |count| -> Vec<String> {
            let events = events(&year(), count).expect("texts are well formed");
            events.iter().map(|event| format!("{event:?}")).collect()
        };
        assert_eq!(told(50), told(50));
        // More customers change nothing about the first ones.
        assert!(told(60).starts_with(&told(50)));
    }
}
