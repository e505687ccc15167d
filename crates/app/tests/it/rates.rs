//! Payments in another currency: converted at booking, or once their rates are there; rates brought in from files and
//! addresses, and what is refused of them.

use std::time::Duration;

use app::ingest::{Ask, Recorded, submit_many};
use app::jobs::run_once;
use app::outside::http::{self, HttpError};
use app::rates::{self, FetchError, Imported};
use domain::command::{Command, Operation, Refused};
use domain::currency::Currency;
use domain::ids::FactId;
use domain::money::{Money, parse_decimal};
use domain::outcome::Note;
use serde_json::json;
use testkit::TestApp;
use testkit::file_server::{FileServer, Reply};

use crate::doors::{Books, at, eur, payment, percent, refund, registration};

/// Tuesday to Friday of a week in May 2026, whose Friday afternoon counts until Monday.
const WEEK: &str = "Date,USD,GBP,JPY,\n2026-05-22,1.1000,0.8500,160.00,\n2026-05-21,1.0900,0.8450,163.00,\n\
    2026-05-20,1.0876,0.8412,163.45,\n2026-05-19,1.0850,0.8400,164.00,\n";

fn money(text: &str, code: &str) -> Money {
    Money::from_micros(parse_decimal(text).expect(text), code.parse().expect(code))
}

async fn import(test: &TestApp, file: &str) -> Imported {
    rates::import(&test.app, test.app.now(), file.as_bytes(), Currency::EUR).await.expect("an import")
}

async fn refused(test: &TestApp, file: &[u8], base: &str) -> String {
    let imported = rates::import(&test.app, test.app.now(), file, base.parse().expect(base)).await;
    imported.expect_err("a refusal").to_string()
}

/// Does what the imports enqueued.
async fn work(test: &TestApp) {
    run_once(&test.app, test.app.now()).await.expect("a run");
}

/// The value and its rates, as `91.95 by 2026-05-20 1.0876/1`.
async fn value(books: &Books<'_>, id: FactId) -> String {
    let row =
        app::event::show(&books.test.app, &books.test.operator(books.program), id).await.expect("the fact");
    let value = row
        .value_micros
        .map_or_else(|| "waits".to_owned(), |micros| domain::money::decimal(micros.into(), 0));
    let by = row.exchange.map(|exchange| format!(" by {} {}/{}", exchange.day, exchange.from, exchange.to));
    value + &by.unwrap_or_default()
}

/// How many facts wait for a rate.
async fn waiting(books: &Books<'_>) -> usize {
    let caller = books.test.operator(books.program);
    app::event::waiting_page(&books.test.app, &caller, None, None, 200).await.expect("a page").len()
}

async fn in_currency(books: &Books<'_>, code: &str) {
    let changes = app::program::Changes { currency: Some(code.parse().expect(code)), ..Default::default() };
    app::program::update(&books.test.app, &books.test.operator(books.program), changes)
        .await
        .expect("a program");
}

async fn paid(books: &Books<'_>, source: &str, amount: Money, time: &str) -> Recorded {
    books.send(at(payment("cus_1", source, amount), time)).await.expect("a payment")
}

