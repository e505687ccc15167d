//! What callers ask to be recorded: commands that cannot hold what storage would refuse, and the refusals they may
//! meet. How a wire format becomes a command is in `web`; how a command is decided is in `app`.

mod refused;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::attribution::Door;
use crate::fact;
use crate::fact::{Attributes, DisputeState, Figures, RefundState};
use crate::ids::{AffiliateId, FactId, ReferralId};
use crate::money::Money;
use crate::text::{Email, Slug, Source, Uid};
use crate::time::Timestamp;

pub use refused::Refused;

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
    /// `POST /v1/conversions`.
    Conversion,
    /// A conversion that a browser tells of: the pixel and the beacon.
    BrowserConversion,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 9] = [
        Operation::Native,
        Operation::ReditusPayment,
        Operation::ReditusRefund,
        Operation::ReditusConversion,
        Operation::ReditusConversionDeprecated,
        Operation::ReditusChurn,
        Operation::Activity,
        Operation::Conversion,
        Operation::BrowserConversion,
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
            Operation::Conversion => 7,
            Operation::BrowserConversion => 8,
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

    /// Whether a caller with a key or a browser comes through this door.
    pub fn door(self) -> Door {
        match self {
            Operation::BrowserConversion => Door::Browser,
            _ => Door::Keyed,
        }
    }

    /// Whether the affiliate that is named decides whatever the other evidence says: Reditus v2 (money.md §10).
    pub fn name_decides(self) -> bool {
        self == Operation::ReditusConversion
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

/// How a registration names the click that led to it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClickName {
    /// By a token that one of our redirects signed, as it came.
    Token(String),
    /// By the id that the script gave the browser.
    Client(Uuid),
}

/// The clicks that a registration may name.
pub const MOST_CLICKS: usize = 10;

/// A customer signed up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// Who referred, where the caller names somebody. A coupon and a click are evidence too, and better (money.md §10).
    pub affiliate: Option<AffiliateName>,
    /// Who else it may be: the first of these that is known, where nobody has the first name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_affiliates: Vec<AffiliateName>,
    /// The clicks that led to it, at most [`MOST_CLICKS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clicks: Vec<ClickName>,
    /// The program's own id of the customer.
    pub uid: Option<Uid>,
    /// The customer's e-mail address.
    pub email: Option<Email>,
    /// What is known of the customer: stands in for what later facts do not say.
    #[serde(default)]
    pub attributes: Attributes,
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
    /// The part of it that commissions are on, where it is not all of it (without tax), in the same currency.
    #[serde(default, with = "optional_money_parts", skip_serializing_if = "Option::is_none")]
    pub base: Option<Money>,
    /// What is bought, and where. The interval is told by its word and count below.
    #[serde(default)]
    pub attributes: Attributes,
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

/// Money of a payment was sent back, or a refund came to another state or total.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refund {
    /// The payment, by any of its source ids.
    pub payment: Source,
    /// What the refund is called where the money moved; without it the refund of the whole payment.
    pub source: Option<Source>,
    /// How much; what an earlier report of the refund said, or what is left of the payment, when it is not given.
    #[serde(with = "optional_money_parts")]
    pub amount: Option<Money>,
    /// How far it has come. Each state is a report of its own, and the newest counts; nothing is as good as
    /// succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RefundState>,
    /// The amount is all that was refunded of the payment so far: a source that reports totals is one refund, whose
    /// newest total counts (money.md §5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_total: bool,
    /// When; the time of recording when the source does not say.
    pub occurred_at: Option<Timestamp>,
}

impl Refund {
    /// The refund of what is left of a payment.
    pub fn whole(payment: Source) -> Refund {
        Refund { payment, source: None, amount: None, state: None, is_total: false, occurred_at: None }
    }
}

