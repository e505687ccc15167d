//! `/v1/affiliates`: who refers.

pub(super) mod balances;
pub(super) mod create;
pub(super) mod list;
pub(super) mod show;
pub(super) mod update;

use app::affiliate::AffiliateRow;
use chrono::{DateTime, Utc};
use domain::affiliate::Status;
use domain::currency::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{self, Amount, amount, schema, words};

schema! {
    AffiliateStatus = words(
        "`approved` and `suspended` affiliates earn; `pending`, `declined` and `blocked` ones do not, and nothing is \
         filled in later.",
        Status::ALL.map(Status::as_str),
    );
    Slug = fields::pattern(
        "The word in an affiliate's links: letters, digits, '-', '_', '.' and '~'; kept in lower case.",
        "^[a-z0-9._~-]{1,100}$", "jane",
    );
}

/// Who refers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Affiliate {
    /// Its number in the program.
    id: i64,
    /// Display name.
    name: Option<String>,
    /// E-mail address.
    email: Option<String>,
    /// The word in its links.
    slug: String,
    /// What conversions may name it by instead.
    partner_key: String,
    /// Where it stands with the program.
    #[schema(value_type = AffiliateStatus)]
    status: Status,
    /// Its own deal; null for the program's default.
    deal_id: Option<i64>,
    /// Who brought it.
    parent_affiliate_id: Option<i64>,
    /// Its id in the program's own systems.
    external_id: Option<String>,
    /// Its own smallest payout, in the program's currency.
    #[schema(value_type = Option<Amount>)]
    payout_threshold: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl Affiliate {
    /// Shows an affiliate of a program that keeps its books in `currency`.
    fn of(row: AffiliateRow, currency: Currency) -> Affiliate {
        Affiliate {
            id: row.id.0,
            name: row.person.name,
            email: row.person.email,
            slug: row.slug,
            partner_key: row.partner_key,
            status: row.status,
            deal_id: row.deal.map(|id| id.0),
            parent_affiliate_id: row.parent.map(|id| id.0),
            external_id: row.external_id,
            payout_threshold: row.payout_threshold_micros.map(|micros| amount(micros, currency)),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