#[test]
fn a_foreign_payment_earns_by_the_rates_of_the_last_business_day_before_it() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        import(&test, WEEK).await;
        books.send(registration("cus_1")).await.expect("a referral");
        // 100 / 1.0876 = 91.945568…, of which 20 % are 18.389113….
        let thursday = paid(&books, "ch_1", money("100", "USD"), "2026-05-21T00:00:00Z").await;
        assert_eq!(value(&books, thursday.fact).await, "91.95 by 2026-05-20 1.0876/1");
        assert_eq!((thursday.value_micros, thursday.outcome.note.clone()), (Some(91_950_000), None));
        assert_eq!(books.account().await, "earned_share -18.39, due 18.39");
        // Sunday takes Friday's: 100 / 1.1 = 90.909090…, 18.181818….
        let sunday = paid(&books, "ch_2", money("100", "USD"), "2026-05-24T23:59:59Z").await;
        assert_eq!(value(&books, sunday.fact).await, "90.91 by 2026-05-22 1.1000/1");
        // 10000 / 163 = 61.349693…, 12.269938….
        let friday = paid(&books, "ch_3", money("10000", "JPY"), "2026-05-22T12:00:00Z").await;
        assert_eq!(value(&books, friday.fact).await, "61.35 by 2026-05-21 163.00/1");
        assert_eq!(books.account().await, "earned_share -48.84, due 48.84");
        // Tuesday's rates are not there: 25 May is a Monday on which TARGET is open.
        let tuesday = paid(&books, "ch_4", money("100", "USD"), "2026-05-26T12:00:00Z").await;
        assert_eq!(tuesday.outcome.note, Some(Note::RateMissing));
        assert_eq!((value(&books, tuesday.fact).await.as_str(), waiting(&books).await), ("waits", 1));
        // Nothing foreign is mixed in with the program's units.
        assert_eq!(books.account().await, "earned_share -48.84, due 48.84");
    });
}

#[test]
fn a_program_that_is_not_in_euros_converts_by_way_of_the_euro() {
    testkit::run(async |test| {
        import(&test, WEEK).await;
        let books = Books::open(&test, percent("20", 0)).await;
        in_currency(&books, "GBP").await;
        books.send(registration("cus_1")).await.expect("a referral");
        // 100 × 0.8412 / 1.0876 = 77.344612…, 15.468922….
        let usd = paid(&books, "ch_1", money("100", "USD"), "2026-05-21T12:00:00Z").await;
        assert_eq!(value(&books, usd.fact).await, "77.34 by 2026-05-20 1.0876/0.8412");
        // 100 × 0.8412 = 84.12, 16.824.
        let euro = paid(&books, "ch_2", eur("100"), "2026-05-21T12:00:00Z").await;
        assert_eq!(value(&books, euro.fact).await, "84.12 by 2026-05-20 1/0.8412");
        assert_eq!(books.account().await, "earned_share -32.29, due 32.29");

        let books = Books::open(&test, percent("20", 0)).await;
        in_currency(&books, "JPY").await;
        books.send(registration("cus_1")).await.expect("a referral");
        // 100 × 163.45 / 1.0876 = 15028.503…, 3005.700….
        let yen = paid(&books, "ch_1", money("100", "USD"), "2026-05-21T12:00:00Z").await;
        assert_eq!(value(&books, yen.fact).await, "15029 by 2026-05-20 1.0876/163.45");
        assert_eq!(books.account().await, "earned_share -3006, due 3006");
    });
}

#[test]
fn a_missing_rate_that_is_imported_books_the_commission_to_the_cent() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 30)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let asked = at(payment("cus_1", "ch_1", money("10.125", "KWD")), "2026-05-21T12:00:00Z");
        let first = books.send(asked.clone()).await.expect("it is kept");
        assert_eq!((first.outcome.note.clone(), first.value_micros), (Some(Note::RateMissing), None));
        // Refunds are in the payment's own currency and wait with it.
        let back = at(refund("ch_1", Some("re_1"), Some(money("2.025", "KWD"))), "2026-05-22T12:00:00Z");
        books.send(back).await.expect("a refund");
        assert_eq!((books.account().await, waiting(&books).await), (String::new(), 2));
        import(&test, WEEK).await;
        work(&test).await;
        assert_eq!(waiting(&books).await, 2, "the bank has no rate of KWD");

        test.at("2026-05-30T12:00:00Z");
        let file = "date,currency,rate\n2026-05-20,KWD,0.33512\n2026-05-21,KWD,0.33600\n";
        let imported = import(&test, file).await;
        assert_eq!((imported.new, imported.programs_waiting), (2, 1));
        work(&test).await;
        // 10.125 / 0.33512 = 30.213057…, 20 % are 6.042611… = 6.04; a fifth went back: 6.04 − 1.208 = 4.83.
        assert_eq!(value(&books, first.fact).await, "30.21 by 2026-05-20 0.33512/1");
        assert_eq!(books.account().await, "earned_share -4.83, pending_share 4.83");
        assert_eq!(waiting(&books).await, 0);
        insta::assert_snapshot!(books.transfers().await, @"2026-05-21 2026-05 decision earned_share -> pending_share 4.83 (earned)");

        // A second time there is nothing to do, and the payment's first answer stays what it was.
        import(&test, file).await;
        work(&test).await;
        assert_eq!(books.account().await, "earned_share -4.83, pending_share 4.83");
        let again = books.send(asked).await.expect("the first answer");
        assert_eq!(again, Recorded { replayed: true, ..first });
        test.at("2026-06-20T12:00:00Z");
        assert_eq!(books.release().await, 1);
        assert_eq!(books.account().await, "earned_share -4.83, due 4.83");
    });
}

