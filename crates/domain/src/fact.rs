//! Facts: what happened to a referral, immutable, with an identity and a time of their own.

use serde::{Deserialize, Serialize};

use crate::exchange::Value;
use crate::ids::FactId;
use crate::money::Money;
use crate::time::Timestamp;

/// The sorts of facts.
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
    /// A customer disputed a payment, or the dispute came to an end.
    Dispute,
    /// A player took money out.
    Withdrawal,
    /// The daily figures of a player.
    Activity,
}

impl Kind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Kind; 7] = [
        Kind::Registration,
        Kind::Payment,
        Kind::Refund,
        Kind::Churn,
        Kind::Dispute,
        Kind::Withdrawal,
        Kind::Activity,
    ];

    /// The number under which the kind is stored.
    pub fn code(self) -> i16 {
        match self {
            Kind::Registration => 0,
            Kind::Payment => 1,
            Kind::Refund => 2,
            Kind::Churn => 3,
            Kind::Dispute => 4,
            Kind::Withdrawal => 5,
            Kind::Activity => 6,
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
            Kind::Dispute => "dispute",
            Kind::Withdrawal => "withdrawal",
            Kind::Activity => "activity",
        }
    }

    /// The rank among facts of one instant (money.md §1).
    pub fn rank(self) -> Rank {
        match self {
            Kind::Registration => Rank::Registration,
            Kind::Payment | Kind::Activity => Rank::Payment,
            Kind::Refund | Kind::Dispute | Kind::Withdrawal => Rank::Refund,
            Kind::Churn => Rank::Churn,
        }
    }
}

/// The order of facts of one instant: registration, what comes in, what goes out, churn (money.md §1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// Registrations.
    Registration,
    /// Payments (deposits) and activity rows.
    Payment,
    /// Refunds, disputes and withdrawals.
    Refund,
    /// Churn.
    Churn,
}

/// How often a subscription is paid.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// Every day.
    Day,
    /// Every week.
    Week,
    /// Every month.
    Month,
    /// Every three months.
    Quarter,
    /// Every six months.
    HalfYear,
    /// Every year.
    Year,
    /// Once.
    Once,
}

impl Interval {
    /// The word of this interval.
    pub fn as_str(self) -> &'static str {
        match self {
            Interval::Day => "day",
            Interval::Week => "week",
            Interval::Month => "month",
            Interval::Quarter => "quarter",
            Interval::HalfYear => "half_year",
            Interval::Year => "year",
            Interval::Once => "once",
        }
    }

    /// The interval that providers write as a unit and a count: `month` and 3 is a quarter. `None` where there is no
    /// word for it.
    pub fn from_unit(unit: &str, count: u32) -> Option<Interval> {
        match (unit, count) {
            ("day", 1) => Some(Interval::Day),
            ("week", 1) | ("day", 7) => Some(Interval::Week),
            ("month", 1) => Some(Interval::Month),
            ("quarter", 1) | ("month", 3) => Some(Interval::Quarter),
            ("half_year", 1) | ("month", 6) => Some(Interval::HalfYear),
            ("year", 1) | ("month", 12) => Some(Interval::Year),
            ("once", _) => Some(Interval::Once),
            _ => None,
        }
    }
}

/// What a fact says of itself that conditions of rules look at.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Attributes {
    /// The brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The customer's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The interval of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The coupon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
}

/// How far a refund has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// On its way; it counts.
    Pending,
    /// Arrived.
    #[default]
    Succeeded,
    /// Came to nothing; it does not count.
    Failed,
}

impl RefundState {
    /// The word of this state.
    pub fn as_str(self) -> &'static str {
        match self {
            RefundState::Pending => "pending",
            RefundState::Succeeded => "succeeded",
            RefundState::Failed => "failed",
        }
    }
}

/// How far a dispute has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// Opened: takes nothing, but holds what was earned.
    Opened,
    /// Won by the program: as if it had not been.
    Won,
    /// Lost by the program: the money went back.
    Lost,
}

impl DisputeState {
    /// The word of this state.
    pub fn as_str(self) -> &'static str {
        match self {
            DisputeState::Opened => "opened",
            DisputeState::Won => "won",
            DisputeState::Lost => "lost",
        }
    }
}

