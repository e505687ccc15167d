//! Replay: clean on a history of everything there is, and whatever is changed behind the product's back is found and
//! named. (That it is clean on the history of every other test, each test's audit asserts.)

use testkit::TestApp;

use crate::doors::{Books, at, dispute, eur, payment, refund, registration};
use crate::months::{Months, tell};

use domain::fact::DisputeState::{Opened, Won};

const DEAL: &str = r#"{"rules": [
    {"on": "payment", "reward": {"percent": "20"}, "limits": {"per_month": "150"},
     "tiers": {"by": "revenue", "steps": [{"from": "500", "reward": {"percent": "30"}}]}},
    {"on": "qualified_deposit", "reward": {"flat": "40"}},
    {"on": "activity", "reward": {"percent_of_net_pnl": "30"}}
    ], "qualification": {"baseline": "total_deposits", "amount": "100"}, "negative_month": "carry", "hold_days": 3,
    "milestones": [{"by": "payments", "from": "2", "bonus": "10"}],
    "sub_affiliates": [{"percent_of_share": "10", "flat": "5"}]}"#;

/// Tiers, caps, milestones, carried months, qualification, refunds, a dispute, releases, a parent, parked facts, an
/// adjustment, a payout, a rejected commission, and a fact that comes after its month is closed.
async fn everything(test: &TestApp) -> Months<'_> {
    let mut months = tell(test, DEAL, "").await;
    let caller = test.operator(months.books.program);
    let bob = domain::ids::AffiliateId(months.books.ann.0 + 1);
    let brought = app::affiliate::update(&test.app, &caller, months.books.ann, |row| {
        row.parent = Some(bob);
        Ok(())
    });
    brought.await.expect("a parent");
    months
        .go_on(
            "pay 1 p1 400 2026-03-01; pay 1 p2 400 2026-03-05; row 2 2026-03-07 pnl -200; pay 3 p3 90 2026-03-09;
             refund p1 100 2026-03-10; at 2026-04-02; close 2026-03; at 2026-04-05; row 2 2026-04-06 pnl 300;
             refund p2 50 2026-04-07; pay 3 p4 60 2026-03-20; row 2 2026-03-07 pnl -100",
        )
        .await;
    let books = &months.books;
    books.park(payment("player_9", "late", eur("120"))).await.expect("it waits");
    books.park(refund("late", Some("late_refund"), Some(eur("20")))).await.expect("it waits too");
    books.send(registration("player_9")).await.expect("a referral");
    books.send(dispute(Opened, "p3", "d1", None)).await.expect("a dispute");
    months.go_on("at 2026-04-20").await;
    let books = &months.books;
    books.send(dispute(Won, "p3", "d1", None)).await.expect("its end");
    months.go_on("at 2026-05-02; close 2026-04; at 2026-05-09").await;
    let books = &months.books;
    books.pay_out(app::payout::Rail::Native, "may", Some("10")).await.expect("a payout");
    let caller = test.operator(books.program);
    let filter = app::commission::Filter { affiliate: Some(books.ann), ..Default::default() };
    let listed = app::commission::list(&test.app, &caller, &filter, 100).await.expect("a list");
    let last = listed.iter().find(|row| row.standing_micros > 0).expect("a commission");
    let id = domain::ids::CommissionId(last.id);
    app::commission::reject(&test.app, &caller, id, "a test").await.expect("a rejection");
    months.go_on("at 2026-05-10").await;
    months
}

async fn differences(months: &Months<'_>) -> Vec<String> {
    let books = &months.books;
    app::replay::program(&books.test.app, books.program).await.expect("a replay").differences
}

#[test]
fn a_history_of_everything_comes_to_what_is_booked() {
    testkit::run(async |test| {
        let months = everything(&test).await;
        let books = &months.books;
        let report = app::replay::program(&test.app, books.program).await.expect("a replay");
        assert_eq!(report.differences, Vec::<String>::new());
        assert_eq!(report.referrals, 4);
        assert_eq!(
            report.transfers,
            test.count_rows("transfer where commission_id <> '00000000-0000-0000-0000-000000000000'").await
                as u64
        );
        assert!(report.months >= 3 && report.accounts == 2 && report.events > 20, "{report:?}");
    });
}

