//! The one write path: replays, conflicts, refusals that leave no trace, facts that wait, facts that come late.

use app::ingest::Ask;
use domain::command::{Command, Operation, Payment, Refused};
use domain::money::Money;
use domain::outcome::Note;
use domain::text::Key;

use crate::doors::{Books, at, churn, eur, payment, percent, refund, registration};

fn keyed(key: &str, command: domain::command::Command) -> Ask {
    let key = Some(Key::parse(key).expect("a key"));
    Ask { key, ..Ask::new(Operation::Native, command) }
}

#[test]
fn the_same_key_gets_the_first_answer_and_another_command_a_conflict() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let first = books.ask(keyed("k1", payment("cus_1", "ch_1", eur("10")))).await.expect("a payment");
        test.at("2026-06-02T00:00:00Z");
        let again =
            books.ask(keyed("k1", payment("cus_1", "ch_1", eur("10")))).await.expect("the first answer");
        assert!(again.replayed && !first.replayed);
        assert_eq!(
            (again.fact, again.recorded_at, &again.outcome),
            (first.fact, first.recorded_at, &first.outcome)
        );
        let other = books.ask(keyed("k1", payment("cus_1", "ch_2", eur("10")))).await;
        assert_eq!(other, Err(Refused::KeyReused("k1".to_owned())));
        // The same key through another door is another key, but the money is known.
        let reditus = Ask::new(Operation::ReditusPayment, payment("cus_1", "ch_1", eur("10")));
        assert_eq!(books.ask(reditus).await.expect("the known payment").fact, first.fact);
        assert_eq!(books.account().await, "earned_share -2, due 2");
    });
}

#[test]
fn a_known_source_with_other_money_is_a_conflict() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.send(registration("cus_2")).await.expect("a referral");
        books.send(payment("cus_1", "ch_1", eur("10"))).await.expect("a payment");
        books.send(refund("ch_1", Some("re_1"), Some(eur("4")))).await.expect("a refund");
        let field = async |command| match books.send(command).await {
            Err(Refused::OtherMoney { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(payment("cus_1", "ch_1", eur("11"))).await, "amount");
        assert_eq!(field(payment("cus_2", "ch_1", eur("10"))).await, "customer");
        assert_eq!(field(payment("cus_1", "re_1", eur("4"))).await, "kind");
        assert_eq!(field(refund("ch_1", Some("re_1"), Some(eur("5")))).await, "amount");
        let usd = domain::money::Money::from_micros(10_000_000, domain::currency::Currency::USD);
        assert_eq!(field(payment("cus_1", "ch_1", usd)).await, "currency");
        books.send(refund("ch_1", Some("re_1"), Some(eur("4")))).await.expect("the known refund");
        assert_eq!(books.account().await, "earned_share -1.2, due 1.2");
    });
}

#[test]
fn a_refusal_leaves_no_trace_and_the_key_free() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        let early = books.ask(keyed("k1", payment("cus_1", "ch_1", eur("10")))).await;
        assert_eq!(early, Err(Refused::UnknownCustomer("uid \"cus_1\"".to_owned())));
        assert_eq!(
            books.send(refund("ch_1", None, None)).await,
            Err(Refused::UnknownPayment("ch_1".to_owned()))
        );
        let names = test.count_rows("name").await;
        assert_eq!(names, 0, "names of refused commands stay behind");
        books.send(registration("cus_1")).await.expect("a referral");
        books.ask(keyed("k1", payment("cus_1", "ch_1", eur("10")))).await.expect("the key is free");
        assert!(matches!(books.send(registration("cus_1")).await, Err(Refused::AlreadyReferred(_))));
    });
}

#[test]
fn no_order_of_a_list_is_wrong() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        let asks = [
            registration("cus_1"),
            payment("cus_1", "ch_1", eur("10")),
            payment("cus_1", "ch_1", eur("10")),
            refund("ch_1", Some("re_1"), Some(eur("5"))),
            payment("cus_2", "ch_2", eur("10")),
            registration("cus_1"),
            registration("cus_2"),
            churn("cus_1"),
        ];
        let asks = asks.into_iter().map(|command| Ask::new(Operation::Native, command)).collect();
        let answers = app::ingest::submit_many(&test.app, books.program, test.app.now(), asks).await;
        let said: Vec<String> = answers
            .iter()
            .map(|answer| match answer {
                Ok(recorded) if recorded.replayed => "known".to_owned(),
                Ok(recorded) => recorded.kind.as_str().to_owned(),
                Err(refused) => refused.code().to_owned(),
            })
            .collect();
        insta::assert_snapshot!(said.join(", "), @"registration, payment, known, refund, payment, already_referred, registration, churn");
        assert_eq!(books.account().await, "earned_share -3, due 3");
    });
}

