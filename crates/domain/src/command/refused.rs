//! Why commands are refused: what was wrong, which value, and what would be right.

use crate::affiliate;
use crate::ids::ReferralId;
use crate::referral;

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
    /// Nothing that came with a registration names an affiliate.
    #[error("nothing that came names an affiliate; {0}")]
    NotAttributed(String),
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
    /// A dispute of more than was paid.
    #[error("the dispute of {dispute} is above the payment of {payment}")]
    DisputeAbovePayment {
        /// The disputed amount.
        dispute: String,
        /// The payment.
        payment: String,
    },
    /// The dispute is in another currency than its payment.
    #[error("the dispute is in {dispute}, the payment in {payment}")]
    DisputeInOtherCurrency {
        /// The dispute's currency.
        dispute: String,
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
    #[error(
        "no brand is known as {0:?}; PUT /v1/brands/{{name}} says what its deposits and withdrawals are counted from"
    )]
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
    #[error("{field} is {value}, which is more than 5 minutes in the future")]
    InFuture {
        /// The field that says when: `occurred_at`, of a player's day `day`.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// Before 1970 or after 2199.
    #[error("{field} is {value}; expected a time between 1970 and 2199")]
    Implausible {
        /// The field that says when: `occurred_at`, of a player's day `day`.
        field: &'static str,
        /// What it says.
        value: String,
    },
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
            Refused::NotAttributed(_) => "not_attributed",
            Refused::AlreadyReferred(_) => "already_referred",
            Refused::KeyReused(_) => "key_reused",
            Refused::OtherMoney { .. } => "other_money",
            Refused::RefundAbovePayment { .. } => "refund_above_payment",
            Refused::RefundInOtherCurrency { .. } => "refund_in_other_currency",
            Refused::DisputeAbovePayment { .. } => "dispute_above_payment",
            Refused::DisputeInOtherCurrency { .. } => "dispute_in_other_currency",
            Refused::NotConvertible(_) => "not_convertible",
            Refused::AffiliateCannotEarn(_) => "affiliate_cannot_earn",
            Refused::ReferralCannotEarn(_) => "referral_cannot_earn",
            Refused::UnknownBrand(_) => "unknown_brand",
            Refused::Stale { .. } => "stale",
            Refused::OtherFigures(_) => "other_figures",
            Refused::InFuture { .. } | Refused::Implausible { .. } => "invalid_time",
            Refused::Internal(_) => "internal",
            Refused::Unavailable => "unavailable",
        }
    }
}
