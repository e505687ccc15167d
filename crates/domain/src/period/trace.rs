//! What the close of a month changes of each commission, told to whoever asks. The evaluator is the same one that books;
//! asked by nobody (`()`), it compiles to what it would be without.

use std::cell::RefCell;

use super::Correction;
use crate::commission::Key;

/// What a correction changes of a commission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The commission.
    pub key: Key,
    /// The correction it is a part of.
    pub correction: Correction,
    /// What the correction was worked out from: the level reached, or the sum before it.
    pub from: i64,
    /// What the commission was worth before it, in micros.
    pub before: i64,
    /// What it is worth after it.
    pub after: i64,
}

/// Whom a close tells what it changes.
pub trait Trace {
    /// A commission is worth something else now.
    fn change(&self, change: impl FnOnce() -> Change);
}

impl Trace for () {
    #[inline(always)]
    fn change(&self, _: impl FnOnce() -> Change) {}
}

/// Keeps what was changed, in the order in which it was.
#[derive(Default, Debug)]
pub struct Traced(RefCell<Vec<Change>>);

impl Trace for Traced {
    fn change(&self, change: impl FnOnce() -> Change) {
        self.0.borrow_mut().push(change());
    }
}

impl Traced {
    /// Everything that was changed.
    pub fn into_changes(self) -> Vec<Change> {
        self.0.into_inner()
    }
}
