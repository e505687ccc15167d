//! The program of an example: facts become commissions of affiliate 1 and of whoever brought it, months are closed, and
//! what stands is said in words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::Books;
use crate::affiliate::{History, Status};
use crate::commission::{Booked, Key, Reason, State, Target, difference, hold_changes};
use crate::currency::Currency;
use crate::deal::Terms;
use crate::explain::{self, Known, Told};
use crate::fact::{Body, Fact};
use crate::fold::{Assignment, Course, Source, Truth, fold};
use crate::ids::{AffiliateId, CommissionId, DealVersionId, FactId};
use crate::ledger::Movement;
use crate::money::decimal;
use crate::outcome::Note;
use crate::period::{Chain, Closed, Input, Reading, Under, close, read};
use crate::sub_affiliate::{Member, Network, follow};
use crate::time::{Period, Timestamp, Zone};

/// The affiliate whose customers they are.
const AFFILIATE: AffiliateId = AffiliateId(1);

/// The brand whose deposits and withdrawals are counted from rows.
pub(super) const ROWS: &str = "rows";

/// A program with what is known, booked and closed.
#[derive(Clone, Debug)]
pub struct Program {
    terms: Arc<Terms>,
    pub(super) currency: Currency,
    pub(super) zone: Zone,
    pub(super) no_carry_over: bool,
    /// Who brought whom.
    pub(super) parents: BTreeMap<AffiliateId, AffiliateId>,
    referrals: BTreeMap<u32, Referral>,
    books: BTreeMap<AffiliateId, Books>,
    closed: BTreeSet<Period>,
    now: Timestamp,
    /// What people call each fact.
    pub(super) names: BTreeMap<FactId, String>,
    /// Reports of refunds and disputes whose payment is not known yet, by its name.
    pub(super) parked: Vec<(String, String)>,
    pub(super) last: Option<(u32, Fact)>,
}

#[derive(Clone, Debug, Default)]
struct Referral {
    facts: Vec<Fact>,
    booked: BTreeMap<Key, Booked>,
}

fn version() -> DealVersionId {
    DealVersionId(Uuid::from_u128(1))
}

impl Program {
    pub(super) fn new(terms: Terms, currency: Currency) -> Program {
        Program {
            terms: Arc::new(terms),
            currency,
            zone: Zone::UTC,
            no_carry_over: false,
            parents: BTreeMap::new(),
            referrals: BTreeMap::new(),
            books: BTreeMap::from([(AFFILIATE, Books::default())]),
            closed: BTreeSet::new(),
            now: Timestamp::UNIX_EPOCH,
            names: BTreeMap::new(),
            parked: Vec::new(),
            last: None,
        }
    }

    /// The currency of its books.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The books of an affiliate: 1, or one that brought it.
    pub fn books(&self, affiliate: AffiliateId) -> Option<&Books> {
        self.books.get(&affiliate)
    }

    /// Whether the books of every affiliate agree with themselves.
    pub fn agrees(&self) -> bool {
        self.books.values().all(Books::agree)
    }

    pub(super) fn books_mut(&mut self) -> &mut Books {
        self.books.entry(AFFILIATE).or_default()
    }

    pub(super) fn fact_named(&self, name: &str) -> Option<(u32, &Fact)> {
        let id = self.names.iter().find(|(_, known)| *known == name)?.0;
        let facts = self
            .referrals
            .iter()
            .flat_map(|(number, known)| known.facts.iter().map(move |fact| (*number, fact)));
        facts.into_iter().find(|(_, fact)| fact.id == *id)
    }

    /// How many revisions of a row are known.
    pub(super) fn revisions(&self, source: &str) -> u64 {
        let facts = self.referrals.values().flat_map(|known| &known.facts);
        let revision = |fact: &Fact| match fact.body {
            Body::Activity { revision, .. } if fact.source == source => Some(revision),
            _ => None,
        };
        facts.filter_map(revision).max().unwrap_or(0)
    }

