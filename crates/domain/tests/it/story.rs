//! The language of the text tables: a deal in words, a history of facts and decisions in the order in which they
//! become known, and what comes of them.
//!
//! Deal: rules `20%`, `flat 40`, `lead 5`; behind a rule `first`, `renewals`, `for 3 months`, `for 2 payments`;
//! for the whole deal `hold 30`, `only_full`; or just `organic`.
//!
//! History: `in JPY`, `zone Europe/Berlin`; facts `reg DATE`, `pay p1 100 EUR DATE` (a foreign amount with its value,
//! `= 90`, with the rates of a euro, `at 1.0876` or `at 1.0876/0.8412`, or without, `= ?`), `refund p1 30 DATE`,
//! `churn DATE`; what becomes known later `rate p1 90`, `rate p1 at 1.0876`, `fail r1` (refunds are r1, r2, ...),
//! `again p1`; decisions `block DATE`, `approve DATE`, `suspend DATE`, `decline DATE`,
//! `pend DATE`, `reject DATE`, `expire DATE`, `move 2 DATE` (to affiliate 2), `deal DATE TERMS`, `release DATE`. The
//! affiliate is 1. A DATE is its first moment in UTC, or a moment such as 2026-01-31T23:30.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use domain::affiliate::{self, Status};
use domain::commission::Posting;
use domain::currency::Currency;
use domain::deal::{FlatRefund, Occurrence, On, Reward, Rule, Terms};
use domain::exchange::{Exchange, Value};
use domain::fact::{Attributes, Body, Fact, RefundState};
use domain::fold::{Assignment, Course, Folded, fold};
use domain::ids::{AffiliateId, DealVersionId, FactId};
use domain::money::{Amount, Money, decimal, parse_decimal};
use domain::outcome::{LineResult, Note, Outcome};
use domain::rate::Rate;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::books::{Books, Step};

/// Folds a history and compares what every fact earned: `p1: share 14.00; p2: nothing (not first)`. A fact on which
/// no rule is and of which there is nothing to say is left out. The same must come out when the history becomes
/// known piece by piece, in the order told, backwards, and from its middle.
pub(crate) fn check(deal: &str, history: &str, expected: &str) {
    let story = Story::tell(deal, history);
    let folded = story.fold();
    assert_eq!(story.earnings(&folded), expected, "\n  deal: {deal}\n  history: {history}");
    let backwards: Vec<Step> = story.steps.iter().rev().cloned().collect();
    let mut from_the_middle = story.steps.clone();
    from_the_middle.rotate_left(story.steps.len() / 2);
    for order in [story.steps.clone(), backwards, from_the_middle] {
        let mut books = Books::new(&story.course);
        order.iter().for_each(|step| drop(books.take(step)));
        let targets = folded.targets.iter().map(|(key, target)| (*key, (target.kind, target.micros)));
        assert_eq!(books.standings(), targets.collect(), "\n  deal: {deal}\n  in the order: {order:#?}");
        assert_eq!(books.state(), &folded.state, "\n  deal: {deal}\n  in the order: {order:#?}");
    }
}

/// Compares what is posted as the history becomes known, in the order told:
/// `p1: earned share 20.00 of p1 held 2026-01-01`.
pub(crate) fn check_postings(deal: &str, history: &str, expected: &[&str]) {
    let story = Story::tell(deal, history);
    let mut books = Books::new(&story.course);
    let mut printed = Vec::new();
    for step in &story.steps {
        let postings = books.take(step);
        printed.extend(postings.iter().map(|posting| story.posting(step, posting)));
    }
    assert_eq!(printed, expected, "\n  deal: {deal}\n  history: {history}");
}

/// Compares the referral's state: `paid since 2026-01-01`.
pub(crate) fn check_referral(history: &str, expected: &str) {
    let folded = Story::tell("20%", history).fold();
    let since = folded.state.referral_since.map_or_else(|| "never".to_owned(), print_moment);
    assert_eq!(format!("{} since {since}", folded.state.referral), expected, "\n  history: {history}");
}

/// Compares the first payment, as the figures of first deposits know it: `p1 on 2026-01-01 of 1: 10.00`.
pub(crate) fn check_first_payment(history: &str, expected: &str) {
    let story = Story::tell("20%", history);
    let printed = story.fold().state.first_payment.map_or_else(
        || "none".to_owned(),
        |first| {
            let value = first.value.map_or_else(|| "unknown".to_owned(), |value| story.print(value.0));
            format!("{} on {} of {}: {value}", story.names[&first.fact], first.date, first.affiliate)
        },
    );
    assert_eq!(printed, expected, "\n  history: {history}");
}

