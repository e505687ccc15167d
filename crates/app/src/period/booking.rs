//! What the close of a month books or would book, one thing at a time, for people to read.

use domain::ids::{AffiliateId, DealId};
use domain::period::{Correction, Scope};
use domain::time::{Period, Timestamp};

use super::Month;

/// One thing that a close books.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booking {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The root deal.
    pub deal: DealId,
    /// The month.
    pub month: Period,
    /// One of [`Booking::WORDS`].
    pub reason: &'static str,
    /// The place of the rule, fee or milestone in the terms.
    pub place: Option<u16>,
    /// What is reset, carried or worked off.
    pub scope: Option<Scope>,
    /// What it does to `due`, in micros.
    pub due_micros: i64,
    /// When it takes effect.
    pub effective_at: Timestamp,
}

impl Booking {
    /// Every word for what a close books: corrections, and what is put aside and worked off.
    pub const WORDS: [&'static str; 9] = {
        let [tier, per_month, per_affiliate, spend, fee, milestone, reset] = Correction::WORDS;
        [tier, per_month, per_affiliate, spend, fee, milestone, reset, "carried", "worked_off"]
    };
}

impl Month {
    /// What is not booked of the month, one thing at a time.
    pub fn bookings(&self) -> Vec<Booking> {
        let booking = |posting: &domain::period::Posting| {
            let due_micros = posting.movement.on_due();
            let carried = if due_micros > 0 { "carried" } else { "worked_off" };
            let of_correction = posting.correction.as_ref().and_then(Correction::scope);
            Booking {
                affiliate: self.affiliate,
                deal: self.deal,
                month: self.month,
                reason: posting.correction.as_ref().map_or(carried, Correction::as_str),
                place: posting.correction.as_ref().and_then(Correction::place),
                scope: posting.scope.as_ref().or(of_correction).cloned(),
                due_micros,
                effective_at: posting.effective_at,
            }
        };
        self.postings.iter().map(booking).collect()
    }
}
