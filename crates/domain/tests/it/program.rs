//! A small model of a program: one affiliate with referrals under one deal, whose months are closed. Facts arrive in
//! any order; what they change is posted, also in months that are closed. After every posting the row sums to zero.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::affiliate::{History, Status};
use domain::commission::{Booked, Key, Reason, difference, hold_changes};
use domain::currency::Currency;
use domain::deal::Terms;
use domain::fact::{Attributes, Body, Fact};
use domain::fold::{Assignment, Course, Source, Truth, fold};
use domain::ids::{AffiliateId, CommissionId, DealVersionId, FactId};
use domain::ledger::{Account, Balances, Movement};
use domain::money::decimal;
use domain::period::{Asked, Chain, Closed, Input, Posted, Reading, Under, close, postings, read};
use domain::time::{Period, Timestamp, Zone};
use uuid::Uuid;

/// The affiliate of the model.
pub(crate) const AFFILIATE: AffiliateId = AffiliateId(1);

/// The brand whose deposits and withdrawals are counted from rows.
pub(crate) const ROWS: &str = "rows";

/// One referral as it is known.
#[derive(Clone, Default)]
pub(crate) struct Referral {
    facts: BTreeMap<FactId, Vec<Fact>>,
    pub(crate) booked: BTreeMap<Key, Booked>,
}

/// The program.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) terms: Arc<Terms>,
    versions: BTreeMap<DealVersionId, Arc<Terms>>,
    pub(crate) currency: Currency,
    pub(crate) zone: Zone,
    pub(crate) no_carry_over: bool,
    pub(crate) elsewhere: Vec<Asked>,
    pub(crate) referrals: BTreeMap<u32, Referral>,
    pub(crate) closed: BTreeSet<Period>,
    pub(crate) posted: BTreeMap<Period, Posted>,
    pub(crate) balances: Balances,
    pub(crate) log: Vec<String>,
    pub(crate) now: Timestamp,
}

