//! Explanations: what each rule made of a fact and why, in words and numbers, and the law that they say what is booked.

use std::collections::BTreeMap;

use domain::currency::Currency;
use domain::deal::Terms;
use domain::example;
use domain::explain::{Known, Told, tell};
use domain::ids::FactId;
use domain::sub_affiliate::Network;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::laws_of_deals::{any_facts, any_terms, settle};

/// The explanation of a fact, a line a thing: rules with their reasons and steps, remarks, what it is worth.
fn check(deal: &str, history: &str, name: &str, expected: &str) {
    let terms: Terms = serde_json::from_str(deal).expect(deal);
    assert_eq!(terms.check(Currency::EUR), Ok(()), "{deal}");
    let program = example::tell(&terms, Currency::EUR, history).expect(history);
    let told = program.explain(name).expect("a fact of that name");
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines(&told), expected, "{name} of {history}");
}

fn lines(told: &Told) -> Vec<String> {
    let mut lines = told.remarks.clone();
    lines.extend(told.note.iter().map(|note| format!("{}: {}", note.code, note.text)));
    for rule in &told.rules {
        let answer = if rule.earned { "yes" } else { "no" };
        lines.push(format!("{}: {answer}, {}", rule.rule, rule.reason.text));
        lines.extend(rule.steps.iter().map(|step| format!("{} = {}", step.text, step.amount)));
    }
    lines.extend(told.worth.iter().map(|worth| {
        let cut = worth.cut.map_or_else(String::new, |cut| format!(" ({cut})"));
        format!(
            "affiliate {} {} {}{cut}, {}",
            worth.affiliate_id,
            worth.kind.as_str(),
            worth.amount,
            worth.hold
        )
    }));
    lines
}

const HYBRID: &str = r#"{"rules": [
    {"on": "registration", "reward": {"flat": "2"}},
    {"on": "payment", "when": {"occurrence": "first"}, "reward": {"flat": "40"}},
    {"on": "payment", "reward": {"percent": "12.5"}, "limits": {"months": 12, "per_referral": "10"}}
    ], "hold_days": 30}"#;

#[test]
fn every_rule_says_why() {
    check(
        HYBRID,
        "pay 1 p1 33.33 2026-01-31",
        "p1",
        "it is the customer's first payment that counts
        0: no, the rule is on registrations, and this is a payment
        1: yes, every condition holds, and no limit is reached
        a flat sum = 40.00
        earned = 40.00
        2: yes, every condition holds, and no limit is reached
        12.5 % of 33.33 EUR is 4.16625, rounded to 0.01 = 4.17
        earned = 4.17
        affiliate 1 acquisition 40.00, held until 2026-03-02
        affiliate 1 share 4.17, held until 2026-03-02",
    );
    check(
        HYBRID,
        "pay 1 p1 33.33 2026-01-31; pay 1 p2 100 2026-02-28; refund p2 50 2026-03-01",
        "p2",
        "50.00 EUR of 100.00 EUR went back
        it is the customer's payment 2 that counts; the first was on 2026-01-31
        0: no, the rule is on registrations, and this is a payment
        1: no, the rule is for the first payment, and this is payment 2 that counts
        2: yes, every condition holds, and no limit is reached
        12.5 % of 100.00 EUR = 12.50
        at most 10.00 EUR per customer, of which 4.17 EUR is used = 5.83
        less 2.92 EUR for the 50.00 EUR of 100.00 EUR that went back = 2.91
        earned = 2.91
        affiliate 1 share 2.91, held until 2026-03-30",
    );
    check(
        HYBRID,
        "pay 1 p1 33.33 2026-01-31; pay 1 p2 100 2026-02-28; pay 1 p3 100 2026-03-28; pay 1 p4 100 2027-01-31",
        "p3",
        "it is the customer's payment 3 that counts; the first was on 2026-01-31
        0: no, the rule is on registrations, and this is a payment
        1: no, the rule is for the first payment, and this is payment 3 that counts
        2: no, the cap of 10.00 EUR per customer is used up: 10.00 EUR so far",
    );
    check(
        HYBRID,
        "pay 1 p1 33.33 2026-01-31; pay 1 p4 100 2027-01-31",
        "p4",
        "it is the customer's payment 2 that counts; the first was on 2026-01-31
        0: no, the rule is on registrations, and this is a payment
        1: no, the rule is for the first payment, and this is payment 2 that counts
        2: no, the 12 months from the first payment on 2026-01-31 end before 2027-01-31, and this is of 2027-01-31",
    );
}

#[test]
fn a_payment_that_went_back_says_so() {
    check(
        HYBRID,
        "pay 1 p1 33.33 2026-01-31; refund p1 33.33 2026-02-01",
        "p1",
        "33.33 EUR of 33.33 EUR went back
        fully_returned: all of it went back, so it is left out and later payments move up",
    );
    check(
        r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}]}"#,
        "pay 1 p1 100 2026-01-31; dispute p1 100 2026-02-01 opened",
        "p1",
        "it is the customer's first payment that counts
        disputed: it is disputed; what was earned is held until that ends
        0: yes, every condition holds, and no limit is reached
        20 % of 100.00 EUR = 20.00
        earned = 20.00
        affiliate 1 share 20.00, held until the dispute ends",
    );
}

