//! The books of one affiliate in an example: account row, due lines, payouts, and what its months posted.

use std::collections::BTreeMap;

use crate::claim::{Line as Unclaimed, allocate};
use crate::commission::Key;
use crate::currency::Currency;
use crate::ledger::{Balances, Kind, Movement};
use crate::money::decimal;
use crate::period::{Closed, Posted, Posting, postings};
use crate::time::Period;

/// The books of one affiliate.
#[derive(Clone, Debug, Default)]
pub struct Books {
    balances: Balances,
    lines: Vec<Line>,
    payouts: Vec<Payout>,
    /// By month and by whose close it follows: its own, or one of an affiliate it brought.
    posted: BTreeMap<(Period, bool), Posted>,
}

/// A transfer that touched `due`, with what payouts have claimed and settled of it.
#[derive(Clone, Debug)]
struct Line {
    of: Option<Key>,
    micros: i64,
    unclaimed: i64,
    settled: i64,
}

#[derive(Clone, Debug)]
struct Payout {
    micros: i64,
    claims: Vec<(usize, i64)>,
    state: Step,
}

/// Where a payout stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Requested,
    Paid,
    /// Failed, cancelled or returned: its claims are free again.
    Freed,
}

impl Books {
    /// The account row.
    pub fn balances(&self) -> &Balances {
        &self.balances
    }

    /// One of the amounts that an expectation may name, in micros; `None` for another word. Held money is in what was
    /// earned by kind.
    pub fn amount(&self, name: &str) -> Option<i128> {
        let row = &self.balances;
        Some(match name {
            "balance" => row.balance(),
            "pending" => row.pending(),
            "due" => row.due(),
            "in_payout" => row.in_payout(),
            "carried" => row.carried(),
            "paid_out" => row.paid(),
            "adjustments" => row.adjustments(),
            "lead" => row.earned(Kind::Lead),
            "acquisition" => row.earned(Kind::Acquisition),
            "share" => row.earned(Kind::Share),
            "sub_affiliate" => row.earned(Kind::SubAffiliate),
            _ => return None,
        })
    }

    /// Books a movement, of a commission where it is one's.
    pub(super) fn book(&mut self, movement: &Movement, of: Option<Key>) {
        self.balances.apply(movement);
        let micros = movement.on_due();
        if micros != 0 {
            self.lines.push(Line { of, micros, unclaimed: micros, settled: 0 });
        }
    }

    /// Whether every line of a commission is settled by paid payouts.
    pub(super) fn is_settled(&self, key: Key) -> bool {
        let mut lines = self.lines.iter().filter(|line| line.of == Some(key));
        lines.all(|line| line.settled == line.micros)
    }

    /// Requests a payout, which claims lines.
    pub(super) fn request(&mut self, micros: i64, currency: Currency) -> Result<(), String> {
        let payable = self.balances.payable(currency.minor_unit_micros());
        if micros <= 0 || i128::from(micros) > payable {
            let payable = decimal(payable, currency.exponent());
            return Err(format!("payable is {payable}; a payout is above 0 and at most that"));
        }
        let lines: Vec<Unclaimed<usize>> = self.lines.iter().enumerate().map(unclaimed).collect();
        let claims = allocate(&lines, micros).claims;
        for (id, part) in &claims {
            self.lines[*id].unclaimed -= part;
        }
        self.payouts.push(Payout { micros, claims, state: Step::Requested });
        if let Some(movement) = Movement::payout_requested(micros) {
            self.balances.apply(&movement);
        }
        Ok(())
    }

    /// Takes the newest payout from one state to another.
    pub(super) fn step(&mut self, from: Step, to: Step) -> Result<(), String> {
        let payout = self.payouts.last_mut().filter(|payout| payout.state == from);
        let payout = payout.ok_or_else(|| format!("the newest payout is not {from:?}"))?;
        payout.state = to;
        for (id, part) in &payout.claims {
            let line = &mut self.lines[*id];
            match (from, to) {
                (_, Step::Paid) => line.settled += part,
                (Step::Paid, _) => {
                    (line.settled, line.unclaimed) = (line.settled - part, line.unclaimed + part)
                }
                (_, _) => line.unclaimed += part,
            }
        }
        let movement = match (from, to) {
            (_, Step::Paid) => Movement::payout_paid(payout.micros),
            (Step::Paid, _) => Movement::payout_returned(payout.micros),
            (_, _) => Movement::payout_released(payout.micros),
        };
        movement.iter().for_each(|movement| self.balances.apply(movement));
        Ok(())
    }

    /// Posts what a month comes to: the difference to what is posted for it.
    pub(super) fn post(&mut self, period: Period, follows: bool, closed: &Closed) {
        let posted = self.posted.entry((period, follows)).or_default();
        let difference = postings(closed, posted);
        for Posting { correction, scope, movement, .. } in difference {
            let micros = movement.on_due();
            match (correction, scope) {
                (Some(correction), _) => add(posted.adjustments.entry(correction).or_default(), micros),
                (None, Some(scope)) => add(posted.carried.entry(scope).or_default(), -micros),
                (None, None) => {}
            }
            self.balances.apply(&movement);
            self.lines.push(Line { of: None, micros, unclaimed: micros, settled: 0 });
        }
    }

    /// Whether the books agree with themselves: the row sums to zero, and unclaimed lines are what is due.
    pub fn agree(&self) -> bool {
        let unclaimed: i128 = self.lines.iter().map(|line| i128::from(line.unclaimed)).sum();
        self.balances.sum() == 0 && unclaimed == self.balances.due()
    }
}

fn unclaimed((id, line): (usize, &Line)) -> Unclaimed<usize> {
    Unclaimed { id, unclaimed_micros: line.unclaimed }
}

fn add(sum: &mut i64, micros: i64) {
    *sum = sum.saturating_add(micros);
}