/// A payment was disputed, or its dispute came to an end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Dispute {
    /// The payment, by any of its source ids.
    pub payment: Source,
    /// What the dispute is called where the money moved.
    pub source: Source,
    /// How much is disputed; what an earlier report of the dispute said, or the whole payment, when it is not given.
    #[serde(with = "optional_money_parts")]
    pub amount: Option<Money>,
    /// How far it has come. Each state is a report of its own, and the newest counts.
    pub state: DisputeState,
    /// When; the time of recording when the source does not say.
    pub occurred_at: Option<Timestamp>,
}

/// A customer took money out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Who.
    pub customer: Customer,
    /// How much, in the currency it went out in.
    #[serde(with = "money_parts")]
    pub amount: Money,
    /// What it is called where the money moved.
    pub source: Source,
    /// The brand it was taken out of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
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
    /// A payment was disputed.
    Dispute(Dispute),
    /// A customer took money out.
    Withdrawal(Withdrawal),
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
            Command::Dispute(_) => fact::Kind::Dispute,
            Command::Withdrawal(_) => fact::Kind::Withdrawal,
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
            Command::Dispute(dispute) => dispute.occurred_at,
            Command::Withdrawal(withdrawal) => withdrawal.occurred_at,
            Command::Churn(churn) => churn.occurred_at,
            Command::Activity(activity) => Some(activity.starts_at),
        }
    }

    /// The names of this money, the first one its own id. A refund without one has one made from the payment's, so that a
    /// second full refund of a payment is the first one again (money.md §5), and one of a part that of the same part; one
    /// of what is left is never the same as one of a part. A report of a state has a second one that
    /// no other report of the same refund or dispute has.
    pub fn sources(&self) -> Vec<String> {
        match self {
            Command::Payment(payment) => payment.sources.iter().map(|source| source.to_string()).collect(),
            Command::Refund(refund) if refund.is_total => {
                let at = refund.occurred_at.map_or_else(String::new, |at| at.to_rfc3339());
                let amount = refund.amount.map_or_else(String::new, |amount| amount.to_string());
                let state = refund.state.unwrap_or_default();
                vec![report(refund.payment.as_str(), &format!("{amount} {state:?} {at}"))]
            }
            Command::Refund(Refund { source: Some(source), state, .. }) => {
                let own = state.map(|state| report(source.as_str(), &format!("{state:?}")));
                [source.to_string()].into_iter().chain(own).collect()
            }
            Command::Refund(Refund { payment, amount: Some(part), .. }) => {
                vec![report(payment.as_str(), &format!("refund of {part}"))]
            }
            Command::Refund(refund) => vec![format!("refund of {}", refund.payment)],
            Command::Dispute(dispute) => {
                let source = dispute.source.as_str();
                vec![source.to_owned(), report(source, &format!("{:?}", dispute.state))]
            }
            Command::Withdrawal(withdrawal) => vec![withdrawal.source.to_string()],
            Command::Activity(activity) => vec![report(activity.player.as_str(), &activity.row())],
            Command::Registration(_) | Command::Churn(_) => Vec::new(),
        }
    }

    /// What the fact is called in its referral's history, where it says so itself. All reports of one refund, of one
    /// dispute and of one day are called the same.
    pub fn source(&self) -> Option<String> {
        match self {
            Command::Activity(activity) => Some(activity.row()),
            Command::Refund(refund) if refund.is_total => Some(REFUNDS_IN_TOTAL.to_owned()),
            _ => self.sources().into_iter().next(),
        }
    }

    /// The payment that a refund or dispute is of.
    pub fn payment(&self) -> Option<&Source> {
        match self {
            Command::Refund(refund) => Some(&refund.payment),
            Command::Dispute(dispute) => Some(&dispute.payment),
            _ => None,
        }
    }
}

/// What all reports of a payment's refunds in total are called.
pub const REFUNDS_IN_TOTAL: &str = "refunds in total";

/// The name of one of several reports. No source id of money can hold the character between its parts.
fn report(source: &str, of: &str) -> String {
    format!("{of}\u{1f}{source}")
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
