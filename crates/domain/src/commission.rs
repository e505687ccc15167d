//! Commissions: a header that never changes, and signed entries. Here is the difference between what commissions
//! should stand at (`fold`) and what is booked, which is what gets posted, and the state that follows from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::deal::On;
use crate::ids::{AffiliateId, CommissionId, DealVersionId, FactId};
use crate::ledger::{Entry, Kind, Movement};
use crate::time::Timestamp;

/// What names a commission before it has an id: the fact, the rule of the deal version, and who earns it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key {
    /// The fact it is earned by.
    pub fact: FactId,
    /// The rule's place in its deal version.
    pub rule: u16,
    /// Who earns it.
    pub affiliate: AffiliateId,
}

/// What a commission should stand at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// The deal version whose rule gave it.
    pub version: DealVersionId,
    /// Its standing in micros of the program's currency.
    pub micros: i64,
    /// When its own fact occurred.
    pub occurred_at: Timestamp,
    /// When its hold ends.
    pub release_at: Timestamp,
    /// Booked straight to `due`.
    pub at_once: bool,
    /// Released by the close of its month, at `release_at`, not by the end of its hold alone.
    pub after_close: bool,
    /// Its payment is disputed: what is released is held again.
    pub disputed: bool,
    /// What the rule that gave it is on.
    pub on: On,
    /// What it was before refunds, after limits per referral.
    pub full: i64,
    /// What a percentage was taken of, in micros; zero for a flat sum.
    pub base: i64,
    /// How much of how much was returned, by which `full` became `micros`; zero of one where nothing was.
    pub returned: (i64, i64),
}

/// A commission's header: everything about it that never changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Its id.
    pub id: CommissionId,
    /// What names it.
    pub key: Key,
    /// Its kind.
    pub kind: Kind,
    /// The deal version whose rule gave it.
    pub version: DealVersionId,
    /// When its own fact occurred.
    pub occurred_at: Timestamp,
    /// When its hold ends.
    pub release_at: Timestamp,
    /// Released by the close of its month, at `release_at`, not by the end of its hold alone.
    pub after_close: bool,
}

/// A commission as it is booked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booked {
    /// Its header.
    pub header: Header,
    /// The sum of its entries, in micros.
    pub standing: i64,
    /// When it was released; `None` while it is held.
    pub released_at: Option<Timestamp>,
    /// Its payment is disputed: it is not released, and what was released is held again.
    pub disputed: bool,
}

impl Booked {
    /// Whether it stands on `due`.
    pub fn is_on_due(&self) -> bool {
        self.released_at.is_some() && !self.disputed
    }
}

/// Why an entry is posted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A fact other than a refund became known.
    Fact,
    /// A refund of this payment became known.
    Refund {
        /// The payment.
        of: FactId,
    },
    /// The staff rejected the referral.
    Rejection,
    /// A reviewer rejected what a fact earned; limits that this frees go to other facts.
    Review {
        /// The fact.
        of: FactId,
    },
}

/// One entry to post: at most one per commission and cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posting {
    /// The commission, with the entry in its standing.
    pub commission: Booked,
    /// Whether the header is new.
    pub is_new: bool,
    /// What the entry does.
    pub entry: Entry,
    /// The movement in the ledger.
    pub movement: Movement,
    /// When it takes effect (money.md §2).
    pub effective_at: Timestamp,
}

