//! What is booked beside what a fact came to. Whoever reads the books fills it in; here is what it says.

use chrono::NaiveDate;
use serde::Serialize;

use crate::currency::Currency;
use crate::fact::Attributes;
use crate::ids::{AffiliateId, CommissionId, DealId, DealVersionId, FactId, LogId, ReferralId, TransferId};
use crate::ledger::Kind;
use crate::time::Timestamp;

/// A fact as it was recorded.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FactAccount {
    /// Its id.
    #[serde(serialize_with = "shown")]
    pub id: FactId,
    /// Its sort.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The referral; nothing while it waits.
    #[serde(serialize_with = "shown_if")]
    pub referral_id: Option<ReferralId>,
    /// What the money is called where it moved; nothing for an affiliate.
    pub source_id: Option<String>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The version of the rules that first decided it.
    pub engine: i16,
    /// How far a refund or dispute had come.
    pub state: Option<String>,
    /// The payment that a refund or dispute is of.
    #[serde(serialize_with = "shown_if")]
    pub payment_id: Option<FactId>,
    /// The amount as it came.
    pub amount: Option<String>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// What it is worth in the program's currency.
    pub value: Option<String>,
    /// The program's currency.
    pub value_currency: Currency,
    /// The rates by which it was converted.
    pub exchange: Option<ExchangeAccount>,
    /// What it says that conditions look at, with what the registration stands in for; nothing for an affiliate.
    pub attributes: Option<Attributes>,
}

/// The rates by which an amount was converted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ExchangeAccount {
    /// Their day.
    pub day: NaiveDate,
    /// One euro in the currency of the amount.
    pub amount_rate: String,
    /// Where that rate came from: `ecb` or `import`; nothing for the euro itself.
    pub amount_rate_source: Option<String>,
    /// One euro in the program's currency.
    pub value_rate: String,
    /// Where that rate came from.
    pub value_rate_source: Option<String>,
}

/// A version of a deal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DealAccount {
    /// The deal.
    pub id: DealId,
    /// Its name.
    pub name: String,
    /// The version's number.
    pub version: i32,
    /// The version's id.
    #[serde(serialize_with = "shown")]
    pub version_id: DealVersionId,
}

/// A commission as it is booked.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CommissionAccount {
    /// Its id.
    #[serde(serialize_with = "shown")]
    pub id: CommissionId,
    /// Who earns it.
    pub affiliate_id: AffiliateId,
    /// The rule's place in the deal of whoever referred.
    pub rule: u16,
    /// What a parent takes of it; nothing for the affiliate's own.
    pub cut: Option<&'static str>,
    /// Its kind.
    pub kind: Kind,
    /// What it stands at.
    pub amount: String,
    /// Where it stands.
    pub state: &'static str,
    /// When its hold ends.
    pub release_at: Timestamp,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// Whether it stands at what the rules say now.
    pub agrees: bool,
    /// Its transfers in the order in which they were booked.
    pub transfers: Vec<TransferAccount>,
}

/// A transfer, with what caused it in words.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TransferAccount {
    /// Its id.
    #[serde(serialize_with = "shown")]
    pub id: TransferId,
    /// The commission it belongs to.
    #[serde(serialize_with = "shown_if")]
    pub commission_id: Option<CommissionId>,
    /// The account it leaves.
    pub debit: String,
    /// The account it reaches.
    pub credit: String,
    /// How much, above zero.
    pub amount: String,
    /// The sort of entry: `earned`, `corrected`, `reversed`, `reinstated`; nothing for what moves without changing what
    /// the commission stands at.
    pub entry: Option<&'static str>,
    /// What caused it: `fact`, `release`, `decision`, `close`.
    pub cause: &'static str,
    /// What caused it, in words.
    pub because: String,
    /// When it takes effect.
    pub effective_at: Timestamp,
    /// The month it is posted in.
    pub period: String,
    /// The log row that recorded it.
    #[serde(serialize_with = "shown")]
    pub log_id: LogId,
    /// The version of the rules that booked it.
    pub engine: i16,
}

/// What the close of a month made of commissions on the fact.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MonthAccount {
    /// The month.
    pub month: String,
    /// Whose month.
    pub affiliate_id: AffiliateId,
    /// Under which deal.
    pub deal_id: DealId,
    /// When what it books takes effect; nothing while it is open.
    pub effective_at: Option<Timestamp>,
    /// What was corrected, in the order in which it was.
    pub corrections: Vec<CorrectionAccount>,
}

/// A correction of the close of a month, and the part of it that is a commission's on this fact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CorrectionAccount {
    /// `tier`, `cap_per_month`, `cap_per_affiliate`, `spend_limit`, `fee`, `milestone`, `reset`.
    pub reason: &'static str,
    /// In words: what was reached, or what the limit is.
    pub text: String,
    /// What it is of the whole month, signed.
    pub amount: String,
    /// What of it is for this fact, signed; nothing where it is of the month as a whole.
    pub of_this: Option<String>,
}

/// A refund or dispute of the fact.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LaterAccount {
    /// Its id.
    #[serde(serialize_with = "shown")]
    pub id: FactId,
    /// `refund` or `dispute`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How far it had come.
    pub state: Option<String>,
    /// Its amount.
    pub amount: Option<String>,
    /// The currency of the amount.
    pub currency: Option<Currency>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What it changed of the commissions on this fact, signed, in the program's currency.
    pub changed: String,
}

/// Ids as they are shown, with their prefix.
fn shown<T: std::fmt::Display, S: serde::Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn shown_if<T: std::fmt::Display, S: serde::Serializer>(
    id: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}