#[test]
fn facts_wait_for_their_customer_and_refunds_for_their_payment() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        let parked = books.park(refund("ch_1", Some("re_1"), Some(eur("4")))).await.expect("it waits");
        assert_eq!((parked.outcome.note.clone(), parked.referral), (Some(Note::Parked), None));
        books.park(payment("cus_1", "ch_1", eur("10"))).await.expect("it waits");
        books.park(refund("ch_1", Some("re_2"), Some(eur("1")))).await.expect("it waits with its payment");
        assert_eq!(books.account().await, "");
        books.send(registration("cus_1")).await.expect("a referral");
        assert_eq!(books.account().await, "earned_share -1, due 1");
        let again = books.park(refund("ch_1", Some("re_1"), Some(eur("4")))).await.expect("the first answer");
        assert_eq!((again.fact, again.outcome, again.referral), (parked.fact, parked.outcome, None));
        assert_eq!(test.count_rows("parked").await, 0);
    });
}

#[test]
fn a_late_older_payment_takes_the_first_place() {
    // 50 % on the first payment, 20 % after: 100 on 1 January and 200 on 1 February are worth 90 in either order.
    let terms = serde_json::json!({ "rules": [
        { "on": "payment", "when": { "occurrence": "first" }, "reward": { "percent": "50" } },
        { "on": "payment", "when": { "occurrence": "renewal" }, "reward": { "percent": "20" } },
    ]});
    testkit::run(async |test| {
        let books = Books::open(&test, terms.clone()).await;
        books.send(at(registration("cus_1"), "2025-12-31T00:00:00Z")).await.expect("a referral");
        books
            .send(at(payment("cus_1", "ch_2", eur("200")), "2026-02-01T00:00:00Z"))
            .await
            .expect("a payment");
        assert_eq!(books.account().await, "earned_share -100, due 100");
        books
            .send(at(payment("cus_1", "ch_1", eur("100")), "2026-01-01T00:00:00Z"))
            .await
            .expect("a payment");
        assert_eq!(books.account().await, "earned_share -90, due 90");
    });
}

#[test]
fn a_payment_in_another_currency_waits_visibly() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let usd = domain::money::Money::from_micros(10_000_000, domain::currency::Currency::USD);
        let recorded = books.send(payment("cus_1", "ch_1", usd)).await.expect("it is kept");
        assert_eq!(recorded.outcome.note, Some(Note::RateMissing));
        assert_eq!(books.account().await, "");
    });
}

#[test]
fn a_fact_of_the_future_is_refused() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let late = at(payment("cus_1", "ch_1", eur("1")), "2026-06-01T12:05:01Z");
        assert!(matches!(books.send(late).await, Err(Refused::InFuture { .. })));
        books
            .send(at(payment("cus_1", "ch_1", eur("1")), "2026-06-01T12:05:00Z"))
            .await
            .expect("within 5 minutes");
    });
}

#[test]
fn a_rejected_referral_gives_everything_back_and_earns_nothing_more() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        let referral = books.send(registration("cus_1")).await.expect("a referral").referral.expect("its id");
        books.send(payment("cus_1", "ch_1", eur("10"))).await.expect("a payment");
        let caller = test.operator(books.program);
        app::referral::reject(&test.app, &caller, referral, "a fake").await.expect("a rejection");
        assert_eq!(books.account().await, "");
        let kept = books.send(payment("cus_1", "ch_2", eur("10"))).await.expect("the fact is kept");
        assert_eq!(kept.outcome.note, Some(Note::ReferralRejected));
        let refused =
            books.ask(Ask::new(Operation::ReditusPayment, payment("cus_1", "ch_3", eur("10")))).await;
        assert_eq!(refused, Err(Refused::ReferralCannotEarn(domain::referral::State::Rejected)));
        assert_eq!(books.account().await, "");
    });
}

#[test]
fn programs_do_not_see_each_other() {
    testkit::run(async |test| {
        let one = Books::open(&test, percent("20", 0)).await;
        let two = Books::open(&test, percent("20", 0)).await;
        one.send(registration("cus_1")).await.expect("a referral");
        assert!(matches!(
            two.send(payment("cus_1", "ch_1", eur("1"))).await,
            Err(Refused::UnknownCustomer(_))
        ));
        two.send(registration("cus_1")).await.expect("another referral of the same uid");
        one.send(payment("cus_1", "ch_1", eur("10"))).await.expect("a payment");
        two.send(payment("cus_1", "ch_1", eur("20"))).await.expect("another payment of the same source id");
        assert_eq!(one.account().await, "earned_share -2, due 2");
        assert_eq!(two.account().await, "earned_share -4, due 4");
    });
}

