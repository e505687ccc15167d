//! One player over two months, transfer by transfer through the product: CPA 40 on a first deposit of at least 20 plus
//! 30 % of net P&L, in the three ways of a negative month. All numbers are worked out by hand.

use crate::months::tell;

const MARCH: &str = "at 2026-03-02; row 1 2026-03-01 deposits 50 pnl 100; row 1 2026-03-02 pnl -300";
const RESTATED: &str = "at 2026-04-03; row 1 2026-03-02 pnl -50";
const APRIL: &str = "at 2026-04-05; row 1 2026-04-05 pnl 200";

pub(crate) fn deal(negative_month: &str) -> String {
    format!(
        r#"{{"rules": [
            {{"on": "qualified_deposit", "reward": {{"flat": "40"}}}},
            {{"on": "activity", "reward": {{"percent_of_net_pnl": "30"}}}}
        ], "qualification": {{"baseline": "first_deposit", "amount": "20"}}, "negative_month": "{negative_month}"}}"#
    )
}

#[test]
fn a_negative_month_is_reset_transfer_by_transfer() {
    testkit::run(async |test| {
        let mut months = tell(&test, &deal("reset"), MARCH).await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-01 2026-03 fact earned_acquisition -> pending_acquisition 40 (earned)
        2026-03-01 2026-03 fact earned_share -> pending_share 30 (earned)
        2026-03-01 2026-03 release pending_acquisition -> due 40
        2026-03-02 2026-03 fact pending_share -> earned_share 90 (earned)
        ");
        months.go_on("at 2026-04-02; close 2026-03; shows 0 40 -60 60 40").await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-31 2026-03 release pending_share -> due 30
        2026-03-31 2026-03 release due -> pending_share 90
        2026-03-31 2026-03 close adjustments -> due 60
        ");
        months.go_on(&format!("close 2026-03; {RESTATED}; shows 0 40 15 0 55")).await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-31 2026-04 fact earned_share -> due 75 (corrected)
        2026-03-31 2026-04 close due -> adjustments 60
        ");
        months
            .go_on(&format!("{APRIL}; shows 0 40 15 0 55; at 2026-05-02; close 2026-04; shows 0 40 75 0 115"))
            .await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-04-05 2026-04 fact earned_share -> pending_share 60 (earned)
        2026-04-30 2026-04 release pending_share -> due 60
        ");
        assert_eq!(months.books.account().await, "earned_acquisition -40, earned_share -75, due 115");
    });
}

#[test]
fn a_negative_month_is_carried_transfer_by_transfer() {
    testkit::run(async |test| {
        let mut months = tell(&test, &deal("carry"), MARCH).await;
        months.booked().await;
        months.go_on("at 2026-04-02; close 2026-03; shows 0 40 0 0 40; carried -60").await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-31 2026-03 release pending_share -> due 30
        2026-03-31 2026-03 release due -> pending_share 90
        2026-03-31 2026-03 close carried_share -> due 60
        ");
        months.go_on(&format!("{RESTATED}; shows 0 40 15 0 55; carried 0")).await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-31 2026-04 fact earned_share -> due 75 (corrected)
        2026-03-31 2026-04 close due -> carried_share 60
        ");
        months.go_on(&format!("{APRIL}; at 2026-05-02; close 2026-04; shows 0 40 75 0 115; carried 0")).await;
    });
}

#[test]
fn a_qualified_customer_restated_down_and_up_again_is_booked_a_second_time() {
    testkit::run(async |test| {
        let deal = deal("net").replacen('{', r#"{"unqualify": "always", "#, 1);
        let day = |deposits: u32| format!("row 1 2026-03-01 deposits {deposits}");
        let mut months = tell(&test, &deal, &format!("at 2026-03-02; {}; shows 0 40 0 0 40", day(50))).await;
        months.go_on(&format!("{}; shows 0 0 0 0 0; {}; shows 0 40 0 0 40", day(10), day(50))).await;
        months.go_on(&format!("{}; {}; shows 0 40 0 0 40", day(10), day(20))).await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-01 2026-03 fact earned_acquisition -> pending_acquisition 40 (earned)
        2026-03-01 2026-03 release pending_acquisition -> due 40
        2026-03-01 2026-03 fact due -> earned_acquisition 40 (corrected)
        2026-03-01 2026-03 fact earned_acquisition -> due 40 (corrected)
        2026-03-01 2026-03 fact due -> earned_acquisition 40 (corrected)
        2026-03-01 2026-03 fact earned_acquisition -> due 40 (corrected)
        ");
    });
}

#[test]
fn a_negative_month_is_netted() {
    testkit::run(async |test| {
        let history = format!(
            "{MARCH}; at 2026-04-02; close 2026-03; shows 0 40 -60 0 -20; {RESTATED}; shows 0 40 15 0 55; {APRIL}; \
             at 2026-05-02; close 2026-04; shows 0 40 75 0 115"
        );
        tell(&test, &deal("net"), &history).await;
    });
}

#[test]
fn what_is_carried_is_worked_off_by_later_results_alone() {
    testkit::run(async |test| {
        // March −60 is carried; April +60 works it off; the CPA of another player does not.
        let history = format!(
            "{MARCH}; at 2026-04-02; close 2026-03; row 2 2026-04-03 deposits 50; {APRIL}; shows 0 80 0 0 80; \
             at 2026-05-02; close 2026-04; shows 0 80 0 0 80; carried 0"
        );
        tell(&test, &deal("carry"), &history).await;
        // April +15 works off a part, May the rest.
        let history = format!(
            "{MARCH}; at 2026-04-02; close 2026-03; row 1 2026-04-05 pnl 50; at 2026-05-02; close 2026-04; \
             shows 0 40 0 0 40; carried -45; row 1 2026-05-05 pnl 200; at 2026-06-02; close 2026-05; \
             shows 0 40 15 0 55; carried 0"
        );
        tell(&test, &deal("carry"), &history).await;
    });
}

#[test]
fn a_late_row_refolds_the_closed_months_after_it() {
    testkit::run(async |test| {
        // April +60 worked off March −60; March restated to +15 gives April all of its 60 back.
        let history = format!(
            "{MARCH}; at 2026-04-02; close 2026-03; {APRIL}; at 2026-05-02; close 2026-04; shows 0 40 0 0 40"
        );
        let mut months = tell(&test, &deal("carry"), &history).await;
        months.booked().await;
        months.go_on("row 1 2026-03-02 pnl -50; shows 0 40 75 0 115; carried 0").await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-31 2026-05 fact earned_share -> due 75 (corrected)
        2026-03-31 2026-05 close due -> carried_share 60
        2026-04-30 2026-05 close carried_share -> due 60
        ");
    });
}
