//! A payment's place in the row of counted payments, in canonical order: first, renewals, months, number.

use crate::story::{check, check_first_payment, check_referral};

#[test]
fn the_first_payment_and_the_ones_after_it() {
    let history =
        "reg 2026-01-01; pay p1 100 EUR 2026-01-01; pay p2 100 EUR 2026-02-01; pay p3 100 EUR 2026-03-01";
    check("50% first", history, "p1: share 50.00; p2: nothing (not first); p3: nothing (not first)");
    check("20% renewals", history, "p1: nothing (not renewal); p2: share 20.00; p3: share 20.00");
    check(
        "flat 40 first",
        history,
        "p1: acquisition 40.00; p2: nothing (not first); p3: nothing (not first)",
    );
}

#[test]
fn an_older_payment_that_comes_late_is_the_first_all_the_same() {
    let expected = "share 50.00 + nothing (not renewal); p2: nothing (not first) + share 40.00";
    check(
        "50% first, 20% renewals",
        "pay p1 100 EUR 2026-01-01; pay p2 200 EUR 2026-02-01",
        &format!("p1: {expected}"),
    );
    check(
        "50% first, 20% renewals",
        "pay p2 200 EUR 2026-02-01; pay p1 100 EUR 2026-01-01",
        "p2: nothing (not first) + share 40.00; p1: share 50.00 + nothing (not renewal)",
    );
}

#[test]
fn a_fact_that_comes_twice_counts_once() {
    check(
        "20% for 2 payments",
        "pay p1 100 EUR 2026-01-01; again p1; pay p2 100 EUR 2026-02-01; again p1; refund p1 50 2026-02-02; again r1",
        "p1: share 10.00; p2: share 20.00",
    );
}

#[test]
fn facts_of_one_instant_are_ordered_by_kind_and_then_by_source() {
    check(
        "50% first",
        "pay C 20 EUR 2026-01-01; pay a 10 EUR 2026-01-01; pay b 100 EUR 2026-01-01",
        "C: share 10.00; a: nothing (not first); b: nothing (not first)",
    );
    check(
        "50% first",
        "pay b 100 EUR 2026-01-01; pay a 10 EUR 2026-01-01; pay c 20 EUR 2026-01-01",
        "b: nothing (not first); a: share 5.00; c: nothing (not first)",
    );
    // The payment comes before the churn of the same instant, so the referral is churned in the end.
    check_referral("churn 2026-01-01; pay p1 10 EUR 2026-01-01", "churned since 2026-01-01");
    check(
        "lead 5, 20%",
        "churn 2026-01-01; pay p1 100 EUR 2026-01-01; refund p1 10 2026-01-01; reg 2026-01-01",
        "p1: share 18.00; reg: lead 5.00",
    );
}

#[test]
fn months_run_from_the_first_payment_as_dates_with_the_end_of_the_month_clamped() {
    check(
        "20% for 1 months",
        "reg 2025-01-01; pay p1 100 EUR 2026-01-31; pay p2 100 EUR 2026-02-27T23:59; pay p3 100 EUR 2026-02-28",
        "p1: share 20.00; p2: share 20.00; p3: nothing (months over)",
    );
    check(
        "20% for 1 months",
        "pay p1 100 EUR 2028-01-31; pay p2 100 EUR 2028-02-28; pay p3 100 EUR 2028-02-29",
        "p1: share 20.00; p2: share 20.00; p3: nothing (months over)",
    );
    check(
        "20% for 12 months",
        "pay p1 100 EUR 2024-02-29; pay p2 100 EUR 2025-02-27; pay p3 100 EUR 2025-02-28",
        "p1: share 20.00; p2: share 20.00; p3: nothing (months over)",
    );
}

#[test]
fn months_are_counted_in_the_dates_of_the_program() {
    // 23:30 on 30 January in UTC is 31 January in Berlin, where 27 February 23:30 is 28 February.
    let history =
        "pay p1 100 EUR 2026-01-30T23:30; pay p2 100 EUR 2026-02-27T22:30; pay p3 100 EUR 2026-02-27T23:30";
    check(
        "20% for 1 months",
        &format!("zone Europe/Berlin; {history}"),
        "p1: share 20.00; p2: share 20.00; p3: nothing (months over)",
    );
    check("20% for 1 months", history, "p1: share 20.00; p2: share 20.00; p3: share 20.00");
    check(
        "20% for 1 months",
        "zone America/New_York; pay p1 100 EUR 2026-01-01T04:00; pay p2 100 EUR 2026-01-31T04:59; \
         pay p3 100 EUR 2026-01-31T05:00",
        "p1: share 20.00; p2: share 20.00; p3: nothing (months over)",
    );
}

#[test]
fn a_number_of_payments() {
    let history = "pay p1 10 EUR 2026-01-01; pay p2 10 EUR 2026-02-01; pay p3 10 EUR 2026-03-01";
    check("20% for 2 payments", history, "p1: share 2.00; p2: share 2.00; p3: nothing (payments reached)");
    check(
        "20% renewals for 2 payments",
        history,
        "p1: nothing (not renewal); p2: share 2.00; p3: nothing (payments reached)",
    );
    check(
        "20% for 2 payments, 10% for 1 months",
        history,
        "p1: share 2.00 + share 1.00; p2: share 2.00 + nothing (months over); \
         p3: nothing (payments reached) + nothing (months over)",
    );
}

#[test]
fn a_late_older_payment_moves_the_others_down() {
    check(
        "20% for 2 payments",
        "pay p2 10 EUR 2026-02-01; pay p3 10 EUR 2026-03-01; pay p1 10 EUR 2026-01-01",
        "p2: share 2.00; p3: nothing (payments reached); p1: share 2.00",
    );
    check(
        "20% for 2 months",
        "pay p2 10 EUR 2026-02-15; pay p3 10 EUR 2026-03-20; pay p1 10 EUR 2026-01-15",
        "p2: share 2.00; p3: nothing (months over); p1: share 2.00",
    );
}

#[test]
fn the_figures_know_the_first_payment_of_all_whatever_became_of_it() {
    check_first_payment("reg 2026-01-01", "none");
    check_first_payment("pay p2 20 EUR 2026-02-01; pay p1 10 EUR 2026-01-31", "p1 on 2026-01-31 of 1: 10.00");
    check_first_payment("pay p0 0 EUR 2026-01-01; pay p1 10 EUR 2026-01-02", "p1 on 2026-01-02 of 1: 10.00");
    check_first_payment(
        "pay p1 10 EUR 2026-01-01; refund p1 10 2026-01-01; pay p2 20 EUR 2026-01-02",
        "p1 on 2026-01-01 of 1: 10.00",
    );
    check_first_payment("block 2026-01-01; pay p1 10 EUR 2026-01-02", "p1 on 2026-01-02 of 1: 10.00");
    check_first_payment(
        "pay p1 10 EUR 2026-01-31; move 2 2026-01-31; pay p2 10 EUR 2026-02-01",
        "p1 on 2026-01-31 of 2: 10.00",
    );
    let foreign = "zone Europe/Berlin; pay p1 10 USD 2026-01-31T23:30 = ?; pay p2 10 EUR 2026-02-02";
    check_first_payment(foreign, "p1 on 2026-02-01 of 1: unknown");
    check_first_payment(&format!("{foreign}; rate p1 9"), "p1 on 2026-02-01 of 1: 9.00");
}