/// A payment with two ids.
fn payment_of(uid: &str, sources: [&str; 2], amount: domain::money::Money) -> Command {
    let Command::Payment(told) = payment(uid, sources[0], amount) else { unreachable!("a payment") };
    let sources = sources.map(|source| domain::text::Source::parse(source).expect("a source"));
    Command::Payment(Payment { sources: sources.to_vec(), ..told })
}

#[test]
fn what_waited_under_another_id_of_a_known_payment_is_booked_when_the_id_becomes_known() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        books.park(refund("in_2", Some("re_1"), Some(eur("5")))).await.expect("a refund that waits");
        let first = books.send(payment("cus_1", "ch_2", eur("10"))).await.expect("a payment");
        let again = books.send(payment_of("cus_1", ["ch_2", "in_2"], eur("10"))).await.expect("the payment");
        assert_eq!((again.replayed, again.fact), (true, first.fact));
        assert_eq!(books.account().await, "earned_share -1, due 1");
        let again = books.send(payment("cus_1", "in_2", eur("10"))).await.expect("the payment");
        assert_eq!((again.replayed, again.fact), (true, first.fact));
        // So do the ids of a payment that waits itself, and what waits under them waits for its customer.
        books.park(refund("in_3", Some("re_2"), Some(eur("5")))).await.expect("a refund that waits");
        let first = books.park(payment("cus_2", "ch_3", eur("10"))).await.expect("a payment that waits");
        books.park(payment_of("cus_2", ["ch_3", "in_3"], eur("10"))).await.expect("the payment");
        let again = books.park(payment("cus_2", "in_3", eur("10"))).await.expect("the payment");
        assert_eq!((again.replayed, again.fact), (true, first.fact));
        books.send(registration("cus_2")).await.expect("a referral");
        assert_eq!(books.account().await, "earned_share -2, due 2");
        books.send(refund("in_3", Some("re_3"), None)).await.expect("the rest");
        assert_eq!(books.account().await, "earned_share -1, due 1");
    });
}

#[test]
fn what_is_told_of_a_payment_that_waited_in_vain_is_not_lost() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.park(payment("cus_1", "ch_1", eur("10"))).await.expect("a payment that waits");
        test.at("2026-08-01T00:00:00Z");
        books.park(refund("in_1", Some("re_1"), Some(eur("5")))).await.expect("a refund that waits");
        test.at("2026-09-15T00:00:00Z");
        books.park(payment_of("cus_1", ["ch_1", "in_1"], eur("10"))).await.expect("the payment");
        let late = books.park(refund("ch_1", Some("re_2"), Some(eur("5")))).await;
        assert_eq!(late, Err(Refused::UnknownPayment("ch_1".to_owned())));
    });
}

#[test]
fn a_refund_that_waited_is_none_of_a_payment_in_another_currency() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let yen = Money::from_micros(10_000_000_000, "JPY".parse().expect("a currency"));
        books.park(refund("in_1", Some("re_1"), Some(yen))).await.expect("a refund that waits");
        books.send(payment("cus_1", "in_1", eur("100"))).await.expect("a payment");
        assert_eq!(books.account().await, "earned_share -20, due 20");
        books.send(refund("in_1", Some("re_2"), Some(eur("10")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -18, due 18");
        // Nor of one that waits itself.
        books.park(refund("in_2", Some("re_3"), Some(yen))).await.expect("a refund that waits");
        books.park(payment("cus_2", "in_2", eur("100"))).await.expect("a payment that waits");
        books.send(registration("cus_2")).await.expect("a referral");
        assert_eq!(books.account().await, "earned_share -38, due 38");
    });
}

#[test]
fn another_id_of_a_known_payment_names_it_from_then_on() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let first = books.send(payment("cus_1", "in_1", eur("10"))).await.expect("a payment");
        let again = books.send(payment_of("cus_1", ["ch_1", "in_1"], eur("10"))).await.expect("the payment");
        assert_eq!((again.replayed, again.fact), (true, first.fact));
        // By the new id alone it is the same payment, and its refund is found.
        let again = books.send(payment("cus_1", "ch_1", eur("10"))).await.expect("the payment");
        assert_eq!((again.replayed, again.fact), (true, first.fact));
        books.send(refund("ch_1", Some("re_1"), Some(eur("4")))).await.expect("a refund");
        assert_eq!(books.account().await, "earned_share -1.2, due 1.2");
        // Ids of two payments name neither.
        books.send(payment("cus_1", "in_2", eur("10"))).await.expect("a payment");
        let both = books.send(payment_of("cus_1", ["in_2", "ch_1"], eur("10"))).await;
        let refused = Refused::OtherMoney { source_id: "ch_1".to_owned(), field: "payment" };
        assert_eq!(both, Err(refused));
        let found = app::verify::program(&test.app, books.program).await.expect("a verification");
        assert_eq!(found, Vec::new());
    });
}
