//! What callers ask to be recorded: commands that cannot hold what storage would refuse, and the refusals they may
//! meet. How a wire format becomes a command is in `web`; how a command is decided is in `app`.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::affiliate;
use crate::fact;
use crate::fact::Figures;
use crate::ids::{AffiliateId, FactId, ReferralId};
use crate::money::Money;
use crate::referral;
use crate::text::{Email, Slug, Source, Uid};
use crate::time::Timestamp;

/// The door a command came through. An idempotency key is scoped by it, because answers differ by dialect.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Operation {
    /// `POST /v1/events` and its bulk form; also the command line and the demo.
    Native,
    /// `POST /reditus/api/v1/payments`.
    ReditusPayment,
    /// `POST /reditus/api/v1/refunds`.
    ReditusRefund,
    /// `POST /reditus/api/v2/tracking/conversion`.
    ReditusConversion,
    /// `POST /reditus/api/v1/tracking/conversion`.
    ReditusConversionDeprecated,
    /// `POST /reditus/api/v1/referrals/churn`.
    ReditusChurn,
    /// `POST /v1/activity`.
    Activity,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 7] = [
        Operation::Native,
        Operation::ReditusPayment,
        Operation::ReditusRefund,
        Operation::ReditusConversion,
        Operation::ReditusConversionDeprecated,
        Operation::ReditusChurn,
        Operation::Activity,
    ];

    /// The number under which the operation is stored.
    pub fn code(self) -> i16 {
        match self {
            Operation::Native => 0,
            Operation::ReditusPayment => 1,
            Operation::ReditusRefund => 2,
            Operation::ReditusConversion => 3,
            Operation::ReditusConversionDeprecated => 4,
            Operation::ReditusChurn => 5,
            Operation::Activity => 6,
        }
    }

    /// The operation of a stored number.
    pub fn from_code(code: i16) -> Option<Operation> {
        Operation::ALL.into_iter().find(|operation| operation.code() == code)
    }

    /// Whether payments of blocked affiliates and of rejected or expired referrals are refused rather than kept
    /// without earning (money.md §5).
    pub fn refuses_what_cannot_earn(self) -> bool {
        self == Operation::ReditusPayment
    }

    /// Whether the source id that comes through this door is an idempotency key as well: it then names the whole
    /// request, so that any other content under it is a conflict, not only other money.
    pub fn source_is_key(self) -> bool {
        self == Operation::ReditusPayment
    }
}

/// Who is meant: at least one identifier, tried in this order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Customer {
    /// The program's own id of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// The referral's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ReferralId>,
    /// The customer's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

impl Customer {
    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.uid.is_none() && self.id.is_none() && self.email.is_none()
    }
}

/// How a conversion names its affiliate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AffiliateName {
    /// By id.
    Id(AffiliateId),
    /// By the word in its links.
    Slug(Slug),
    /// By its partner key.
    PartnerKey(String),
}

/// A customer signed up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// Who referred.
    pub affiliate: AffiliateName,
    /// The program's own id of the customer.
    pub uid: Option<Uid>,
    /// The customer's e-mail address.
    pub email: Option<Email>,
    /// When; the time of recording when the source does not say.
    pub occurred_at: Option<Timestamp>,
}

/// A customer paid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// Who.
    pub customer: Customer,
    /// How much, at least zero, in the currency it came in.
    #[serde(with = "money_parts")]
    pub amount: Money,
    /// What the payment is called where the money moved. Without any, the idempotency key names it.
    pub sources: Vec<Source>,
    /// The subscription it belongs to.
    pub subscription_id: Option<String>,
    /// `month` or `year`, as it came.
    pub interval: Option<String>,
    /// How many intervals it pays for.
    pub interval_count: Option<u32>,
    /// When; the time of recording when the source does not say.
    pub occurred_at: Option<Timestamp>,
}

