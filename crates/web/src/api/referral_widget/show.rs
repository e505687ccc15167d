//! `GET /v1/referral-widget`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::ReferralWidget;
use crate::api::extract::{Operator, Params};
use crate::api::problem::Problem;

/// The in-app referral widget
///
/// What users of the program see in its own app.
#[utoipa::path(get, path = "/v1/referral-widget", tag = "Program", operation_id = "show_referral_widget",
    responses((status = 200, description = "Its settings.", body = ReferralWidget)))]
pub(crate) async fn show_referral_widget(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
) -> Result<Json<ReferralWidget>, Problem> {
    params.finish()?;
    Ok(Json(app::widget::show(&app, &caller).await?.into()))
}
