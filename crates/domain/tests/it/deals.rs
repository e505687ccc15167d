//! Deals in full: conditions, limits, qualification, tiers, caps, milestones, fees. All numbers are worked out by hand.

use crate::months::tell;

/// A deal of one rule.
fn one(rule: &str) -> String {
    format!(r#"{{"rules": [{rule}]}}"#)
}

#[test]
fn rates_by_product_plan_and_interval_are_several_rules() {
    let deal = r#"{"rules": [
        {"on": "payment", "when": {"product": ["pro"], "interval": ["year"]}, "reward": {"percent": "30"}},
        {"on": "payment", "when": {"product": ["pro"], "interval": ["month"]}, "reward": {"percent": "20"}},
        {"on": "payment", "when": {"plan": ["team", "company"]}, "reward": {"flat": "5"}}
    ]}"#;
    tell(
        deal,
        "at 2026-03-01; pay 1 p1 100 2026-03-01 product=pro interval=year; shows 0 0 30 0 30; \
         pay 1 p2 100 2026-03-01 product=pro interval=month; shows 0 0 50 0 50; \
         pay 1 p3 100 2026-03-01 product=pro; shows 0 0 50 0 50; \
         pay 1 p4 100 2026-03-01 product=pro interval=month plan=team; shows 0 5 70 0 75; \
         pay 1 p5 100 2026-03-01 product=light; shows 0 5 70 0 75",
    );
}

