//! Faults seen in other systems, as far as the rules alone can have them, and the cases behind money.md's rules. Each
//! is named after the fault it must not have.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::commission::Key;
use domain::currency::Currency;
use domain::deal::{Measure, On, Terms};
use domain::fact::{Position, Rank};
use domain::fold::fold;
use domain::ids::{AffiliateId, DealVersionId, FactId};
use domain::ledger::Kind;
use domain::period::{Chain, Closed, Correction, Input, Item, close};
use domain::time::Zone;
use uuid::Uuid;

use crate::months::{period, tell};
use crate::program::Program;
use crate::story::{Story, check, check_release, moment};

#[test]
fn the_order_of_arrival_does_not_decide_what_is_first() {
    // 50 % on the first payment, 20 % after: 100 on 1 January and 200 on 1 February are worth 90 in either order.
    let deal = "50% first, 20% renewals";
    let (one, two) = ("pay p1 100 EUR 2026-01-01", "pay p2 200 EUR 2026-02-01");
    let first = "p1: share 50.00 + nothing (not renewal)";
    let second = "p2: nothing (not first) + share 40.00";
    check(deal, &format!("{one}; {two}"), &format!("{first}; {second}"));
    check(deal, &format!("{two}; {one}"), &format!("{second}; {first}"));
}

#[test]
fn a_refund_of_one_unit_cancels_no_whole_commission() {
    check("20%", "pay p1 100 EUR 2026-01-01; refund p1 1 2026-01-02", "p1: share 19.80");
    check("flat 40", "pay p1 100 EUR 2026-01-01; refund p1 1 2026-01-02", "p1: acquisition 39.60");
    let capped = r#"{"rules":[{"on":"payment","reward":{"percent":"20"},"limits":{"per_month":"10"}}]}"#;
    tell(
        capped,
        "pay 1 p1 100 2026-03-01; at 2026-04-02; close 2026-03; refund p1 1 2026-04-03; shows 0 0 19.8 -9.9 9.9",
    );
}

#[test]
fn a_refund_after_the_release_is_not_skipped() {
    tell(
        r#"{"rules":[{"on":"payment","reward":{"percent":"20"}}],"hold_days":7}"#,
        "pay 1 p1 100 2026-03-01; at 2026-03-20; shows 0 0 20 0 20; refund p1 50 2026-03-21; shows 0 0 10 0 10",
    );
}

#[test]
fn three_decimals_are_not_ten_times_too_high() {
    check("12.5%", "in KWD; pay p1 8.000 KWD 2026-01-01; refund p1 0.008 2026-01-02", "p1: share 0.999");
    let json = r#"{"rules":[{"on":"payment","reward":{"percent":"10"},"limits":{"per_month":"1.505"}}]}"#;
    let terms: Terms = serde_json::from_str(json).expect(json);
    assert_eq!(terms.check("KWD".parse().expect("a currency")), Ok(()));
    assert!(terms.check(Currency::EUR).is_err(), "a cap finer than a cent");
}

#[test]
fn a_missing_rate_leaves_no_foreign_units_mixed_in() {
    let history = "pay p1 15000 JPY 2026-01-01 = ?; pay p2 100 EUR 2026-01-02";
    check("20%", history, "p1: nothing (rate missing); p2: share 20.00");
    let story = Story::tell("20%", history);
    assert_eq!(story.fold().state.deposits, 100_000_000, "what has no value yet is not added up");
    check("20%", &format!("{history}; rate p1 90"), "p1: share 18.00; p2: share 20.00");
}

#[test]
fn todays_terms_recalculate_nothing() {
    check(
        "20%, hold 30",
        "pay p1 100 EUR 2026-01-01; deal 2026-02-01 5%; refund p1 50 2026-03-01",
        "p1: share 10.00",
    );
}

#[test]
fn the_hold_is_that_of_the_version_in_force_then() {
    check_release("20% hold 30", "pay p1 9 EUR 2026-01-01; deal 2026-01-15 20% hold 90", "p1: 2026-01-31");
}

#[test]
fn two_partial_refunds_are_not_ten_percent_and_twenty_percent_of_the_rest() {
    check(
        "20%",
        "pay p1 100 EUR 2026-01-01; refund p1 10 2026-01-02; refund p1 20 2026-01-03",
        "p1: share 14.00",
    );
}

#[test]
fn a_cancelled_first_commission_blocks_no_later_one() {
    let once = r#"{"rules":[{"on":"payment","reward":{"flat":"40"},"limits":{"once":true}}]}"#;
    tell(
        once,
        "at 2026-05-01; pay 1 p1 9 2026-03-01; refund p1 9 2026-03-02; pay 1 p2 9 2026-04-01; shows 0 40 0 0 40",
    );
    // One that a reviewer rejected leaves the row, too.
    let story = Story::tell("flat 40 first", "pay p1 9 EUR 2026-01-01; pay p2 9 EUR 2026-02-01");
    let facts: Vec<_> = story
        .steps
        .iter()
        .filter_map(|step| match step {
            crate::books::Step::Fact(fact) => Some(fact.clone()),
            _ => None,
        })
        .collect();
    let mut course = story.course.clone();
    course.rejected.insert(facts[0].id);
    let earning: Vec<FactId> = fold(&course, &facts).targets.keys().map(|key| key.fact).collect();
    assert_eq!(earning, [facts[1].id]);
}

