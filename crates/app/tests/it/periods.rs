//! Months: what waits for their close, what a close books, and what of it comes late. The arithmetic of each sort of
//! correction is in `domain/tests/it/deals.rs`; here each goes through the whole product once.

use app::Error;
use app::jobs::run_once;
use domain::command::Refused;
use domain::fold::{Source, Truth};
use serde_json::json;

use crate::doors::{Books, at, eur, payment, registration};
use crate::march;
use crate::months::tell;

const SHARE: &str = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}]}"#;

fn one(rule: &str) -> String {
    format!(r#"{{"rules": [{rule}]}}"#)
}

#[test]
fn what_waits_for_the_close_of_its_month_is_not_released_before() {
    testkit::run(async |test| {
        test.at("2026-03-20T09:00:00Z");
        let terms = json!({ "rules": [
            { "on": "payment", "reward": { "percent": "20" }, "limits": { "per_month": "50" } },
        ] });
        let books = Books::open(&test, terms).await;
        books.send(at(registration("cus_1"), "2026-03-01T09:00:00Z")).await.expect("a referral");
        books
            .send(at(payment("cus_1", "ch_1", eur("100")), "2026-03-02T09:00:00Z"))
            .await
            .expect("a payment");
        test.at("2026-04-01T00:00:00Z");
        assert_eq!(books.release().await, 0, "the hold is over, the month is not closed");
        assert_eq!(books.account().await, "earned_share -20, pending_share 20");
        assert_eq!(books.commissions().await, "pending 20");
    });
}

#[test]
fn tiers_pay_everything_by_the_step_reached() {
    let deal =
        one(r#"{"on": "first_deposit", "reward": {"flat": "40"}, "tiers": {"by": "first_deposits", "steps":
            [{"from": "2", "reward": {"flat": "50"}}, {"from": "4", "reward": {"flat": "60"}}]}}"#);
    let three = "pay 1 p1 9 2026-03-01; pay 2 p2 9 2026-03-02; pay 3 p3 9 2026-03-03; at 2026-04-02; close 2026-03; \
        shows 0 120 0 30 150";
    testkit::run(async |test| {
        // A late first deposit of the month raises the level of all; a refund dated later never lowers it.
        let late =
            "pay 4 p4 9 2026-03-20; shows 0 160 0 80 240; refund p4 9 2026-04-02; shows 0 120 0 60 180";
        let mut months = tell(&test, &deal, three).await;
        months.booked().await;
        months.go_on(late).await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-20 2026-04 fact earned_acquisition -> due 40 (earned)
        2026-03-31 2026-04 close adjustments -> due 50
        2026-04-02 2026-04 fact due -> earned_acquisition 40 (reversed)
        2026-03-31 2026-04 close due -> adjustments 20
        ");
        // A refund dated in the month does.
        tell(&test, &deal, &format!("{three}; refund p3 9 2026-03-31T23:59; shows 0 80 0 20 100")).await;
    });
}

#[test]
fn a_version_with_nothing_to_close_counts_in_the_months_of_its_deal() {
    let before = r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}]}"#;
    let after = serde_json::json!({ "rules": [{ "on": "payment", "reward": { "percent": "20" }, "tiers": {
        "by": "revenue", "steps": [{ "from": "500", "reward": { "percent": "30" } }] } }] });
    testkit::run(async |test| {
        let mut months = tell(&test, before, "pay 1 p1 400 2026-03-01").await;
        let caller = test.operator(months.books.program);
        let deal = app::program::show(&test.app, &caller).await.expect("the program").default_deal;
        let terms: domain::deal::Terms = serde_json::from_value(after.clone()).expect("terms");
        let terms = Some(terms.into());
        app::deal::update(&test.app, &caller, deal, None, terms).await.expect("a version");
        // 600 are reached by both versions together; each customer is paid by its own version's table.
        months.go_on("pay 2 p2 200 2026-03-02; at 2026-04-02; close 2026-03; shows 0 0 120 20 140").await;
        // A refund dated in the month, recorded late, lowers what was reached, whichever version it is under.
        months.go_on("refund p1 400 2026-03-03; shows 0 0 40 0 40").await;
    });
}

