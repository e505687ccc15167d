//! A small model of the books of one referral: facts and decisions arrive one by one, and after each the difference
//! is posted, by the fast path where it is open. After every posting the books are audited.

use std::collections::{BTreeMap, BTreeSet};

use domain::commission::{Booked, Key, Posting, Reason, Target, difference};
use domain::exchange::Value;
use domain::fact::{Body, Fact};
use domain::fold::{Course, Folded, State, fold, step};
use domain::ids::{AffiliateId, CommissionId, FactId};
use domain::ledger::{Account, Balances, Entry, Kind, Movement};
use domain::time::Timestamp;
use uuid::Uuid;

/// Something that reaches the books.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every step is a fact")]
pub(crate) enum Step {
    /// A fact arrives; a refund whose payment is unknown waits for it.
    Fact(Fact),
    /// The rate of a payment becomes known.
    Rate { payment: FactId, value: Value },
    /// A refund fails after all.
    Fail { refund: FactId },
    /// Held commissions whose hold is over by then are released.
    Release { until: Timestamp },
    /// The staff rejects the referral.
    Reject { at: Timestamp },
}

/// The books of one referral.
pub(crate) struct Books {
    course: Course,
    state: State,
    known: Vec<Fact>,
    parked: Vec<Fact>,
    rates: BTreeMap<FactId, Value>,
    failed: BTreeSet<FactId>,
    pub(crate) booked: BTreeMap<Key, Booked>,
    pub(crate) balances: BTreeMap<AffiliateId, Balances>,
    taken_back: BTreeMap<Key, i64>,
    given: BTreeMap<Key, i64>,
}

impl Books {
    /// Empty books. A rejection is not yet known; it comes as a step.
    pub(crate) fn new(course: &Course) -> Books {
        Books {
            course: Course { rejected_at: None, ..course.clone() },
            state: State::default(),
            known: Vec::new(),
            parked: Vec::new(),
            rates: BTreeMap::new(),
            failed: BTreeSet::new(),
            booked: BTreeMap::new(),
            balances: BTreeMap::new(),
            taken_back: BTreeMap::new(),
            given: BTreeMap::new(),
        }
    }

    /// Takes what arrives and posts the difference.
    pub(crate) fn take(&mut self, step: &Step) -> Vec<Posting> {
        match step {
            Step::Fact(fact) => self.take_fact(fact),
            Step::Rate { payment, value } => {
                self.rates.insert(*payment, *value);
                let at = self.known.iter().find(|fact| fact.id == *payment).map(|fact| fact.occurred_at);
                at.map_or_else(Vec::new, |at| self.refold(Reason::Fact, at))
            }
            Step::Fail { refund } => {
                self.failed.insert(*refund);
                let found = self.known.iter().find(|fact| fact.id == *refund).cloned();
                found.map_or_else(Vec::new, |fact| self.refold(reason_of(&fact), fact.occurred_at))
            }
            Step::Release { until } => {
                self.release(*until);
                Vec::new()
            }
            Step::Reject { at } => {
                self.course.rejected_at = Some(*at);
                self.refold(Reason::Rejection, *at)
            }
        }
    }

    /// What stands above zero.
    pub(crate) fn standings(&self) -> BTreeMap<Key, (Kind, i64)> {
        let standing = self.booked.iter().filter(|(_, booked)| booked.standing != 0);
        standing.map(|(key, booked)| (*key, (booked.header.kind, booked.standing))).collect()
    }

