//! Who earns, and when nobody does: the affiliate's status, reassignment, and the referral's own state.

use crate::story::{check, check_referral};

#[test]
fn the_status_when_the_fact_occurred_counts() {
    for (status, word) in [("block", "blocked"), ("decline", "declined"), ("pend", "pending")] {
        check(
            "lead 5, 20%",
            &format!(
                "reg 2026-01-01; pay p1 100 EUR 2026-02-28T23:59; {status} 2026-03-01; pay p2 100 EUR 2026-03-01"
            ),
            &format!("reg: lead 5.00; p1: share 20.00; p2: nothing (affiliate {word})"),
        );
    }
    check("20%", "suspend 2026-01-01; pay p1 100 EUR 2026-02-01", "p1: share 20.00");
}

#[test]
fn nothing_is_filled_in_later_but_the_payment_keeps_its_place() {
    check(
        "50% first, 20% renewals",
        "reg 2026-01-01; block 2026-01-01; pay p1 100 EUR 2026-01-15; approve 2026-02-01; pay p2 100 EUR 2026-02-01",
        "reg: nothing (affiliate blocked); p1: nothing (affiliate blocked); p2: nothing (not first) + share 20.00",
    );
    check(
        "20% for 1 months",
        "block 2026-01-01; pay p1 100 EUR 2026-01-15; approve 2026-02-01; pay p2 100 EUR 2026-02-15",
        "p1: nothing (affiliate blocked); p2: nothing (months over)",
    );
}

#[test]
fn a_refund_while_blocked_takes_back_what_was_earned_before() {
    check("20%", "pay p1 100 EUR 2026-01-01; block 2026-02-01; refund p1 50 2026-02-02", "p1: share 10.00");
}

#[test]
fn reassignment_is_forward_only() {
    check(
        "20%",
        "pay p1 100 EUR 2026-01-31; move 2 2026-02-01; pay p2 100 EUR 2026-02-01; refund p1 50 2026-03-01; \
         refund p2 25 2026-03-01; pay late 10 EUR 2026-01-10",
        "p1: share 10.00; p2: share 15.00 to 2; late: share 2.00",
    );
    // The new affiliate does not get a first payment: the referral has had one.
    check(
        "flat 40 first",
        "pay p1 100 EUR 2026-01-31; move 2 2026-02-01; pay p2 100 EUR 2026-02-01",
        "p1: acquisition 40.00; p2: nothing (not first)",
    );
    // Unless the first one goes back.
    check(
        "flat 40 first",
        "pay p1 100 EUR 2026-01-31; move 2 2026-02-01; pay p2 100 EUR 2026-02-01; refund p1 100 2026-02-02",
        "p1: nothing (fully returned); p2: acquisition 40.00 to 2",
    );
    check(
        "20%",
        "block 2026-01-01; move 2 2026-02-01; pay p2 100 EUR 2026-02-01; pay p1 10 EUR 2026-01-31",
        "p2: share 20.00 to 2; p1: nothing (affiliate blocked)",
    );
}

#[test]
fn a_rejected_referral_earns_nothing_at_any_time() {
    check(
        "lead 5, 20%",
        "reg 2026-01-01; pay p1 100 EUR 2026-01-02; reject 2026-02-01; pay p2 100 EUR 2026-02-02",
        "reg: nothing (referral rejected); p1: nothing (referral rejected); p2: nothing (referral rejected)",
    );
    check_referral("reg 2026-01-01; pay p1 9 EUR 2026-01-02; reject 2026-02-01", "rejected since 2026-02-01");
    check_referral("reject 2026-02-01; pay p1 9 EUR 2026-03-02", "rejected since 2026-02-01");
}

#[test]
fn an_expired_referral_earns_nothing() {
    check(
        "20%",
        "reg 2026-01-01; expire 2026-02-01; pay p1 100 EUR 2026-02-01T00:01; pay p2 100 EUR 2026-03-01",
        "p1: nothing (referral expired); p2: nothing (referral expired)",
    );
    check_referral("reg 2026-01-01; expire 2026-02-01; pay p1 9 EUR 2026-02-02", "expired since 2026-02-01");
    // Paid in time, even in the last moment and even when it comes late, it never expires.
    check(
        "20%",
        "reg 2026-01-01; expire 2026-02-01; pay p2 100 EUR 2026-03-01; pay p1 10 EUR 2026-02-01",
        "p2: share 20.00; p1: share 2.00",
    );
    check_referral(
        "reg 2026-01-01; expire 2026-02-01; pay p2 9 EUR 2026-03-01; pay p1 9 EUR 2026-01-31",
        "paid since 2026-01-31",
    );
    // Nothing paid is not paid.
    check(
        "20%",
        "expire 2026-02-01; pay p0 0 EUR 2026-01-31; pay p1 10 EUR 2026-02-02",
        "p0: nothing (zero amount); p1: nothing (referral expired)",
    );
    // What was paid in time was paid, whatever became of it.
    check(
        "20%",
        "expire 2026-02-01; pay p1 10 EUR 2026-01-31; refund p1 10 2026-02-01; pay p2 10 EUR 2026-02-02",
        "p1: nothing (fully returned); p2: share 2.00",
    );
}

#[test]
fn churn_never_changes_a_commission() {
    check(
        "50% first, 20% renewals",
        "pay p1 100 EUR 2026-01-01; churn 2026-01-15; pay p2 100 EUR 2026-02-01",
        "p1: share 50.00 + nothing (not renewal); p2: nothing (not first) + share 20.00",
    );
    // Whoever leaves without having paid expires like anybody else.
    check(
        "20%",
        "reg 2026-01-01; churn 2026-01-15; expire 2026-02-01; pay p1 100 EUR 2026-03-01",
        "p1: nothing (referral expired)",
    );
    // Whoever leaves after having paid does not.
    check(
        "20%",
        "pay p1 100 EUR 2026-01-01; churn 2026-01-15; expire 2026-02-01; pay p2 100 EUR 2026-03-01",
        "p1: share 20.00; p2: share 20.00",
    );
}

#[test]
fn a_referral_pays_leaves_and_returns() {
    check_referral("reg 2026-01-01", "converted since 2026-01-01");
    check_referral("reg 2026-01-01; pay p1 9 EUR 2026-01-02", "paid since 2026-01-02");
    check_referral(
        "reg 2026-01-01; pay p1 9 EUR 2026-01-02; pay p2 9 EUR 2026-02-02",
        "paid since 2026-01-02",
    );
    check_referral("reg 2026-01-01; pay p1 0 EUR 2026-01-02", "converted since 2026-01-01");
    check_referral("reg 2026-01-01; churn 2026-01-02", "churned since 2026-01-02");
    let left = "reg 2026-01-01; pay p1 9 EUR 2026-01-02; churn 2026-02-01";
    check_referral(left, "churned since 2026-02-01");
    check_referral(&format!("{left}; pay p2 9 EUR 2026-03-01"), "paid since 2026-03-01");
    check_referral(&format!("{left}; pay late 9 EUR 2026-01-31"), "churned since 2026-02-01");
    check_referral(&format!("{left}; refund p1 9 2026-02-02"), "churned since 2026-02-01");
    check_referral(
        "reg 2026-01-01; pay p1 9 EUR 2026-01-02; refund p1 9 2026-02-02",
        "paid since 2026-01-02",
    );
}
