//! `/v1/reviews`: what about a registration a person should look at.

pub(super) mod list;
pub(super) mod resolve;

use app::review::{Resolution, ReviewRow};
use chrono::{DateTime, Utc};
use domain::attribution::Suspicion;
use domain::ids;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{ReferralId, ReviewId, schema, words};

schema! {
    ReviewKind = words(
        "`own_address`: the customer's e-mail address is the affiliate's own. `own_browser`: the customer came with the \
         affiliate's address and browser. `disposable_address`: a throw-away e-mail address. `velocity`: too many \
         registrations within an hour. `forged_click`: a click came with it that is not ours.",
        Suspicion::WORDS,
    );
    ReviewResolution = words(
        "`dismissed`: there is nothing to it. `confirmed`: there is, and the referral is rejected.",
        Resolution::ALL.map(Resolution::as_str),
    );
}

/// Something about a registration that a person should look at.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Review {
    /// Its id.
    #[schema(value_type = ReviewId)]
    id: String,
    /// The referral.
    #[schema(value_type = ReferralId)]
    referral_id: String,
    /// The affiliate that it was put down to.
    affiliate_id: i64,
    /// What it is.
    #[schema(value_type = ReviewKind)]
    kind: String,
    /// The same in words.
    reason: String,
    /// When it was raised.
    raised_at: DateTime<Utc>,
    /// When somebody had looked.
    resolved_at: Option<DateTime<Utc>>,
    /// What came of it.
    #[schema(value_type = Option<ReviewResolution>)]
    resolution: Option<String>,
    /// What the person noted.
    note: Option<String>,
}

impl From<ReviewRow> for Review {
    fn from(row: ReviewRow) -> Review {
        Review {
            id: ids::ReviewId(row.id).to_string(),
            referral_id: row.referral().to_string(),
            affiliate_id: row.affiliate_id,
            kind: row.kind,
            reason: row.reason,
            raised_at: row.raised_at,
            resolved_at: row.resolved_at,
            resolution: row.resolution,
            note: row.note,
        }
    }
}