/// Changes rows of a table behind the product's back by so much, which replay must find and name; then changes them back,
/// so that the audit at the end of the test is clean.
async fn tamper(
    months: &Months<'_>,
    (table, condition): (&str, &str),
    (micros, change): (i64, impl Fn(i64) -> String),
    expected: &[&str],
) {
    let test = months.books.test;
    assert!(test.tamper(table, &change(micros), condition).await > 0, "no {table} where {condition}");
    let found = differences(months).await;
    test.tamper(table, &change(-micros), condition).await;
    for part in expected {
        assert!(found.iter().any(|line| line.contains(part)), "{table}: {part} is not in {found:#?}");
    }
    assert_eq!(differences(months).await, Vec::<String>::new(), "{table}, put back");
}

#[test]
fn whatever_is_changed_behind_its_back_is_found_and_named() {
    testkit::run(async |test| {
        let months = everything(&test).await;
        let amount = |micros: i64| format!("amount_micros = amount_micros + {micros}");
        let expected = [
            "80.01 EUR earned_share -> pending_share",
            "booked is 60.01 EUR, the rules give 60.00 EUR",
            "affiliate 2: earned_share stands at",
        ];
        let earned = ("transfer", "entry = 0 and amount_micros in (80000000, 80010000)");
        tamper(&months, earned, (10_000, amount), &expected).await;
        let due = |micros: i64| format!("due = due + {micros}, adjustments = adjustments - {micros}");
        let expected = ["affiliate 2: due stands at", "affiliate 2: adjustments stands at"];
        tamper(&months, ("account", "affiliate_id = 2"), (1_000_000, due), &expected).await;
        let both = |micros: i64| {
            format!("amount_micros = amount_micros + {micros}, value_micros = value_micros + {micros}")
        };
        tamper(&months, ("fact", "source = 'p2'"), (1_000_000, both), &["the rules give"]).await;
        let posted = |micros: i64| {
            let place = "'{adjustments,0,1}'";
            format!("posted = jsonb_set(posted, {place}, to_jsonb((posted #>> {place})::bigint + {micros}))")
        };
        let march = ("period", "month = 202603 and affiliate_id = 2");
        tamper(&months, march, (10_000, posted), &["month 2026-03 of affiliate 2"]).await;
        let chain = |micros: i64| {
            format!("chain = jsonb_set(chain, '{{spent}}', to_jsonb((chain ->> 'spent')::bigint + {micros}))")
        };
        tamper(&months, march, (10_000, chain), &["it handed on"]).await;
        tamper(
            &months,
            ("payout", "id = 1"),
            (10_000, amount),
            &["payout 1 of affiliate 2 (paid): asked are"],
        )
        .await;
    });
}

#[test]
fn what_facts_are_decided_under_stands_in_the_log() {
    const CHANGED: &[(&str, &str, &str, &str, &str)] = &[
        (
            "affiliate_status",
            "status = 'declined'",
            "status = 'approved'",
            "affiliate_id = 2",
            "affiliate 2 is declined from 2026-01-01 00:00:00 on, and no row of the log says so",
        ),
        (
            "affiliate_setting",
            "parent_affiliate_id = 4",
            "parent_affiliate_id = 3",
            "affiliate_id = 2 and number = 2",
            "affiliate 2 has parent 4, deal the default, no carry-over unset from 2026-01-01 00:00:00 on, and no row",
        ),
        (
            "program_default_deal",
            "effective_at = '2025-12-31T00:00:00Z'",
            "effective_at = '2026-01-01T00:00:00Z'",
            "true",
            "deal 1 is the default one from 2025-12-31 00:00:00 on, and no row of the log says so",
        ),
        (
            "log",
            "kind = 'affiliate.other'",
            "kind = 'affiliate.changed'",
            "kind like 'affiliate.%' and body ->> 'parent' = '3'",
            "affiliate 2 has parent 3, deal the default",
        ),
        (
            "affiliate_setting",
            "effective_at = '2026-01-02T00:00:00Z'",
            "effective_at = '2026-01-01T00:00:00Z'",
            "affiliate_id = 2 and number = 2",
            "the log says that affiliate 2 has parent 3, deal the default, no carry-over unset from 2026-01-01",
        ),
    ];
    testkit::run(async |test| {
        let months = everything(&test).await;
        for (table, change, back, condition, expected) in CHANGED {
            assert_eq!(test.tamper(table, change, condition).await, 1, "{table} where {condition}");
            let found = differences(&months).await;
            test.tamper(table, back, condition).await;
            assert!(found.iter().any(|line| line.contains(expected)), "{expected} is not in {found:#?}");
        }
    });
}

