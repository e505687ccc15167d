//! `/v1/keys`: who may call. A key's secret is shown once, when it is made.

pub(super) mod create;
pub(super) mod list;
pub(super) mod revoke;

use app::key::{KeyRow, Scope};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{self, schema, words};

schema! {
    KeyKind = words(
        "An `operator` key speaks for the program on every API; an `affiliate` key reads what is one affiliate's.",
        ["operator", "affiliate"],
    );
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKey {
    /// Its id, which is not its secret.
    #[schema(value_type = fields::KeyId)]
    id: String,
    /// Whom it speaks for.
    #[schema(value_type = KeyKind)]
    kind: &'static str,
    /// The affiliate it speaks for.
    affiliate_id: Option<i64>,
    /// The end of its secret, to tell keys apart.
    hint: String,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was revoked.
    revoked_at: Option<DateTime<Utc>>,
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> ApiKey {
        let (kind, affiliate_id) = match row.scope {
            Scope::Operator => ("operator", None),
            Scope::Affiliate(id) => ("affiliate", Some(id.0)),
        };
        ApiKey {
            id: row.id.to_string(),
            kind,
            affiliate_id,
            hint: row.hint,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        }
    }
}