#[test]
fn a_foreign_payment_is_returned_in_its_own_currency() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        import(&test, WEEK).await;
        books.send(registration("cus_1")).await.expect("a referral");
        paid(&books, "ch_1", money("100", "USD"), "2026-05-21T12:00:00Z").await;
        let other = at(refund("ch_1", Some("re_0"), Some(eur("25"))), "2026-05-22T12:00:00Z");
        assert!(matches!(books.send(other).await, Err(Refused::RefundInOtherCurrency { .. })));
        let quarter = at(refund("ch_1", Some("re_1"), Some(money("25", "USD"))), "2026-05-22T12:00:00Z");
        let quarter = books.send(quarter).await.expect("a refund");
        // For figures a refund is worth what the rates of its own day say: 25 / 1.09 = 22.935779….
        assert_eq!(value(&books, quarter.fact).await, "22.94 by 2026-05-21 1.0900/1");
        // 18.39 − 4.5975 = 13.79: gross over gross, whatever the rates have become.
        assert_eq!(books.account().await, "earned_share -13.79, due 13.79");
        books.send(at(refund("ch_1", None, None), "2026-05-23T12:00:00Z")).await.expect("the rest");
        assert_eq!(books.account().await, "");
    });
}

#[test]
fn parked_facts_wait_for_their_customer_and_their_rates_in_either_order() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        let foreign = |customer: &str, source: &str| {
            at(payment(customer, source, money("100", "USD")), "2026-05-21T12:00:00Z")
        };
        let one = books.park(foreign("cus_1", "ch_1")).await.expect("it waits");
        books.park(foreign("cus_2", "ch_2")).await.expect("it waits");
        let back = at(refund("ch_2", Some("re_2"), Some(money("50", "USD"))), "2026-05-22T12:00:00Z");
        books.park(back).await.expect("it waits");
        assert_eq!(waiting(&books).await, 3);
        // The customer first, then the rates.
        books.send(registration("cus_1")).await.expect("a referral");
        assert_eq!(books.account().await, "");
        import(&test, WEEK).await;
        work(&test).await;
        assert_eq!(books.account().await, "earned_share -18.39, due 18.39");
        // The rates first, then the customer: half of 18.39 is 9.195, of which 9.20 is taken back.
        assert_eq!(waiting(&books).await, 2);
        books.send(registration("cus_2")).await.expect("a referral");
        assert_eq!(books.account().await, "earned_share -27.58, due 27.58");
        assert_eq!(waiting(&books).await, 0);
        let again = books.park(foreign("cus_1", "ch_1")).await.expect("the first answer");
        assert_eq!(again, Recorded { replayed: true, ..one });
    });
}