/// What to post so that what is booked comes to stand where it should: the target minus what is booked.
///
/// `cause_at` is when the cause occurred. `targets` and `booked` cover the same facts: a booked commission without
/// target comes to stand at zero. New commissions take their ids from `new_id`.
pub fn difference(
    reason: Reason,
    cause_at: Timestamp,
    targets: &BTreeMap<Key, Target>,
    booked: &BTreeMap<Key, Booked>,
    mut new_id: impl FnMut() -> CommissionId,
) -> Vec<Posting> {
    let mut postings = Vec::new();
    for (key, commission) in booked {
        let target = targets.get(key).map_or(0, |target| target.micros);
        let delta = target - commission.standing;
        let mut commission = commission.clone();
        commission.standing = target;
        let entry = entry_of(reason, key, delta);
        postings.extend(post(commission, false, entry, delta, cause_at));
    }
    for (key, target) in targets.iter().filter(|(key, _)| !booked.contains_key(key)) {
        if target.micros == 0 {
            continue;
        }
        let header = Header {
            id: new_id(),
            key: *key,
            kind: target.kind,
            version: target.version,
            occurred_at: target.occurred_at,
            release_at: target.release_at,
            after_close: target.after_close,
        };
        let released_at = target.at_once.then_some(target.occurred_at);
        let commission = Booked { header, standing: target.micros, released_at, disputed: target.disputed };
        postings.extend(post(commission, true, Entry::Earned, target.micros, cause_at));
    }
    postings
}

fn entry_of(reason: Reason, key: &Key, delta: i64) -> Entry {
    match reason {
        Reason::Rejection => Entry::Reversed,
        Reason::Review { of } if of == key.fact => Entry::Reversed,
        Reason::Refund { of } if of == key.fact && delta < 0 => Entry::Reversed,
        Reason::Refund { of } if of == key.fact => Entry::Reinstated,
        _ => Entry::Corrected,
    }
}

fn post(commission: Booked, is_new: bool, entry: Entry, delta: i64, cause_at: Timestamp) -> Option<Posting> {
    let kind = commission.header.kind;
    let (movement, released_at) = match commission.released_at.filter(|_| commission.is_on_due()) {
        None => (Movement::earned_held(kind, delta)?, cause_at),
        Some(released_at) => (Movement::earned_due(kind, delta)?, released_at),
    };
    let effective_at = cause_at.max(commission.header.occurred_at).max(released_at);
    Some(Posting { commission, is_new, entry, movement, effective_at })
}

/// A commission that a dispute holds or lets go; the movement is no entry, its standing stays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldChange {
    /// The commission with its new mark.
    pub commission: Booked,
    /// What moves between `due` and `pending`: nothing where it was not released or stands at zero.
    pub movement: Option<Movement>,
    /// When it takes effect.
    pub effective_at: Timestamp,
}

/// What disputes opened and ended by a cause hold and let go (money.md §2). To be called after [`difference`], with
/// the commissions as they are booked then.
pub fn hold_changes(
    cause_at: Timestamp,
    targets: &BTreeMap<Key, Target>,
    booked: &BTreeMap<Key, Booked>,
) -> Vec<HoldChange> {
    let mut changes = Vec::new();
    for (key, commission) in booked {
        let disputed = targets.get(key).is_some_and(|target| target.disputed);
        if disputed == commission.disputed {
            continue;
        }
        let signed = if disputed { commission.standing.checked_neg() } else { Some(commission.standing) };
        let movement = signed
            .filter(|_| commission.released_at.is_some())
            .and_then(|micros| Movement::released(commission.header.kind, micros));
        let released_at = commission.released_at.unwrap_or(cause_at);
        let effective_at = cause_at.max(commission.header.occurred_at).max(released_at);
        changes.push(HoldChange {
            commission: Booked { disputed, ..commission.clone() },
            movement,
            effective_at,
        });
    }
    changes
}

/// Where a commission stands, derived from its entries and lines.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Held.
    Pending,
    /// Payable, perhaps in part settled or in a payout.
    Due,
    /// Stands above zero and every line of it is settled.
    Paid,
    /// Stands at zero.
    Rejected,
}

impl State {
    /// The state of a commission from its standing, whether it is released and whether all its lines are settled by
    /// paid payouts.
    pub fn derive(standing: i64, released: bool, settled: bool) -> State {
        match (standing, released, settled) {
            (0, _, _) => State::Rejected,
            (_, false, _) => State::Pending,
            (1.., true, true) => State::Paid,
            (_, true, _) => State::Due,
        }
    }

    /// The word of this state.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Due => "due",
            State::Paid => "paid",
            State::Rejected => "rejected",
        }
    }
}
