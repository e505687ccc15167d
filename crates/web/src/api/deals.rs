//! `/v1/deals`: commission terms in versions.

pub(super) mod accept;
pub(super) mod create;
pub(super) mod list;
pub(super) mod schema;
pub(super) mod show;
pub(super) mod update;
pub(super) mod versions;

use app::deal::DealRow;
use chrono::{DateTime, Utc};
use domain::currency::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::DealVersionId;

/// A deal in one of its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deal {
    /// Its number in the program.
    id: i64,
    /// Its name.
    name: String,
    /// The affiliate it was made for, if for one.
    affiliate_id: Option<i64>,
    /// The version shown.
    version: DealVersion,
    /// The terms of the version.
    #[schema(value_type = schema::Terms)]
    terms: domain::deal::Terms,
    /// The terms in words, one sentence a rule and one on the hold.
    sentences: Vec<String>,
    /// When the deal was made.
    created_at: DateTime<Utc>,
}

/// A version of a deal; it never changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DealVersion {
    /// Its id.
    #[schema(value_type = DealVersionId)]
    id: String,
    /// Its number: 1, 2, 3, …
    number: i32,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// From when on registrations get it; the first version holds for those before it too.
    effective_at: DateTime<Utc>,
}

/// Shows a deal of a program that keeps its books in `currency`.
fn shown(row: DealRow, currency: Currency) -> Deal {
    Deal {
        id: row.id.0,
        name: row.name,
        affiliate_id: row.affiliate.map(|id| id.0),
        version: DealVersion {
            id: row.version.to_string(),
            number: row.number,
            created_at: row.version_created_at,
            effective_at: row.effective_at,
        },
        sentences: row.terms.sentences(currency),
        terms: row.terms,
        created_at: row.created_at,
    }
}
