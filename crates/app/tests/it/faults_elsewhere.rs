//! Faults seen in other systems, each through the whole product and named after the fault. Others of them are told where
//! their subject is: the commission of a parent (`sub_affiliates`), a refusal and its key (`ingest`), foreign units without
//! a rate (`rates`).

use app::ingest::{Ask, submit, submit_many};
use app::payout::Rail;
use app::program::{Changes, PayoutMode};
use domain::affiliate::Status;
use domain::command::{Command, Operation, Refused};
use domain::currency::Currency;
use domain::ids::CommissionId;
use domain::money::Money;
use domain::text::Key;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::doors::{Books, at, eur, payment, percent, refund, registration};

fn keyed(key: &str, command: Command) -> Ask {
    Ask { key: Some(Key::parse(key).expect("a key")), ..Ask::new(Operation::Native, command) }
}

async fn new_terms(books: &Books<'_>, terms: Value) {
    let caller = books.test.operator(books.program);
    let deal = app::program::show(&books.test.app, &caller).await.expect("the program").default_deal;
    let terms: domain::deal::Terms = serde_json::from_value(terms).expect("terms");
    let terms = Some(terms.into());
    app::deal::update(&books.test.app, &caller, deal, None, terms).await.expect("a version");
}

#[test]
fn a_refund_of_one_unit_cancels_no_whole_commission() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a payment");
        books.send(refund("ch_1", Some("re_1"), Some(eur("1")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -19.8, due 19.8");
        assert_eq!(books.commissions().await, "due 19.8");
    });
}

#[test]
fn a_refund_after_the_payout_is_not_skipped() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a payment");
        books.pay_out(Rail::Native, "payout-1", None).await.expect("a payout");
        assert_eq!(books.account().await, "earned_share -20, paid 20");
        books.send(refund("ch_1", Some("re_1"), Some(eur("50")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -10, paid 20, due -10");
        // The next commission makes up for it before anything is paid again.
        books.send(payment("cus_1", "ch_2", eur("75"))).await.expect("a payment");
        let paid = books.pay_out(Rail::Native, "payout-2", None).await.expect("a payout");
        assert_eq!(
            (paid.amount_micros, books.account().await.as_str()),
            (5_000_000, "earned_share -25, paid 25")
        );
    });
}

#[test]
fn a_failure_is_never_remembered_as_done_nor_answered_as_a_success() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let pay = || keyed("key-1", payment("cus_1", "culprit", eur("100")));
        test.refuse_culprit().await;
        for _ in 0..2 {
            assert!(matches!(books.ask(pay()).await, Err(Refused::Internal(_))));
            assert_eq!(books.account().await, "");
        }
        test.accept_culprit().await;
        let first = books.ask(pay()).await.expect("the payment");
        let again = books.ask(pay()).await.expect("the first answer");
        assert_eq!((first.replayed, again.replayed, again.fact), (false, true, first.fact));
        assert_eq!(books.account().await, "earned_share -20, due 20");
    });
}

#[test]
fn first_calls_at_once_by_two_processes_count_once() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let other = test.beside(4).await;
        let now = test.app.now();
        for round in 0..5 {
            let source = format!("ch_{round}");
            let calls = (0..16).map(|call| {
                let app = if call % 2 == 0 { &test.app } else { &other };
                // Half of them under one key, the other half each under its own.
                let key = if call % 4 < 2 { format!("key-{round}") } else { format!("key-{round}-{call}") };
                submit(app, books.program, now, keyed(&key, payment("cus_1", &source, eur("10"))))
            });
            let answers = join_all(calls).await;
            let facts: std::collections::BTreeSet<_> =
                answers.iter().map(|answer| answer.as_ref().expect("an answer").fact).collect();
            let first = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|it| !it.replayed)).count();
            assert_eq!((facts.len(), first), (1, 1));
        }
        let payouts = join_all((0..8).map(|_| books.pay_out(Rail::Native, "payout-1", Some("4")))).await;
        let ids: std::collections::BTreeSet<_> =
            payouts.iter().map(|payout| payout.as_ref().expect("a payout").id).collect();
        other.stop().await;
        assert_eq!((ids.len(), books.account().await.as_str()), (1, "earned_share -10, paid 4, due 6"));
    });
}

