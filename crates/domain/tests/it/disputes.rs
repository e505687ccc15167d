//! Refund reports and disputes (money.md §5): by refund id and state, totals, and what is held meanwhile.

use crate::months::tell;

const DEAL: &str = r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}], "hold_days": 10}"#;
const RELEASED: &str = "pay 1 p1 100 2026-03-01; at 2026-03-20; shows 0 0 20 0 20";

#[test]
fn a_source_that_reports_totals_is_one_refund_whose_newest_counts() {
    tell(
        DEAL,
        &format!(
            "{RELEASED}; refund p1 10 2026-03-21 as total; refund p1 30 2026-03-22 as total; shows 0 0 14 0 14"
        ),
    );
    // Out of order the newest still counts, by its own time.
    tell(
        DEAL,
        &format!(
            "{RELEASED}; refund p1 30 2026-03-22 as total; refund p1 10 2026-03-21 as total; shows 0 0 14 0 14"
        ),
    );
    // Two refunds of 10 and 20 are 30, not 10 % + 20 % of what is left.
    tell(
        DEAL,
        &format!("{RELEASED}; refund p1 10 2026-03-21 as a; refund p1 20 2026-03-22 as b; shows 0 0 14 0 14"),
    );
}

#[test]
fn a_refund_that_fails_is_given_back() {
    let mut months = tell(DEAL, &format!("{RELEASED}; refund p1 30 2026-03-21 as a"));
    months.booked();
    months.go_on("refund p1 30 2026-03-22 as a failed; shows 0 0 20 0 20");
    assert_eq!(months.booked(), ["reinstated 6.00 earned_share > due 2026-03-22"]);
}

#[test]
fn an_open_dispute_holds_and_takes_nothing() {
    let mut months = tell(DEAL, RELEASED);
    months.booked();
    months.go_on("dispute p1 100 2026-03-21 opened; shows 0 0 0 0 0");
    assert_eq!(months.booked(), ["held 20.00 due > pending_share 2026-03-21"]);
    months.go_on("at 2026-05-01; shows 0 0 0 0 0; dispute p1 100 2026-05-02 won; shows 0 0 20 0 20");
    assert_eq!(months.booked(), ["let go 20.00 pending_share > due 2026-05-02"]);
}

#[test]
fn a_dispute_before_the_release_keeps_it_back() {
    let held = "pay 1 p1 100 2026-03-01; dispute p1 100 2026-03-05 opened; at 2026-03-20; shows 0 0 0 0 0";
    tell(DEAL, held);
    tell(DEAL, &format!("{held}; dispute p1 100 2026-03-20 won; at 2026-03-21; shows 0 0 20 0 20"));
    tell(DEAL, &format!("{held}; dispute p1 100 2026-03-20 lost; at 2026-03-21; shows 0 0 0 0 0"));
}

#[test]
fn a_lost_dispute_takes_what_a_refund_would_and_no_money_goes_back_twice() {
    let lost = format!("{RELEASED}; dispute p1 60 2026-03-21 opened; dispute p1 60 2026-03-25 lost");
    tell(DEAL, &format!("{lost}; shows 0 0 8 0 8"));
    // A refund of the same money: not more than the payment is taken.
    tell(DEAL, &format!("{lost}; refund p1 60 2026-03-26; shows 0 0 0 0 0"));
    tell(DEAL, &format!("{lost}; refund p1 20 2026-03-26; shows 0 0 4 0 4"));
}

#[test]
fn churn_and_return_change_no_commission() {
    tell(
        DEAL,
        &format!(
            "{RELEASED}; churn 1 2026-03-21; shows 0 0 20 0 20; pay 1 p2 50 2026-03-22; at 2026-04-20; shows 0 0 30 0 30"
        ),
    );
}

#[test]
fn a_refund_after_the_release_is_taken_from_what_is_due_even_below_zero() {
    tell(
        DEAL,
        &format!(
            "{RELEASED}; refund p1 1 2026-03-21; shows 0 0 19.8 0 19.8; refund p1 99 2026-03-22; shows 0 0 0 0 0"
        ),
    );
}

#[test]
fn a_base_without_tax_is_paid_on_and_refunds_are_gross_over_gross() {
    tell(
        DEAL,
        "pay 1 p1 119 net 100 2026-03-01; at 2026-03-20; shows 0 0 20 0 20; refund p1 11.90 2026-03-21; \
         shows 0 0 18 0 18; refund p1 107.10 2026-03-22; shows 0 0 0 0 0",
    );
}
