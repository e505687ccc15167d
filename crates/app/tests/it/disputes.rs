//! Disputes, refunds that are reported state by state or in total, and withdrawals, through the write path. What each comes
//! to is decided in `domain` and told case by case in its tests; here each goes through the whole product once.

use app::payout::{Rail, take_step};
use app::program::{Changes, PayoutMode};
use domain::command::{Command, Payment, Refused};
use domain::fact::DisputeState::{Lost, Opened, Won};
use domain::fact::RefundState::{Failed, Pending, Succeeded};
use domain::fact::{Attributes, Figures};
use domain::fold::{Source, Truth};
use domain::outcome::Note;
use domain::payout::Step;
use serde_json::json;
use testkit::TestApp;

use crate::doors::{
    Books, at, dispute, eur, payment, percent, refund, refund_in, refunds_in_total, registration, withdrawal,
};

/// A payment of 100 at 20 % on 1 March, released on 11 March.
async fn released(test: &TestApp) -> Books<'_> {
    test.at("2026-03-01T09:00:00Z");
    let books = Books::open(test, percent("20", 10)).await;
    books.send(registration("cus_1")).await.expect("a referral");
    books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a payment");
    test.at("2026-03-20T09:00:00Z");
    books.release().await;
    assert_eq!(books.account().await, "earned_share -20, due 20");
    books
}

async fn figures(books: &Books<'_>) -> (i64, i64) {
    let sum = async |of: &str| {
        let sum = format!("(select coalesce(sum({of}), 0) from fact_daily)::int");
        books.test.count_rows(&format!("generate_series(1, {sum})")).await
    };
    (sum("refunds").await, sum("refunds_micros / 1000000").await)
}