/// Compares when each commission's hold ends: `p1: 2026-01-31`, or `p1: at once`.
pub(crate) fn check_release(deal: &str, history: &str, expected: &str) {
    let story = Story::tell(deal, history);
    let folded = story.fold();
    let releases = folded.targets.iter().map(|(key, target)| {
        let release = if target.at_once { "at once".to_owned() } else { print_moment(target.release_at) };
        format!("{}: {release}", story.names[&key.fact])
    });
    assert_eq!(releases.collect::<Vec<_>>().join("; "), expected, "\n  deal: {deal}\n  history: {history}");
}

/// A history, read.
pub(crate) struct Story {
    /// The referral's course with all its decisions.
    pub(crate) course: Course,
    /// What becomes known, in the order told.
    pub(crate) steps: Vec<Step>,
    names: BTreeMap<FactId, String>,
    statuses: BTreeMap<AffiliateId, Vec<(Timestamp, Status)>>,
    refunds: usize,
}

impl Story {
    /// Reads a deal and a history.
    pub(crate) fn tell(deal: &str, history: &str) -> Story {
        let terms = read_terms(deal).map(|terms| (DealVersionId(Uuid::from_u128(1)), Arc::new(terms)));
        let first = Assignment { from: Timestamp::UNIX_EPOCH, affiliate: AffiliateId(1), terms };
        let course = Course::new(Currency::EUR, domain::time::Zone::UTC, first);
        let always = vec![(Timestamp::UNIX_EPOCH, Status::Approved)];
        let statuses = BTreeMap::from([(AffiliateId(1), always.clone()), (AffiliateId(2), always)]);
        let mut story = Story { course, steps: Vec::new(), names: BTreeMap::new(), statuses, refunds: 0 };
        for statement in history.split(';') {
            let words: Vec<&str> = statement.split_whitespace().collect();
            story.read(&words);
        }
        for (affiliate, entries) in &story.statuses {
            story.course.statuses.insert(*affiliate, affiliate::History::new(entries.clone()));
        }
        story
    }

    /// The fold of all that is known in the end.
    pub(crate) fn fold(&self) -> Folded {
        let mut books = Books::new(&self.course);
        self.steps.iter().for_each(|step| drop(books.take(step)));
        fold(&self.course, &books.facts())
    }

    fn read(&mut self, words: &[&str]) {
        match words {
            [] => {}
            ["in", code] => self.course.currency = code.parse().expect(code),
            ["zone", name] => self.course.zone = name.parse().expect(name),
            ["reg", date] => self.add("reg", date, Body::Registration),
            ["churn", date] => self.add("churn", date, Body::Churn),
            ["pay", name, amount, code, date, value @ ..] => {
                self.read_payment(name, amount, code, date, value)
            }
            ["refund", payment, amount, date] => {
                self.refunds += 1;
                let payment = self.id_of(payment);
                let amount = Money::from_micros(micros(amount), self.currency_of(payment));
                let name = format!("r{}", self.refunds);
                let state = RefundState::Succeeded;
                self.add(&name, date, Body::Refund { payment, amount, refund: name.clone(), state });
            }
            ["again", name] => {
                let id = self.id_of(name);
                let is_it = |step: &&Step| matches!(step, Step::Fact(fact) if fact.id == id);
                let again = self.steps.iter().find(is_it).expect("a fact of that name").clone();
                self.steps.push(again);
            }
            ["rate", payment, value] => {
                let value = Money::from_micros(micros(value), self.course.currency).into();
                self.steps.push(Step::Rate { payment: self.id_of(payment), value });
            }
            ["rate", payment, "at", rates] => {
                let payment = self.id_of(payment);
                let value = exchanged(self.amount_of(payment), rates, self.course.currency);
                self.steps.push(Step::Rate { payment, value });
            }
            ["fail", refund] => self.steps.push(Step::Fail { refund: self.id_of(refund) }),
            ["release", date] => self.steps.push(Step::Release { until: moment(date) }),
            _ => self.read_decision(words),
        }
    }

