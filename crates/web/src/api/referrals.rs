//! `/v1/referrals`: customers attributed to affiliates. They are made by registrations.

pub(super) mod attributions;
pub(super) mod list;
pub(super) mod reassign;
pub(super) mod reject;
pub(super) mod show;

use app::referral::ReferralView;
use chrono::{DateTime, Utc};
use domain::referral::State;
use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{DealVersionId, ReferralId, schema, words};

schema! {
    ReferralState = words(
        "`converted`: signed up, has not paid. `paid`: has paid; stays so after a refund. `churned`: left. \
         `rejected`, `expired`: its events earn nothing.",
        State::ALL.map(State::as_str),
    );
}

/// A referred customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Referral {
    /// Its id.
    #[schema(value_type = ReferralId)]
    id: String,
    /// Its integer name.
    number: i64,
    /// The affiliate it belongs to now.
    affiliate_id: i64,
    /// Where it stands.
    #[schema(value_type = ReferralState)]
    state: State,
    /// Since when.
    state_set_at: DateTime<Utc>,
    /// The program's own id of the customer. Not shown to an affiliate's key.
    uid: Option<String>,
    /// The customer's e-mail address. Not shown to an affiliate's key.
    email: Option<String>,
    /// The deal version in force for it now.
    #[schema(value_type = Option<DealVersionId>)]
    deal_version_id: Option<String>,
    /// When the customer signed up.
    registered_at: DateTime<Utc>,
    /// When it was rejected.
    rejected_at: Option<DateTime<Utc>>,
    /// Without a payment up to here it expires.
    expires_at: Option<DateTime<Utc>>,
    /// When it was recorded.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// Shows a referral as it stands at an instant.
fn shown(view: ReferralView, now: Timestamp) -> Referral {
    let ReferralView { referral, uid, email } = view;
    let (state, state_set_at) = referral.state_at(now);
    let in_force = referral.assignments.iter().rev().find(|assignment| assignment.from <= now);
    let version = in_force.or(referral.assignments.first()).and_then(|assignment| assignment.version);
    Referral {
        id: referral.id.to_string(),
        number: referral.number.0,
        affiliate_id: referral.affiliate.0,
        state,
        state_set_at,
        uid,
        email,
        deal_version_id: version.map(|id| id.to_string()),
        registered_at: referral.occurred_at,
        rejected_at: referral.rejected_at,
        expires_at: referral.expires_at,
        created_at: referral.created_at,
        updated_at: referral.updated_at,
    }
}
