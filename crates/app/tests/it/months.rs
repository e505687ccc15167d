//! The language of the tables about months: a deal as JSON terms, and a history told through the doors of the product,
//! in which what stands is said in between.
//!
//! `at DATE` moves the clock and releases; `close 2026-03`; `pay 1 p1 100 DATE`, `refund p1 30 DATE`, `row 1 DATE
//! deposits 50 pnl 100 .. [brand=..]` (1 is the customer, who registers with ann when first named, or with bob as `bob:1`;
//! the same customer, brand and day again is a newer report); `shows CPL CPA SHARE ADJUSTMENTS BALANCE` of ann as the
//! Smartico surface shows them; `carried -60`. What is due again because a fact came late is done after each of them.

use std::collections::BTreeSet;

use app::activity::Row;
use app::ingest::Answer;
use domain::command::{AffiliateName, Command};
use domain::fact::{Figures, Play};
use domain::fold::{Source, Truth};
use domain::ledger::{Account, Kind};
use domain::money::{decimal, parse_decimal};
use domain::text::{Slug, Uid};
use domain::time::Timestamp;
use testkit::TestApp;

use crate::doors::{Books, at, eur, payment, refund, registration};

/// The brand of rows that name none; its deposits and withdrawals are counted from rows.
const ROWS: &str = "rows";

/// A history being told.
pub(crate) struct Months<'a> {
    pub(crate) books: Books<'a>,
    customers: BTreeSet<String>,
    brands: BTreeSet<String>,
    seen: usize,
}

/// Tells a history and compares what is said in it.
pub(crate) async fn tell<'a>(test: &'a TestApp, deal: &str, history: &str) -> Months<'a> {
    test.at("2026-01-01T00:00:00Z");
    let terms = serde_json::from_str(deal).unwrap_or_else(|error| panic!("{deal}: {error}"));
    let books = Books::open(test, terms).await;
    test.affiliate(books.program, "bob").await;
    let mut months = Months { books, customers: BTreeSet::new(), brands: BTreeSet::new(), seen: 0 };
    months.go_on(history).await;
    months
}

