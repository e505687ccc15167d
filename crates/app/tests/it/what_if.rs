//! What history would have cost under another deal, by hand-computed numbers. The history is booked at 20 % of each
//! payment: ann's customer pays 100 in January and 200 in February, of which 50 go back in March; bob's pays 400 in
//! February, ten days after ann's.

use std::collections::BTreeSet;

use app::what_if::{Question, ask};
use domain::ids::AffiliateId;
use domain::money::decimal;
use testkit::TestApp;

use crate::months::{Months, tell};

const HISTORY: &str = "pay 1 p1 100 2026-01-15; pay 1 p2 200 2026-02-10; pay bob:2 p3 400 2026-02-20;
    refund p2 50 2026-03-01; at 2026-03-05";

async fn history(test: &TestApp) -> Months<'_> {
    tell(test, r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}]}"#, HISTORY).await
}

fn question(deal: &str) -> Question {
    let terms = serde_json::from_str(deal).unwrap_or_else(|error| panic!("{deal}: {error}"));
    Question { terms, affiliates: BTreeSet::new(), from: None, to: None }
}

/// The answer, a line a month: `ann 2026-01 20 -> 50`.
async fn answer(months: &Months<'_>, question: &Question) -> Vec<String> {
    let books = &months.books;
    let rows = ask(&books.test.app, &books.test.operator(books.program), question).await.expect("an answer");
    let name = |id: AffiliateId| if id == books.ann { "ann" } else { "bob" };
    let print = |micros: i128| decimal(micros, 0);
    rows.iter()
        .map(|row| {
            let (booked, would_be) = (print(row.booked_micros), print(row.would_be_micros));
            format!("{} {} {booked} -> {would_be}", name(row.affiliate), row.month)
        })
        .collect()
}

#[test]
fn every_month_is_beside_what_it_would_have_cost() {
    testkit::run(async |test| {
        let months = history(&test).await;
        for (deal, expected) in [
            // The half of 100, 10 % of 200 less a quarter of that for the refund, the half of 400.
            (
                r#"{"rules": [{"on": "payment", "when": {"occurrence": "first"}, "reward": {"percent": "50"}},
                    {"on": "payment", "when": {"occurrence": "renewal"}, "reward": {"percent": "10"}}]}"#,
                ["ann 2026-01 20 -> 50", "ann 2026-02 30 -> 15", "bob 2026-02 80 -> 200"],
            ),
            // 30 % from 300 a month on: bob's 400 reach it, ann's 200 do not.
            (
                r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}, "tiers":
                    {"by": "revenue", "steps": [{"from": "300", "reward": {"percent": "30"}}]}}]}"#,
                ["ann 2026-01 20 -> 20", "ann 2026-02 30 -> 30", "bob 2026-02 80 -> 120"],
            ),
            // At most 70 in all, the earliest first: 20, 40 before its refund, and 10 of 80 are left for bob.
            (
                r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}], "spend_limit": "70"}"#,
                ["ann 2026-01 20 -> 20", "ann 2026-02 30 -> 30", "bob 2026-02 80 -> 10"],
            ),
        ] {
            assert_eq!(answer(&months, &question(deal)).await, expected, "{deal}");
        }
        let transfers = test.count_rows("transfer").await;
        answer(&months, &question(r#"{"rules": []}"#)).await;
        assert_eq!(test.count_rows("transfer").await, transfers, "nothing is booked");
    });
}

#[test]
fn a_part_of_history_may_be_asked_for() {
    testkit::run(async |test| {
        let months = history(&test).await;
        let deal =
            r#"{"rules": [{"on": "payment", "reward": {"percent": "10"}, "limits": {"payments": 1}}]}"#;
        let ann = BTreeSet::from([months.books.ann]);
        let of_ann = Question { affiliates: ann, ..question(deal) };
        assert_eq!(answer(&months, &of_ann).await, ["ann 2026-01 20 -> 10", "ann 2026-02 30 -> 0"]);
        // January is not shown, and counts all the same: the payment of February is not the first.
        let february = Some("2026-02".parse().expect("a month"));
        let later = Question { from: february, to: february, ..of_ann };
        assert_eq!(answer(&months, &later).await, ["ann 2026-02 30 -> 0"]);
    });
}

#[test]
fn parents_would_have_earned_too() {
    testkit::run(async |test| {
        let mut months =
            tell(&test, r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}]}"#, "").await;
        let caller = test.operator(months.books.program);
        let bob = AffiliateId(months.books.ann.0 + 1);
        let brought = app::affiliate::update(&test.app, &caller, months.books.ann, |row| {
            row.parent = Some(bob);
            Ok(())
        });
        brought.await.expect("a parent");
        months.go_on(HISTORY).await;
        let deal = r#"{"rules": [{"on": "payment", "reward": {"percent": "30"}}],
            "sub_affiliates": [{"percent_of_share": "10"}]}"#;
        let expected =
            ["ann 2026-01 20 -> 30", "ann 2026-02 30 -> 45", "bob 2026-01 0 -> 3", "bob 2026-02 80 -> 124.5"];
        assert_eq!(answer(&months, &question(deal)).await, expected);
    });
}

#[test]
fn what_is_not_there_and_what_makes_no_sense_is_refused_by_name() {
    testkit::run(async |test| {
        let months = history(&test).await;
        let caller = test.operator(months.books.program);
        let nobody = BTreeSet::from([AffiliateId(77)]);
        let deal = r#"{"rules": [{"on": "payment", "reward": {"percent": "10"}}]}"#;
        let error = ask(&test.app, &caller, &Question { affiliates: nobody, ..question(deal) }).await;
        assert_eq!(error.expect_err("nobody").to_string(), "there is no affiliate 77");
        let senseless = question(r#"{"rules": [{"on": "payment", "reward": {"flat": "0"}}]}"#);
        let error = ask(&test.app, &caller, &senseless).await.expect_err("no terms");
        assert!(error.to_string().contains("above 0"), "{error}");
    });
}