    /// Takes a fact, in whatever order it comes, and books what it changes.
    pub(super) fn take(&mut self, customer: u32, fact: Fact) {
        self.referrals.entry(customer).or_default().facts.push(fact.clone());
        let reason = match &fact.body {
            Body::Refund { payment, .. } | Body::Dispute { payment, .. } => Reason::Refund { of: *payment },
            _ => Reason::Fact,
        };
        let targets = self.targets(customer);
        let at = fact.occurred_at;
        let referral = self.referrals.entry(customer).or_default();
        let mut next = (u128::from(customer) << 64) + referral.booked.len() as u128;
        let new_id = || {
            next += 1;
            CommissionId(Uuid::from_u128(next))
        };
        let mut movements: Vec<(Key, Movement)> = Vec::new();
        for posting in difference(reason, at, &targets, &referral.booked, new_id) {
            let key = posting.commission.header.key;
            movements.push((key, posting.movement));
            referral.booked.insert(key, posting.commission);
        }
        for change in hold_changes(at, &targets, &referral.booked) {
            let key = change.commission.header.key;
            movements.extend(change.movement.map(|movement| (key, movement)));
            referral.booked.insert(key, change.commission);
        }
        for (key, movement) in movements {
            self.books.entry(key.affiliate).or_default().book(&movement, Some(key));
        }
        self.last = Some((customer, fact));
        self.release();
        self.refold_months();
    }

    /// What every commission by a referral should stand at, those of the affiliate and of whoever brought it.
    fn targets(&self, customer: u32) -> BTreeMap<Key, Target> {
        let folded = fold(&self.course(customer), &self.facts(customer));
        let mut targets = self.network().derive(&folded.targets);
        targets.extend(folded.targets);
        targets
    }

    /// What a fact came to and why, by its name.
    pub fn explain(&self, name: &str) -> Option<Told> {
        let (customer, fact) = self.fact_named(name)?;
        let (course, facts, network) = (self.course(customer), self.facts(customer), self.network());
        explain::tell(Known { course: &course, facts: &facts, network: &network }, fact.id)
    }

    fn facts(&self, customer: u32) -> Vec<Fact> {
        self.referrals.get(&customer).map(|known| known.facts.clone()).unwrap_or_default()
    }

    fn course(&self, customer: u32) -> Course {
        let owner = Assignment {
            from: Timestamp::UNIX_EPOCH,
            affiliate: AFFILIATE,
            terms: Some((version(), self.terms.clone())),
        };
        let known = self.referrals.get(&customer);
        let is_registration = |fact: &&Fact| matches!(fact.body, Body::Registration);
        let registration = known.and_then(|known| known.facts.iter().find(is_registration));
        let attributes = registration.map(|fact| fact.attributes.clone());
        let own = |booked: &&Booked| booked.header.key.affiliate == AFFILIATE;
        let booked = known.map(|known| known.booked.values().filter(own).cloned().collect());
        let rows = Truth { deposits: Source::Rows, withdrawals: Source::Rows };
        Course {
            statuses: BTreeMap::from([(AFFILIATE, History::always(Status::Approved))]),
            truths: BTreeMap::from([(ROWS.to_owned(), rows)]),
            customer: attributes.unwrap_or_default(),
            booked: booked.unwrap_or_default(),
            ..Course::new(self.currency, self.zone, owner)
        }
    }

    fn network(&self) -> Network {
        let members = self.parents.iter().flat_map(|(child, parent)| [*child, *parent]);
        let member = |affiliate: AffiliateId| {
            let parent = self.parents.get(&affiliate).copied();
            let member = Member {
                parents: vec![(Timestamp::UNIX_EPOCH, parent)],
                statuses: History::always(Status::Approved),
                terms: vec![(Timestamp::UNIX_EPOCH, version(), self.terms.clone())],
            };
            (affiliate, member)
        };
        Network { currency: self.currency, zone: self.zone, members: members.map(member).collect() }
    }