/// Money of a payment was sent back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refund {
    /// The payment, by any of its source ids.
    pub payment: Source,
    /// What the refund is called where the money moved; without it the refund of the whole payment.
    pub source: Option<Source>,
    /// How much; what is left of the payment when it is not given.
    #[serde(with = "optional_money_parts")]
    pub amount: Option<Money>,
    /// When; the time of recording when the source does not say.
    pub occurred_at: Option<Timestamp>,
}

/// A customer left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Churn {
    /// Who.
    pub customer: Customer,
    /// When; the time of recording when the source does not say.
    pub occurred_at: Option<Timestamp>,
}

/// The figures of a player's day at a brand, or a newer report of them (money.md §6).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Activity {
    /// The player.
    pub player: Uid,
    /// The brand.
    pub brand: String,
    /// The day, in the program's zone.
    pub day: NaiveDate,
    /// The start of that day.
    pub starts_at: Timestamp,
    /// Only grows; without one the last accepted report counts.
    pub revision: Option<u64>,
    /// The figures.
    pub figures: Figures,
}

impl Activity {
    /// What names the row among the facts of its referral.
    pub fn row(&self) -> String {
        format!("activity {} {}", self.brand, self.day)
    }
}

/// Something to record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A customer signed up.
    Registration(Registration),
    /// A customer paid.
    Payment(Payment),
    /// Money of a payment was sent back.
    Refund(Refund),
    /// A customer left.
    Churn(Churn),
    /// A player's day.
    Activity(Box<Activity>),
}

impl Command {
    /// The sort of fact it becomes.
    pub fn kind(&self) -> fact::Kind {
        match self {
            Command::Registration(_) => fact::Kind::Registration,
            Command::Payment(_) => fact::Kind::Payment,
            Command::Refund(_) => fact::Kind::Refund,
            Command::Churn(_) => fact::Kind::Churn,
            Command::Activity(_) => fact::Kind::Activity,
        }
    }

    /// When the source says it happened.
    pub fn occurred_at(&self) -> Option<Timestamp> {
        match self {
            Command::Registration(registration) => registration.occurred_at,
            Command::Payment(payment) => payment.occurred_at,
            Command::Refund(refund) => refund.occurred_at,
            Command::Churn(churn) => churn.occurred_at,
            Command::Activity(activity) => Some(activity.starts_at),
        }
    }

    /// The source ids that name this money: of a payment its own, of a refund its own or the one made from the
    /// payment's, so that a second full refund of a payment is the first one again (money.md §5).
    pub fn sources(&self) -> Vec<String> {
        match self {
            Command::Payment(payment) => payment.sources.iter().map(|source| source.to_string()).collect(),
            Command::Refund(refund) => match &refund.source {
                Some(source) => vec![source.to_string()],
                None => vec![format!("refund of {}", refund.payment)],
            },
            // No source id of money can hold this character.
            Command::Activity(activity) => vec![format!("{}\u{1f}{}", activity.row(), activity.player.as_str())],
            Command::Registration(_) | Command::Churn(_) => Vec::new(),
        }
    }
}

