//! `GET /v1/referrals/{id}`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::ReferralId;

use super::{Referral, shown};
use crate::api::extract::{Anyone, Id, Params};
use crate::api::fields;
use crate::api::problem::Problem;

/// Show a referral
#[utoipa::path(get, path = "/v1/referrals/{id}", tag = "Referrals", operation_id = "show_referral",
    params(("id" = inline(fields::ReferralId), Path, description = "The referral.")),
    responses((status = 200, description = "The referral.", body = Referral)))]
pub(crate) async fn show_referral(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<ReferralId>,
    params: Params,
) -> Result<Json<Referral>, Problem> {
    params.finish()?;
    Ok(Json(shown(app::referral::show(&app, &caller, id).await?, caller.now)))
}