#[test]
fn three_decimals_are_not_ten_times_too_high() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("12.5", 0)).await;
        let currency: Currency = "KWD".parse().expect("a currency");
        let changes = Changes { currency: Some(currency), ..Changes::default() };
        app::program::update(&test.app, &test.operator(books.program), changes).await.expect("a program");
        books.send(registration("cus_1")).await.expect("a referral");
        // 8.004 dinars are 8004 fils; an eighth of them is 1000.5, so 1.001.
        let amount = Money::from_minor(8_004, currency.exponent(), currency).expect("an amount");
        books.send(payment("cus_1", "ch_1", amount)).await.expect("a payment");
        assert_eq!(books.account().await, "earned_share -1.001, due 1.001");
        let part = Money::from_minor(2_001, currency.exponent(), currency).expect("an amount");
        books.send(refund("ch_1", Some("re_1"), Some(part))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -0.751, due 0.751");
    });
}

#[test]
fn todays_terms_recalculate_nothing() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a payment");
        new_terms(&books, percent("5", 0)).await;
        assert_eq!(books.account().await, "earned_share -20, due 20");
        books.send(refund("ch_1", Some("re_1"), Some(eur("50")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -10, due 10");
        // The customer keeps its version; whoever comes now gets the new one.
        books.send(payment("cus_1", "ch_2", eur("100"))).await.expect("a payment");
        assert_eq!(books.account().await, "earned_share -30, due 30");
        books.send(registration("cus_2")).await.expect("a referral");
        books.send(payment("cus_2", "ch_3", eur("100"))).await.expect("a payment");
        assert_eq!(books.account().await, "earned_share -35, due 35");
    });
}

#[test]
fn the_hold_is_the_one_in_force_then_not_the_present_setting() {
    testkit::run(async |test| {
        test.at("2026-03-01T09:00:00Z");
        let books = Books::open(&test, percent("20", 10)).await;
        for uid in ["cus_1", "cus_2"] {
            books.send(registration(uid)).await.expect("a referral");
            books.send(payment(uid, &format!("ch of {uid}"), eur("100"))).await.expect("a payment");
        }
        new_terms(&books, percent("20", 0)).await;
        books.release().await;
        assert_eq!(books.account().await, "earned_share -40, pending_share 40");
        new_terms(&books, percent("20", 90)).await;
        test.at("2026-03-10T23:59:59Z");
        books.release().await;
        assert_eq!(books.account().await, "earned_share -40, pending_share 40");
        // A payment that comes now is held as the customer's own version says, too.
        books.send(payment("cus_1", "ch_2", eur("10"))).await.expect("a payment");
        test.at("2026-03-11T00:00:00Z");
        books.release().await;
        assert_eq!(books.account().await, "earned_share -42, pending_share 2, due 40");
    });
}

#[test]
fn two_partial_refunds_are_not_ten_percent_and_twenty_percent_of_the_rest() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("100"))).await.expect("a payment");
        books.send(refund("ch_1", Some("re_1"), Some(eur("10")))).await.expect("a refund");
        books.send(refund("ch_1", Some("re_2"), Some(eur("20")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -14, due 14");
    });
}

#[test]
fn a_first_commission_that_was_cancelled_blocks_no_later_one() {
    let terms = json!({ "rules": [
        { "on": "payment", "when": { "occurrence": "first" }, "reward": { "flat": "40" } },
        { "on": "payment", "reward": { "flat": "7" }, "limits": { "once": true } },
    ] });
    testkit::run(async |test| {
        let books = Books::open(&test, terms.clone()).await;
        let pay = async |source: &str, day: &str| {
            books.send(at(payment("cus_1", source, eur("9")), day)).await.expect("a payment")
        };
        books.send(at(registration("cus_1"), "2026-03-01T00:00:00Z")).await.expect("a referral");
        pay("ch_1", "2026-03-02T00:00:00Z").await;
        books.send(refund("ch_1", None, None)).await.expect("a refund");
        assert_eq!(books.account().await, "");
        pay("ch_2", "2026-03-03T00:00:00Z").await;
        assert_eq!(books.account().await, "earned_acquisition -47, due 47");
        // One that a reviewer rejects leaves the row, too.
        let caller = test.operator(books.program);
        let filter = app::commission::Filter::default();
        let rows = app::commission::list(&test.app, &caller, &filter, 10).await.expect("commissions");
        let standing = rows.iter().find(|row| row.standing_micros != 0).expect("a commission");
        let id = CommissionId(standing.id);
        app::commission::reject(&test.app, &caller, id, "self-referral").await.expect("a rejection");
        assert_eq!(books.account().await, "");
        pay("ch_3", "2026-03-04T00:00:00Z").await;
        assert_eq!(books.account().await, "earned_acquisition -47, due 47");
    });
}

