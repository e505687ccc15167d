//! The sums of an affiliate and its commissions at an instant, as the product should show them once everything that is due
//! has been done.

use std::collections::BTreeMap;

use super::super::words::Instant;
use super::{Auditor, Payout};

/// The kinds of commissions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Lead,
    Acquisition,
    Share,
    SubAffiliate,
}

/// What an affiliate's account shows, with what was earned, adjusted and carried as a reader would say it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Books {
    pub(crate) earned: BTreeMap<Kind, i128>,
    pub(crate) pending: BTreeMap<Kind, i128>,
    pub(crate) carried: BTreeMap<Kind, i128>,
    pub(crate) adjustments: i128,
    pub(crate) due: i128,
    pub(crate) in_payout: i128,
    pub(crate) paid: i128,
}

/// A commission that stands at something: what it stands at and whether it is on hold.
pub(crate) type Commission = (i128, bool);

/// Commissions by customer, rule or cut, and affiliate.
pub(crate) type Commissions = BTreeMap<(String, usize, usize), Vec<Commission>>;

impl Books {
    /// What is owed in all.
    pub(crate) fn balance(&self) -> i128 {
        let owed = self.pending.values().chain(self.carried.values()).sum::<i128>();
        owed + self.due + self.in_payout
    }

    /// Takes away what is zero, so that books can be compared.
    pub(crate) fn trimmed(mut self) -> Books {
        for sums in [&mut self.earned, &mut self.pending, &mut self.carried] {
            sums.retain(|_, micros| *micros != 0);
        }
        self
    }
}

impl Auditor {
    /// The books of every affiliate and every commission at an instant.
    pub(crate) fn audit(&self, now: Instant) -> (Vec<Books>, Commissions) {
        let mut books = vec![Books::default(); self.people.len()];
        let mut commissions = Commissions::new();
        for name in self.customers.keys() {
            for earned in self.fold(name, None).earned {
                let (release_at, after_close) = earned.release;
                let is_open = self.closed_through.is_none_or(|closed| self.month(earned.place.0) > closed);
                let is_held = earned.is_disputed || release_at > now || (after_close && is_open);
                let of = &mut books[earned.name.2];
                *of.earned.entry(earned.kind).or_default() += earned.now;
                match is_held {
                    true => *of.pending.entry(earned.kind).or_default() += earned.now,
                    false => of.due += earned.now,
                }
                let key = (name.clone(), earned.name.1, earned.name.2);
                commissions.entry(key).or_default().push((earned.now, is_held));
            }
        }
        commissions.values_mut().for_each(|list| list.sort_unstable());
        for ((person, _, _), closed) in self.months() {
            if closed.effective_at() > now {
                continue;
            }
            let of = &mut books[person];
            of.adjustments += closed.corrections();
            of.due += closed.corrections() - closed.carried_of(None);
            for kind in [Kind::Share, Kind::SubAffiliate] {
                *of.carried.entry(kind).or_default() += closed.carried_of(Some(kind));
            }
        }
        for (person, of) in self.people.iter().zip(&mut books) {
            of.adjustments += person.adjusted;
            of.due += person.adjusted;
        }
        for (person, micros, state) in self.payouts.values() {
            let of = &mut books[*person];
            match state {
                Payout::OnItsWay => (of.due, of.in_payout) = (of.due - micros, of.in_payout + micros),
                Payout::Paid => (of.due, of.paid) = (of.due - micros, of.paid + micros),
                Payout::Undone => {}
            }
        }
        let books: Vec<Books> = books.into_iter().map(Books::trimmed).collect();
        for of in &books {
            let earned: i128 = of.earned.values().sum();
            assert_eq!(of.balance(), earned - of.paid + of.adjustments, "the auditor's own books: {of:?}");
        }
        (books, commissions)
    }

    /// What may be paid out: what is due, cut down to the smallest units, at least zero.
    pub(crate) fn payable(&self, person: usize, now: Instant) -> i128 {
        let unit = i128::from(self.program.unit);
        self.audit(now).0.get(person).map_or(0, |of| of.due.max(0) / unit * unit)
    }
}
