//! Ids. Facts, referrals, commissions, transfers and deal versions are named by a UUID made in the app (version 7,
//! so that they sort by time); what a wire format names by an integer is an integer per program.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is no id of the expected sort.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct InvalidId {
    /// What came.
    pub value: String,
    /// What would be right.
    pub expected: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Reads the shown form and the bare UUID.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bare = text.strip_prefix(concat!($prefix, "_")).unwrap_or(text);
                Uuid::try_parse(bare).map($name).map_err(|_| InvalidId {
                    value: text.chars().take(64).collect(),
                    expected: concat!("an id such as ", $prefix, "_ followed by 32 hexadecimal digits"),
                })
            }
        }
    };
}

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().ok().filter(|id| *id >= 0).map($name).ok_or_else(|| InvalidId {
                    value: text.chars().take(64).collect(),
                    expected: "an integer id",
                })
            }
        }
    };
}

uuid_id!(/** A fact; also the id of the log row that recorded it. */ FactId, "fact");
uuid_id!(/** A referred customer. */ ReferralId, "ref");
uuid_id!(/** A commission's header. */ CommissionId, "com");
uuid_id!(/** A movement in the ledger. */ TransferId, "tr");
uuid_id!(/** One frozen version of a deal's terms. */ DealVersionId, "dv");
uuid_id!(/** An API key (not its secret). */ KeyId, "key");
uuid_id!(/** A person whose data live in one place and can be erased. */ PersonId, "person");
uuid_id!(/** Something about a registration that a person should look at. */ ReviewId, "rev");
uuid_id!(/** A row of the log: one accepted write. */ LogId, "log");

integer_id!(/** A program, the tenant. Unique in an installation. */ ProgramId);
integer_id!(/** An affiliate within its program. */ AffiliateId);
integer_id!(/** A link within its program. */ LinkId);
integer_id!(/** A deal within its program. */ DealId);
integer_id!(/** A payout within its program. */ PayoutId);
integer_id!(/** An adjustment within its program. */ AdjustmentId);
integer_id!(/** A referral's integer name within its program, where a wire format needs one. */ ReferralNumber);

impl From<FactId> for LogId {
    /// A fact is recorded by the log row of the same id.
    fn from(fact: FactId) -> LogId {
        LogId(fact.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_what_they_show_and_the_bare_form() {
        let id = FactId(Uuid::from_u128(7));
        assert_eq!(id.to_string(), "fact_00000000000000000000000000000007");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.0.to_string().parse(), Ok(id));
        assert!("fact_7".parse::<FactId>().is_err());
        assert!("-3".parse::<AffiliateId>().is_err());
    }
}