#[test]
fn marginal_tiers_pay_what_lies_above_a_step_by_it() {
    let deal = one(
        r#"{"on": "payment", "reward": {"percent": "20"}, "tiers": {"by": "revenue", "mode": "marginal", "steps":
            [{"from": "1000", "reward": {"percent": "30"}}]}}"#,
    );
    testkit::run(async |test| {
        // 20 % of 1000 + 30 % of 500 = 350, of which 300 is booked with the payments; 600 of 1500 are 140.
        let history = "pay 1 p1 900 2026-03-01; pay 2 p2 600 2026-03-02; at 2026-04-02; close 2026-03; \
            shows 0 0 300 50 350; refund p2 600 2026-04-02; shows 0 0 180 30 210";
        tell(&test, &deal, history).await;
    });
}

#[test]
fn a_cap_per_month_pays_the_earliest() {
    let deal = one(r#"{"on": "payment", "reward": {"percent": "20"}, "limits": {"per_month": "100"}}"#);
    let closed = "pay 1 p1 400 2026-03-01; pay 2 p2 400 2026-03-02; at 2026-03-20; shows 0 0 0 0 0; at 2026-04-02; \
        close 2026-03; shows 0 0 160 -60 100";
    testkit::run(async |test| {
        // 80 of the first, 20 of the second; a refund later gives back its share of the cut.
        tell(&test, &deal, &format!("{closed}; refund p2 200 2026-04-02; shows 0 0 120 -30 90")).await;
        // The next month has a cap of its own.
        let history =
            format!("{closed}; pay 1 p3 100 2026-04-05; at 2026-05-02; close 2026-04; shows 0 0 180 -60 120");
        tell(&test, &deal, &history).await;
    });
}

#[test]
fn a_cap_per_affiliate_counts_all_months() {
    let deal = one(r#"{"on": "payment", "reward": {"percent": "20"}, "limits": {"per_affiliate": "100"}}"#);
    testkit::run(async |test| {
        let history = "pay 1 p1 400 2026-03-01; at 2026-04-02; close 2026-03; shows 0 0 80 0 80; \
            pay 1 p2 400 2026-04-10; at 2026-05-02; close 2026-04; shows 0 0 160 -60 100; pay 1 p3 400 2026-05-10; \
            at 2026-06-02; close 2026-05; shows 0 0 240 -140 100";
        tell(&test, &deal, history).await;
    });
}

#[test]
fn a_spend_limit_is_filled_from_the_earliest_of_all_affiliates() {
    let deal = r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}], "spend_limit": "100"}"#;
    let told = "pay bob:7 b1 150 2026-02-10; pay 1 p1 150 2026-03-01; pay bob:7 b2 150 2026-03-02; \
        pay 1 p2 150 2026-03-03; at 2026-04-02; shows 0 0 0 0 0; close 2026-03; shows 0 0 60 -20 40";
    testkit::run(async |test| {
        // February 30 by bob; March 30, bob's 30, and 10 of the last 30. Nothing is left for April.
        let april = "pay 1 p3 50 2026-04-03; at 2026-05-02; close 2026-04; shows 0 0 70 -30 40";
        tell(&test, deal, &format!("{told}; {april}")).await;
        // Bob's second payment turns out to have been returned at once: there is room for all of ann's.
        let mut months = tell(&test, deal, told).await;
        months.go_on("refund b2 150 2026-03-02; shows 0 0 60 0 60").await;
        // A late payment of bob's before all others takes from what ann has, whose month has nothing new in it.
        months.booked().await;
        months.go_on("pay bob:8 b0 300 2026-02-01; shows 0 0 60 -50 10").await;
        insta::assert_snapshot!(months.booked().await, @"2026-03-31 2026-04 close due -> adjustments 50");
    });
}