/// A part of a player's day that terms may tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Casino games.
    Casino,
    /// Sports betting.
    Sport,
}

impl Section {
    /// The section of a word.
    pub fn from_word(word: &str) -> Option<Section> {
        match word {
            "casino" => Some(Section::Casino),
            "sport" => Some(Section::Sport),
            _ => None,
        }
    }
}

/// What was played, in micros of the program's currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Play {
    /// The operator's P&L (gross gaming revenue), below zero where players won.
    pub pnl: i64,
    /// Bonuses given.
    pub bonuses: i64,
    /// Deductions of the operator.
    pub deductions: i64,
    /// What was wagered.
    pub volume: i64,
}

impl Play {
    /// P&L less bonuses and deductions (money.md §6).
    pub fn net_pnl(&self) -> i128 {
        i128::from(self.pnl) - i128::from(self.bonuses) - i128::from(self.deductions)
    }
}

/// The figures of one player, brand and day, in micros of the program's currency.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// The first deposit, where the row carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_deposit: Option<i64>,
    /// What was deposited, the first deposit included.
    pub deposits: i64,
    /// How often was deposited.
    pub deposit_count: u32,
    /// What was withdrawn.
    pub withdrawals: i64,
    /// How often was withdrawn.
    pub withdrawal_count: u32,
    /// Chargebacks (cashbacks); shown, and part of no commission.
    pub chargebacks: i64,
    /// How often was played.
    pub activity_count: u32,
    /// All that was played.
    pub play: Play,
    /// Of it the casino, where the row is split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub casino: Option<Play>,
    /// Of it sport, where the row is split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sport: Option<Play>,
}

/// What a fact says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// A customer signed up.
    Registration,
    /// A caller with a key said of a customer, whom only a browser had told of, who referred it. The registration stays
    /// the browser's; this earns nothing.
    Conversion,
    /// A customer paid.
    Payment {
        /// The amount as it came, in the currency it came in, gross.
        amount: Money,
        /// What it is worth in the program's currency; `None` while the exchange rate is missing.
        value: Option<Value>,
        /// The part of the value that commissions are on, where it is not all of it (without tax), in the program's
        /// currency and converted by the same rates. Refunds are in proportion to the gross amount.
        base: Option<Value>,
    },
    /// Money of a payment was sent back, or a refund came to another state or total. The newest report of a refund id
    /// counts.
    Refund {
        /// The payment it belongs to.
        payment: FactId,
        /// The amount of this refund so far, in the payment's currency.
        amount: Money,
        /// The refund's own id; a source that reports totals of a payment has one for all of them.
        refund: String,
        /// How far it has come.
        state: RefundState,
    },
    /// A payment was disputed, or its dispute came to an end. The newest report of a dispute id counts.
    Dispute {
        /// The payment it belongs to.
        payment: FactId,
        /// The disputed amount, in the payment's currency.
        amount: Money,
        /// The dispute's own id.
        dispute: String,
        /// How far it has come.
        state: DisputeState,
    },
    /// A player took money out.
    Withdrawal {
        /// The amount as it came.
        amount: Money,
        /// The amount in the program's currency; `None` while the rate is missing.
        value: Option<Money>,
    },
    /// The figures of a day. A row keeps its id (and source and time) through its revisions; of several the highest
    /// revision counts.
    Activity {
        /// Only grows; the highest counts.
        revision: u64,
        /// The figures; `None` while the rate is missing.
        figures: Option<Box<Figures>>,
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
    /// What conditions of rules look at.
    pub attributes: Attributes,
    /// What it says.
    pub body: Body,
}

/// A fact's place in the canonical order: time, then rank, then source id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Position(pub Timestamp, pub Rank, pub String);

impl Fact {
    /// The sort of fact.
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Registration | Body::Conversion => Kind::Registration,
            Body::Payment { .. } => Kind::Payment,
            Body::Refund { .. } => Kind::Refund,
            Body::Dispute { .. } => Kind::Dispute,
            Body::Withdrawal { .. } => Kind::Withdrawal,
            Body::Activity { .. } => Kind::Activity,
            Body::Churn => Kind::Churn,
        }
    }

    /// The fact's place in the canonical order.
    pub fn position(&self) -> Position {
        Position(self.occurred_at, self.kind().rank(), self.source.clone())
    }
}
