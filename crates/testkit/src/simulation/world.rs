//! The customers of a random program: what they do, some of it known late, corrected, reported out of order or twice.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, TimeZone};

use super::draw::Draw;
use super::plan::{COUNTRIES, PLANS};
use super::words::{Day, Dispute, Fact, Instant, Program, Refund, Said};

/// An hour in microseconds.
pub(crate) const HOUR: Instant = 3_600_000_000;

/// Currencies that customers of an unlike program pay in; rates of the last one come late.
pub(crate) const FOREIGN: [&str; 5] = ["EUR", "USD", "GBP", "JPY", "CHF"];

struct Customer {
    name: String,
    at: Instant,
    days: BTreeMap<NaiveDate, u64>,
}

struct Paid {
    customer: String,
    name: String,
    at: Instant,
    amount: i64,
    currency: &'static str,
    left: i64,
    total: i64,
    open: Option<Fact>,
}

/// What has happened, whether or not it was told.
pub(crate) struct World {
    program: Program,
    customers: Vec<Customer>,
    payments: Vec<Paid>,
    /// What was not told yet.
    pub(crate) untold: Vec<Fact>,
    serial: u32,
}

impl World {
    /// A program in which nothing has happened.
    pub(crate) fn new(program: Program) -> World {
        World { program, customers: Vec::new(), payments: Vec::new(), untold: Vec::new(), serial: 0 }
    }

    /// Something happens up to an instant.
    pub(crate) fn happen(&mut self, draw: &mut Draw, now: Instant, affiliates: usize) {
        let has_rows = self.program.has_rows && (!self.program.has_payments || draw.one_in(2));
        match draw.below(20) {
            _ if self.customers.len() < 3 => self.register(draw, now, affiliates),
            0..3 => self.register(draw, now, affiliates),
            3..12 if has_rows => self.report(draw, now),
            3..12 => self.pay(draw, now),
            12..16 if self.program.has_payments => self.refund(draw, now),
            16..19 if self.program.has_payments => self.dispute(draw, now),
            19 if draw.one_in(2) => self.churn(draw, now),
            _ if self.program.has_rows => self.report(draw, now),
            _ => self.pay(draw, now),
        }
    }

    fn serial(&mut self, prefix: &str) -> String {
        self.serial += 1;
        format!("{prefix}_{}", self.serial)
    }

    /// An instant not long ago, sometimes long ago, not before another one. No two are equal.
    fn before(&mut self, draw: &mut Draw, now: Instant, from: Instant) -> Instant {
        let back = if draw.one_in(4) { draw.between(0, 60 * 24) } else { draw.between(0, 48) } * HOUR;
        self.serial += 1;
        let at = (now - back).max(from) / 1_000_000 * 1_000_000 + Instant::from(self.serial);
        at.clamp(from + 1, now.max(from + 1))
    }

    fn register(&mut self, draw: &mut Draw, now: Instant, affiliates: usize) {
        let name = self.serial("cus");
        let at = now - draw.between(0, 12) * HOUR - Instant::from(self.serial);
        let said = Said::Registered { affiliate: draw.index(affiliates), country: draw.pick(&COUNTRIES) };
        self.untold.push(Fact { customer: name.clone(), at, said });
        self.customers.push(Customer { name, at, days: BTreeMap::new() });
    }

    fn amount(&self, draw: &mut Draw, currency: &str) -> i64 {
        let unit = unit_of(currency);
        match self.program.is_round {
            true => unit * 4_000 * draw.between(1, 8),
            false => unit * draw.between(1, 50_000),
        }
    }

    fn pay(&mut self, draw: &mut Draw, now: Instant) {
        let place = draw.index(self.customers.len());
        let (customer, from) = (self.customers[place].name.clone(), self.customers[place].at);
        let is_foreign = !self.program.is_round && draw.one_in(3);
        let currency = if is_foreign { draw.pick(&FOREIGN) } else { self.program.currency };
        let amount = if draw.one_in(40) { 0 } else { self.amount(draw, currency) };
        let base = if self.program.is_round || draw.below(5) > 0 { None } else { Some(amount / 10 * 8) };
        let base = base.map(|base| base / 1_000_000 * 1_000_000).filter(|base| *base > 0);
        let (name, plan) = (self.serial("ch"), draw.pick(&PLANS));
        let at = self.before(draw, now, from);
        let said = Said::Paid { name: name.clone(), amount, base, currency, plan };
        self.untold.push(Fact { customer: customer.clone(), at, said });
        let paid = Paid { customer, name, at, amount, currency, left: amount, total: 0, open: None };
        self.payments.push(paid);
    }