#[test]
fn what_happens_at_one_moment_is_not_spent_twice() {
    // Both register at the same moment: 40 + 40 asked, 50 to spend.
    let deal = r#"{"rules": [{"on": "registration", "reward": {"flat": "40"}}], "spend_limit": "50"}"#;
    testkit::run(async |test| {
        let months = tell(
            &test,
            deal,
            "pay 1 p1 1 2026-03-01; pay bob:2 p2 1 2026-03-01; at 2026-04-02; close 2026-03",
        )
        .await;
        let caller = test.operator(months.books.program);
        let rows = app::period::page(&test.app, &caller, None, None, None, 10).await.expect("months");
        let cut: i64 = rows.iter().flat_map(|row| row.posted.adjustments.values()).sum();
        assert_eq!((rows.len(), cut), (2, -30_000_000));
    });
}

#[test]
fn milestones_are_earned_in_each_month_or_once_by_all() {
    let deal = r#"{"rules": [{"on": "first_deposit", "reward": {"flat": "10"}}], "milestones": [
        {"by": "first_deposits", "from": "2", "bonus": "50"},
        {"by": "first_deposits", "from": "3", "bonus": "200", "per": "ever"}
    ]}"#;
    testkit::run(async |test| {
        let history = "pay 1 p1 9 2026-03-01; pay 2 p2 9 2026-03-02; at 2026-04-02; close 2026-03; shows 0 20 0 50 70; \
            pay 3 p3 9 2026-04-05; at 2026-05-02; close 2026-04; shows 0 30 0 250 280; pay 4 p4 9 2026-05-05; \
            pay 5 p5 9 2026-05-06; at 2026-06-02; close 2026-05; shows 0 50 0 300 350; refund p5 9 2026-06-03; \
            shows 0 40 0 300 340";
        tell(&test, deal, history).await;
    });
}

#[test]
fn results_may_be_judged_brand_by_brand() {
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}], "negative_month": "carry",
        "carry_scope": "brand"}"#;
    testkit::run(async |test| {
        let history = "row 1 2026-03-01 pnl -100 brand=a; row 1 2026-03-01 pnl 200 brand=b; at 2026-04-02; \
            close 2026-03; shows 0 0 60 0 60; carried -30; row 1 2026-04-03 pnl 50 brand=a; at 2026-05-02; \
            close 2026-04; shows 0 0 60 0 60; carried -15";
        tell(&test, deal, history).await;
    });
}

#[test]
fn a_reset_month_restated_is_worth_nothing_more() {
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}], "negative_month": "reset"}"#;
    testkit::run(async |test| {
        // March −1000 reset, restated by +300 in April, is worth 0, not 90.
        let history = "row 1 2026-03-05 pnl -1000; at 2026-04-02; close 2026-03; shows 0 0 -300 300 0; \
            row 1 2026-03-05 pnl -700; shows 0 0 -210 210 0; at 2026-05-02; close 2026-04; shows 0 0 -210 210 0";
        tell(&test, deal, history).await;
    });
}

#[test]
fn with_hold_days_everything_of_a_month_takes_effect_together() {
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}], "negative_month": "reset",
        "hold_days": 5}"#;
    testkit::run(async |test| {
        let mut months = tell(&test, deal, "row 1 2026-03-05 pnl -200; at 2026-04-02; close 2026-03").await;
        insta::assert_snapshot!(months.booked().await, @"2026-03-05 2026-03 fact pending_share -> earned_share 60 (earned)");
        // Restated while the hold runs; what was frozen at the close stays frozen.
        months.go_on("row 1 2026-03-05 pnl -100; at 2026-04-05T23:59; shows 0 0 0 0 0; at 2026-04-06; shows 0 0 -30 30 0").await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-05 2026-04 fact earned_share -> pending_share 30 (corrected)
        2026-04-05 2026-04 release due -> pending_share 30
        2026-04-05 2026-04 close adjustments -> due 30
        ");
        let caller = test.operator(months.books.program);
        let rows = app::period::page(&test.app, &caller, None, None, None, 10).await.expect("months");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].statement.adjustments[0].1.micros, 60_000_000);
        assert_eq!(rows[0].posted.adjustments.values().sum::<i64>(), 30_000_000);
    });
}