#[test]
fn conditions_on_brand_country_campaign_coupon_amount_and_date() {
    let rule =
        |when: &str| one(&format!(r#"{{"on": "payment", "when": {when}, "reward": {{"percent": "10"}}}}"#));
    for (when, earns, not) in [
        (r#"{"brand": ["a"]}"#, "brand=a", "brand=b"),
        (r#"{"campaign": ["spring"]}"#, "campaign=spring", ""),
        (r#"{"coupon": ["X10"]}"#, "coupon=X10", "coupon=x10"),
        // The customer is from Germany where the payment does not say.
        (r#"{"country": ["DE"]}"#, "", "country=AT"),
    ] {
        tell(&rule(when), &format!("at 2026-03-01; pay 1 p1 100 2026-03-01 {earns}; shows 0 0 10 0 10"));
        tell(&rule(when), &format!("at 2026-03-01; pay 1 p1 100 2026-03-01 {not}; shows 0 0 0 0 0"));
    }
    // From an amount on, below another one.
    let amounts = rule(r#"{"amount_from": "20", "amount_below": "50"}"#);
    tell(
        &amounts,
        "at 2026-03-01; pay 1 p1 19.99 2026-03-01; shows 0 0 0 0 0; pay 1 p2 20 2026-03-01; shows 0 0 2 0 2; \
         pay 1 p3 50 2026-03-01; shows 0 0 2 0 2",
    );
    let dates = rule(r#"{"from": "2026-03-02", "until": "2026-03-03"}"#);
    tell(
        &dates,
        "at 2026-03-09; pay 1 p1 10 2026-03-01T23:59; shows 0 0 0 0 0; pay 1 p2 10 2026-03-02; shows 0 0 1 0 1; \
         pay 1 p3 10 2026-03-03; shows 0 0 1 0 1",
    );
}

#[test]
fn once_per_referral_is_taken_by_the_first_that_fits() {
    let deal = one(
        r#"{"on": "payment", "when": {"amount_from": "50"}, "reward": {"flat": "7"}, "limits": {"once": true}}"#,
    );
    tell(
        &deal,
        "at 2026-03-09; pay 1 p1 10 2026-03-01; pay 1 p2 50 2026-03-02; pay 1 p3 60 2026-03-03; shows 0 7 0 0 7; \
         pay 2 q1 50 2026-03-02; shows 0 14 0 0 14; refund p2 50 2026-03-04; shows 0 14 0 0 14; \
         refund p3 60 2026-03-04; shows 0 7 0 0 7",
    );
}

#[test]
fn a_cap_per_referral_is_filled_by_full_amounts_and_then_scaled() {
    let deal = one(r#"{"on": "payment", "reward": {"percent": "20"}, "limits": {"per_referral": "30"}}"#);
    tell(
        &deal,
        "at 2026-03-09; pay 1 p1 100 2026-03-01; pay 1 p2 100 2026-03-02; pay 1 p3 100 2026-03-03; shows 0 0 30 0 30; \
         refund p1 50 2026-03-05; shows 0 0 20 0 20; refund p2 50 2026-03-05; shows 0 0 15 0 15; \
         refund p1 50 2026-03-06; shows 0 0 20 0 20",
    );
}

const FIRST: &str = r#"{"rules": [{"on": "qualified_deposit", "reward": {"flat": "40"}}],
    "qualification": {"baseline": "first_deposit", "amount": "20"}, "unqualify": "always"}"#;

fn qualified(qualification: &str, unqualify: &str) -> String {
    format!(
        r#"{{"rules": [{{"on": "qualified_deposit", "reward": {{"flat": "40"}}}}],
            "qualification": {qualification}, "unqualify": "{unqualify}", "hold_days": 10}}"#
    )
}

#[test]
fn a_first_deposit_is_looked_at_alone() {
    tell(FIRST, "at 2026-03-09; pay 1 p1 19.99 2026-03-01; pay 1 p2 100 2026-03-02; shows 0 0 0 0 0");
    tell(FIRST, "at 2026-03-09; pay 1 p1 20 2026-03-01; pay 1 p2 100 2026-03-02; shows 0 40 0 0 40");
    // Returned, it makes the next one first.
    tell(
        FIRST,
        "at 2026-03-09; pay 1 p1 20 2026-03-01; pay 1 p2 100 2026-03-02; refund p1 20 2026-03-03; shows 0 40 0 0 40",
    );
    tell(
        FIRST,
        "at 2026-03-09; pay 1 p1 20 2026-03-01; pay 1 p2 10 2026-03-02; refund p1 20 2026-03-03; shows 0 0 0 0 0",
    );
    // A withdrawal does not matter.
    tell(FIRST, "at 2026-03-09; pay 1 p1 20 2026-03-01; withdraw 1 20 2026-03-01; shows 0 40 0 0 40");
}

#[test]
fn a_refund_of_one_unit_does_not_cancel_a_qualification() {
    tell(FIRST, "at 2026-03-09; pay 1 p1 20 2026-03-01; refund p1 1 2026-03-02; shows 0 38 0 0 38");
}

#[test]
fn baselines_must_stand_at_the_end_of_a_day() {
    let net = qualified(r#"{"baseline": "net_deposits", "amount": "100"}"#, "always");
    tell(
        &net,
        "at 2026-05-01; pay 1 p1 100 2026-03-01T10:00; shows 0 40 0 0 40; withdraw 1 50 2026-03-01T12:00; \
         shows 0 0 0 0 0; pay 1 p2 49 2026-03-02; shows 0 0 0 0 0; pay 1 p3 1 2026-03-03; shows 0 40 0 0 40",
    );
    // A later withdrawal does not undo it.
    tell(&net, "at 2026-05-01; pay 1 p1 100 2026-03-01; withdraw 1 50 2026-03-02; shows 0 40 0 0 40");
    // Down and up again on one day: it stands at its end.
    tell(
        &net,
        "at 2026-05-01; pay 1 p1 100 2026-03-01T10:00; withdraw 1 50 2026-03-01T12:00; \
         pay 1 p2 50 2026-03-01T13:00; shows 0 40 0 0 40",
    );
}

#[test]
fn baselines_add_up_deposits_volume_and_activities() {
    let total = qualified(r#"{"baseline": "total_deposits", "amount": "100"}"#, "always");
    tell(
        &total,
        "at 2026-05-01; pay 1 p1 60 2026-03-01; withdraw 1 60 2026-03-02; shows 0 0 0 0 0; \
         pay 1 p2 40 2026-03-03; shows 0 40 0 0 40",
    );
    let volume = qualified(r#"{"baseline": "volume", "amount": "500"}"#, "always");
    tell(
        &volume,
        "at 2026-05-01; row 1 2026-03-01 volume 499; shows 0 0 0 0 0; row 1 2026-03-02 volume 1; shows 0 40 0 0 40",
    );
    let count = qualified(r#"{"baseline": "activity_count", "count": 3}"#, "always");
    tell(
        &count,
        "at 2026-05-01; row 1 2026-03-01 played 2; shows 0 0 0 0 0; row 1 2026-03-02 played 1; shows 0 40 0 0 40",
    );
    let lead = r#"{"rules": [{"on": "qualified_lead", "reward": {"flat": "3"}}],
        "lead_qualification": {"baseline": "volume", "amount": "10"}}"#;
    tell(
        lead,
        "at 2026-05-01; reg 1 2026-03-01; shows 0 0 0 0 0; row 1 2026-03-01 volume 10; shows 3 0 0 0 3",
    );
}

#[test]
fn a_qualification_has_its_days() {
    let days = qualified(r#"{"baseline": "total_deposits", "amount": "100", "within_days": 3}"#, "always");
    tell(&days, "at 2026-05-01; reg 1 2026-03-01T23:00; pay 1 p1 100 2026-03-03T23:59; shows 0 40 0 0 40");
    tell(&days, "at 2026-05-01; reg 1 2026-03-01T23:00; pay 1 p1 100 2026-03-04; shows 0 0 0 0 0");
}

#[test]
fn a_qualified_customer_restated_down_and_up_again_is_bookable_a_second_time() {
    let deal = qualified(r#"{"baseline": "volume", "amount": "500"}"#, "always");
    let mut months = tell(&deal, "at 2026-03-02; row 1 2026-03-01 volume 500");
    months.go_on("row 1 2026-03-01 volume 400; row 1 2026-03-01 volume 600");
    assert_eq!(
        months.booked(),
        [
            "earned 40.00 earned_acquisition > pending_acquisition 2026-03-01",
            "corrected 40.00 pending_acquisition > earned_acquisition 2026-03-01",
            "corrected 40.00 earned_acquisition > pending_acquisition 2026-03-01",
        ]
    );
}

#[test]
fn an_undone_qualification_takes_its_reward_back_as_the_deal_says() {
    let history =
        |refund: &str| format!("at 2026-03-02; pay 1 p1 100 2026-03-01; {refund} 2026-03-05; at 2026-03-20");
    let (held, released) = ("refund p1 100", "at 2026-03-12; refund p1 100");
    for (unqualify, while_held, later) in [
        ("never", "0 40 0 0 40", "0 40 0 0 40"),
        ("while_held", "0 0 0 0 0", "0 40 0 0 40"),
        ("always", "0 0 0 0 0", "0 0 0 0 0"),
    ] {
        let deal = qualified(r#"{"baseline": "first_deposit", "amount": "20"}"#, unqualify);
        tell(&deal, &format!("{}; shows {while_held}", history(held)));
        tell(&deal, &format!("{}; shows {later}", history(released)));
        // What stays is not earned a second time by the next first deposit.
        tell(
            &deal,
            &format!("{}; pay 1 p2 100 2026-03-20; at 2026-04-20; shows 0 40 0 0 40", history(released)),
        );
    }
}

#[test]
fn an_activity_row_may_carry_the_first_deposit() {
    let deal = one(r#"{"on": "first_deposit", "reward": {"flat": "25"}}"#);
    tell(&deal, "at 2026-03-09; row 1 2026-03-01 pnl 5; row 1 2026-03-02 deposits 10; shows 0 25 0 0 25");
    tell(
        &deal,
        "at 2026-03-09; row 1 2026-03-02 deposits 10; row 1 2026-03-03 deposits 10; shows 0 25 0 0 25",
    );
    // In a brand that counts rows a payment is not added up.
    tell(&deal, "at 2026-03-09; pay 1 p1 10 2026-03-01 brand=rows; shows 0 0 0 0 0");
    // And in one that counts events the row is not.
    tell(&deal, "at 2026-03-09; row 1 2026-03-01 deposits 10 brand=b; shows 0 0 0 0 0");
    tell(
        &deal,
        "at 2026-03-09; row 1 2026-03-01 deposits 10 brand=b; pay 1 p1 10 2026-03-01 brand=b; shows 0 25 0 0 25",
    );
}

#[test]
fn net_deposits_are_deposits_less_withdrawals_from_the_source_that_counts() {
    let deal = one(r#"{"on": "activity", "reward": {"percent_of_net_deposits": "25"}}"#);
    tell(
        &deal,
        "row 1 2026-03-01 deposits 100 withdrawals 30; row 1 2026-03-02 withdrawals 100; at 2026-04-02; \
         close 2026-03; shows 0 0 -7.5 0 -7.5",
    );
    tell(
        &deal,
        "pay 1 p1 100 2026-03-01; withdraw 1 30 2026-03-02; row 1 2026-03-01 deposits 999 brand=b; at 2026-04-02; \
         close 2026-03; shows 0 0 17.5 0 17.5; refund p1 40 2026-04-03; shows 0 0 7.5 0 7.5",
    );
}

#[test]
fn net_pnl_is_less_bonuses_deductions_and_fees_and_keeps_micros() {
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "33.3333"}}],
        "fees": [{"name": "Admin fee", "charge": {"percent": {"rate": "10", "of": "pnl"}}}]}"#;
    // 100 − 10 − 5 − 10 = 75; 33.3333 % of it is 24.999975.
    tell(
        deal,
        "row 1 2026-03-01 pnl 100 bonuses 10 deductions 5; at 2026-04-02; close 2026-03; \
         shows 0 0 24.999975 0 24.999975",
    );
}

#[test]
fn casino_and_sport_have_rates_of_their_own() {
    let deal = r#"{"rules": [
        {"on": "activity", "when": {"product": ["casino"]}, "reward": {"percent_of_net_pnl": "30"}},
        {"on": "activity", "when": {"product": ["sport"]}, "reward": {"percent_of_net_pnl": "20"}}
    ]}"#;
    tell(
        deal,
        "row 1 2026-03-01 pnl 150 casino.pnl 100 casino.bonuses 10 sport.pnl 50; at 2026-04-02; close 2026-03; \
         shows 0 0 37 0 37",
    );
}

#[test]
fn fees_that_are_not_linear_are_settled_at_the_close() {
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}], "fees": [
        {"name": "Platform", "charge": {"flat_per_month": "20"}},
        {"name": "Admin fee", "charge": {"percent": {"rate": "10", "of": "net_pnl"}}, "positive_months_only": true}
    ]}"#;
    // Net 300 − 200 = 100; less 20, less 10 % of the 80 left = 72; 30 % of it is 21.60 instead of 30.
    tell(
        deal,
        "row 1 2026-03-01 pnl 300; row 1 2026-03-02 pnl -200; at 2026-04-02; close 2026-03; shows 0 0 30 -8.4 21.6; \
         row 1 2026-03-02 pnl -400; shows 0 0 -30 0 -30",
    );
    // A fee never makes a month negative.
    tell(deal, "row 1 2026-03-01 pnl 5; at 2026-04-02; close 2026-03; shows 0 0 1.5 -1.5 0");
}

#[test]
fn whole_tiers_pay_everything_by_the_step_reached() {
    let deal =
        one(r#"{"on": "first_deposit", "reward": {"flat": "40"}, "tiers": {"by": "first_deposits", "steps":
            [{"from": "2", "reward": {"flat": "50"}}, {"from": "4", "reward": {"flat": "60"}}]}}"#);
    let four =
        "pay 1 p1 9 2026-03-01; pay 2 p2 9 2026-03-02; pay 3 p3 9 2026-03-03; pay 4 p4 9 2026-03-31T23:59";
    tell(&deal, &format!("{four}; at 2026-04-02; close 2026-03; shows 0 160 0 80 240"));
    tell(&deal, "pay 1 p1 9 2026-03-01; at 2026-04-02; close 2026-03; shows 0 40 0 0 40");
    // In the program's zone the last one is of April.
    tell(&deal, &format!("zone Europe/Berlin; {four}; at 2026-04-02; close 2026-03; shows 0 160 0 30 190"));
    // A refund dated after the month gives back the commission and its share; it never lowers the level.
    tell(
        &deal,
        &format!("{four}; at 2026-04-02; close 2026-03; refund p4 9 2026-04-02; shows 0 120 0 60 180"),
    );
    tell(
        &deal,
        &format!("{four}; at 2026-04-02; close 2026-03; refund p4 3 2026-04-02; shows 0 146.67 0 73.33 220"),
    );
    // One dated in it does.
    tell(
        &deal,
        &format!("{four}; at 2026-04-02; close 2026-03; refund p4 9 2026-03-31T23:59; shows 0 120 0 30 150"),
    );
    // A late first deposit of the month raises the level of all.
    tell(
        &deal,
        "pay 1 p1 9 2026-03-01; pay 2 p2 9 2026-03-02; pay 3 p3 9 2026-03-03; at 2026-04-02; close 2026-03; \
         shows 0 120 0 30 150; pay 4 p4 9 2026-03-20; shows 0 160 0 80 240",
    );
}

#[test]
fn marginal_tiers_pay_what_lies_above_a_step_by_it() {
    let deal = one(
        r#"{"on": "payment", "reward": {"percent": "20"}, "tiers": {"by": "revenue", "mode": "marginal", "steps":
            [{"from": "1000", "reward": {"percent": "30"}}]}}"#,
    );
    // 20 % of 1000 + 30 % of 500 = 350, of which 300 is booked with the payments.
    let paid = "pay 1 p1 900 2026-03-01; pay 2 p2 600 2026-03-02; at 2026-04-02; close 2026-03";
    tell(&deal, &format!("{paid}; shows 0 0 300 50 350"));
    // A refund later takes its share at the mean rate: 600 of 1500 are 140.
    tell(&deal, &format!("{paid}; refund p2 600 2026-04-05; shows 0 0 180 30 210"));
    tell(&deal, "pay 1 p1 900 2026-03-01; at 2026-04-02; close 2026-03; shows 0 0 180 0 180");
}

#[test]
fn tiers_of_net_pnl_are_in_the_result_that_is_carried() {
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "20"}, "tiers": {"by": "net_pnl",
        "steps": [{"from": "1000", "reward": {"percent_of_net_pnl": "30"}}]}}], "negative_month": "carry"}"#;
    // February −100 is carried; March 20 % + 10 % of 1000 is 300, of which 100 works it off.
    tell(
        deal,
        "row 1 2026-02-01 pnl -500; row 1 2026-03-01 pnl 1000; at 2026-04-02; close 2026-02; close 2026-03; \
         shows 0 0 100 100 200; carried 0",
    );
}