    fn read_decision(&mut self, words: &[&str]) {
        let in_force = self.course.assignments.last().expect("there is a first one").clone();
        match words {
            ["reject", date] => {
                self.course.rejected_at = Some(moment(date));
                self.steps.push(Step::Reject { at: moment(date) });
            }
            ["expire", date] => self.course.expires_at = Some(moment(date)),
            ["move", affiliate, date] => {
                let affiliate = affiliate.parse().expect(affiliate);
                self.course.assignments.push(Assignment { from: moment(date), affiliate, ..in_force });
            }
            ["deal", date, terms @ ..] => {
                let version = DealVersionId(Uuid::from_u128(self.course.assignments.len() as u128 + 1));
                let terms = read_terms(&terms.join(" ")).map(|terms| (version, Arc::new(terms)));
                self.course.assignments.push(Assignment { from: moment(date), terms, ..in_force });
            }
            [status @ ("block" | "approve" | "suspend" | "decline" | "pend"), date] => {
                let status = match *status {
                    "block" => Status::Blocked,
                    "approve" => Status::Approved,
                    "suspend" => Status::Suspended,
                    "decline" => Status::Declined,
                    _ => Status::Pending,
                };
                self.statuses.entry(AffiliateId(1)).or_default().push((moment(date), status));
            }
            _ => panic!("not a statement of the language: {words:?}"),
        }
    }

    fn read_payment(&mut self, name: &str, amount: &str, code: &str, date: &str, value: &[&str]) {
        let amount = Money::from_micros(micros(amount), code.parse().expect(code));
        let value = match value {
            [] if amount.currency() == self.course.currency => Some(amount.into()),
            ["=", "?"] => None,
            ["=", value] => Some(Money::from_micros(micros(value), self.course.currency).into()),
            ["at", rates] => Some(exchanged(amount, rates, self.course.currency)),
            _ => panic!("{name} is in {code}; say its value in {} (= 90) or = ?", self.course.currency),
        };
        self.add(name, date, Body::Payment { amount, value, base: None });
    }

    fn add(&mut self, name: &str, date: &str, body: Body) {
        // Later facts get lower ids, so that nothing can rely on the order of ids.
        let id = FactId(Uuid::from_u128(1000 - self.names.len() as u128));
        self.names.insert(id, name.to_owned());
        let source = name.to_owned();
        self.steps.push(Step::Fact(Fact {
            id,
            occurred_at: moment(date),
            source,
            attributes: Attributes::default(),
            body,
        }));
    }

    fn id_of(&self, name: &str) -> FactId {
        let found = self.names.iter().find(|(_, known)| *known == name);
        *found.unwrap_or_else(|| panic!("{name} is not told yet")).0
    }

    fn currency_of(&self, payment: FactId) -> Currency {
        self.amount_of(payment).currency()
    }

    fn amount_of(&self, payment: FactId) -> Money {
        let found = self.steps.iter().find_map(|step| match step {
            Step::Fact(Fact { id, body: Body::Payment { amount, .. }, .. }) if *id == payment => {
                Some(*amount)
            }
            _ => None,
        });
        found.expect("refunds and rates are of a payment")
    }

    fn earnings(&self, folded: &Folded) -> String {
        let mut seen = Vec::new();
        let mut printed = Vec::new();
        for step in &self.steps {
            let Step::Fact(fact) = step else { continue };
            let Some(outcome) = folded.outcomes.get(&fact.id).filter(|_| !seen.contains(&fact.id)) else {
                continue;
            };
            seen.push(fact.id);
            let parts = self.outcome(fact, outcome);
            if !parts.is_empty() {
                printed.push(format!("{}: {}", self.names[&fact.id], parts.join(" + ")));
            }
        }
        printed.join("; ")
    }

    fn outcome(&self, fact: &Fact, outcome: &Outcome) -> Vec<String> {
        let owner = self.course.owner_at(fact.occurred_at);
        let note = outcome.note.iter().map(|note| match note {
            Note::CutOff => "cut off".to_owned(),
            Note::AffiliateStatus(status) => format!("nothing (affiliate {status})"),
            note => format!("nothing ({})", words_of(note)),
        });
        let lines = outcome.lines.iter().filter_map(|line| match &line.result {
            LineResult::Skipped(domain::outcome::Why::OtherFact) => None,
            LineResult::Skipped(why) => Some(format!("nothing ({})", words_of(why))),
            LineResult::Earned(amount) => {
                let (_, terms) = owner.terms.as_ref().expect("who earns has terms");
                let kind = terms.rules[usize::from(line.rule)].kind().as_str();
                let to =
                    if owner.affiliate == AffiliateId(1) { "" } else { &format!(" to {}", owner.affiliate) };
                Some(format!("{kind} {}{to}", self.print(amount.0)))
            }
        });
        note.chain(lines).collect()
    }