#[test]
fn the_highest_revision_of_a_day_counts() {
    testkit::run(async |test| {
        let mut months = tell(&test, SHARE, "row 1 2026-03-01 pnl 10; at 2026-03-05").await;
        let first = months.row("player_1", "2026-03-02", &["pnl", "100"], Some(3)).await.expect("a row");
        let again = months.row("player_1", "2026-03-02", &["pnl", "100"], Some(3)).await.expect("the same");
        assert_eq!((again.fact, again.replayed), (first.fact, true));
        let newer =
            months.row("player_1", "2026-03-02", &["pnl", "50"], Some(5)).await.expect("a newer report");
        assert_ne!(newer.fact, first.fact);
        assert_eq!(months.books.account().await, "earned_share -18, pending_share 18");
        let refused = async |pnl: &str, revision: u64, months: &mut crate::months::Months<'_>| {
            months.row("player_1", "2026-03-02", &["pnl", pnl], Some(revision)).await.expect_err("a refusal")
        };
        assert_eq!(refused("100", 3, &mut months).await, Refused::Stale { given: 3, known: 5 });
        assert_eq!(refused("51", 5, &mut months).await, Refused::OtherFigures(5));
        assert_eq!(months.books.account().await, "earned_share -18, pending_share 18");
        // Without a revision the last accepted report counts.
        months.row("player_1", "2026-03-02", &["pnl", "40"], None).await.expect("a report");
        months.row("player_1", "2026-03-02", &["pnl", "0"], Some(7)).await.expect("a report");
        assert_eq!(months.books.account().await, "earned_share -3, pending_share 3");
        months.go_on("at 2026-04-02; close 2026-03; shows 0 0 3 0 3").await;
    });
}

