//! `/v1/postbacks` and `/v1/postback_calls`: whom to call when something happened, and what came of the calls.

pub(super) mod calls;
pub(super) mod create;
pub(super) mod list;
pub(super) mod resend;
pub(super) mod show;
pub(super) mod update;

use app::postback::{DeliveryRow, PostbackRow};
use chrono::{DateTime, Utc};
use domain::postback::{Method, Trigger};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::{schema, words};

schema! {
    PostbackTrigger = words("What happened.", Trigger::ALL.map(Trigger::as_str));
    PostbackMethod = words("How it is sent.", [Method::Get, Method::Post].map(Method::as_str));
    PostbackState = words(
        "`waiting` for its first or next attempt, `delivered`, or `failed` for good.",
        ["waiting", "delivered", "failed"],
    );
}

/// Whom to call when something happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Postback {
    /// Its number in the program.
    id: i64,
    /// Its name.
    name: String,
    /// Whose customers it is about; of all affiliates if null.
    affiliate_id: Option<i64>,
    /// Only customers under this deal.
    deal_id: Option<i64>,
    /// What it is for.
    #[schema(value_type = PostbackTrigger)]
    trigger: &'static str,
    /// How it is sent.
    #[schema(value_type = PostbackMethod)]
    method: &'static str,
    /// Where to, with macros in one or two braces.
    url: String,
    /// What is sent, with macros; of a POST alone.
    body: Option<String>,
    /// Whether it is sent.
    active: bool,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    updated_at: DateTime<Utc>,
}

impl From<PostbackRow> for Postback {
    fn from(row: PostbackRow) -> Postback {
        Postback {
            id: row.id,
            name: row.name,
            affiliate_id: row.affiliate.map(|id| id.0),
            deal_id: row.deal.map(|id| id.0),
            trigger: row.trigger.as_str(),
            method: row.method.as_str(),
            url: row.url,
            body: row.body,
            active: row.active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A call that was made, or is to be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PostbackCall {
    /// Its id.
    id: Uuid,
    /// The postback.
    postback_id: i64,
    /// Whose customer or payout it is about.
    affiliate_id: i64,
    /// What it is for.
    #[schema(value_type = PostbackTrigger)]
    trigger: &'static str,
    /// How it is sent.
    #[schema(value_type = PostbackMethod)]
    method: &'static str,
    /// Where to, with the macros filled in.
    url: String,
    /// What is sent, filled in.
    body: Option<String>,
    /// What came of it.
    #[schema(value_type = PostbackState)]
    state: String,
    /// Attempts so far.
    attempts: i32,
    /// The status of the last answer.
    status: Option<i32>,
    /// The beginning of the last answer.
    response: Option<String>,
    /// Why the last attempt failed.
    error: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was attempted last.
    updated_at: DateTime<Utc>,
}

impl From<DeliveryRow> for PostbackCall {
    fn from(row: DeliveryRow) -> PostbackCall {
        PostbackCall {
            id: row.id,
            postback_id: row.postback,
            affiliate_id: row.affiliate.0,
            trigger: row.trigger.as_str(),
            method: row.method.as_str(),
            url: row.url,
            body: row.body,
            state: row.state,
            attempts: row.attempts,
            status: row.status,
            response: row.response,
            error: row.error,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
