//! The facts of one simulated customer: its registration, and what it pays, gets back and gives up afterwards.

use chrono::Days;
use domain::command::{Activity, AffiliateName, Churn, Command, Customer, Payment, Refund, Registration};
use domain::currency::Currency;
use domain::fact::{Figures, Play};
use domain::money::{MICROS, Money};
use domain::text::{Email, Slug, Source, TextError, Uid};
use domain::time::{Timestamp, Zone};

use super::cast::{Partner, referrer};
use super::generator::Generator;
use super::year::{Event, Year};

/// The slug of a program's default affiliate, to whom customers belong that nobody referred.
const ORGANIC: &str = "organic";

/// A subscription's period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Interval {
    Month,
    Year,
}

impl Interval {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Interval::Month => "month",
            Interval::Year => "year",
        }
    }

    /// How many months it has.
    pub(super) fn months(self) -> u32 {
        match self {
            Interval::Month => 1,
            Interval::Year => 12,
        }
    }
}

/// A customer whose year is being written. What lies beyond the end of the year is left out.
pub(super) struct Life {
    pub(super) generator: Generator,
    pub(super) registered_at: Timestamp,
    index: usize,
    uid: Uid,
    zone: Zone,
    end: Timestamp,
    payments: usize,
    events: Vec<Event>,
}

/// Who a customer is, by kind of program.
pub(super) struct Identity {
    /// The name of the streams of numbers.
    pub(super) stream: &'static str,
    /// What customer ids begin with.
    pub(super) uid: &'static str,
    /// How addresses are made.
    pub(super) address: fn(&mut Generator, usize) -> String,
    /// Who refers.
    pub(super) partners: &'static [Partner],
    /// How many in a thousand come by themselves.
    pub(super) organic: i64,
}

impl Life {
    /// A customer registers on some day of the year, later days being somewhat likelier.
    pub(super) fn begin(identity: &Identity, year: &Year, index: usize) -> Result<Life, TextError> {
        let mut generator = Generator::of(identity.stream, index as u64);
        let (one, other) = (generator.below(year.days()), generator.below(year.days()));
        let day = if generator.chance(400) { one.max(other) } else { one };
        let seconds = generator.between(7 * 3600, 23 * 3600 - 1);
        let registered_at = year.at(day, seconds);
        let month = year.months().iter().rposition(|month| month.from <= registered_at).unwrap_or(0);
        let is_organic = generator.chance(identity.organic);
        let referrer = referrer(&mut generator, identity.partners, month).filter(|_| !is_organic);
        let slug = referrer.map_or(ORGANIC, |referrer| identity.partners[referrer].slug);
        let uid = Uid::parse(&format!("{}{}", identity.uid, 10_001 + index))?;
        let address = (identity.address)(&mut generator, index);
        let registration = Registration {
            attributes: domain::fact::Attributes::default(),
            affiliate: Some(AffiliateName::Slug(Slug::parse(slug)?)),
            other_affiliates: Vec::new(),
            clicks: Vec::new(),
            uid: Some(uid.clone()),
            email: Some(Email::parse(&address)?),
            occurred_at: Some(registered_at),
        };
        let (zone, end) = (year.zone, year.end());
        let mut life =
            Life { generator, registered_at, index, uid, zone, end, payments: 0, events: Vec::new() };
        life.push(registered_at, Command::Registration(registration));
        Ok(life)
    }

    /// Whether an instant is still in the year.
    pub(super) fn is_told(&self, at: Timestamp) -> bool {
        at < self.end
    }

    /// The customer pays; returns what the payment is called.
    pub(super) fn pay(
        &mut self,
        at: Timestamp,
        cents: i64,
        subscription: Option<Interval>,
    ) -> Result<Source, TextError> {
        self.payments += 1;
        let source = Source::parse(&format!("pay-{}-{}", self.uid, self.payments))?;
        let payment = Payment {
            base: None,
            attributes: domain::fact::Attributes::default(),
            customer: self.customer(),
            amount: euro_cents(cents),
            sources: vec![source.clone()],
            subscription_id: subscription.map(|_| format!("sub-{}", self.uid)),
            interval: subscription.map(|interval| interval.as_str().to_owned()),
            interval_count: subscription.map(|_| 1),
            occurred_at: Some(at),
        };
        self.push(at, Command::Payment(payment));
        Ok(source)
    }

    /// The customer gets money back: a part of a payment, or what is left of it.
    pub(super) fn refund(
        &mut self,
        at: Timestamp,
        payment: &Source,
        cents: Option<i64>,
    ) -> Result<(), TextError> {
        let source = cents.map(|_| Source::parse(&format!("part-of-{payment}"))).transpose()?;
        let refund = Refund {
            source,
            amount: cents.map(euro_cents),
            occurred_at: Some(at),
            ..Refund::whole(payment.clone())
        };
        self.push(at, Command::Refund(refund));
        Ok(())
    }

    /// The figures of a day's play at a brand, which come in the early morning of the next day.
    pub(super) fn play(&mut self, at: Timestamp, brand: &str, play: Play, count: u32) {
        let day = self.zone.date_of(at);
        let starts_at = self.zone.start_of(day);
        let told_at = self.zone.start_of(day + Days::new(1)) + chrono::Duration::hours(4);
        let figures = Figures { activity_count: count, play, ..Figures::default() };
        let (player, brand) = (self.uid.clone(), brand.to_owned());
        let activity = Activity { player, brand, day, starts_at, revision: None, figures };
        self.push(told_at, Command::Activity(Box::new(activity)));
    }

    /// The customer leaves.
    pub(super) fn churn(&mut self, at: Timestamp) {
        let churn = Churn { customer: self.customer(), occurred_at: Some(at) };
        self.push(at, Command::Churn(churn));
    }

    /// An instant some days and a few hours later.
    pub(super) fn later(&mut self, at: Timestamp, first_day: i64, last_day: i64) -> Timestamp {
        let days = self.generator.between(first_day, last_day);
        at + chrono::Duration::days(days) + chrono::Duration::seconds(self.generator.between(60, 6 * 3600))
    }

    /// What happened, from the first to the last.
    pub(super) fn end(self) -> Vec<Event> {
        self.events
    }

    fn customer(&self) -> Customer {
        Customer { uid: Some(self.uid.clone()), ..Customer::default() }
    }

    fn push(&mut self, at: Timestamp, command: Command) {
        if self.is_told(at) {
            self.events.push(Event { at, customer: self.index, command });
        }
    }
}

fn euro_cents(cents: i64) -> Money {
    Money::from_micros(cents * (MICROS / 100), Currency::EUR)
}