/// Histories of one customer each, in four currencies, some of it twice.
fn histories() -> Vec<Command> {
    let codes = ["USD", "GBP", "JPY", "EUR"];
    let mut commands = Vec::new();
    for customer in 0..40_i64 {
        let uid = format!("cus_{customer}");
        commands.push(at(registration(&uid), "2026-05-01T00:00:00Z"));
        for number in 0..customer % 5 {
            let source = format!("{uid}-ch{number}");
            let code = codes[((customer + number) % 4) as usize];
            let units = if code == "JPY" { 1_000_000 } else { 10_000 };
            let amount = |minor: i64| Money::from_micros(minor * units, code.parse().expect(code));
            let minor = 137 + 991 * customer + 37 * number;
            let day = 20 + (customer + 2 * number) % 4;
            commands
                .push(at(payment(&uid, &source, amount(minor)), &format!("2026-05-{day}T1{number}:00:00Z")));
            if (customer + number) % 3 == 0 {
                let back = refund(&source, Some(&format!("{source}-re")), Some(amount(minor / 3)));
                commands.push(at(back, &format!("2026-05-{}T20:00:00Z", day + 1)));
            }
        }
    }
    commands
}

async fn deliver(books: &Books<'_>, commands: Vec<Command>) {
    let asks = commands.into_iter().map(|command| Ask::new(Operation::Native, command)).collect();
    for answer in submit_many(&books.test.app, books.program, books.test.app.now(), asks).await {
        answer.expect("an accepted fact");
    }
}

#[test]
fn rates_that_come_late_end_in_the_same_books_as_rates_that_were_there() {
    let terms = json!({ "rules": [
        { "on": "payment", "when": { "occurrence": "first" }, "reward": { "flat": "10" } },
        { "on": "payment", "reward": { "percent": "12.5" }, "limits": { "payments": 3 } },
        { "on": "payment", "reward": { "percent": "3.3333" } },
    ]});
    testkit::run(async |test| {
        let late = Books::open(&test, terms.clone()).await;
        deliver(&late, histories()).await;
        let waited = waiting(&late).await;
        assert!(waited > 50, "too little waits: {waited}");
        import(&test, WEEK).await;
        work(&test).await;
        assert_eq!(waiting(&late).await, 0);
        let early = Books::open(&test, terms.clone()).await;
        deliver(&early, histories()).await;
        assert_eq!(waiting(&early).await, 0);
        assert_eq!(test.end_state(late.program).await, test.end_state(early.program).await);
    });
}

#[test]
fn nothing_is_left_waiting_by_an_import_in_the_middle_of_payments() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let one = |number: usize| {
            books.send(at(
                payment("cus_1", &format!("ch_{number}"), money("100", "USD")),
                "2026-05-21T12:00:00Z",
            ))
        };
        let mut payments = tokio::task::JoinSet::new();
        for number in 0..100 {
            let (app, program, now) = (test.app.clone(), books.program, test.app.now());
            let amount = money("100", "USD");
            let command = at(payment("cus_1", &format!("late_{number}"), amount), "2026-05-21T12:00:00Z");
            payments.spawn(async move {
                app::ingest::submit(&app, program, now, Ask::new(Operation::Native, command)).await
            });
        }
        let (_, first) = tokio::join!(import(&test, WEEK), one(0));
        first.expect("a payment");
        for answer in payments.join_all().await {
            answer.expect("a payment");
        }
        work(&test).await;
        assert_eq!(waiting(&books).await, 0);
        // 101 × 18.39
        assert_eq!(books.account().await, "earned_share -1857.39, due 1857.39");
    });
}

#[test]
fn a_value_above_the_limit_is_refused_or_waits() {
    testkit::run(async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let huge = |source: &str| {
            at(payment("cus_1", source, money("1000000000000", "GBP")), "2026-05-21T12:00:00Z")
        };
        let early = books.send(huge("ch_1")).await.expect("its worth is not known");
        import(&test, WEEK).await;
        work(&test).await;
        assert_eq!((value(&books, early.fact).await.as_str(), waiting(&books).await), ("waits", 1));
        let late = books.send(huge("ch_2")).await.expect_err("a refusal");
        assert_eq!(late.code(), "not_convertible");
        assert!(late.to_string().contains("above 1000000000000 EUR"), "{late}");
        assert_eq!(books.account().await, "");
        // Nothing is worth nothing, at whatever rate.
        let zero = paid(&books, "ch_3", money("0", "KWD"), "2026-05-21T12:00:00Z").await;
        assert_eq!(
            (value(&books, zero.fact).await.as_str(), zero.outcome.note),
            ("0", Some(Note::ZeroAmount))
        );
    });
}