    /// A refund with an id of its own, a new total, or a report that a refund came to another state.
    fn refund(&mut self, draw: &mut Draw, now: Instant) {
        let Some(place) = (!self.payments.is_empty()).then(|| draw.index(self.payments.len())) else {
            return;
        };
        let from = self.payments[place].at - 24 * HOUR;
        let at = self.before(draw, now, from);
        let name = self.serial("re");
        let is_round = self.program.is_round;
        let of = &mut self.payments[place];
        if of.amount == 0 || (of.left == 0 && !draw.one_in(4)) {
            return;
        }
        let (payment, currency) = (of.name.clone(), of.currency);
        let part = match is_round {
            true => of.amount / 4 * draw.between(1, 4),
            false if draw.one_in(3) => of.amount,
            false => unit_of(currency) * draw.between(1, of.amount / unit_of(currency)),
        };
        let customer = of.customer.clone();
        if draw.one_in(4) {
            of.total = part;
            let said = Said::RefundedInTotal { payment, amount: part, currency };
            self.untold.push(Fact { customer, at, said });
            return;
        }
        of.left = (of.left - part).max(0);
        let told = |state: Refund, at: Instant| {
            let (payment, name) = (payment.clone(), name.clone());
            let said = Said::Refunded { payment, name, amount: part, currency, state };
            Fact { customer: customer.clone(), at, said }
        };
        match draw.below(4) {
            0 => self.untold.push(told(Refund::Pending, at)),
            1 => {
                let end = draw.pick(&[Refund::Failed, Refund::Succeeded]);
                self.untold
                    .extend([told(Refund::Pending, at), told(end, (at + HOUR / 2).min(now.max(at + 1)))]);
            }
            _ => self.untold.push(told(Refund::Succeeded, at)),
        }
    }

    /// A dispute begins, or one that is open ends.
    fn dispute(&mut self, draw: &mut Draw, now: Instant) {
        let Some(place) = (!self.payments.is_empty()).then(|| draw.index(self.payments.len())) else {
            return;
        };
        let from = self.payments[place].at;
        let at = self.before(draw, now, from);
        let name = self.serial("dp");
        let is_round = self.program.is_round;
        let of = &mut self.payments[place];
        if of.amount == 0 {
            return;
        }
        if let Some(opened) = of.open.take() {
            let Said::Disputed { payment, name, amount, currency, .. } = opened.said else { return };
            let state = draw.pick(&[Dispute::Won, Dispute::Lost]);
            let said = Said::Disputed { payment, name, amount, currency, state };
            self.untold.push(Fact { at: at.max(opened.at + 1), customer: opened.customer, said });
            return;
        }
        let unit = unit_of(of.currency);
        let amount =
            if is_round || draw.one_in(2) { of.amount } else { unit * draw.between(1, of.amount / unit) };
        let (payment, currency) = (of.name.clone(), of.currency);
        let said = Said::Disputed { payment, name, amount, currency, state: Dispute::Opened };
        let fact = Fact { customer: of.customer.clone(), at, said };
        of.open = Some(fact.clone());
        self.untold.push(fact);
    }

    /// A day of a player is reported, or reported again.
    fn report(&mut self, draw: &mut Draw, now: Instant) {
        let place = draw.index(self.customers.len());
        let zone = self.program.zone;
        let local = |at: Instant| {
            let utc = DateTime::from_timestamp_micros(at).expect("an instant of the simulation");
            utc.with_timezone(&zone).date_naive()
        };
        let (first, last) = (local(self.customers[place].at), local(now) - Days::new(1));
        let since = (last - first).num_days();
        if since < 0 {
            return;
        }
        let back =
            if draw.one_in(4) { draw.between(0, since.min(60)) } else { draw.between(0, since.min(3)) };
        let mut day = last - Days::new(back.unsigned_abs());
        let of = &mut self.customers[place];
        if let Some(known) = draw.maybe(4, |draw| draw.index(of.days.len().max(1))) {
            day = of.days.keys().nth(known).copied().unwrap_or(day);
        }
        let revision = of.days.entry(day).or_default();
        *revision += 1;
        let midnight = day.and_hms_opt(0, 0, 0).expect("midnight");
        let at = zone.from_local_datetime(&midnight).earliest().expect("midnight").timestamp_micros();
        let (customer, revision) = (of.name.clone(), *revision);
        let figures = self.figures(draw);
        self.untold.push(Fact { customer, at, said: Said::Reported { day, revision, figures } });
    }

    fn figures(&self, draw: &mut Draw) -> Day {
        let hundred = self.program.unit * 100;
        let mut figures = Day {
            pnl: hundred * draw.between(-300, 300),
            bonuses: if draw.one_in(3) { hundred * draw.between(0, 20) } else { 0 },
            deductions: if draw.one_in(4) { hundred * draw.between(0, 20) } else { 0 },
            volume: hundred * draw.between(0, 500),
            count: draw.between(0, 20),
            ..Day::default()
        };
        if !self.program.has_payments {
            figures.deposits = if draw.one_in(3) { hundred * draw.between(1, 300) } else { 0 };
            figures.withdrawals = if draw.one_in(4) { hundred * draw.between(1, 200) } else { 0 };
        }
        figures
    }

    fn churn(&mut self, draw: &mut Draw, now: Instant) {
        let place = draw.index(self.customers.len());
        let (customer, from) = (self.customers[place].name.clone(), self.customers[place].at);
        let at = self.before(draw, now, from);
        self.untold.push(Fact { customer, at, said: Said::Churned });
    }

    /// The name of some customer.
    pub(crate) fn someone(&self, draw: &mut Draw) -> Option<String> {
        (!self.customers.is_empty()).then(|| self.customers[draw.index(self.customers.len())].name.clone())
    }
}

/// The smallest unit of a currency, in micros.
fn unit_of(currency: &str) -> i64 {
    match currency {
        "JPY" => 1_000_000,
        "KWD" => 1_000,
        _ => 10_000,
    }
}