#[test]
fn a_dispute_holds_what_was_released_and_lets_it_go_when_it_is_won() {
    testkit::run(async |test| {
        let books = released(&test).await;
        let opened = books.send(dispute(Opened, "ch_1", "dp_1", None)).await.expect("a dispute");
        assert_eq!((opened.amount, opened.outcome.note), (Some(eur("100")), Some(Note::Disputed)));
        assert_eq!(books.account().await, "earned_share -20, pending_share 20");
        assert_eq!(books.commissions().await, "pending 20");
        test.at("2026-05-01T09:00:00Z");
        assert_eq!(books.release().await, 0, "a dispute has no end of its own");
        books.send(dispute(Won, "ch_1", "dp_1", None)).await.expect("its end");
        assert_eq!(books.account().await, "earned_share -20, due 20");
        insta::assert_snapshot!(books.transfers().await, @"
        2026-03-01 2026-03 fact earned_share -> pending_share 20 (earned)
        2026-03-11 2026-03 release pending_share -> due 20
        2026-03-20 2026-03 fact due -> pending_share 20
        2026-05-01 2026-05 fact pending_share -> due 20
        ");
        assert_eq!(figures(&books).await, (0, 0), "nothing was sent back");
    });
}

#[test]
fn a_lost_dispute_takes_what_was_disputed() {
    testkit::run(async |test| {
        let books = released(&test).await;
        books.send(dispute(Opened, "ch_1", "dp_1", Some(eur("40")))).await.expect("a dispute");
        assert_eq!(books.account().await, "earned_share -20, pending_share 20");
        // The amount is what the dispute was opened about.
        let lost = books.send(dispute(Lost, "ch_1", "dp_1", None)).await.expect("its end");
        assert_eq!((lost.amount, lost.value_micros), (Some(eur("40")), Some(40_000_000)));
        assert_eq!(books.account().await, "earned_share -12, due 12");
        assert_eq!(figures(&books).await, (1, 40), "it counts as sent back");
        // A refund of the rest takes the rest, and no more.
        books.send(refund("ch_1", None, None)).await.expect("a refund");
        assert_eq!(books.account().await, "");
        assert_eq!(books.commissions().await, "rejected 0");
        assert_eq!(figures(&books).await, (2, 100));
        // Won after all, on appeal, it was not sent back.
        test.at("2026-04-01T09:00:00Z");
        books.send(dispute(Won, "ch_1", "dp_1", None)).await.expect("another end");
        assert_eq!(books.account().await, "earned_share -8, due 8");
        assert_eq!(figures(&books).await, (1, 60));
    });
}

#[test]
fn a_refund_and_a_dispute_of_the_same_money_take_it_once() {
    testkit::run(async |test| {
        let books = released(&test).await;
        books.send(dispute(Opened, "ch_1", "dp_1", None)).await.expect("a dispute");
        books.send(refund("ch_1", Some("re_1"), Some(eur("70")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -6, pending_share 6");
        let lost = books.send(dispute(Lost, "ch_1", "dp_1", None)).await.expect("its end");
        assert_eq!(lost.outcome.note, Some(Note::CutOff), "170 of 100 were sent back");
        assert_eq!(books.account().await, "");
    });
}

#[test]
fn a_dispute_before_the_end_of_the_hold_keeps_it_back_until_it_is_won() {
    testkit::run(async |test| {
        test.at("2026-03-01T09:00:00Z");
        let books = Books::open(&test, percent("20", 10)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a payment");
        test.at("2026-03-05T09:00:00Z");
        books.send(dispute(Opened, "ch_1", "dp_1", None)).await.expect("a dispute");
        test.at("2026-03-20T09:00:00Z");
        assert_eq!(books.release().await, 0);
        books.send(dispute(Won, "ch_1", "dp_1", None)).await.expect("its end");
        assert_eq!(books.release().await, 1);
        assert_eq!(books.account().await, "earned_share -20, due 20");
    });
}

#[test]
fn money_in_a_payout_is_held_from_what_is_due() {
    testkit::run(async |test| {
        let books = released(&test).await;
        let caller = test.operator(books.program);
        let changes = Changes { payout_mode: Some(PayoutMode::ThreeStep), ..Changes::default() };
        app::program::update(&test.app, &caller, changes).await.expect("a program");
        let payout = books.pay_out(Rail::Native, "march", None).await.expect("a payout");
        let before = books.account().await;
        books.send(dispute(Opened, "ch_1", "dp_1", None)).await.expect("a dispute");
        let open = books.account().await;
        books.send(dispute(Won, "ch_1", "dp_1", None)).await.expect("its end");
        assert_eq!(books.account().await, before);
        books.send(dispute(Lost, "ch_1", "dp_2", None)).await.expect("another one");
        let lost = books.account().await;
        assert_eq!(before, "earned_share -20, in_payout 20");
        assert_eq!(open, "earned_share -20, pending_share 20, due -20, in_payout 20");
        assert_eq!(lost, "due -20, in_payout 20");
        // The payout goes on; what it paid too much lowers what comes next.
        for step in [Step::Approve, Step::Pay] {
            take_step(&test.app, &caller, payout.id, step).await.expect("a step");
        }
        assert_eq!(books.account().await, "paid 20, due -20");
    });
}

#[test]
fn the_same_report_twice_is_one_and_other_money_is_a_conflict() {
    testkit::run(async |test| {
        let books = released(&test).await;
        let first = books.send(dispute(Opened, "ch_1", "dp_1", None)).await.expect("a dispute");
        for again in
            [dispute(Opened, "ch_1", "dp_1", None), dispute(Opened, "ch_1", "dp_1", Some(eur("100")))]
        {
            let again = books.send(at(again, "2026-03-19T09:00:00Z")).await.expect("the first one");
            assert_eq!((again.fact, again.replayed), (first.fact, true));
        }
        let other = |field| Err(Refused::OtherMoney { source_id: "dp_1".to_owned(), field });
        assert_eq!(books.send(dispute(Won, "ch_1", "dp_1", Some(eur("99")))).await, other("amount"));
        assert_eq!(books.send(refund("ch_1", Some("dp_1"), None)).await, other("kind"));
        books.send(payment("cus_1", "ch_2", eur("100"))).await.expect("a payment");
        assert_eq!(books.send(dispute(Won, "ch_2", "dp_1", None)).await, other("payment"));
        let above = books.send(dispute(Opened, "ch_2", "dp_2", Some(eur("100.01")))).await;
        let (dispute_of, payment_of) = ("100.01 EUR".to_owned(), "100.00 EUR".to_owned());
        assert_eq!(above, Err(Refused::DisputeAbovePayment { dispute: dispute_of, payment: payment_of }));
        assert_eq!(test.count_rows("fact where kind = 4").await, 1);
        books.send(dispute(Won, "ch_1", "dp_1", None)).await.expect("its end");
        books.send(dispute(Won, "ch_1", "dp_1", None)).await.expect("its end again");
        assert_eq!(test.count_rows("fact where kind = 4").await, 2);
    });
}

#[test]
fn a_dispute_of_an_unknown_payment_is_refused_or_waits_for_it() {
    testkit::run(async |test| {
        test.at("2026-03-01T09:00:00Z");
        let books = Books::open(&test, percent("20", 0)).await;
        let unknown = dispute(Opened, "ch_1", "dp_1", Some(eur("50")));
        assert_eq!(books.send(unknown.clone()).await, Err(Refused::UnknownPayment("ch_1".to_owned())));
        let parked = books.park(at(unknown, "2026-02-20T09:00:00Z")).await.expect("a parked dispute");
        assert_eq!(parked.outcome.note, Some(Note::Parked));
        // Its end waits too, and so does the payment, whose customer is not known yet.
        books.park(at(dispute(Lost, "ch_1", "dp_1", None), "2026-02-25T09:00:00Z")).await.expect("its end");
        books
            .park(at(payment("cus_1", "ch_1", eur("100")), "2026-02-10T09:00:00Z"))
            .await
            .expect("a payment");
        books.send(at(registration("cus_1"), "2026-02-01T09:00:00Z")).await.expect("a referral");
        assert_eq!(books.account().await, "earned_share -10, due 10");
    });
}

#[test]
fn a_refund_that_fails_later_is_given_back() {
    testkit::run(async |test| {
        let books = released(&test).await;
        books.send(refund_in(Pending, "ch_1", "re_1", Some(eur("30")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -14, due 14");
        test.at("2026-03-21T09:00:00Z");
        let arrived = books.send(refund_in(Succeeded, "ch_1", "re_1", None)).await.expect("it arrived");
        assert_eq!((arrived.amount, arrived.replayed), (Some(eur("30")), false));
        assert_eq!(
            (books.account().await.as_str(), figures(&books).await),
            ("earned_share -14, due 14", (1, 30))
        );
        test.at("2026-03-22T09:00:00Z");
        books.send(refund_in(Failed, "ch_1", "re_1", None)).await.expect("it failed");
        assert_eq!(
            (books.account().await.as_str(), figures(&books).await),
            ("earned_share -20, due 20", (0, 0))
        );
        // What was said before is known, whenever it is said again.
        let again = books.send(refund_in(Pending, "ch_1", "re_1", None)).await.expect("the first one");
        assert!(again.replayed);
        insta::assert_snapshot!(books.transfers().await, @"
        2026-03-01 2026-03 fact earned_share -> pending_share 20 (earned)
        2026-03-11 2026-03 release pending_share -> due 20
        2026-03-20 2026-03 fact due -> earned_share 6 (reversed)
        2026-03-22 2026-03 fact earned_share -> due 6 (reinstated)
        ");
        // All is left of the payment: the refund that failed took nothing.
        let rest = books.send(refund("ch_1", None, None)).await.expect("a refund");
        assert_eq!((rest.amount, books.account().await.as_str()), (Some(eur("100")), ""));
    });
}

#[test]
fn reports_of_totals_are_one_refund_whose_newest_counts() {
    testkit::run(async |test| {
        let books = released(&test).await;
        let total = |amount: &str, time: &str| at(refunds_in_total("ch_1", eur(amount)), time);
        books.send(total("50", "2026-03-19T09:00:00Z")).await.expect("a total");
        books.send(total("20", "2026-03-18T09:00:00Z")).await.expect("an older total");
        assert_eq!(
            (books.account().await.as_str(), figures(&books).await),
            ("earned_share -10, due 10", (1, 50))
        );
        let again = books.send(total("50", "2026-03-19T09:00:00Z")).await.expect("the first one");
        assert!(again.replayed);
        books.send(total("30", "2026-03-19T10:00:00Z")).await.expect("a newer total");
        assert_eq!(
            (books.account().await.as_str(), figures(&books).await),
            ("earned_share -14, due 14", (1, 30))
        );
        let rest = books.send(refund("ch_1", None, None)).await.expect("a refund");
        assert_eq!((rest.amount, books.account().await.as_str()), (Some(eur("70")), ""));
    });
}

#[test]
fn a_withdrawal_lowers_net_deposits_also_once_its_rate_is_there() {
    testkit::run(async |test| {
        test.at("2026-05-22T09:00:00Z");
        let terms = json!({ "rules": [{ "on": "activity", "reward": { "percent_of_net_deposits": "30" } }] });
        let books = Books::open(&test, terms).await;
        let caller = test.operator(books.program);
        let (events, rows) = (Source::Events, Source::Rows);
        let truth = Truth { deposits: events, withdrawals: events };
        app::brand::put(&test.app, &caller, "vegas", truth).await.expect("a brand");
        let truth = Truth { deposits: events, withdrawals: rows };
        app::brand::put(&test.app, &caller, "rows", truth).await.expect("a brand");
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a deposit");
        books.send(withdrawal("cus_1", "wd_1", eur("40"), "vegas")).await.expect("a withdrawal");
        assert_eq!(books.account().await, "earned_share -18, pending_share 18");
        let counted = books.send(withdrawal("cus_1", "wd_2", eur("40"), "rows")).await.expect("a withdrawal");
        assert_eq!(counted.outcome.note, Some(Note::CountedFromRows));
        let dollars = domain::money::Money::from_micros(11_000_000, "USD".parse().expect("a currency"));
        let waits = books.send(withdrawal("cus_1", "wd_3", dollars, "vegas")).await.expect("a withdrawal");
        assert_eq!(waits.outcome.note, Some(Note::RateMissing));
        let again = books.send(withdrawal("cus_1", "wd_3", dollars, "vegas")).await.expect("the first one");
        assert!(again.replayed);
        let file = "Date,USD,\n2026-05-21,1.1000,\n";
        let euro = domain::currency::Currency::EUR;
        app::rates::import(&test.app, test.app.now(), file.as_bytes(), euro).await.expect("rates");
        app::jobs::run_once(&test.app, test.app.now()).await.expect("a run");
        assert_eq!(books.account().await, "earned_share -15, pending_share 15");
        let unknown = books.send(withdrawal("cus_9", "wd_4", eur("1"), "vegas")).await;
        assert!(matches!(unknown, Err(Refused::UnknownCustomer(_))), "{unknown:?}");
    });
}

#[test]
fn a_withdrawal_takes_back_what_its_day_has_qualified() {
    testkit::run(async |test| {
        test.at("2026-05-22T18:00:00Z");
        let terms = json!({
            "rules": [{ "on": "qualified_deposit", "reward": { "flat": "40" } }], "unqualify": "always",
            "qualification": { "baseline": "net_deposits", "amount": "100" },
        });
        let books = Books::open(&test, terms).await;
        let caller = test.operator(books.program);
        let truth = Truth { deposits: Source::Events, withdrawals: Source::Events };
        app::brand::put(&test.app, &caller, "vegas", truth).await.expect("a brand");
        books.send(registration("cus_1")).await.expect("a referral");
        books
            .send(at(payment("cus_1", "ch_1", eur("100")), "2026-05-22T10:00:00Z"))
            .await
            .expect("a deposit");
        assert_eq!(books.account().await, "earned_acquisition -40, due 40");
        let out = at(withdrawal("cus_1", "wd_1", eur("50"), "vegas"), "2026-05-22T12:00:00Z");
        books.send(out.clone()).await.expect("a withdrawal");
        assert_eq!(books.account().await, "");
        assert!(books.send(out).await.expect("the first one").replayed);
        books.send(at(payment("cus_1", "ch_2", eur("50")), "2026-05-22T13:00:00Z")).await.expect("a deposit");
        assert_eq!(books.account().await, "earned_acquisition -40, due 40");
    });
}

#[test]
fn a_refund_of_a_part_without_an_id_is_not_the_one_of_what_is_left() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a payment");
        books.send(refund("ch_1", None, Some(eur("30")))).await.expect("a refund");
        assert!(books.send(refund("ch_1", None, Some(eur("30")))).await.expect("the same").replayed);
        assert_eq!(books.account().await, "earned_share -14, due 14");
        let rest = books.send(refund("ch_1", None, None)).await.expect("a refund of the rest");
        assert_eq!((rest.replayed, rest.amount), (false, Some(eur("70"))));
        assert_eq!(books.account().await, "");
        assert!(books.send(refund("ch_1", None, None)).await.expect("the same").replayed);
    });
}

/// A payment at a brand.
fn payment_at(brand: &str, uid: &str, source: &str, amount: domain::money::Money) -> Command {
    let Command::Payment(told) = payment(uid, source, amount) else { unreachable!("a payment") };
    let attributes = Attributes { brand: Some(brand.to_owned()), ..Attributes::default() };
    Command::Payment(Payment { attributes, ..told })
}

#[test]
fn deposits_that_rows_count_are_not_counted_again_as_payments() {
    testkit::run(async |test| {
        test.at("2026-05-22T09:00:00Z");
        let books = Books::open(&test, percent("20", 0)).await;
        let caller = test.operator(books.program);
        let truth = Truth { deposits: Source::Rows, withdrawals: Source::Rows };
        app::brand::put(&test.app, &caller, "rows", truth).await.expect("a brand");
        books.send(registration("cus_1")).await.expect("a referral");
        let told = books.send(payment_at("rows", "cus_1", "ch_1", eur("100"))).await.expect("a deposit");
        assert_eq!(told.outcome.note, Some(Note::CountedFromRows));
        // Nor is one that waits for its rate, or for its customer.
        let dollars = domain::money::Money::from_micros(11_000_000, "USD".parse().expect("a currency"));
        books.send(payment_at("rows", "cus_1", "ch_2", dollars)).await.expect("a deposit");
        books.park(payment_at("rows", "cus_2", "ch_3", eur("30"))).await.expect("it waits");
        books.send(registration("cus_2")).await.expect("a referral");
        let file = "Date,USD,\n2026-05-21,1.1000,\n";
        let euro = domain::currency::Currency::EUR;
        app::rates::import(&test.app, test.app.now(), file.as_bytes(), euro).await.expect("rates");
        app::jobs::run_once(&test.app, test.app.now()).await.expect("a run");
        let deposits = async || {
            let rows = app::balance::of_affiliate(&test.app, &caller, books.ann).await.expect("balances");
            rows.first().map_or((0, 0), |row| (row.figures.payments, row.figures.payments_micros))
        };
        assert_eq!(deposits().await, (0, 0));
        let row = app::activity::Row {
            player: domain::text::Uid::parse("cus_1").expect("a uid"),
            brand: "rows".to_owned(),
            day: "2026-05-22".parse().expect("a day"),
            revision: None,
            figures: Figures { deposits: 110_000_000, deposit_count: 2, ..Figures::default() },
        };
        let answers = app::activity::record(&test.app, &caller, vec![row]).await.expect("a feed");
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(deposits().await, (2, 110_000_000));
        books.send(payment("cus_1", "ch_4", eur("5"))).await.expect("a payment at no brand");
        assert_eq!(deposits().await, (3, 115_000_000));
        let days = async |of: &str| {
            let sum = format!("(select coalesce(sum({of}), 0) from fact_daily)::int");
            test.count_rows(&format!("generate_series(1, {sum})")).await
        };
        assert_eq!((days("payments").await, days("payments_micros / 1000000").await), (3, 115));
    });
}
