//! What to post so that a month comes to stand where its close says: the difference to what is booked for it.

use std::collections::BTreeMap;

use super::{Closed, Correction, Scope};
use crate::ledger::Movement;
use crate::time::Timestamp;

/// What is booked for a month so far: adjustments and movements of `carried`, signed sums.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Posted {
    /// By correction.
    pub adjustments: BTreeMap<Correction, i64>,
    /// By scope.
    pub carried: BTreeMap<Scope, i64>,
}

/// One thing to post.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posting {
    /// The adjustment's cause; nothing for a movement of `carried`.
    pub correction: Option<Correction>,
    /// The scope that is carried or worked off; nothing for an adjustment.
    pub scope: Option<Scope>,
    /// The movement in the ledger.
    pub movement: Movement,
    /// When it takes effect: with the release of the month, also when it is posted later.
    pub effective_at: Timestamp,
}

/// The difference between what a month comes to and what is booked for it; nothing when it is closed again unchanged.
pub fn postings(closed: &Closed, booked: &Posted) -> Vec<Posting> {
    let Some(effective_at) = closed.effective_at else { return Vec::new() };
    let mut postings = Vec::new();
    let adjustments =
        closed.adjustments.iter().map(|(correction, adjusted)| (correction.clone(), adjusted.micros));
    for (correction, micros) in difference(adjustments.collect(), &booked.adjustments) {
        if let Some(movement) = Movement::adjusted(micros) {
            postings.push(Posting { correction: Some(correction), scope: None, movement, effective_at });
        }
    }
    for (scope, micros) in difference(closed.carried.clone(), &booked.carried) {
        if let Some(movement) = Movement::carried(scope.kind, micros) {
            postings.push(Posting { correction: None, scope: Some(scope), movement, effective_at });
        }
    }
    postings
}

fn difference<K: Ord + Clone>(targets: BTreeMap<K, i64>, booked: &BTreeMap<K, i64>) -> BTreeMap<K, i64> {
    let mut difference = targets;
    for (key, micros) in booked {
        let target = difference.entry(key.clone()).or_default();
        *target = target.saturating_sub(*micros);
    }
    difference
}