    /// The facts as they are known now, in the order in which they came, those that came twice twice.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let stands = self.known.iter().filter(|fact| !self.failed.contains(&fact.id));
        stands.map(|fact| self.rated(fact)).collect()
    }

    /// The referral's course with the decisions taken so far.
    pub(crate) fn course(&self) -> &Course {
        &self.course
    }

    /// The stored state of the fold.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    fn take_fact(&mut self, fact: &Fact) -> Vec<Posting> {
        if let Body::Refund { payment, .. } = &fact.body
            && !self.known.iter().any(|known| known.id == *payment)
        {
            self.parked.push(fact.clone());
            return Vec::new();
        }
        self.known.push(fact.clone());
        let fast = step(&self.course, &self.state, &self.rated(fact));
        let mut postings = match fast.filter(|_| !self.failed.contains(&fact.id)) {
            Some(folded) => {
                let of_this = |key: &Key| key.fact == fact.id;
                let booked = self.booked.iter().filter(|(key, _)| of_this(key));
                let booked = booked.map(|(key, booked)| (*key, booked.clone())).collect();
                self.post(reason_of(fact), fact.occurred_at, folded, &booked)
            }
            None => self.refold(reason_of(fact), fact.occurred_at),
        };
        let mut waiting = std::mem::take(&mut self.parked);
        let is_ready =
            |parked: &mut Fact| matches!(&parked.body, Body::Refund { payment, .. } if *payment == fact.id);
        let ready: Vec<Fact> = waiting.extract_if(.., is_ready).collect();
        self.parked = waiting;
        for refund in ready {
            postings.extend(self.take_fact(&refund));
        }
        postings
    }

    fn rated(&self, fact: &Fact) -> Fact {
        let mut fact = fact.clone();
        if let (Body::Payment { value, .. }, Some(rate)) = (&mut fact.body, self.rates.get(&fact.id)) {
            *value = Some(*rate);
        }
        fact
    }

    fn refold(&mut self, reason: Reason, cause_at: Timestamp) -> Vec<Posting> {
        let folded = fold(&self.course, &self.facts());
        let booked = self.booked.clone();
        self.post(reason, cause_at, folded, &booked)
    }

    fn post(
        &mut self,
        reason: Reason,
        cause_at: Timestamp,
        folded: Folded,
        booked: &BTreeMap<Key, Booked>,
    ) -> Vec<Posting> {
        let mut ids = self.booked.len() as u128;
        let mut new_id = || {
            ids += 1;
            CommissionId(Uuid::from_u128(ids))
        };
        let postings = difference(reason, cause_at, &folded.targets, booked, &mut new_id);
        for posting in &postings {
            self.book(posting, cause_at);
        }
        self.assert_settled(reason, cause_at, &folded.targets, booked);
        self.state = folded.state;
        self.audit();
        postings
    }

    fn book(&mut self, posting: &Posting, cause_at: Timestamp) {
        let key = posting.commission.header.key;
        let before = self.booked.insert(key, posting.commission.clone());
        assert_eq!(posting.is_new, before.is_none(), "a header is new when nothing is booked: {posting:?}");
        assert_eq!(posting.is_new, posting.entry == Entry::Earned, "what is new is earned: {posting:?}");
        if let Some(before) = &before {
            assert_eq!(before.header, posting.commission.header, "a header never changes");
        }
        let delta = posting.commission.standing - before.map_or(0, |before| before.standing);
        let owed = match posting.commission.released_at {
            None => Account::Pending(posting.commission.header.kind),
            Some(_) => Account::Due,
        };
        let moved = posting.movement;
        let sides = if delta > 0 { (moved.debit(), moved.credit()) } else { (moved.credit(), moved.debit()) };
        assert_eq!(sides, (Account::Earned(posting.commission.header.kind), owed), "{posting:?}");
        assert_eq!(moved.micros(), delta.abs(), "{posting:?}");
        let release = posting.commission.released_at.unwrap_or(cause_at);
        let latest = cause_at.max(posting.commission.header.occurred_at).max(release);
        assert_eq!(posting.effective_at, latest, "{posting:?}");
        let side = if delta < 0 { &mut self.taken_back } else { &mut self.given };
        *side.entry(key).or_default() += delta.abs();
        self.balances.entry(key.affiliate).or_default().apply(&moved);
    }

    /// The same difference a second time posts nothing.
    fn assert_settled(
        &self,
        reason: Reason,
        cause_at: Timestamp,
        targets: &BTreeMap<Key, Target>,
        before: &BTreeMap<Key, Booked>,
    ) {
        let covered =
            self.booked.iter().filter(|(key, _)| before.contains_key(key) || targets.contains_key(key));
        let booked = covered.map(|(key, booked)| (*key, booked.clone())).collect();
        let again = difference(reason, cause_at, targets, &booked, || unreachable!("nothing is new now"));
        assert_eq!(again, [], "the second difference is empty");
    }

    fn release(&mut self, until: Timestamp) {
        for (key, booked) in &mut self.booked {
            if booked.released_at.is_none() && booked.header.release_at <= until {
                booked.released_at = Some(booked.header.release_at);
                if let Some(movement) = Movement::released(booked.header.kind, booked.standing) {
                    self.balances.entry(key.affiliate).or_default().apply(&movement);
                }
            }
        }
        self.audit();
    }

    /// Every account row is zero in sum and agrees with the standings, nothing stands below zero, and no more was
    /// taken back than was given.
    fn audit(&self) {
        let mut rebuilt: BTreeMap<AffiliateId, Balances> = BTreeMap::new();
        for (key, booked) in &self.booked {
            assert!(booked.standing >= 0, "{key:?} stands at {}", booked.standing);
            let sum = |side: &BTreeMap<Key, i64>| side.get(key).copied().unwrap_or(0);
            assert!(sum(&self.taken_back) <= sum(&self.given), "{key:?}: more taken back than given");
            let kind = booked.header.kind;
            let movement = match booked.released_at {
                None => Movement::earned_held(kind, booked.standing),
                Some(_) => Movement::earned_due(kind, booked.standing),
            };
            let balances = rebuilt.entry(key.affiliate).or_default();
            movement.iter().for_each(|movement| balances.apply(movement));
        }
        for (affiliate, balances) in &self.balances {
            assert_eq!(balances.sum(), 0, "the row of {affiliate}");
        }
        let moved = |rows: &BTreeMap<AffiliateId, Balances>| {
            let moved = rows.iter().filter(|(_, balances)| **balances != Balances::default());
            moved.map(|(affiliate, balances)| (*affiliate, balances.clone())).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(moved(&self.balances), moved(&rebuilt), "the rows agree with the standings");
    }
}

fn reason_of(fact: &Fact) -> Reason {
    match &fact.body {
        Body::Refund { payment, .. } | Body::Dispute { payment, .. } => Reason::Refund { of: *payment },
        _ => Reason::Fact,
    }
}
