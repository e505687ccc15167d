//! The language of the tables about months: a deal as JSON terms and a history in which what stands is said in between.
//!
//! `at DATE` moves the clock; `close 2026-03`; `no carry over`; facts `reg 1 DATE`, `pay 1 p1 100 DATE [brand=..
//! product=.. country=..]` (`100 net 84`: commissions are on 84), `refund p1 30 DATE [as x] [failed]`, `dispute p1 30 DATE
//! opened|won|lost`, `withdraw 1 30 DATE [brand=..]`, `row 1 DATE deposits 50 pnl 100 bonuses 5 .. [brand=..]` (1 is the
//! customer; the same customer, brand and day again is the next revision); `elsewhere 100 DATE` (earned by others under the
//! deal); `shows CPL CPA SHARE ADJUSTMENTS BALANCE` as the Smartico surface shows them; `stands CARRIED`, the carried
//! shares.

use std::collections::BTreeMap;

use domain::commission::Key;
use domain::deal::Terms;
use domain::fact::{Attributes, Body, DisputeState, Fact, Figures, Play, Position, Rank, RefundState};
use domain::ids::{AffiliateId, FactId};
use domain::ledger::{Account, Kind};
use domain::money::{Money, decimal, parse_decimal};
use domain::period::Asked;
use domain::time::Period;
use uuid::Uuid;

use crate::program::{Program, ROWS};
use crate::story::moment;

/// Tells a history and compares what is said in it.
pub(crate) fn tell(deal: &str, history: &str) -> Months {
    let terms: Terms = serde_json::from_str(deal).unwrap_or_else(|error| panic!("{deal}: {error}"));
    let mut months = Months {
        program: Program::new(terms),
        names: BTreeMap::new(),
        revisions: BTreeMap::new(),
        logged: 0,
    };
    terms_are_accepted(&months.program);
    for statement in history.split(';') {
        let words: Vec<&str> = statement.split_whitespace().collect();
        months.read(&words, deal);
    }
    months
}

fn terms_are_accepted(program: &Program) {
    assert_eq!(program.terms.check(program.currency), Ok(()), "{:?}", program.terms);
    let again = serde_json::to_string(&program.terms).expect("terms can be written");
    let again: Terms = serde_json::from_str(&again).expect("and read");
    assert_eq!(again, *program.terms);
    assert!(program.terms.sentences(program.currency).iter().all(|sentence| sentence.ends_with('.')));
}

/// A history being told.
pub(crate) struct Months {
    pub(crate) program: Program,
    names: BTreeMap<String, (u32, FactId, Money)>,
    revisions: BTreeMap<String, (FactId, u64)>,
    logged: usize,
}

impl Months {
    fn read(&mut self, words: &[&str], deal: &str) {
        let (words, attributes) = split(words);
        match words.as_slice() {
            [] => {}
            ["at", date] => self.program.advance(moment(date)),
            ["close", month] => self.program.close(period(month)),
            ["no", "carry", "over"] => self.program.no_carry_over = true,
            ["in", code] => self.program.currency = code.parse().expect("a currency"),
            ["zone", name] => self.program.zone = name.parse().expect("a zone"),
            ["reg", customer, date] => self.add(customer, "", date, attributes, Body::Registration),
            ["churn", customer, date] => self.add(customer, "churn", date, attributes, Body::Churn),
            ["pay", customer, name, amount, date] => {
                let amount = self.money(amount);
                let body = Body::Payment { amount, value: Some(amount.into()), base: None };
                self.names.insert((*name).to_owned(), (number(customer), id_of(name), amount));
                self.add(customer, name, date, attributes, body);
            }
            ["pay", customer, name, amount, "net", base, date] => {
                let (amount, base) = (self.money(amount), self.money(base));
                let body = Body::Payment { amount, value: Some(amount.into()), base: Some(base.into()) };
                self.names.insert((*name).to_owned(), (number(customer), id_of(name), amount));
                self.add(customer, name, date, attributes, body);
            }
            ["refund", name, amount, date, more @ ..] => self.refund(name, amount, date, more),
            ["dispute", name, amount, date, state] => {
                let (customer, payment, _) = self.names[*name];
                let state = match *state {
                    "opened" => DisputeState::Opened,
                    "won" => DisputeState::Won,
                    "lost" => DisputeState::Lost,
                    other => panic!("{other} is no state of a dispute"),
                };
                let body =
                    Body::Dispute { payment, amount: self.money(amount), dispute: (*name).to_owned(), state };
                self.add(&customer.to_string(), &format!("dispute {name} {date}"), date, attributes, body);
            }
            ["withdraw", customer, amount, date] => {
                let amount = self.money(amount);
                let source = format!("withdraw {customer} {date}");
                self.add(
                    customer,
                    &source,
                    date,
                    attributes,
                    Body::Withdrawal { amount, value: Some(amount) },
                );
            }
            ["row", customer, date, figures @ ..] => self.row(customer, date, figures, attributes),
            ["elsewhere", amount, date] => {
                let position = Position(moment(date), Rank::Payment, "elsewhere".to_owned());
                let key = Key { fact: FactId(Uuid::nil()), rule: 0, affiliate: AffiliateId(2) };
                self.program.elsewhere.push(Asked { position, key, micros: micros(amount) });
            }
            ["shows", expected @ ..] => {
                assert_eq!(
                    self.shown(),
                    expected.join(" "),
                    "\n  deal: {deal}\n  log: {:#?}",
                    self.program.log
                );
            }
            ["carried", expected] => {
                let carried = self.program.balances.get(Account::Carried(Kind::Share));
                assert_eq!(decimal(carried, 0), *expected, "\n  deal: {deal}");
            }
            _ => panic!("not a statement of the language: {words:?}"),
        }
    }