#[test]
fn a_cap_per_month_pays_the_earliest_and_releases_nothing_before_the_close() {
    let deal = one(r#"{"on": "payment", "reward": {"percent": "20"}, "limits": {"per_month": "100"}}"#);
    let paid = "pay 1 p1 400 2026-03-01; pay 2 p2 400 2026-03-02; at 2026-03-20";
    tell(&deal, &format!("{paid}; shows 0 0 0 0 0"));
    let closed = format!("{paid}; at 2026-04-02; close 2026-03");
    tell(&deal, &format!("{closed}; shows 0 0 160 -60 100"));
    // 80 of the first, 20 of the second. A refund dated later makes no room and gives back its share of the cut.
    tell(&deal, &format!("{closed}; refund p1 400 2026-04-05; shows 0 0 80 -60 20"));
    tell(&deal, &format!("{closed}; refund p2 400 2026-04-05; shows 0 0 80 0 80"));
    tell(&deal, &format!("{closed}; refund p2 200 2026-04-05; shows 0 0 120 -30 90"));
    // One dated in the month that returns all makes room.
    tell(&deal, &format!("{closed}; refund p1 400 2026-03-05; shows 0 0 80 0 80"));
    // The next month has a cap of its own.
    tell(
        &deal,
        &format!("{closed}; pay 1 p3 100 2026-04-05; at 2026-05-02; close 2026-04; shows 0 0 180 -60 120"),
    );
}

#[test]
fn a_cap_per_affiliate_counts_all_months() {
    let deal = one(r#"{"on": "payment", "reward": {"percent": "20"}, "limits": {"per_affiliate": "100"}}"#);
    tell(
        &deal,
        "pay 1 p1 400 2026-03-01; at 2026-04-02; close 2026-03; shows 0 0 80 0 80; pay 1 p2 400 2026-04-10; \
         at 2026-05-02; close 2026-04; shows 0 0 160 -60 100; pay 1 p3 400 2026-05-10; at 2026-06-02; close 2026-05; \
         shows 0 0 240 -140 100",
    );
}

#[test]
fn a_spend_limit_is_filled_from_the_earliest_of_all_affiliates() {
    let deal = r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}], "spend_limit": "100"}"#;
    tell(
        deal,
        "elsewhere 30 2026-02-10; elsewhere 30 2026-03-02; pay 1 p1 150 2026-03-01; pay 1 p2 150 2026-03-03; \
         at 2026-04-02; shows 0 0 0 0 0; close 2026-03; shows 0 0 60 -20 40; \
         pay 1 p3 50 2026-04-03; at 2026-05-02; close 2026-04; shows 0 0 70 -30 40",
    );
}

