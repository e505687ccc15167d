//! What a fold saw on its way: the numbers behind each outcome, told to whoever asks. The evaluator is the same one
//! that books; asked by nobody (`()`), it compiles to what it would be without.
//!
//! Here are numbers alone. What they mean in words is in `explain`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::deal::{Baseline, On};
use crate::ids::FactId;

/// Something a fold saw while it folded a fact. Amounts are in micros of the program's currency unless said otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// A payment's place in the row of counted payments, and the local date that months run from.
    Counted {
        /// 1 for the first.
        number: u32,
        /// The date of the first counted payment.
        from: NaiveDate,
    },
    /// A limit of months was looked at.
    Months {
        /// The rule's place.
        rule: u16,
        /// The first date.
        from: NaiveDate,
        /// The first date that is out again.
        until: NaiveDate,
    },
    /// A percentage was taken.
    Percentage {
        /// The rule's place.
        rule: u16,
        /// How much, in parts per million.
        ppm: u32,
        /// What of, as a fraction: numerator and denominator.
        of: (i128, i128),
        /// The unit it was rounded to.
        unit: i64,
        /// What it came to, rounded.
        micros: i64,
    },
    /// A cap per referral was looked at.
    Cap {
        /// The rule's place.
        rule: u16,
        /// The cap.
        cap: i64,
        /// What earlier facts used of it.
        used: i64,
        /// What this fact asked.
        asked: i64,
        /// What it got.
        got: i64,
    },
    /// A part was taken back for what was returned.
    Returned {
        /// The rule's place.
        rule: u16,
        /// Before.
        full: i64,
        /// What was returned, in the currency it came in.
        returned: i64,
        /// Of how much.
        of: i64,
        /// What is left.
        left: i64,
    },
    /// A qualification was judged.
    Judged {
        /// Which of both.
        on: On,
        /// What is looked at.
        baseline: Baseline,
        /// What stands; a count as whole units.
        level: i128,
        /// What must be reached.
        threshold: i128,
        /// The local date, counted from the registration, which is day 0.
        day: i64,
        /// By which fact it was reached before, where it was.
        before: Option<FactId>,
    },
}

/// Whom a fold tells what it saw.
pub trait Trace {
    /// Something was seen while this fact was folded; worked out only where somebody keeps it.
    fn see(&self, fact: FactId, seen: impl FnOnce() -> Seen);
}

impl Trace for () {
    #[inline(always)]
    fn see(&self, _: FactId, _: impl FnOnce() -> Seen) {}
}

/// Keeps what was seen, fact by fact, in the order in which it was.
#[derive(Default, Debug)]
pub struct Traced(RefCell<BTreeMap<FactId, Vec<Seen>>>);

impl Trace for Traced {
    fn see(&self, fact: FactId, seen: impl FnOnce() -> Seen) {
        self.0.borrow_mut().entry(fact).or_default().push(seen());
    }
}

impl Traced {
    /// What was seen of a fact.
    pub fn of(&self, fact: FactId) -> Vec<Seen> {
        self.0.borrow().get(&fact).cloned().unwrap_or_default()
    }
}