impl Program {
    /// A program with one deal version and nothing known.
    pub(crate) fn new(terms: Terms) -> Program {
        let terms = Arc::new(terms);
        Program {
            versions: BTreeMap::from([(version(), terms.clone())]),
            terms,
            currency: Currency::EUR,
            zone: Zone::UTC,
            no_carry_over: false,
            elsewhere: Vec::new(),
            referrals: BTreeMap::new(),
            closed: BTreeSet::new(),
            posted: BTreeMap::new(),
            balances: Balances::default(),
            log: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    pub(crate) fn course(&self, referral: u32) -> Course {
        let owner = Assignment {
            from: Timestamp::UNIX_EPOCH,
            affiliate: AFFILIATE,
            terms: Some((version(), self.terms.clone())),
        };
        let statuses = BTreeMap::from([(AFFILIATE, History::always(Status::Approved))]);
        let rows = Truth { deposits: Source::Rows, withdrawals: Source::Rows };
        let booked = self.referrals.get(&referral).map(|known| known.booked.values().cloned().collect());
        Course {
            statuses,
            truths: BTreeMap::from([(ROWS.to_owned(), rows)]),
            customer: Attributes { country: Some("DE".to_owned()), ..Attributes::default() },
            booked: booked.unwrap_or_default(),
            ..Course::new(self.currency, self.zone, owner)
        }
    }

    pub(crate) fn facts(&self, referral: u32) -> Vec<Fact> {
        self.referrals
            .get(&referral)
            .into_iter()
            .flat_map(|known| known.facts.values().flatten().cloned())
            .collect()
    }

    /// Takes a fact, in whatever order it comes, and posts what it changes.
    pub(crate) fn take(&mut self, referral: u32, fact: &Fact) {
        let known = self.referrals.entry(referral).or_default();
        known.facts.entry(fact.id).or_default().push(fact.clone());
        let reason = match &fact.body {
            Body::Refund { payment, .. } | Body::Dispute { payment, .. } => Reason::Refund { of: *payment },
            _ => Reason::Fact,
        };
        let targets = fold(&self.course(referral), &self.facts(referral)).targets;
        let known = self.referrals.entry(referral).or_default();
        let mut next = known.booked.len() as u128;
        let mut new_id = || {
            next += 1;
            CommissionId(Uuid::from_u128(u128::from(referral) << 64 | next))
        };
        let mut movements: Vec<(String, Movement, Timestamp)> = Vec::new();
        for posting in difference(reason, fact.occurred_at, &targets, &known.booked, &mut new_id) {
            movements.push((posting.entry.as_str().to_owned(), posting.movement, posting.effective_at));
            known.booked.insert(posting.commission.header.key, posting.commission);
        }
        for change in hold_changes(fact.occurred_at, &targets, &known.booked) {
            let word = if change.commission.disputed { "held" } else { "let go" };
            movements
                .extend(change.movement.map(|movement| (word.to_owned(), movement, change.effective_at)));
            known.booked.insert(change.commission.header.key, change.commission);
        }
        assert_eq!(hold_changes(fact.occurred_at, &targets, &known.booked), [], "a hold changes once");
        for (word, movement, at) in movements {
            self.book(&word, movement, at);
        }
        self.release();
        self.refold_months();
    }

    /// Moves the clock; what is due by then is released.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.now = now;
        self.release();
    }

    /// Closes a month and releases what waits for it.
    pub(crate) fn close(&mut self, period: Period) {
        self.closed.insert(period);
        self.refold_months();
        self.release();
    }

    /// What a month comes to as it is known now.
    pub(crate) fn month(&self, period: Period, before: &Chain) -> Closed {
        let versions: BTreeSet<DealVersionId> = self.versions.keys().copied().collect();
        let under = Under { affiliate: AFFILIATE, versions: &versions, period };
        let mut reading = Reading::default();
        for referral in self.referrals.keys() {
            reading.add(read(&self.course(*referral), &self.facts(*referral), under));
        }
        let in_month = |at: Timestamp| self.zone.period_of(at) == period;
        let asked = self.elsewhere.iter().filter(|asked| in_month(asked.position.0)).cloned().collect();
        let earlier = self.elsewhere.iter().filter(|asked| self.zone.period_of(asked.position.0) < period);
        let input = Input {
            currency: self.currency,
            zone: self.zone,
            period,
            terms: &self.terms,
            versions: &self.versions,
            items: reading.items,
            reached: reading.reached,
            no_carry_over: self.no_carry_over,
            asked,
            asked_before: earlier.map(|asked| asked.micros).sum(),
        };
        close(&input, before)
    }

    /// Closes every closed month again, in order, and posts the differences.
    fn refold_months(&mut self) {
        let mut chain = Chain::default();
        for period in self.closed.clone() {
            let closed = self.month(period, &chain);
            let posted = self.posted.entry(period).or_default();
            let postings = postings(&closed, posted);
            for posting in &postings {
                let micros = posting.movement.on_due();
                match (&posting.correction, &posting.scope) {
                    (Some(correction), _) => {
                        *posted.adjustments.entry(correction.clone()).or_default() += micros
                    }
                    (_, Some(scope)) => *posted.carried.entry(scope.clone()).or_default() -= micros,
                    _ => unreachable!("a posting is one or the other"),
                }
            }
            let again = domain::period::postings(&closed, posted);
            assert_eq!(again, [], "closed again unchanged, nothing is posted");
            for posting in postings {
                let word = match &posting.correction {
                    Some(correction) => name_of(correction),
                    None => "carried".to_owned(),
                };
                self.book(&word, posting.movement, posting.effective_at);
            }
            chain = closed.chain;
        }
        for kind in domain::ledger::Kind::ALL {
            let carried = self.balances.get(Account::Carried(kind));
            assert!(carried <= 0, "never more is worked off than was carried: {carried}");
        }
    }

    fn release(&mut self) {
        let mut released = Vec::new();
        for booked in self.referrals.values_mut().flat_map(|known| known.booked.values_mut()) {
            let header = &booked.header;
            let is_open =
                header.after_close && !self.closed.contains(&self.zone.period_of(header.occurred_at));
            if booked.released_at.is_none() && !booked.disputed && !is_open && header.release_at <= self.now {
                booked.released_at = Some(header.release_at);
                released.extend(
                    Movement::released(header.kind, booked.standing)
                        .map(|movement| (movement, header.release_at)),
                );
            }
        }
        for (movement, at) in released {
            self.book("released", movement, at);
        }
    }

    fn book(&mut self, word: &str, movement: Movement, at: Timestamp) {
        self.balances.apply(&movement);
        assert_eq!(self.balances.sum(), 0, "the row sums to zero");
        let (debit, credit) = (movement.debit().name(), movement.credit().name());
        let amount = decimal(movement.micros().into(), 2);
        self.log.push(format!("{word} {amount} {debit} > {credit} {}", at.format("%Y-%m-%d")));
    }

    /// Every commission that stands at something.
    pub(crate) fn standings(&self) -> BTreeMap<Key, i64> {
        let booked = self.referrals.values().flat_map(|known| known.booked.values());
        booked.filter(|it| it.standing != 0).map(|it| (it.header.key, it.standing)).collect()
    }
}

/// The one version of the model's deal.
pub(crate) fn version() -> DealVersionId {
    DealVersionId(Uuid::from_u128(1))
}

/// A correction in a word.
pub(crate) fn name_of(correction: &domain::period::Correction) -> String {
    use domain::period::Correction;
    match correction {
        Correction::Tier(rule) => format!("tier {rule}"),
        Correction::CapPerMonth(rule) => format!("cap per month {rule}"),
        Correction::CapPerAffiliate(rule) => format!("cap per affiliate {rule}"),
        Correction::SpendLimit => "spend limit".to_owned(),
        Correction::Fee(index) => format!("fee {index}"),
        Correction::Milestone(index) => format!("milestone {index}"),
        Correction::Reset(scope) => match &scope.brand {
            Some(brand) => format!("reset {brand}"),
            None => "reset".to_owned(),
        },
    }
}