#[test]
fn a_newer_engine_names_what_it_decides_otherwise_and_takes_what_was_accepted() {
    testkit::run(async |test| {
        let mut months =
            tell(&test, r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}]}"#, "").await;
        months.go_on("pay 1 p1 100 2026-03-01; pay 2 p2 100 2026-03-02").await;
        let program = months.books.program;
        // The terms stand for an engine that pays 25 % where the one before paid 20 %.
        let rate =
            |from: &str, to: &str| format!(r#"terms = replace(terms::text, '"{from}"', '"{to}"')::jsonb"#);
        test.tamper("deal_version", &rate("20", "25"), "true").await;
        // Another process, which has not kept the terms of before.
        let newer = test.beside(2).await;
        let ask = async |accepted: &[String]| {
            let question =
                app::replay::Question { accepted: accepted.iter().cloned().collect(), ..Default::default() };
            app::replay::ask(&newer, program, &question).await.expect("a replay")
        };
        let own = ask(&[]).await;
        assert!(own.different > 2, "{own:?}");
        assert_eq!(ask(&own.differences).await, own, "what an engine booked itself is never accepted");
        test.tamper("fact", "engine = engine - 1", "true").await;
        let found = ask(&[]).await;
        assert_eq!((found.different, found.accepted), (2, 0), "{found:?}");
        let line = &found.differences[0];
        assert!(
            line.starts_with("com_") && line.ends_with("booked is 20.00 EUR, the rules give 25.00 EUR"),
            "{line}"
        );
        let one = ask(&found.differences[..1]).await;
        assert_eq!((one.different, one.accepted, one.is_clean()), (1, 1, false));
        let all = ask(&found.differences).await;
        assert_eq!((all.different, all.accepted, all.is_clean()), (0, 2, true));
        // Another difference in its place is listed again.
        test.tamper("deal_version", &rate("25", "30"), "true").await;
        newer.stop().await;
        let newest = test.beside(2).await;
        let question =
            app::replay::Question { accepted: found.differences.into_iter().collect(), ..Default::default() };
        let moved = app::replay::ask(&newest, program, &question).await.expect("a replay");
        assert_eq!((moved.different, moved.accepted), (2, 0));
        newest.stop().await;
        test.tamper("deal_version", &rate("30", "20"), "true").await;
        test.tamper("fact", "engine = engine + 1", "true").await;
    });
}

#[test]
fn only_what_changed_since_a_number_of_the_log_is_told_again() {
    testkit::run(async |test| {
        let mut months =
            tell(&test, r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}]}"#, "").await;
        months.go_on("pay 1 p1 100 2026-03-01; pay 2 p2 100 2026-03-02").await;
        let program = months.books.program;
        let ask = async |from| {
            store::log::number(test.app.pool(), program).await.expect("numbers");
            let question = app::replay::Question { from, ..Default::default() };
            app::replay::ask(&test.app, program, &question).await.expect("a replay")
        };
        let whole = ask(None).await;
        assert_eq!((whole.referrals, whole.is_clean()), (2, true), "{whole:?}");
        assert_eq!(ask(Some(whole.through + 1)).await.referrals, 0);
        months.go_on("refund p2 50 2026-03-03").await;
        let rest = ask(Some(whole.through + 1)).await;
        assert_eq!((rest.referrals, rest.transfers, rest.is_clean()), (1, 2, true), "{rest:?}");
        assert!(rest.through > whole.through);
        test.tamper("transfer", "amount_micros = amount_micros + 10000", "amount_micros = 10000000").await;
        assert!(!ask(Some(whole.through + 1)).await.is_clean());
        test.tamper("transfer", "amount_micros = amount_micros - 10000", "amount_micros = 10010000").await;
    });
}

#[test]
fn a_commission_that_is_missing_and_one_too_many_are_named() {
    testkit::run(async |test| {
        test.at("2026-03-01T09:00:00Z");
        let terms = serde_json::from_str(r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}]}"#);
        let books = Books::open(&test, terms.expect("terms")).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books
            .send(at(payment("cus_1", "ch_1", eur("100")), "2026-03-01T09:00:00Z"))
            .await
            .expect("a payment");
        test.tamper("commission", "rule = 7", "rule = 0").await;
        let report = app::replay::program(&test.app, books.program).await.expect("a replay");
        let found = report.differences.join("\n");
        assert!(found.contains("rule 7, affiliate 2: booked is 20.00 EUR, the rules give none"), "{found}");
        assert!(
            found.contains("rule 0, affiliate 2: nothing is booked, the rules give 20.00 EUR"),
            "{found}"
        );
        test.tamper("commission", "rule = 0", "rule = 7").await;
        let error = app::replay::program(&test.app, domain::ids::ProgramId(7)).await.expect_err("no program");
        assert!(error.to_string().contains("there is no program 7"), "{error}");
    });
}