#[test]
fn rows_from_the_newest_day_to_the_oldest_are_booked_in_the_order_of_the_days() {
    let deal = one(r#"{"on": "first_deposit", "reward": {"flat": "40"}}"#);
    testkit::run(async |test| {
        let months = tell(&test, &deal, "at 2026-04-01; row 1 2026-03-01 pnl 1").await;
        let rows = (2..=31_u32).rev().map(|day| app::activity::Row {
            player: domain::text::Uid::parse("player_1").expect("a uid"),
            brand: "rows".to_owned(),
            day: format!("2026-03-{day:02}").parse().expect("a day"),
            revision: None,
            figures: domain::fact::Figures { deposits: 10_000_000, deposit_count: 1, ..Default::default() },
        });
        let caller = test.operator(months.books.program);
        let answers = app::activity::record(&test.app, &caller, rows.collect()).await.expect("answers");
        let days =
            answers.iter().map(|answer| answer.as_ref().expect("a row").occurred_at.format("%d").to_string());
        assert_eq!(
            days.collect::<Vec<_>>(),
            (2..=31).rev().map(|day| format!("{day:02}")).collect::<Vec<_>>()
        );
        // The first deposit is known at once, and no day after it takes its place.
        assert_eq!(months.books.account().await, "earned_acquisition -40, due 40");
        assert_eq!(test.count_rows("transfer").await, 1);
    });
}

#[test]
fn rows_wait_for_their_player_and_need_their_brand() {
    testkit::run(async |test| {
        let mut months = tell(&test, SHARE, "at 2026-03-05").await;
        let parked = months.row("player_7", "2026-03-02", &["pnl", "100"], Some(1)).await.expect("it waits");
        assert_eq!(parked.referral, None);
        months.row("player_7", "2026-03-02", &["pnl", "60"], Some(2)).await.expect("it waits too");
        let stale = months.row("player_7", "2026-03-02", &["pnl", "100"], Some(1)).await;
        assert_eq!(stale.expect_err("stale"), Refused::Stale { given: 1, known: 2 });
        months.go_on("pay 7 p1 5 2026-03-01; at 2026-04-02; close 2026-03; shows 0 0 18 0 18").await;
        let caller = test.operator(months.books.program);
        let other = Truth { deposits: Source::Events, withdrawals: Source::Rows };
        let refused = app::brand::put(&test.app, &caller, "rows", other).await.expect_err("a conflict");
        assert_eq!(refused.code(), "fixed");
        let same = Truth { deposits: Source::Rows, withdrawals: Source::Rows };
        app::brand::put(&test.app, &caller, "rows", same).await.expect("the same again");
        assert!(app::brand::put(&test.app, &caller, " x", same).await.is_err());
    });
}

#[test]
fn a_job_closes_ended_months_and_closes_them_again_for_late_facts() {
    testkit::run(async |test| {
        let history = "at 2026-03-02; row 1 2026-03-01 deposits 50 pnl 100; row 1 2026-03-02 pnl -300";
        let mut months = tell(&test, &march::deal("reset"), history).await;
        let run = async |time: &str| {
            let now = test.at(time);
            run_once(&test.app, now).await.expect("a run");
        };
        run("2026-04-01T23:59:59Z").await;
        months.go_on("shows 0 40 0 0 40").await;
        run("2026-04-02T00:00:00Z").await;
        months.go_on("shows 0 40 -60 60 40").await;
        months.booked().await;
        run("2026-04-03T00:00:00Z").await;
        assert_eq!(months.booked().await, "", "a month that is closed books nothing again");
        months.row("player_1", "2026-03-02", &["pnl", "-50"], None).await.expect("a late row");
        run("2026-04-03T00:00:10Z").await;
        insta::assert_snapshot!(months.booked().await, @"
        2026-03-31 2026-04 fact earned_share -> due 75 (corrected)
        2026-03-31 2026-04 close due -> adjustments 60
        ");
        months.go_on("shows 0 40 15 0 55").await;
        assert_eq!(test.count_rows("period_due").await, 0);
    });
}

#[test]
fn a_close_is_looked_at_before_it_is_made() {
    testkit::run(async |test| {
        let history = "at 2026-03-02; row 1 2026-03-01 deposits 50 pnl 100; row bob:2 2026-03-02 pnl -300; at 2026-04-02";
        let mut months = tell(&test, &march::deal("reset"), history).await;
        months.booked().await;
        let caller = test.operator(months.books.program);
        let march = "2026-03".parse().expect("a month");
        let preview = app::period::preview(&test.app, &caller, march).await.expect("a preview");
        let bookings: Vec<String> = preview
            .iter()
            .flat_map(app::period::Month::bookings)
            .map(|it| format!("{} {} {} {}", it.affiliate, it.month, it.reason, it.due_micros))
            .collect();
        assert_eq!(bookings, ["3 2026-03 reset 90000000"]);
        assert_eq!((months.booked().await, test.count_rows("period").await), (String::new(), 0));
        let april = "2026-04".parse().expect("a month");
        for refused in [
            app::period::close(&test.app, &caller, april).await.map(|_| ()),
            app::period::preview(&test.app, &caller, april).await.map(|_| ()),
        ] {
            assert!(
                matches!(refused, Err(Error::Invalid { ref field, .. }) if field == "month"),
                "{refused:?}"
            );
        }
        let done = app::period::close(&test.app, &caller, march).await.expect("a close");
        assert_eq!((done.closed_through, done.affiliates), (march, 2));
        let done = app::period::close(&test.app, &caller, march).await.expect("a close");
        assert_eq!((done.closed_through, done.affiliates), (march, 0));
    });
}

#[test]
fn no_carry_over_counts_as_it_was_at_the_months_end() {
    testkit::run(async |test| {
        let deal = SHARE.replace("\"rules\"", "\"negative_month\": \"carry\", \"rules\"");
        let mut months = tell(&test, &deal, "row 1 2026-03-01 pnl -100; at 2026-04-01T12:00").await;
        let caller = test.operator(months.books.program);
        let set = |row: &mut app::affiliate::AffiliateRow| {
            row.no_carry_over = Some(true);
            Ok(())
        };
        app::affiliate::update(&test.app, &caller, months.books.ann, set).await.expect("a setting");
        // March ended before it was set; April did not.
        months.go_on("at 2026-04-02; close 2026-03; shows 0 0 0 0 0; carried -30").await;
        months
            .go_on("row 1 2026-04-10 pnl -50; at 2026-05-02; close 2026-04; shows 0 0 -15 15 0; carried -30")
            .await;
    });
}