#[test]
fn milestones_are_earned_in_each_month_or_once_by_all() {
    let deal = r#"{"rules": [{"on": "first_deposit", "reward": {"flat": "10"}}], "milestones": [
        {"by": "first_deposits", "from": "2", "bonus": "50"},
        {"by": "first_deposits", "from": "3", "bonus": "200", "per": "ever"}
    ]}"#;
    tell(
        deal,
        "pay 1 p1 9 2026-03-01; pay 2 p2 9 2026-03-02; at 2026-04-02; close 2026-03; shows 0 20 0 50 70; \
         pay 3 p3 9 2026-04-05; at 2026-05-02; close 2026-04; shows 0 30 0 250 280; \
         pay 4 p4 9 2026-05-05; pay 5 p5 9 2026-05-06; at 2026-06-02; close 2026-05; shows 0 50 0 300 350; \
         refund p5 9 2026-06-03; shows 0 40 0 300 340",
    );
}

#[test]
fn results_may_be_judged_brand_by_brand() {
    let deal = |scope: &str| {
        format!(
            r#"{{"rules": [{{"on": "activity", "reward": {{"percent_of_net_pnl": "30"}}}}],
                "negative_month": "reset", "carry_scope": "{scope}"}}"#
        )
    };
    let history =
        "row 1 2026-03-01 pnl -100 brand=a; row 1 2026-03-01 pnl 200 brand=b; at 2026-04-02; close 2026-03";
    tell(&deal("deal"), &format!("{history}; shows 0 0 30 0 30"));
    tell(&deal("brand"), &format!("{history}; shows 0 0 30 30 60"));
}