#[test]
fn the_days_to_qualify_run_from_the_registration_not_from_an_earlier_fact() {
    let deal = r#"{"rules":[{"on":"qualified_deposit","reward":{"flat":"40"}}],
        "qualification":{"baseline":"total_deposits","amount":"100","within_days":10}}"#;
    // The tenth day is 19 March, whatever is dated before the customer signed up.
    tell(
        deal,
        "at 2026-06-01; reg 1 2026-03-10; pay 1 p1 50 2026-03-01; pay 1 p2 50 2026-03-19; shows 0 40 0 0 40",
    );
    tell(
        deal,
        "at 2026-06-01; reg 1 2026-03-10; pay 1 p1 50 2026-03-01; pay 1 p2 50 2026-03-20; shows 0 0 0 0 0",
    );
}

#[test]
fn a_fact_that_comes_twice_counts_once_in_a_cap_and_a_month() {
    let deal = r#"{"rules":[{"on":"first_deposit","reward":{"flat":"40"},"tiers":{"by":"first_deposits",
        "steps":[{"from":"2","reward":{"flat":"50"}}]}}]}"#;
    let twice = "pay 1 p1 9 2026-03-01; pay 1 p1 9 2026-03-01";
    tell(deal, &format!("{twice}; at 2026-04-02; close 2026-03; close 2026-03; shows 0 40 0 0 40"));
}

#[test]
fn a_restated_row_of_a_closed_month_never_enters_the_open_one() {
    let deal = r#"{"rules":[{"on":"activity","reward":{"percent_of_net_pnl":"20"},"tiers":{"by":"net_pnl",
        "steps":[{"from":"1000","reward":{"percent_of_net_pnl":"30"}}]}}]}"#;
    // March reaches its step by the late 500; April, with 600 of its own, does not.
    tell(
        deal,
        "row 1 2026-03-05 pnl 500; at 2026-04-02; close 2026-03; row 1 2026-03-05 pnl 1000; row 1 2026-04-05 pnl 600; \
         at 2026-05-02; close 2026-04; shows 0 0 320 100 420",
    );
}

fn version(number: u128) -> DealVersionId {
    DealVersionId(Uuid::from_u128(number))
}

fn flat(number: u128, of: DealVersionId, full: i64) -> Item {
    let key = Key { fact: FactId(Uuid::from_u128(number)), rule: 0, affiliate: AffiliateId(1) };
    Item {
        key,
        position: Position(moment("2026-03-01"), Rank::Payment, number.to_string()),
        kind: Kind::Acquisition,
        version: of,
        on: On::QualifiedDeposit,
        full,
        now: full,
        full_now: full,
        returned: (0, 1),
        base: 0,
        brand: None,
    }
}

fn closed(items: Vec<Item>, reached: i64) -> Closed {
    let deal = |own: &str, step: &str| -> Arc<Terms> {
        let json = format!(
            r#"{{"rules":[{{"on":"qualified_deposit","reward":{{"flat":"{own}"}},"tiers":{{"by":"qualified_deposits",
                "steps":[{{"from":"3","reward":{{"flat":"{step}"}}}}]}}}}],
                "qualification":{{"baseline":"first_deposit"}}}}"#
        );
        Arc::new(serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}")))
    };
    let versions = BTreeMap::from([(version(1), deal("40", "50")), (version(2), deal("30", "60"))]);
    let input = Input {
        currency: Currency::EUR,
        zone: Zone::UTC,
        period: period("2026-03"),
        terms: &versions[&version(2)],
        versions: &versions,
        items,
        reached: BTreeMap::from([(Measure::QualifiedDeposits, reached)]),
        no_carry_over: false,
        asked: [].into(),
        asked_before: 0,
    };
    close(&input, &Chain::default())
}

#[test]
fn tiers_count_over_all_versions_and_pay_by_each_ones_own_table() {
    let items = vec![
        flat(1, version(1), 40_000_000),
        flat(2, version(1), 40_000_000),
        flat(3, version(2), 30_000_000),
    ];
    // Two of the old version get 10 more each, one of the new 30.
    let month = closed(items.clone(), 3_000_000);
    assert_eq!(month.adjustments[&Correction::Tier(0)].micros, 50_000_000);
    assert!(closed(items[..2].to_vec(), 2_000_000).adjustments.is_empty());
}

#[test]
fn empty_and_extreme_months_close_without_panic() {
    assert!(closed(Vec::new(), 0).adjustments.is_empty());
    let items = (1..40).map(|number| flat(number, version(2), i64::MAX)).collect();
    closed(items, i64::MAX);
    let program = Program::new(Terms::default());
    let month = program.month(period("2026-12"), &Chain::default());
    assert_eq!(
        month.effective_at.map(|at| at.to_rfc3339()),
        Some("2026-12-31T23:59:59.999999+00:00".to_owned())
    );
}

#[test]
fn without_hold_days_nothing_is_released_before_it_is_earned() {
    check_release("20%", "pay p1 9 EUR 2026-01-01T10:00", "p1: at once");
    let hybrid = r#"{"rules":[{"on":"payment","reward":{"percent":"20"}},
        {"on":"activity","reward":{"percent_of_net_pnl":"30"}}]}"#;
    let terms: Terms = serde_json::from_str(hybrid).expect(hybrid);
    let story = Story::tell("20%", "pay p1 9 EUR 2026-01-01T10:00");
    let mut course = Program::new(terms).course(1);
    course.customer = domain::fact::Attributes::default();
    let facts = story.steps.iter().filter_map(|step| match step {
        crate::books::Step::Fact(fact) => Some(fact.clone()),
        _ => None,
    });
    let targets = fold(&course, &facts.collect::<Vec<_>>()).targets;
    let release: Vec<_> = targets.values().map(|target| (target.at_once, target.release_at)).collect();
    assert_eq!(release, [(false, moment("2026-01-01T10:00"))]);
}
