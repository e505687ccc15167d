//! `POST /v1/referrals/{id}/reject`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::ReferralId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Referral, shown};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields;
use crate::api::problem::Problem;

/// Why a referral is rejected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Rejection {
    /// Why, for the staff.
    #[schema(max_length = 1000)]
    reason: String,
}

/// Reject a referral
///
/// Everything it earned is taken back, and its events earn nothing from then on. A referral that is rejected stays so.
#[utoipa::path(post, path = "/v1/referrals/{id}/reject", tag = "Referrals", operation_id = "reject_referral",
    params(("id" = inline(fields::ReferralId), Path, description = "The referral.")),
    request_body = Rejection,
    responses((status = 200, description = "The referral as it is now.", body = Referral)))]
pub(crate) async fn reject_referral(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<ReferralId>,
    params: Params,
    Body(body): Body<Rejection>,
) -> Result<Json<Referral>, Problem> {
    params.finish()?;
    let view = app::referral::reject(&app, &caller, id, &body.reason).await?;
    Ok(Json(shown(view, caller.now)))
}