#[test]
fn a_rate_is_never_replaced() {
    testkit::run(async |test| {
        let first = import(&test, WEEK).await;
        assert_eq!((first.new, first.known, first.differing.len()), (12, 0, 0));
        let again = import(&test, WEEK).await;
        assert_eq!((again.new, again.known, again.differing.len()), (0, 12, 0));
        let file = "date,currency,rate\n2026-05-20,USD,1.0877\n2026-05-21,USD,1.09\n2026-05-23,USD,1.2\n2026-05-20,EUR,1\n";
        let other = import(&test, file).await;
        assert_eq!((other.new, other.known, other.closing_days), (1, 1, 1));
        let differing = other.differing.iter().map(|row| format!("{} {}", row.given.rate, row.kept));
        assert_eq!(differing.collect::<Vec<_>>(), ["1.0877 1.0876"]);
        let newest = rates::newest(&test.app).await.expect("rates");
        let newest = newest.iter().map(|row| {
            format!("{} {} {} {} {}", row.currency, row.since, row.day, row.rate, row.source.as_str())
        });
        insta::assert_snapshot!(newest.collect::<Vec<_>>().join("\n"), @"
        GBP 2026-05-19 2026-05-22 0.8500 ecb
        JPY 2026-05-19 2026-05-22 160.00 ecb
        USD 2026-05-19 2026-05-23 1.2 import
        ");
    });
}

#[test]
fn a_list_may_be_against_another_currency() {
    testkit::run(async |test| {
        import(&test, WEEK).await;
        let file = b"date,currency,rate\n2026-05-20,KWD,0.3081\n2026-05-20,USD,1\n";
        let usd = "USD".parse().expect("a currency");
        let imported = rates::import(&test.app, test.app.now(), file, usd).await.expect("an import");
        assert_eq!(imported.new, 1);
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        let kwd = paid(&books, "ch_1", money("10", "KWD"), "2026-05-21T12:00:00Z").await;
        // 1.0876 × 0.3081 = 0.33508956, and 10 / 0.33508956 = 29.842767….
        assert_eq!(value(&books, kwd.fact).await, "29.84 by 2026-05-20 0.33508956/1");

        let list = |line: &str| format!("date,currency,rate\n{line}\n").into_bytes();
        let message = refused(&test, &list("2026-05-18,KWD,0.3081"), "USD").await;
        assert!(message.contains("what a euro is in USD on that day is not known"), "{message}");
        let message = refused(&test, &list("2026-05-20,EUR,0.92"), "USD").await;
        assert!(message.contains("in a file against EUR instead"), "{message}");
        let message = refused(&test, &list("2026-05-20,USD,1.1"), "USD").await;
        assert!(message.contains("one USD is one USD, not 1.1"), "{message}");
        let message = refused(&test, &list("2026-05-20,KWD,0.123456789012345678"), "USD").await;
        assert!(message.contains("more than 18 digits"), "{message}");
        assert!(refused(&test, WEEK.as_bytes(), "USD").await.contains("the file is against EUR, not USD"));
    });
}

#[test]
fn what_is_no_file_of_rates_is_refused_and_changes_nothing() {
    testkit::run(async |test| {
        let check = async |file: &[u8], expected: &str| {
            let message = refused(&test, file, "EUR").await;
            assert!(message.contains(expected), "{message}");
        };
        check(b"", "no file of rates").await;
        check(b"PK\x03\x04rest", "it is a ZIP archive; unpack it").await;
        check(b"date,currency,rate\n\xff\xfe", "not text in UTF-8").await;
        check(&vec![b' '; rates::FILE_LIMIT + 1], "at most 33554432 are read").await;
        check(
            b"date,currency,rate\n2026-05-20,KWD,0.3\n2026-06-02,KWD,0.3\n",
            "KWD of 2026-06-02: expected a day",
        )
        .await;
        check(b"date,currency,rate\n0026-05-20,KWD,0.3\n", "expected a day from 1970 to today").await;
        assert_eq!(test.count_rows("exchange_rate").await, 0);
    });
}

fn message(result: Result<Vec<u8>, HttpError>) -> String {
    result.expect_err("a refusal").to_string()
}

#[tokio::test]
async fn a_file_is_fetched_with_limits() {
    let server = FileServer::start(Reply::File(b"hello".to_vec())).await;
    let get = async |limit: usize| http::get(&server.url(), limit, Duration::from_secs(20)).await;
    assert_eq!(get(5).await, Ok(b"hello".to_vec()));
    let requests = server.requests();
    assert!(requests[0].starts_with("GET /rates.xml?of=today HTTP/1.1\r\n"), "{requests:?}");
    assert!(
        requests[0].contains("host: 127.0.0.1:") && requests[0].contains("user-agent: refero/"),
        "{requests:?}"
    );
    assert_eq!(message(get(4).await), "127.0.0.1 sent more than 4 bytes");
    server.reply(Reply::Endless);
    assert_eq!(message(get(1_000_000).await), "127.0.0.1 sent more than 1000000 bytes");
    server.reply(Reply::Status(503, None));
    assert_eq!(message(get(9).await), "127.0.0.1 answered 503; expected 200 and the file");
    server.reply(Reply::Status(301, Some("https://www.example.com/new".to_owned())));
    let moved = message(get(9).await);
    assert!(moved.contains("answered 301 and sends to \"https://www.example.com/new\""), "{moved}");
    server.reply(Reply::Silence);
    let impatient = http::get(&server.url(), 9, Duration::from_millis(500)).await;
    assert_eq!(message(impatient), "127.0.0.1 did not finish within 0 seconds");
    server.reply(Reply::CutOff);
    assert!(matches!(get(5000).await, Err(HttpError::Unreachable { .. })));
    // TLS is spoken where it is asked for, and what does not speak it is not trusted.
    let secure = server.url().replace("http://", "https://");
    assert!(matches!(
        http::get(&secure, 9, Duration::from_secs(5)).await,
        Err(HttpError::Unreachable { .. })
    ));
    for address in ["", "rates.xml", "ftp://example.com/", "http://", "https://user:secret@example.com/rates"]
    {
        let refused = message(http::get(address, 9, Duration::from_secs(1)).await);
        assert!(refused.contains("expected an address such as https://"), "{address}: {refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}

#[test]
fn rates_are_fetched_and_refused_like_any_file() {
    testkit::run(async |test| {
        let server = FileServer::start(Reply::File(WEEK.into())).await;
        let fetched = rates::fetch(&test.app, test.app.now(), &server.url()).await.expect("a fetch");
        assert_eq!((fetched.new, fetched.known), (12, 0));
        server.reply(Reply::File(b"<html>Sorry</html>".to_vec()));
        let refused = rates::fetch(&test.app, test.app.now(), &server.url()).await;
        assert!(matches!(refused, Err(FetchError::Refused(_))), "{refused:?}");
        server.reply(Reply::Status(404, None));
        let refused = rates::fetch(&test.app, test.app.now(), &server.url()).await;
        assert!(
            matches!(refused, Err(FetchError::Http(HttpError::Status { status: 404, .. }))),
            "{refused:?}"
        );
    });
}

#[test]
fn a_server_with_an_address_fetches_by_itself_and_converts_what_waits() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(FileServer::start(Reply::File(WEEK.into())));
    let config = app::config::Config { rates_url: Some(server.url()), ..testkit::config() };
    testkit::run_with(config, async |test| {
        let books = Books::open(&test, percent("20", 0)).await;
        books.send(registration("cus_1")).await.expect("a referral");
        paid(&books, "ch_1", money("100", "USD"), "2026-05-21T12:00:00Z").await;
        assert_eq!(books.account().await, "");
        test.app.start_jobs();
        let converted = async {
            while books.account().await.is_empty() || test.count_rows("job where state <> 'done'").await > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), converted).await.expect("converted within 20 seconds");
        assert_eq!(books.account().await, "earned_share -18.39, due 18.39");
    });
}
