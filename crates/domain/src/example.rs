//! Examples: a deal, a history told in plain statements, and what it comes to. The history is run through the engine
//! as the product runs it: fold, difference, release, close of months, sub-affiliates, payouts.
//!
//! Here is the door. The statements are in `language`, the program they happen to in `program`, the books of one
//! affiliate in `books`, deals as files in `file`. Nothing is stored and no clock is read; time moves by `at` and by
//! the dates of payouts alone.

mod books;
mod file;
mod language;
mod program;

pub use books::Books;
pub use file::{Checked, Example, File, FileError};
pub use program::Program;

use crate::currency::Currency;
use crate::deal::Terms;

/// Why a history cannot be told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("in {statement:?}: {why}")]
pub struct Problem {
    /// The statement.
    pub statement: String,
    /// What is wrong with it, and what would be right.
    pub why: String,
}

/// Tells a history to a program of one affiliate whose customers are all under one deal.
///
/// Statements are separated by `;` or a new line, `#` begins a remark:
///
/// - `in JPY`, `zone Europe/Berlin`, before any fact; `no carry over`; `brought 1 by 2` (affiliate 2 brought affiliate 1)
/// - `reg 1 DATE`, `churn 1 DATE` (1 is the customer)
/// - `pay 1 p1 100 DATE`, `pay 1 p1 119 net 100 DATE` (commissions are on 100), `pay 1 p1 100 USD = 90 DATE` (worth 90)
/// - `refund p1 30 DATE [as ID] [failed|pending]` (the newest report of an id counts), `dispute p1 30 DATE opened|won|lost`
/// - `credit 1 30 DATE`: a credit note to the customer's balance, which is no refund
/// - `withdraw 1 30 DATE`, `row 1 DATE deposits 50 pnl 100 ..` (the same customer, brand and day again restates it)
/// - `again`: the last fact is delivered once more
/// - `at DATE` moves the clock and releases what is due; `close 2026-03` closes a month
/// - `payout 20`, then `paid`, `failed` or `cancelled`, and after `paid` perhaps `returned`
///
/// Behind a fact `brand=` `country=` `product=` `plan=` `interval=` `campaign=` `coupon=`. A DATE is its first moment in
/// UTC, or a moment such as 2026-01-31T23:30.
pub fn tell(terms: &Terms, currency: Currency, history: &str) -> Result<Program, Problem> {
    let mut program = Program::new(terms.clone(), currency);
    for statement in history.lines().map(|line| line.split('#').next().unwrap_or("")) {
        for statement in statement.split(';') {
            language::run(&mut program, statement)
                .map_err(|why| Problem { statement: statement.trim().to_owned(), why })?;
        }
    }
    Ok(program)
}