impl Months<'_> {
    /// Goes on with a history.
    pub(crate) async fn go_on(&mut self, history: &str) {
        for statement in history.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            self.read(statement).await;
        }
    }

    async fn read(&mut self, statement: &str) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let caller = self.books.test.operator(self.books.program);
        match words.as_slice() {
            ["at", date] => {
                self.books.test.clock.set(moment(date));
                self.books.release().await;
            }
            ["close", month] => {
                let month = month.parse().expect("a month");
                app::period::close(&self.books.test.app, &caller, month).await.expect("a close");
            }
            ["pay", customer, name, amount, date] => {
                let uid = self.customer(customer, date).await;
                self.send(payment(&uid, name, eur(amount)), date).await;
            }
            ["refund", name, amount, date] => {
                let id = format!("refund of {name} on {date}");
                self.send(refund(name, Some(&id), Some(eur(amount))), date).await;
            }
            ["row", customer, date, figures @ ..] => {
                let uid = self.customer(customer, date).await;
                self.row(&uid, date, figures, None).await.expect(statement);
            }
            ["shows", expected @ ..] => {
                let (shown, account) = (self.shown().await, self.books.transfers().await);
                assert_eq!(shown, expected.join(" "), "\n{account}");
            }
            ["carried", expected] => {
                let carried = self.balance(Account::Carried(Kind::Share)).await;
                assert_eq!(decimal(carried, 0), *expected);
            }
            _ => panic!("not a statement of the language: {statement}"),
        }
        let now = self.books.test.app.now();
        app::period::run_due(&self.books.test.app, self.books.program, now).await.expect("late months");
        self.books.release().await;
    }

    /// The uid of a customer, who registers when first named.
    async fn customer(&mut self, name: &str, date: &str) -> String {
        let (affiliate, number) = name.split_once(':').unwrap_or(("ann", name));
        let uid = format!("player_{number}");
        if self.customers.insert(uid.clone()) {
            let mut command = registration(&uid);
            if let Command::Registration(registration) = &mut command {
                registration.affiliate = Some(AffiliateName::Slug(Slug::parse(affiliate).expect("a slug")));
            }
            self.send(command, date).await;
        }
        uid
    }

    async fn send(&self, command: Command, date: &str) {
        let occurred_at = moment(date);
        if occurred_at > self.books.test.app.now() {
            self.books.test.clock.set(occurred_at);
        }
        self.books.send(at(command, &occurred_at.to_rfc3339())).await.expect("a fact");
    }

    /// Reports a player's day.
    pub(crate) async fn row(
        &mut self,
        uid: &str,
        date: &str,
        words: &[&str],
        revision: Option<u64>,
    ) -> Answer {
        let brand = words.iter().find_map(|word| word.strip_prefix("brand=")).unwrap_or(ROWS);
        let caller = self.books.test.operator(self.books.program);
        if self.brands.insert(brand.to_owned()) {
            let truth = Truth { deposits: Source::Rows, withdrawals: Source::Rows };
            app::brand::put(&self.books.test.app, &caller, brand, truth).await.expect("a brand");
        }
        if moment(date) > self.books.test.app.now() {
            self.books.test.clock.set(moment(date));
        }
        let words: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("brand=")).collect();
        let row = Row {
            player: Uid::parse(uid).expect("a uid"),
            brand: brand.to_owned(),
            day: date.parse().expect("a date"),
            revision,
            figures: figures(&words),
        };
        let caller = self.books.test.operator(self.books.program);
        let answers = app::activity::record(&self.books.test.app, &caller, vec![row]).await.expect("a feed");
        answers.into_iter().next().expect("an answer")
    }

    async fn balance(&self, account: Account) -> i128 {
        let caller = self.books.test.operator(self.books.program);
        let rows = app::balance::of_affiliate(&self.books.test.app, &caller, self.books.ann).await;
        rows.expect("balances").first().map_or(0, |row| row.balances.get(account))
    }

    /// CPL, CPA, share, adjustments and balance as Smartico shows them (money.md §9).
    async fn shown(&self) -> String {
        let caller = self.books.test.operator(self.books.program);
        let rows = app::balance::of_affiliate(&self.books.test.app, &caller, self.books.ann).await;
        let balances = rows.expect("balances").first().map(|row| row.balances.clone()).unwrap_or_default();
        let fees = [Kind::Lead, Kind::Acquisition, Kind::Share].map(|kind| balances.shown_fee(kind));
        let all = fees.into_iter().chain([balances.adjustments(), balances.due() + balances.in_payout()]);
        all.map(|micros| decimal(micros, 0)).collect::<Vec<_>>().join(" ")
    }

    /// Ann's transfers since this was last asked.
    pub(crate) async fn booked(&mut self) -> String {
        let all = self.books.transfers().await;
        let lines: Vec<&str> = all.lines().collect();
        let new = lines[self.seen..].join("\n");
        self.seen = lines.len();
        new
    }
}

fn moment(date: &str) -> Timestamp {
    let text = if date.contains('T') { format!("{date}:00Z") } else { format!("{date}T00:00:00Z") };
    text.parse().unwrap_or_else(|_| panic!("{date} is no date"))
}

fn figures(words: &[&str]) -> Figures {
    let mut figures = Figures::default();
    for pair in words.chunks(2) {
        let [name, value] = pair else { panic!("a figure has a value: {pair:?}") };
        let value = parse_decimal(value).expect("an amount");
        let (name, play): (&str, &mut Play) = match name.split_once('.') {
            Some(("casino", name)) => (name, figures.casino.get_or_insert_default()),
            Some(("sport", name)) => (name, figures.sport.get_or_insert_default()),
            _ => (name, &mut figures.play),
        };
        match name {
            "pnl" => play.pnl = value,
            "bonuses" => play.bonuses = value,
            "deductions" => play.deductions = value,
            "volume" => play.volume = value,
            "deposits" => figures.deposits = value,
            "withdrawals" => figures.withdrawals = value,
            other => panic!("{other} is no figure"),
        }
    }
    figures
}
