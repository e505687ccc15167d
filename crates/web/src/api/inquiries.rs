//! `/v1/inquiries`: sales that affiliates miss.

pub(super) mod answer;
pub(super) mod create;
pub(super) mod list;
pub(super) mod show;

use app::inquiry::InquiryRow;
use chrono::{DateTime, Utc};
use domain::ids;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::fields::{ReferralId, schema, words};

schema! {
    InquiryState = words(
        "`open`: not answered yet. `accepted`: the customer is the affiliate's. `declined`: it is not.",
        ["open", "accepted", "declined"],
    );
}

/// A sale that an affiliate misses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Inquiry {
    /// Its number.
    id: i64,
    /// Who asks.
    affiliate_id: i64,
    /// How far it has come.
    #[schema(value_type = InquiryState)]
    state: String,
    /// The customer's id with the program, as the affiliate says.
    uid: Option<String>,
    /// The customer's e-mail address, as the affiliate says.
    email: Option<String>,
    /// What the sale is called where the money moved.
    payment_id: Option<String>,
    /// When it was, as far as the affiliate knows.
    occurred_at: Option<DateTime<Utc>>,
    /// What else the affiliate writes.
    message: String,
    /// What was attached, each with what this server can say of it.
    #[schema(value_type = Vec<std::collections::BTreeMap<String, Value>>)]
    evidence: Value,
    /// The referral that it came to. An affiliate sees it once it is accepted.
    #[schema(value_type = Option<ReferralId>)]
    referral_id: Option<String>,
    /// What the program answered.
    answer: Option<String>,
    /// When it was filed.
    created_at: DateTime<Utc>,
    /// When it was answered.
    answered_at: Option<DateTime<Utc>>,
}

impl From<InquiryRow> for Inquiry {
    fn from(row: InquiryRow) -> Inquiry {
        Inquiry {
            message: row.message().to_owned(),
            id: row.id,
            affiliate_id: row.affiliate_id,
            state: row.state,
            uid: row.uid,
            email: row.email,
            payment_id: row.source,
            occurred_at: row.occurred_at,
            evidence: row.evidence,
            referral_id: row.referral_id.map(|id| ids::ReferralId(id).to_string()),
            answer: row.answer,
            created_at: row.created_at,
            answered_at: row.answered_at,
        }
    }
}
