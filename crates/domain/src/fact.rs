//! Facts: what happened to a referral, immutable, with an identity and a time of their own.

use serde::{Deserialize, Serialize};

use crate::ids::FactId;
use crate::money::Money;
use crate::time::Timestamp;

/// The sorts of facts, in the order in which facts of one instant are folded (money.md §1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A customer signed up.
    Registration,
    /// A customer paid the program.
    Payment,
    /// Money of a payment was sent back.
    Refund,
    /// A customer left.
    Churn,
}

impl Kind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Kind; 4] = [Kind::Registration, Kind::Payment, Kind::Refund, Kind::Churn];

    /// The number under which the kind is stored, which is its rank in the canonical order.
    pub fn code(self) -> i16 {
        match self {
            Kind::Registration => 0,
            Kind::Payment => 1,
            Kind::Refund => 2,
            Kind::Churn => 3,
        }
    }

    /// The kind of a stored number.
    pub fn from_code(code: i16) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The word of this kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Registration => "registration",
            Kind::Payment => "payment",
            Kind::Refund => "refund",
            Kind::Churn => "churn",
        }
    }
}

/// What a fact says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// A customer signed up.
    Registration,
    /// A customer paid.
    Payment {
        /// The amount as it came, in the currency it came in.
        amount: Money,
        /// The amount in the program's currency; `None` while the rate is missing.
        value: Option<Money>,
    },
    /// Money of a payment was sent back.
    Refund {
        /// The payment it belongs to.
        payment: FactId,
        /// The amount in the payment's currency.
        amount: Money,
    },
    /// A customer left.
    Churn,
}

/// A fact as the fold sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    /// The fact's own id.
    pub id: FactId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its source id, which breaks ties of the canonical order.
    pub source: String,
    /// What it says.
    pub body: Body,
}

/// A fact's place in the canonical order: time, then kind, then source id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Position(pub Timestamp, pub Kind, pub String);

impl Fact {
    /// The sort of fact.
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Registration => Kind::Registration,
            Body::Payment { .. } => Kind::Payment,
            Body::Refund { .. } => Kind::Refund,
            Body::Churn => Kind::Churn,
        }
    }

    /// The fact's place in the canonical order.
    pub fn position(&self) -> Position {
        Position(self.occurred_at, self.kind(), self.source.clone())
    }
}
