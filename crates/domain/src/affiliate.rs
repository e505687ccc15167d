//! An affiliate's status, which is a dated list: what an affiliate earns by a fact depends on the status in force
//! when the fact occurred (money.md §4).

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Where an affiliate stands with the program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Applied and not yet decided.
    Pending,
    /// Works with the program.
    Approved,
    /// Refused.
    Declined,
    /// Cannot log in; earns on (Smartico contract §4.2).
    Suspended,
    /// Earns nothing from then on, and nothing is filled in later.
    Blocked,
}

/// The change of status is not allowed (Smartico contract §4.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an affiliate that is {from} cannot become {to}")]
pub struct StatusRefused {
    /// The status in force.
    pub from: Status,
    /// The status asked for.
    pub to: Status,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 5] =
        [Status::Pending, Status::Approved, Status::Declined, Status::Suspended, Status::Blocked];

    /// Whether facts that occur under this status earn commissions.
    pub fn earns(self) -> bool {
        matches!(self, Status::Approved | Status::Suspended)
    }

    /// The word of this status, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Approved => "approved",
            Status::Declined => "declined",
            Status::Suspended => "suspended",
            Status::Blocked => "blocked",
        }
    }

    /// The status of a stored word.
    pub fn from_word(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Checks a change. Nobody becomes pending again, and a suspended affiliate is not declined.
    pub fn transition(self, to: Status) -> Result<Status, StatusRefused> {
        use Status::{Declined, Pending, Suspended};
        match (self, to) {
            (from, to) if from == to => Ok(to),
            (_, Pending) | (Suspended, Declined) => Err(StatusRefused { from: self, to }),
            (_, to) => Ok(to),
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The dated list of an affiliate's statuses. The first holds for all time before it too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct History(Vec<(Timestamp, Status)>);

impl History {
    /// A list from its entries in any order; entries of the same instant count in the order given.
    pub fn new(mut entries: Vec<(Timestamp, Status)>) -> History {
        entries.sort_by_key(|(from, _)| *from);
        History(entries)
    }

    /// One status for ever.
    pub fn always(status: Status) -> History {
        History(vec![(Timestamp::UNIX_EPOCH, status)])
    }

    /// The status in force at an instant; an empty list is pending.
    pub fn at(&self, at: Timestamp) -> Status {
        let in_force = self.0.iter().rev().find(|(from, _)| *from <= at).or(self.0.first());
        in_force.map_or(Status::Pending, |(_, status)| *status)
    }

    /// Since when each status was in force.
    pub fn dates(&self) -> impl Iterator<Item = Timestamp> {
        self.0.iter().map(|(from, _)| *from)
    }

    /// The list as it was before anything of an instant was added to it; the first status is always there.
    pub fn known_before(&self, at: Timestamp) -> History {
        let mut place = 0;
        let mut entries = self.0.clone();
        entries.retain(|(from, _)| {
            place += 1;
            place == 1 || *from < at
        });
        History(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_in_force_counts() {
        let at = |text: &str| text.parse::<Timestamp>().expect(text);
        let history = History::new(vec![
            (at("2026-03-01T00:00:00Z"), Status::Blocked),
            (at("2026-01-01T00:00:00Z"), Status::Approved),
        ]);
        assert_eq!(history.at(at("2025-12-01T00:00:00Z")), Status::Approved);
        assert_eq!(history.at(at("2026-02-28T23:59:59Z")), Status::Approved);
        assert_eq!(history.at(at("2026-03-01T00:00:00Z")), Status::Blocked);
        assert!(!Status::Blocked.earns() && Status::Suspended.earns());
        let blocked_at = at("2026-03-01T00:00:00Z");
        assert_eq!(history.known_before(blocked_at).at(blocked_at), Status::Approved);
        assert_eq!(history.known_before(at("2025-01-01T00:00:00Z")).at(blocked_at), Status::Approved);
    }

    #[test]
    fn nobody_becomes_pending_again() {
        for from in Status::ALL {
            let refused = from != Status::Pending;
            assert_eq!(from.transition(Status::Pending).is_err(), refused, "{from}");
        }
        assert!(Status::Suspended.transition(Status::Declined).is_err());
        assert_eq!(Status::Pending.transition(Status::Approved), Ok(Status::Approved));
    }
}
