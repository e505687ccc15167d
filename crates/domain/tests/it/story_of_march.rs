//! One player over two months, transfer by transfer: CPA 40 on a first deposit of at least 20 plus 30 % of net P&L, in
//! the three ways of a negative month. All numbers are worked out by hand.

use crate::months::tell;

const MARCH: &str = "at 2026-03-02; row 1 2026-03-01 deposits 50 pnl 100; row 1 2026-03-02 pnl -300";
const RESTATED: &str = "at 2026-04-03; row 1 2026-03-02 pnl -50";
const APRIL: &str = "at 2026-04-05; row 1 2026-04-05 pnl 200";

fn deal(negative_month: &str) -> String {
    format!(
        r#"{{"rules": [
            {{"on": "qualified_deposit", "reward": {{"flat": "40"}}}},
            {{"on": "activity", "reward": {{"percent_of_net_pnl": "30"}}}}
        ], "qualification": {{"baseline": "first_deposit", "amount": "20"}}, "negative_month": "{negative_month}"}}"#
    )
}

#[test]
fn a_negative_month_is_reset_transfer_by_transfer() {
    let mut months = tell(&deal("reset"), MARCH);
    assert_eq!(
        months.booked(),
        [
            "earned 40.00 earned_acquisition > pending_acquisition 2026-03-01",
            "earned 30.00 earned_share > pending_share 2026-03-01",
            "released 40.00 pending_acquisition > due 2026-03-01",
            "earned 90.00 pending_share > earned_share 2026-03-02",
        ]
    );
    months.go_on("at 2026-04-02; close 2026-03; shows 0 40 -60 60 40");
    assert_eq!(
        months.booked(),
        [
            "reset 60.00 adjustments > due 2026-03-31",
            "released 30.00 pending_share > due 2026-03-31",
            "released 90.00 due > pending_share 2026-03-31",
        ]
    );
    months.go_on(&format!("{RESTATED}; shows 0 40 15 0 55"));
    assert_eq!(
        months.booked(),
        ["corrected 75.00 earned_share > due 2026-03-31", "reset 60.00 due > adjustments 2026-03-31",]
    );
    months.go_on(&format!("{APRIL}; shows 0 40 15 0 55"));
    assert_eq!(months.booked(), ["earned 60.00 earned_share > pending_share 2026-04-05"]);
    months.go_on("at 2026-05-02; close 2026-04; shows 0 40 75 0 115");
    assert_eq!(months.booked(), ["released 60.00 pending_share > due 2026-04-30"]);
}

#[test]
fn a_negative_month_is_carried_transfer_by_transfer() {
    let mut months = tell(&deal("carry"), MARCH);
    months.booked();
    months.go_on("at 2026-04-02; close 2026-03; shows 0 40 0 0 40; carried -60");
    assert_eq!(
        months.booked(),
        [
            "carried 60.00 carried_share > due 2026-03-31",
            "released 30.00 pending_share > due 2026-03-31",
            "released 90.00 due > pending_share 2026-03-31",
        ]
    );
    months.go_on(&format!("{RESTATED}; shows 0 40 15 0 55; carried 0"));
    assert_eq!(
        months.booked(),
        ["corrected 75.00 earned_share > due 2026-03-31", "carried 60.00 due > carried_share 2026-03-31",]
    );
    months.go_on(&format!("{APRIL}; at 2026-05-02; close 2026-04; shows 0 40 75 0 115; carried 0"));
}

#[test]
fn what_is_carried_is_worked_off_by_later_results_alone() {
    // Never restated: March −60 is carried, April +60 works it off; the CPA of another player does not.
    tell(
        &deal("carry"),
        &format!(
            "{MARCH}; at 2026-04-02; close 2026-03; row 2 2026-04-03 deposits 50; {APRIL}; shows 0 80 0 0 80; \
             at 2026-05-02; close 2026-04; shows 0 80 0 0 80; carried 0"
        ),
    );
    // April +15 works off a part, May the rest.
    tell(
        &deal("carry"),
        &format!(
            "{MARCH}; at 2026-04-02; close 2026-03; row 1 2026-04-05 pnl 50; at 2026-05-02; close 2026-04; \
             shows 0 40 0 0 40; carried -45; row 1 2026-05-05 pnl 200; at 2026-06-02; close 2026-05; \
             shows 0 40 15 0 55; carried 0"
        ),
    );
}

#[test]
fn a_late_row_refolds_the_closed_months_after_it() {
    // April +60 worked off March −60; March restated to +15 gives April all of its 60 back.
    tell(
        &deal("carry"),
        &format!(
            "{MARCH}; at 2026-04-02; close 2026-03; {APRIL}; at 2026-05-02; close 2026-04; shows 0 40 0 0 40; \
             row 1 2026-03-02 pnl -50; shows 0 40 75 0 115; carried 0"
        ),
    );
}

#[test]
fn a_negative_month_is_netted() {
    tell(
        &deal("net"),
        &format!(
            "{MARCH}; at 2026-04-02; close 2026-03; shows 0 40 -60 0 -20; {RESTATED}; shows 0 40 15 0 55; \
             {APRIL}; at 2026-05-02; close 2026-04; shows 0 40 75 0 115"
        ),
    );
}

#[test]
fn an_affiliate_without_carry_over_is_reset_whatever_the_deal_says() {
    for way in ["net", "carry", "reset"] {
        let history =
            format!("no carry over; {MARCH}; at 2026-04-02; close 2026-03; shows 0 40 -60 60 40; carried 0");
        tell(&deal(way), &history);
    }
}