#[test]
fn a_reset_month_restated_is_worth_nothing_more() {
    // March −1000 reset, restated by +300 in April, is worth 0, not 90.
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}], "negative_month": "reset"}"#;
    tell(
        deal,
        "row 1 2026-03-05 pnl -1000; at 2026-04-02; close 2026-03; shows 0 0 -300 300 0; row 1 2026-03-05 pnl -700; \
         shows 0 0 -210 210 0; at 2026-05-02; close 2026-04; shows 0 0 -210 210 0",
    );
}

#[test]
fn a_reset_is_payable_no_sooner_than_what_it_corrects() {
    let deal = r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}], "negative_month": "reset",
        "hold_days": 5}"#;
    let mut months = tell(deal, "row 1 2026-03-05 pnl -200; at 2026-04-06; close 2026-03");
    assert_eq!(
        months.booked(),
        [
            "earned 60.00 pending_share > earned_share 2026-03-05",
            "reset 60.00 adjustments > due 2026-04-05",
            "released 60.00 due > pending_share 2026-04-05",
        ]
    );
}

#[test]
fn activity_may_be_released_at_once() {
    let deal =
        r#"{"rules": [{"on": "activity", "reward": {"percent_of_net_pnl": "30"}}], "release": "at_once"}"#;
    tell(deal, "row 1 2026-03-05 pnl -200; shows 0 0 -60 0 -60; row 1 2026-03-06 pnl 300; shows 0 0 30 0 30");
}
