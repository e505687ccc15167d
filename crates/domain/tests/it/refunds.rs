//! What refunds leave of a commission (money.md §5), and how a payment returned in full leaves the row of counted
//! payments (money.md §4).

use crate::story::check;

#[test]
fn a_partial_refund_takes_its_part() {
    check(
        "20% hold 30",
        "reg 2026-01-01; pay p1 100.00 EUR 2026-01-01; refund p1 30.00 2026-01-10",
        "p1: share 14.00",
    );
    check("20%", "pay p1 100 EUR 2026-01-01; refund p1 99.99 2026-01-10", "p1: share 0.00");
    check("20%", "pay p1 100 EUR 2026-01-01; refund p1 99.95 2026-01-10", "p1: share 0.01");
}

#[test]
fn refunds_add_up() {
    check(
        "20%",
        "pay p1 100 EUR 2026-01-01; refund p1 10 2026-01-02; refund p1 20 2026-01-03",
        "p1: share 14.00",
    );
    check(
        "20%",
        "pay p1 100 EUR 2026-01-01; refund p1 50 2026-01-02; refund p1 50 2026-01-03",
        "p1: nothing (fully returned)",
    );
}

#[test]
fn the_sum_of_refunds_is_rounded_not_each() {
    // A third of 0.10 is 0.03; taken twice by itself it would leave 0.04.
    check(
        "10%",
        "pay p1 0.99 EUR 2026-01-01; refund p1 0.33 2026-01-02; refund p1 0.33 2026-01-03",
        "p1: share 0.03",
    );
    check(
        "10%",
        "pay p1 0.99 EUR 2026-01-01; refund p1 0.33 2026-01-02; refund p1 0.33 2026-01-03; refund p1 0.32 2026-01-04",
        "p1: share 0.00",
    );
    check(
        "15%",
        "in JPY; pay p1 10 JPY 2026-01-01; refund p1 1 2026-01-02; refund p1 1 2026-01-03",
        "p1: share 2",
    );
}

#[test]
fn a_flat_sum_follows_in_proportion_or_only_when_all_is_returned() {
    let history = "pay p1 100 EUR 2026-01-01; refund p1 30 2026-01-02";
    check("flat 40", history, "p1: acquisition 28.00");
    check("flat 40, only_full", history, "p1: acquisition 40.00");
    check("flat 40, 20%, only_full", history, "p1: acquisition 40.00 + share 14.00");
    let all = format!("{history}; refund p1 70 2026-01-03");
    check("flat 40", &all, "p1: nothing (fully returned)");
    check("flat 40, only_full", &all, "p1: nothing (fully returned)");
    check("lead 5", &format!("reg 2026-01-01; {all}"), "reg: lead 5.00; p1: nothing (fully returned)");
}

#[test]
fn refunds_above_the_payment_are_cut_off_and_flagged() {
    check(
        "20%",
        "pay p1 100 EUR 2026-01-01; refund p1 80 2026-01-02; refund p1 80 2026-01-03; pay p2 50 EUR 2026-01-04",
        "p1: nothing (fully returned); r1: cut off; r2: cut off; p2: share 10.00",
    );
}

#[test]
fn a_refunded_first_payment_makes_the_next_one_first() {
    check(
        "50% first, 20% renewals",
        "pay p1 100 EUR 2026-01-01; pay p2 200 EUR 2026-02-01; pay p3 10 EUR 2026-03-01; refund p1 100 2026-04-01",
        "p1: nothing (fully returned); p2: share 100.00 + nothing (not renewal); p3: nothing (not first) + share 2.00",
    );
    // A part of it keeps its place.
    check(
        "50% first",
        "pay p1 100 EUR 2026-01-01; pay p2 200 EUR 2026-02-01; refund p1 99 2026-04-01",
        "p1: share 0.50; p2: nothing (not first)",
    );
    check(
        "20% for 2 payments",
        "pay p1 10 EUR 2026-01-01; pay p2 20 EUR 2026-02-01; pay p3 30 EUR 2026-03-01; refund p2 20 2026-04-01",
        "p1: share 2.00; p2: nothing (fully returned); p3: share 6.00",
    );
    check(
        "20% for 1 months",
        "pay p1 10 EUR 2026-01-01; pay p2 20 EUR 2026-01-31; pay p3 30 EUR 2026-02-27; refund p1 10 2026-04-01",
        "p1: nothing (fully returned); p2: share 4.00; p3: share 6.00",
    );
}

#[test]
fn a_refund_dated_before_its_payment_takes_its_part_too() {
    check(
        "20%",
        "pay p1 100 EUR 2026-01-10; refund p1 30 2026-01-01; pay p2 100 EUR 2026-01-05",
        "p1: share 14.00; p2: share 20.00",
    );
}

#[test]
fn a_refund_that_fails_takes_nothing() {
    check("20%", "pay p1 100 EUR 2026-01-01; refund p1 30 2026-01-02; fail r1", "p1: share 20.00");
    check(
        "50% first",
        "pay p1 100 EUR 2026-01-01; pay p2 80 EUR 2026-01-02; refund p1 100 2026-01-03; fail r1",
        "p1: share 50.00; p2: nothing (not first)",
    );
}

#[test]
fn refunds_of_what_earned_nothing_take_nothing() {
    check("20%", "pay p0 0 EUR 2026-01-01; refund p0 5 2026-01-02", "p0: nothing (zero amount); r1: cut off");
    check(
        "20%",
        "block 2026-01-01; pay p1 9 EUR 2026-01-01; refund p1 5 2026-01-02",
        "p1: nothing (affiliate blocked)",
    );
    check("20%", "pay p1 9 USD 2026-01-01 = ?; refund p1 5 2026-01-02", "p1: nothing (rate missing)");
}
