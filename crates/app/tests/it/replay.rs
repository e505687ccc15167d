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
        assert_eq!(report.transfers, test.count_rows("transfer where commission_id <> '00000000-0000-0000-0000-000000000000'").await as u64);
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
        let both =
            |micros: i64| format!("amount_micros = amount_micros + {micros}, value_micros = value_micros + {micros}");
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
        tamper(&months, ("payout", "id = 1"), (10_000, amount), &["payout 1 of affiliate 2 (paid): asked are"]).await;
    });
}

#[test]
fn a_commission_that_is_missing_and_one_too_many_are_named() {
    testkit::run(async |test| {
        test.at("2026-03-01T09:00:00Z");
        let terms = serde_json::from_str(r#"{"rules": [{"on": "payment", "reward": {"percent": "20"}}]}"#);
        let books = Books::open(&test, terms.expect("terms")).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(at(payment("cus_1", "ch_1", eur("100")), "2026-03-01T09:00:00Z")).await.expect("a payment");
        test.tamper("commission", "rule = 7", "rule = 0").await;
        let report = app::replay::program(&test.app, books.program).await.expect("a replay");
        let found = report.differences.join("\n");
        assert!(found.contains("rule 7, affiliate 2: booked is 20.00 EUR, the rules give none"), "{found}");
        assert!(found.contains("rule 0, affiliate 2: nothing is booked, the rules give 20.00 EUR"), "{found}");
        test.tamper("commission", "rule = 0", "rule = 7").await;
        let error = app::replay::program(&test.app, domain::ids::ProgramId(7)).await.expect_err("no program");
        assert!(error.to_string().contains("there is no program 7"), "{error}");
    });
}