    /// Moves the clock; what is due by then is released.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.release();
    }

    /// Closes a month and releases what waits for it.
    pub(super) fn close(&mut self, period: Period) {
        self.closed.insert(period);
        self.now = self.now.max(self.zone.start_of(period.next().first_date()));
        self.refold_months();
        self.release();
    }

    fn refold_months(&mut self) {
        let network = self.network();
        let versions = BTreeMap::from([(version(), self.terms.clone())]);
        let ids: BTreeSet<DealVersionId> = versions.keys().copied().collect();
        let mut chains: BTreeMap<AffiliateId, Chain> = BTreeMap::new();
        for period in self.closed.clone() {
            let under = Under { affiliate: AFFILIATE, versions: &ids, period };
            let mut reading = Reading::default();
            for customer in self.referrals.keys() {
                reading.add(read(&self.course(*customer), &self.facts(*customer), under));
            }
            let earners = network.earners(AFFILIATE, self.zone.close_of(period, 0));
            let mut derived = network.read(&reading);
            let terms = self.terms.clone();
            let own = self.closed_month(period, &terms, &versions, reading, chains.get(&AFFILIATE));
            for earner in earners {
                let items = derived.extract_if(.., |(_, item)| item.key.affiliate == earner.affiliate);
                let items = Reading { items: items.map(|(_, item)| item).collect(), ..Reading::default() };
                let before = chains.get(&earner.affiliate);
                let month = self.closed_month(period, earner.terms, &versions, items, before);
                let books = self.books.entry(earner.affiliate).or_default();
                books.post(period, false, &month);
                if let Some(rate) = earner.level.percent_of_share {
                    books.post(period, true, &follow(rate, &own));
                }
                chains.insert(earner.affiliate, month.chain);
            }
            self.books_mut().post(period, false, &own);
            chains.insert(AFFILIATE, own.chain);
        }
    }

    fn closed_month(
        &self,
        period: Period,
        terms: &Terms,
        versions: &BTreeMap<DealVersionId, Arc<Terms>>,
        reading: Reading,
        before: Option<&Chain>,
    ) -> Closed {
        let input = Input {
            currency: self.currency,
            zone: self.zone,
            period,
            terms,
            versions,
            items: reading.items,
            reached: reading.reached,
            no_carry_over: self.no_carry_over,
            asked: [].into(),
            asked_before: 0,
        };
        close(&input, before.unwrap_or(&Chain::default()))
    }

    fn release(&mut self) {
        let mut released: Vec<(Key, Movement)> = Vec::new();
        for booked in self.referrals.values_mut().flat_map(|known| known.booked.values_mut()) {
            let header = &booked.header;
            let is_open =
                header.after_close && !self.closed.contains(&self.zone.period_of(header.occurred_at));
            if booked.released_at.is_none() && !booked.disputed && !is_open && header.release_at <= self.now {
                booked.released_at = Some(header.release_at);
                let movement = Movement::released(header.kind, booked.standing);
                released.extend(movement.map(|movement| (header.key, movement)));
            }
        }
        for (key, movement) in released {
            self.books.entry(key.affiliate).or_default().book(&movement, Some(key));
        }
    }

    /// What stands: every commission with its state, and each affiliate's balance with what it is made of beside
    /// commissions: `p1 share 14.00 pending; balance 14.00`.
    pub fn standing(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for (affiliate, books) in &self.books {
            let mut commissions: Vec<&Booked> =
                self.referrals.values().flat_map(|known| known.booked.values()).collect();
            commissions.retain(|booked| booked.header.key.affiliate == *affiliate);
            commissions.sort_by_key(|booked| {
                let header = &booked.header;
                (header.occurred_at, self.names.get(&header.key.fact), header.key.rule)
            });
            let mut of_one: Vec<String> =
                commissions.iter().map(|booked| self.commission(booked, books)).collect();
            for name in ["adjustments", "carried", "in_payout", "paid_out"] {
                let micros = books.amount(name).unwrap_or(0);
                if micros != 0 {
                    of_one.push(format!("{} {}", name.replace('_', " "), self.print(micros)));
                }
            }
            of_one.push(format!("balance {}", self.print(books.balances().balance())));
            let whose =
                if *affiliate == AFFILIATE { String::new() } else { format!("affiliate {affiliate}: ") };
            parts.push(whose + &of_one.join("; "));
        }
        parts.extend(self.flags());
        parts.join("; ")
    }

    /// What a person should look at: refunds above their payment, and reports whose payment is unknown.
    fn flags(&self) -> Vec<String> {
        let mut cut_off = BTreeSet::new();
        for customer in self.referrals.keys() {
            let outcomes = fold(&self.course(*customer), &self.facts(*customer)).outcomes;
            let of_it = outcomes.into_iter().filter(|(_, outcome)| outcome.note == Some(Note::CutOff));
            cut_off.extend(of_it.filter_map(|(id, _)| self.names.get(&id).cloned()));
        }
        let cut_off = cut_off.iter().map(|name| format!("flagged: {name} cut off"));
        let parked = self.parked.iter().map(|(payment, _)| format!("parked: {payment} is unknown"));
        cut_off.chain(parked).collect()
    }

    fn commission(&self, booked: &Booked, books: &Books) -> String {
        let key = booked.header.key;
        let name = self.names.get(&key.fact).map_or("", String::as_str);
        let is_settled = books.is_settled(key);
        let state = State::derive(booked.standing, booked.is_on_due(), is_settled).as_str();
        let disputed = if booked.disputed { " (disputed)" } else { "" };
        let kind = booked.header.kind.as_str().replace('_', "-");
        format!("{name} {kind} {} {state}{disputed}", self.print(booked.standing.into()))
    }

    fn print(&self, micros: i128) -> String {
        decimal(micros, self.currency.exponent())
    }
}
