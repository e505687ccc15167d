//! `POST /v1/referrals/{id}/reassign`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::{AffiliateId, ReferralId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Referral, shown};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields;
use crate::api::problem::Problem;

/// Whom a referral is given to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ReferralReassignment {
    /// The affiliate.
    #[schema(value_type = i64, minimum = 1)]
    affiliate_id: AffiliateId,
    /// Why, for the staff.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// Reassign a referral
///
/// From now on it belongs to another affiliate, under the terms of a customer who would register there now. What happened
/// before, and refunds of what was paid before, stays with the former one.
#[utoipa::path(post, path = "/v1/referrals/{id}/reassign", tag = "Referrals", operation_id = "reassign_referral",
    params(("id" = inline(fields::ReferralId), Path, description = "The referral.")),
    request_body = ReferralReassignment,
    responses((status = 200, description = "The referral as it is now.", body = Referral)))]
pub(crate) async fn reassign_referral(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<ReferralId>,
    params: Params,
    Body(body): Body<ReferralReassignment>,
) -> Result<Json<Referral>, Problem> {
    params.finish()?;
    let view = app::attribution::reassign(&app, &caller, id, body.affiliate_id, &body.reason).await?;
    Ok(Json(shown(view, caller.now)))
}
