//! What a rule gives for one fact: percentages, flat sums, registrations, rounding and currencies.

use crate::story::{check, check_release};

#[test]
fn a_percentage_of_every_payment_for_life() {
    check("20%", "reg 2026-01-01; pay p1 100 EUR 2026-01-01", "p1: share 20.00");
    check(
        "20%",
        "reg 2026-01-01; pay p1 100 EUR 2026-01-01; pay p2 49.90 EUR 2041-12-31",
        "p1: share 20.00; p2: share 9.98",
    );
    check("0.0001%", "pay p1 1000000000000 EUR 2026-01-01", "p1: share 1000000.00");
    check("100%", "pay p1 1000000000000 EUR 2026-01-01", "p1: share 1000000000000.00");
}

#[test]
fn a_flat_sum_per_payment_and_per_registration() {
    check("flat 40", "reg 2026-01-01; pay p1 9.99 EUR 2026-01-02", "p1: acquisition 40.00");
    check("lead 2.50", "reg 2026-01-01; pay p1 100 EUR 2026-01-02", "reg: lead 2.50");
    check("lead 2.50", "pay p1 100 EUR 2026-01-02", "");
    check(
        "lead 2.50, flat 40 first, 20%",
        "reg 2026-01-01; pay p1 100 EUR 2026-01-02; pay p2 100 EUR 2026-02-02",
        "reg: lead 2.50; p1: acquisition 40.00 + share 20.00; p2: nothing (not first) + share 20.00",
    );
}

#[test]
fn a_share_is_rounded_once_half_away_from_zero_to_the_minor_unit() {
    check("12.5%", "pay p1 0.04 EUR 2026-01-01", "p1: share 0.01");
    check("12.5%", "pay p1 0.03 EUR 2026-01-01", "p1: nothing (rounds to zero)");
    check("33.3333%", "pay p1 0.15 EUR 2026-01-01", "p1: share 0.05");
    check("2.5%", "pay p1 1.00 EUR 2026-01-01; pay p2 1.40 EUR 2026-01-02", "p1: share 0.03; p2: share 0.04");
}

#[test]
fn currencies_without_decimals_and_with_three() {
    check("12.5%", "in JPY; pay p1 1004 JPY 2026-01-01", "p1: share 126");
    check("12.5%", "in JPY; pay p1 3 JPY 2026-01-01", "p1: nothing (rounds to zero)");
    check("20%", "in JPY; pay p1 1000 JPY 2026-01-01; refund p1 333 2026-01-02", "p1: share 133");
    check("12.5%", "in KWD; pay p1 1.004 KWD 2026-01-01", "p1: share 0.126");
    check("20%", "in KWD; pay p1 1.000 KWD 2026-01-01; refund p1 0.333 2026-01-02", "p1: share 0.133");
    check("flat 0.005", "in KWD; pay p1 10 KWD 2026-01-01; refund p1 5 2026-01-02", "p1: acquisition 0.002");
}

#[test]
fn a_foreign_payment_earns_on_its_value_and_its_refunds_are_in_proportion() {
    check("20%", "pay p1 100 USD 2026-01-01 = 90", "p1: share 18.00");
    check("20%", "pay p1 100 USD 2026-01-01 = 90; refund p1 50 2026-01-09", "p1: share 9.00");
    check("20%", "in JPY; pay p1 100 USD 2026-01-01 = 15777", "p1: share 3155");
    check("20%", "pay p1 16000 JPY 2026-01-01 = 99.99; refund p1 4000 2026-01-09", "p1: share 15.00");
}

#[test]
fn a_payment_whose_rate_is_missing_counts_in_the_row_and_earns_nothing_until_it_is_known() {
    let history = "pay p1 100 USD 2026-01-01 = ?; pay p2 100 EUR 2026-02-01";
    check(
        "50% first, 20% renewals",
        history,
        "p1: nothing (rate missing); p2: nothing (not first) + share 20.00",
    );
    check(
        "50% first, 20% renewals",
        &format!("{history}; rate p1 90"),
        "p1: share 45.00 + nothing (not renewal); p2: nothing (not first) + share 20.00",
    );
    check("flat 40", "pay p1 100 USD 2026-01-01 = ?", "p1: nothing (rate missing)");
    check(
        "20% for 1 months",
        "pay p1 1 USD 2026-01-01 = ?; pay p2 100 EUR 2026-02-01",
        "p1: nothing (rate missing); p2: nothing (months over)",
    );
}

#[test]
fn a_payment_of_zero_earns_nothing_and_does_not_count() {
    check(
        "flat 40 first",
        "pay p0 0 EUR 2026-01-01; pay p1 10 EUR 2026-01-02",
        "p0: nothing (zero amount); p1: acquisition 40.00",
    );
    check(
        "20% for 1 payments",
        "pay p0 0 EUR 2026-01-01; pay p1 10 EUR 2026-01-02; pay p2 10 EUR 2026-01-03",
        "p0: nothing (zero amount); p1: share 2.00; p2: nothing (payments reached)",
    );
    check(
        "20% for 1 months",
        "pay p0 0 EUR 2026-01-01; pay p1 10 EUR 2026-02-10; pay p2 10 EUR 2026-03-09",
        "p0: nothing (zero amount); p1: share 2.00; p2: share 2.00",
    );
}

#[test]
fn without_terms_or_rules_nothing_is_earned() {
    check(
        "organic",
        "reg 2026-01-01; pay p1 10 EUR 2026-01-02",
        "reg: nothing (no terms); p1: nothing (no terms)",
    );
    check("hold 30", "reg 2026-01-01; pay p1 10 EUR 2026-01-02", "");
}

#[test]
fn a_fact_meets_the_version_in_force_when_it_occurred_and_the_counters_go_on() {
    check(
        "20%",
        "pay p1 100 EUR 2026-01-31T23:59; deal 2026-02-01 30%; pay p2 100 EUR 2026-02-01",
        "p1: share 20.00; p2: share 30.00",
    );
    check(
        "50% first",
        "pay p1 100 EUR 2026-01-01; deal 2026-02-01 60% first; pay p2 100 EUR 2026-02-01",
        "p1: share 50.00; p2: nothing (not first)",
    );
    check(
        "20%",
        "pay p1 100 EUR 2026-01-31; deal 2026-02-01 20% for 1 months; pay p2 100 EUR 2026-02-27; \
         pay p3 100 EUR 2026-02-28",
        "p1: share 20.00; p2: share 20.00; p3: nothing (months over)",
    );
    check("20%", "pay p1 100 EUR 2026-01-01; deal 2026-01-01 organic", "p1: nothing (no terms)");
}

#[test]
fn a_hold_ends_at_the_start_of_the_local_date() {
    check_release("20%", "pay p1 100 EUR 2026-01-01T10:00", "p1: at once");
    check_release("20% hold 30", "pay p1 100 EUR 2026-01-01T10:00", "p1: 2026-01-31");
    check_release("lead 5, hold 1", "reg 2026-01-01T10:00", "reg: 2026-01-02");
    check_release("20% hold 30", "zone Europe/Berlin; pay p1 9 EUR 2026-01-01T23:30", "p1: 2026-01-31T23:00");
    check_release("20% hold 15", "zone Europe/Berlin; pay p1 9 EUR 2026-03-20T12:00", "p1: 2026-04-03T22:00");
    check_release("20% hold 30", "zone Asia/Tokyo; pay p1 9 EUR 2026-01-01T15:00", "p1: 2026-01-31T15:00");
    check_release("20% hold 30", "pay p1 9 EUR 2026-01-01; deal 2026-02-01 20% hold 7", "p1: 2026-01-31");
}