#[test]
fn conditions_name_the_value_and_what_would_fit() {
    let deal = r#"{"rules": [
        {"on": "payment", "when": {"plan": ["pro", "team"]}, "reward": {"percent": "20"}},
        {"on": "payment", "when": {"interval": ["year"]}, "reward": {"percent": "10"}},
        {"on": "payment", "when": {"amount_from": "50"}, "reward": {"percent": "5"}},
        {"on": "payment", "when": {"amount_below": "10"}, "reward": {"percent": "5"}},
        {"on": "payment", "when": {"from": "2026-06-01"}, "reward": {"percent": "5"}},
        {"on": "payment", "when": {"until": "2026-01-01"}, "reward": {"percent": "5"}},
        {"on": "payment", "reward": {"flat": "1"}, "limits": {"payments": 1}},
        {"on": "payment", "when": {"occurrence": "renewal"}, "reward": {"flat": "1"}, "limits": {"once": true}}
    ]}"#;
    check(
        deal,
        "pay 1 p1 20 2026-03-01; pay 1 p2 20 2026-03-02; pay 1 p3 20 2026-03-03 plan=free interval=month",
        "p3",
        "it is the customer's payment 3 that counts; the first was on 2026-03-01
        0: no, the plan is free, and the rule is for pro or team
        1: no, the interval is month, and the rule is for year
        2: no, 20.00 EUR is below 50.00 EUR
        3: no, 20.00 EUR is not below 10.00 EUR
        4: no, 2026-03-03 is before 2026-06-01, from which on the rule applies
        5: no, the rule applied before 2026-01-01, and this is of 2026-03-03
        6: no, the rule is for the first 1 payments, and this is payment 3 that counts
        7: no, the reward is earned once per customer, and was",
    );
}

#[test]
fn qualification_says_how_far_it_has_come() {
    let deal = r#"{"rules": [{"on": "qualified_deposit", "reward": {"flat": "40"}}],
        "qualification": {"baseline": "total_deposits", "amount": "100", "within_days": 10}}"#;
    let history = "reg 1 2026-03-01; pay 1 p1 80 2026-03-01; pay 1 p2 20 2026-03-02; pay 1 p3 5 2026-03-03";
    check(
        deal,
        history,
        "p1",
        "it is the customer's first payment that counts
        qualification of the customer: deposits 80 of 100 on day 1
        0: no, the qualification stands at 80 of 100",
    );
    check(
        deal,
        history,
        "p2",
        "it is the customer's payment 2 that counts; the first was on 2026-03-01
        qualification of the customer: deposits 100 of 100 on day 2
        0: yes, by this the customer became qualified
        a flat sum = 40.00
        earned = 40.00
        affiliate 1 acquisition 40.00, payable at once",
    );
    check(
        deal,
        "reg 1 2026-03-01; pay 1 p1 80 2026-03-01; pay 1 p2 20 2026-03-12",
        "p2",
        "it is the customer's payment 2 that counts; the first was on 2026-03-01
        qualification of the customer: deposits 100 of 100 on day 12
        0: no, it was reached on day 12, and had to be within 10 days of registration",
    );
}

#[test]
fn activity_shows_every_step_to_its_base() {
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}],
        "fees": [{"name": "Admin fee", "charge": {"percent": {"rate": "10", "of": "pnl"}}}],
        "sub_affiliates": [{"percent_of_share": "10"}]}"#;
    check(
        deal,
        "brought 1 by 2; row 1 2026-03-01 pnl 100 bonuses 3.333333",
        "row 1 2026-03-01",
        "0: yes, every condition holds, and no limit is reached
        pnl = 100.00
        bonuses = -3.333333
        Admin fee = -10.00
        together = 86.666667
        30 % of 86.666667 EUR is 26.000000…, rounded to 0.000001 = 26.00
        earned = 26.00
        affiliate 1 share 26.00, released by the close of 2026-03
        affiliate 2 sub_affiliate 2.60 (percent_of_share), released by the close of 2026-03",
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// What explanations say a fact is worth is what is booked on it, commission by commission.
    #[test]
    fn explanations_say_what_is_booked(
        terms in any_terms(),
        customers in vec(any_facts(), 1..3),
        (seed, closes) in (any::<u64>(), vec(0..60_usize, 3)),
    ) {
        let program = settle(&terms, false, &customers, seed, &closes);
        let network = Network { currency: program.currency, zone: program.zone, members: BTreeMap::new() };
        for (customer, known) in &program.referrals {
            let (course, facts) = (program.course(*customer), program.facts(*customer));
            let mut booked: BTreeMap<FactId, i64> = BTreeMap::new();
            for commission in known.booked.values() {
                *booked.entry(commission.header.key.fact).or_default() += commission.standing;
            }
            for id in facts.iter().map(|fact| fact.id) {
                let known = Known { course: &course, facts: &facts, network: &network };
                let told = tell(known, id).expect("a fact that is known");
                let worth: i64 = told.worth.iter().map(|worth| worth.micros).sum();
                prop_assert_eq!(worth, booked.get(&id).copied().unwrap_or(0), "{:?}", told);
                // The last step of a rule is what its commission stands at.
                for worth in told.worth.iter().filter(|worth| course.booked.is_empty() || worth.micros != 0) {
                    let rule = told.rules.iter().find(|rule| rule.rule == worth.rule && rule.earned);
                    let last = rule.and_then(|rule| rule.steps.last()).map(|step| step.amount.as_str());
                    let is_kept = rule.is_none();
                    prop_assert!(is_kept || last == Some(worth.amount.as_str()), "{:?}", told);
                }
            }
        }
    }
}
