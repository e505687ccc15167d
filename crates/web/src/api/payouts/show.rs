//! `GET /v1/payouts/{id}`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::PayoutId;

use super::Payout;
use crate::api::extract::{Anyone, Id, Params};
use crate::api::problem::Problem;

/// Show a payout
#[utoipa::path(get, path = "/v1/payouts/{id}", tag = "Payouts", operation_id = "show_payout",
    params(("id" = i64, Path, minimum = 1, description = "The payout.")),
    responses((status = 200, description = "The payout.", body = Payout)))]
pub(crate) async fn show_payout(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<PayoutId>,
    params: Params,
) -> Result<Json<Payout>, Problem> {
    params.finish()?;
    Ok(Json(app::payout::show(&app, &caller, id).await?.into()))
}