/// An eighth of 4, 12, 20, 28 and 36 cents is half a cent, and one, two, three and four more: rounded up each, these are
/// 1 + 2 + 3 + 4 + 5.
#[test]
fn rounding_is_the_same_one_by_one_in_a_batch_folded_again_parked_and_converted() {
    let cents = ["0.04", "0.12", "0.20", "0.28", "0.36"];
    testkit::run(async |test| {
        let rates = "Date,USD,\n2026-02-27,1.0000,\n2026-03-02,1.0000,\n2026-03-03,1.0000,\n2026-03-04,1.0000,\n\
            2026-03-05,1.0000,\n2026-03-06,1.0000,\n";
        let dollars = "USD".parse().expect("a currency");
        for way in 0..5 {
            let books = Books::open(&test, percent("12.5", 0)).await;
            let register = || at(registration("cus_1"), "2026-03-01T00:00:00Z");
            let mut payments: Vec<Command> = Vec::new();
            for (number, amount) in cents.into_iter().enumerate() {
                let amount =
                    if way == 4 { Money::from_micros(eur(amount).micros(), dollars) } else { eur(amount) };
                let day = format!("2026-03-0{}T12:00:00Z", number + 2);
                payments.push(at(payment("cus_1", &format!("ch_{number}"), amount), &day));
            }
            if way == 2 {
                payments.reverse();
            }
            if way != 3 {
                books.send(register()).await.expect("a referral");
            }
            if way == 1 {
                let asks = payments.into_iter().map(|it| Ask::new(Operation::Native, it)).collect();
                let answers = submit_many(&test.app, books.program, test.app.now(), asks).await;
                assert!(answers.iter().all(Result::is_ok));
            } else {
                for payment in payments {
                    books.park(payment).await.expect("a payment");
                }
            }
            if way == 3 {
                books.send(register()).await.expect("a referral");
            }
            if way == 4 {
                let now = test.app.now();
                app::rates::import(&test.app, now, rates.as_bytes(), Currency::EUR).await.expect("rates");
                app::jobs::run_once(&test.app, now).await.expect("a run");
            }
            assert_eq!(books.account().await, "earned_share -0.15, due 0.15", "way {way}");
        }
    });
}

#[test]
fn no_setting_moves_an_existing_commission() {
    let terms = json!({ "hold_days": 10, "rules": [
        { "on": "registration", "reward": { "flat": "3" } },
        { "on": "payment", "reward": { "percent": "20" }, "limits": { "payments": 2 } },
    ] });
    testkit::run(async |test| {
        test.at("2026-03-20T09:00:00Z");
        let books = Books::open(&test, terms.clone()).await;
        books.send(at(registration("cus_1"), "2026-03-01T09:00:00Z")).await.expect("a referral");
        books
            .send(at(payment("cus_1", "ch_1", eur("100")), "2026-03-02T09:00:00Z"))
            .await
            .expect("a payment");
        books.send(at(payment("cus_1", "ch_2", eur("50")), "2026-03-19T09:00:00Z")).await.expect("a payment");
        books.release().await;
        let before = (books.transfers().await, books.commissions().await, books.account().await);
        let caller = test.operator(books.program);
        let bob = test.affiliate(books.program, "bob").await;
        let changes = Changes {
            payout_mode: Some(PayoutMode::ThreeStep),
            payout_threshold_micros: Some(500_000_000),
            smartico_advance: Some(false),
            referral_expires_after_days: Some(Some(1)),
            close_after_days: Some(0),
            ..Changes::default()
        };
        app::program::update(&test.app, &caller, changes).await.expect("settings");
        new_terms(&books, percent("1", 90)).await;
        for status in [Status::Blocked, Status::Suspended] {
            let change = |row: &mut app::affiliate::AffiliateRow| {
                (row.status, row.parent, row.no_carry_over) = (status, Some(bob), Some(true));
                Ok(())
            };
            app::affiliate::update(&test.app, &caller, books.ann, change).await.expect("an affiliate");
            app::jobs::run_once(&test.app, test.app.now()).await.expect("a run");
            let after = (books.transfers().await, books.commissions().await, books.account().await);
            assert_eq!(after, before);
        }
        // A late fact that folds everything again finds what was in force then.
        books
            .send(at(payment("cus_1", "ch_0", eur("0.10")), "2026-03-19T10:00:00Z"))
            .await
            .expect("a payment");
        assert_eq!((books.transfers().await, books.account().await), (before.0, before.2));
    });
}
