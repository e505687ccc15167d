//! `/v1/links`: what affiliates share.

pub(super) mod create;
pub(super) mod list;
pub(super) mod qr;
pub(super) mod show;
pub(super) mod update;

use app::link::LinkRow;
use axum::http::{HeaderMap, HeaderName, header};
use chrono::{DateTime, Utc};
use domain::link::Kind;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::fields::{self, Text, schema, words};
use crate::track::FORWARDED_PROTO;

schema! {
    LinkKind = words("What a link leads to.", Kind::ALL.map(Kind::as_str));
    LinkCode = fields::pattern(
        "The code in a link's address, unique on this server: 2 to 64 letters, digits, '-' and '_'; kept in lower case.",
        "^[a-z0-9][a-z0-9_-]{1,63}$", "summer-sale",
    );
    WebAddress = fields::pattern(
        "An absolute address of the web, in ASCII. Behind the host it may have macros such as `{{tracker}}`, \
         `{{affiliate_id}}` or `{{sub_id}}`.",
        r"^[Hh][Tt][Tt][Pp][Ss]?://.{1,1990}$", "https://shop.example.com/landing",
    );
}

/// A link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Link {
    /// Its number in the program.
    id: i64,
    /// Whose it is.
    affiliate_id: i64,
    /// The code in its address.
    #[schema(value_type = LinkCode)]
    code: String,
    /// Its address, which the affiliate shares.
    url: String,
    /// What it is called in lists.
    name: Option<String>,
    /// What it leads to.
    #[schema(value_type = LinkKind)]
    kind: &'static str,
    /// Where it leads; null for the program's fallback page.
    #[schema(value_type = Option<WebAddress>)]
    destination_url: Option<String>,
    /// Where it leads while it is disabled; null for the program's fallback page.
    #[schema(value_type = Option<WebAddress>)]
    fallback_url: Option<String>,
    /// The brand it is for.
    brand: Option<String>,
    /// The campaign it is for.
    campaign: Option<String>,
    /// Whether it is the affiliate's default link.
    is_default: bool,
    /// Whether it may be shown to everybody, or to its affiliate only.
    is_public: bool,
    /// Whether it leads to its destination.
    is_enabled: bool,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl Link {
    fn new(row: LinkRow, url: String) -> Link {
        Link {
            id: row.id.0,
            affiliate_id: row.affiliate.0,
            code: row.code,
            url,
            name: row.name,
            kind: row.kind.as_str(),
            destination_url: row.destination_url,
            fallback_url: row.fallback_url,
            brand: row.brand,
            campaign: row.campaign,
            is_default: row.is_default,
            is_public: row.is_public,
            is_enabled: row.is_enabled,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Where the caller reached this server, for links that are on no host of their program's own.
pub(crate) fn requested_at(headers: &HeaderMap) -> String {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = text(&FORWARDED_PROTO).filter(|scheme| *scheme == "https").unwrap_or("http");
    let host = text(&header::HOST).filter(|host| host.bytes().all(is_of_host)).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

fn is_of_host(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || b"-._:[]".contains(&letter)
}

/// Reads the kind of a link.
fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Kind>, D::Error> {
    let Text(word) = Text::deserialize(deserializer)?;
    Kind::from_word(&word).map(Some).ok_or_else(|| {
        let expected = "registration_page, landing_page, home_page or other";
        serde::de::Error::invalid_value(serde::de::Unexpected::Str(&word), &expected)
    })
}