    fn posting(&self, step: &Step, posting: &Posting) -> String {
        let cause = match step {
            Step::Fact(fact) => self.names[&fact.id].clone(),
            Step::Rate { payment, .. } => format!("rate {}", self.names[payment]),
            Step::Fail { refund } => format!("fail {}", self.names[refund]),
            Step::Reject { .. } => "reject".to_owned(),
            Step::Release { .. } => "release".to_owned(),
        };
        let header = &posting.commission.header;
        let side = if posting.commission.released_at.is_some() { "due" } else { "held" };
        let taken_back = matches!(posting.movement.credit(), domain::ledger::Account::Earned(_));
        let signed = if taken_back { -posting.movement.micros() } else { posting.movement.micros() };
        format!(
            "{cause}: {} {} {} of {} {side} {}",
            posting.entry.as_str(),
            header.kind.as_str(),
            self.print(signed),
            self.names[&header.key.fact],
            print_moment(posting.effective_at)
        )
    }

    fn print(&self, micros: i64) -> String {
        decimal(i128::from(micros), self.course.currency.exponent())
    }
}

fn read_terms(text: &str) -> Option<Terms> {
    if text == "organic" {
        return None;
    }
    let mut terms = Terms::default();
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let mut next = || words.next().unwrap_or_else(|| panic!("{text}: something must follow {word}"));
        let on_payment = |reward| (On::Payment, reward);
        let rule = match word {
            "flat" => Some(on_payment(Reward::Flat(Amount(micros(next()))))),
            "lead" => Some((On::Registration, Reward::Flat(Amount(micros(next()))))),
            _ => word.strip_suffix('%').map(|rate| {
                on_payment(Reward::Percent(Rate::from_percent(rate).expect("a percentage above 0")))
            }),
        };
        if let Some((on, reward)) = rule {
            terms.rules.push(Rule::new(on, reward));
            continue;
        }
        let mut rule = terms.rules.last_mut();
        let mut rule = || rule.take().unwrap_or_else(|| panic!("{text}: {word} belongs behind a rule"));
        match word {
            "first" => rule().when.occurrence = Some(Occurrence::First),
            "renewals" => rule().when.occurrence = Some(Occurrence::Renewal),
            "for" => match (next(), next()) {
                (count, "months") => rule().limits.months = Some(count.parse().expect(count)),
                (count, "payments") => rule().limits.payments = Some(count.parse().expect(count)),
                other => panic!("{text}: for {other:?}"),
            },
            "hold" => {
                let days = next();
                terms.hold_days = days.parse().expect(days);
            }
            "only_full" => terms.flat_refund = FlatRefund::OnlyFull,
            _ => panic!("{text}: what is {word}?"),
        }
    }
    Some(terms)
}

/// The value at `1.0876/0.8412`: what one euro is in the payment's currency and in the program's. One number alone is
/// the first, for a program in euros.
fn exchanged(amount: Money, rates: &str, currency: Currency) -> Value {
    let (from, to) = rates.split_once('/').unwrap_or((rates, "1"));
    let rate = |text: &str| text.parse().unwrap_or_else(|error| panic!("{error}"));
    let exchange = Exchange { day: chrono::NaiveDate::MIN, from: rate(from), to: rate(to) };
    exchange.value(amount, currency).unwrap_or_else(|error| panic!("{error}"))
}

fn micros(text: &str) -> i64 {
    parse_decimal(text).expect("an amount")
}

/// A date's first moment in UTC, or a moment to the minute.
pub(crate) fn moment(text: &str) -> Timestamp {
    match text.parse::<NaiveDate>() {
        Ok(date) => date.and_time(chrono::NaiveTime::MIN).and_utc(),
        Err(_) => format!("{text}:00Z").parse().unwrap_or_else(|_| panic!("{text} is no moment")),
    }
}

fn print_moment(at: Timestamp) -> String {
    let full = at.format("%Y-%m-%dT%H:%M").to_string();
    full.strip_suffix("T00:00").map(str::to_owned).unwrap_or(full)
}

/// The stored word of a note or reason, as words.
fn words_of(word: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(word).expect("a unit variant");
    value.as_str().expect("a unit variant").replace('_', " ")
}