/// Why a command is refused. Nothing is stored, and the key stays free.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No referral has the identifiers.
    #[error("no referral matches {0}")]
    UnknownCustomer(String),
    /// No payment has the source id.
    #[error("no payment is known as {0:?}")]
    UnknownPayment(String),
    /// No affiliate has the name.
    #[error("no affiliate is known as {0:?}")]
    UnknownAffiliate(String),
    /// The customer is a referral already.
    #[error("the customer is already a referral ({0})")]
    AlreadyReferred(ReferralId),
    /// The key was used for another command.
    #[error("the idempotency key {0:?} was used for a request with other content")]
    KeyReused(String),
    /// The source id names other money.
    #[error("{source_id:?} is already recorded with another {field}")]
    OtherMoney {
        /// The source id.
        source_id: String,
        /// What differs: amount, currency, customer, payment or kind.
        field: &'static str,
    },
    /// A single refund above its payment.
    #[error("the refund of {refund} is above the payment of {payment}")]
    RefundAbovePayment {
        /// The refund.
        refund: String,
        /// The payment.
        payment: String,
    },
    /// The refund is in another currency than its payment.
    #[error("the refund is in {refund}, the payment in {payment}")]
    RefundInOtherCurrency {
        /// The refund's currency.
        refund: String,
        /// The payment's currency.
        payment: String,
    },
    /// The amount's value in the program's currency is above what an amount may be.
    #[error("{0}")]
    NotConvertible(String),
    /// The affiliate cannot earn, and this door says so.
    #[error("the affiliate is {0}")]
    AffiliateCannotEarn(affiliate::Status),
    /// The referral cannot earn, and this door says so.
    #[error("the referral is {0}")]
    ReferralCannotEarn(referral::State),
    /// No brand has the name.
    #[error("no brand is known as {0:?}; PUT /v1/brands/{{name}} says what its deposits and withdrawals are counted from")]
    UnknownBrand(String),
    /// A newer report of the day is recorded.
    #[error("revision {given} is stale: revision {known} of this day is recorded")]
    Stale {
        /// The revision that came.
        given: u64,
        /// The newest one.
        known: u64,
    },
    /// The same revision of the day is recorded with other figures.
    #[error("revision {0} of this day is recorded with other figures; a correction needs a higher revision")]
    OtherFigures(u64),
    /// Later than the program's clock allows.
    #[error("occurred_at is {0}, which is more than 5 minutes in the future")]
    InFuture(String),
    /// Before 1970 or after 2199.
    #[error("occurred_at is {0}; expected a time between 1970 and 2199")]
    Implausible(String),
    /// Something broke; nothing was stored. The reference finds it in the log.
    #[error("something went wrong on our side; nothing was recorded (reference {0})")]
    Internal(String),
    /// Too much to do, or no database; try again.
    #[error("the service is busy; try again in a moment")]
    Unavailable,
}

impl Refused {
    /// A stable code for programs to read.
    pub fn code(&self) -> &'static str {
        match self {
            Refused::UnknownCustomer(_) => "unknown_customer",
            Refused::UnknownPayment(_) => "unknown_payment",
            Refused::UnknownAffiliate(_) => "unknown_affiliate",
            Refused::AlreadyReferred(_) => "already_referred",
            Refused::KeyReused(_) => "key_reused",
            Refused::OtherMoney { .. } => "other_money",
            Refused::RefundAbovePayment { .. } => "refund_above_payment",
            Refused::RefundInOtherCurrency { .. } => "refund_in_other_currency",
            Refused::NotConvertible(_) => "not_convertible",
            Refused::AffiliateCannotEarn(_) => "affiliate_cannot_earn",
            Refused::ReferralCannotEarn(_) => "referral_cannot_earn",
            Refused::UnknownBrand(_) => "unknown_brand",
            Refused::Stale { .. } => "stale",
            Refused::OtherFigures(_) => "other_figures",
            Refused::InFuture(_) | Refused::Implausible(_) => "invalid_time",
            Refused::Internal(_) => "internal",
            Refused::Unavailable => "unavailable",
        }
    }
}

/// A payment as a replayed or known fact is compared with a new command of the same source id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownMoney {
    /// The fact.
    pub fact: FactId,
    /// Its kind.
    pub kind: fact::Kind,
    /// Its amount.
    pub amount: Money,
}

mod money_parts {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::currency::Currency;
    use crate::money::Money;

    pub(super) fn serialize<S: Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
        (money.micros(), money.currency()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        let (micros, currency) = <(i64, Currency)>::deserialize(deserializer).map_err(D::Error::custom)?;
        Ok(Money::from_micros(micros, currency))
    }
}

mod optional_money_parts {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::currency::Currency;
    use crate::money::Money;

    pub(super) fn serialize<S: Serializer>(money: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
        money.map(|money| (money.micros(), money.currency())).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
        let parts = <Option<(i64, Currency)>>::deserialize(deserializer)?;
        Ok(parts.map(|(micros, currency)| Money::from_micros(micros, currency)))
    }
}