    /// CPL, CPA, share, adjustments and balance as Smartico shows them (money.md §9).
    pub(crate) fn shown(&self) -> String {
        let balances = &self.program.balances;
        let fees = [Kind::Lead, Kind::Acquisition, Kind::Share].map(|kind| balances.shown_fee(kind));
        let balance = balances.due() + balances.in_payout();
        assert_eq!(
            balance,
            Kind::ALL.map(|kind| balances.shown_fee(kind)).iter().sum::<i128>() + balances.adjustments()
        );
        let all = fees.into_iter().chain([balances.adjustments(), balance]);
        all.map(|micros| decimal(micros, 0)).collect::<Vec<_>>().join(" ")
    }

    /// What was booked since the last time this was asked.
    pub(crate) fn booked(&mut self) -> Vec<String> {
        let from = std::mem::replace(&mut self.logged, self.program.log.len());
        self.program.log[from..].to_vec()
    }

    /// Goes on with a history.
    pub(crate) fn go_on(&mut self, history: &str) {
        for statement in history.split(';') {
            self.read(&statement.split_whitespace().collect::<Vec<_>>(), "");
        }
    }

    fn refund(&mut self, name: &str, amount: &str, date: &str, more: &[&str]) {
        let (customer, payment, _) = self.names[name];
        let failed = more.contains(&"failed");
        let refund = match more {
            ["as", refund, ..] => (*refund).to_owned(),
            _ => format!("{name} {date}"),
        };
        let state = if failed { RefundState::Failed } else { RefundState::Succeeded };
        let source = format!("refund {name} {refund} {date} {failed}");
        let body = Body::Refund { payment, amount: self.money(amount), refund, state };
        self.add(&customer.to_string(), &source, date, Attributes::default(), body);
    }

    fn row(&mut self, customer: &str, date: &str, words: &[&str], mut attributes: Attributes) {
        attributes.brand.get_or_insert(ROWS.to_owned());
        let figures = read_figures(words);
        let source = format!("row {customer} {date} {:?}", attributes.brand);
        let next = self.revisions.len() as u128 + 1_000_000;
        let (id, revision) =
            self.revisions.entry(source.clone()).or_insert((FactId(Uuid::from_u128(next)), 0));
        *revision += 1;
        let body = Body::Activity { revision: *revision, figures: Some(Box::new(figures)) };
        let fact = Fact { id: *id, occurred_at: moment(date), source, attributes, body };
        self.program.take(number(customer), &fact);
    }

    fn add(&mut self, customer: &str, name: &str, date: &str, attributes: Attributes, body: Body) {
        let source = if name.is_empty() { format!("reg {customer}") } else { name.to_owned() };
        let fact = Fact { id: id_of(&source), occurred_at: moment(date), source, attributes, body };
        self.program.take(number(customer), &fact);
    }

    fn money(&self, text: &str) -> Money {
        Money::from_micros(micros(text), self.program.currency)
    }
}

fn read_figures(words: &[&str]) -> Figures {
    let mut figures = Figures::default();
    for pair in words.chunks(2) {
        let [name, value] = pair else { panic!("a figure has a value: {pair:?}") };
        let value = micros(value);
        let count = (value / 1_000_000) as u32;
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
            "first" => figures.first_deposit = Some(value),
            "deposits" => figures.deposits = value,
            "withdrawals" => figures.withdrawals = value,
            "played" => figures.activity_count = count,
            other => panic!("{other} is no figure"),
        }
    }
    figures
}

fn split<'a>(words: &[&'a str]) -> (Vec<&'a str>, Attributes) {
    let mut attributes = Attributes::default();
    let mut rest = Vec::new();
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            rest.push(*word);
            continue;
        };
        if name == "interval" {
            attributes.interval = domain::fact::Interval::from_unit(value, 1);
            continue;
        }
        let value = Some(value.to_owned());
        match name {
            "brand" => attributes.brand = value,
            "country" => attributes.country = value,
            "product" => attributes.product = value,
            "plan" => attributes.plan = value,
            "campaign" => attributes.campaign = value,
            "coupon" => attributes.coupon = value,
            other => panic!("{other} is no attribute"),
        }
    }
    (rest, attributes)
}

/// The same name, the same id; later names may have lower ones.
fn id_of(name: &str) -> FactId {
    let hash = name.bytes().fold(7_u128, |hash, byte| (hash * 131 + u128::from(byte)) % 1_000_003_000_001);
    FactId(Uuid::from_u128(hash + 1_000_000_000))
}

fn number(customer: &str) -> u32 {
    customer.parse().unwrap_or_else(|_| panic!("{customer} is no customer"))
}

fn micros(text: &str) -> i64 {
    parse_decimal(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A month such as 2026-03.
pub(crate) fn period(text: &str) -> Period {
    let digits: i32 = text.replace('-', "").parse().unwrap_or_else(|_| panic!("{text} is no month"));
    Period::from_number(digits).unwrap_or_else(|| panic!("{text} is no month"))
}
