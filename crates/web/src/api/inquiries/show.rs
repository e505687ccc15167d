//! `GET /v1/inquiries/{id}`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::Inquiry;
use crate::api::extract::{Anyone, Id, Number, Params};
use crate::api::problem::Problem;

/// Show an inquiry
///
/// An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/inquiries/{id}", tag = "Inquiries", operation_id = "show_inquiry",
    params(("id" = i64, Path, minimum = 1, description = "The inquiry.")),
    responses((status = 200, description = "The inquiry.", body = Inquiry)))]
pub(crate) async fn show_inquiry(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(Number(id)): Id<Number>,
    params: Params,
) -> Result<Json<Inquiry>, Problem> {
    params.finish()?;
    Ok(Json(app::inquiry::show(&app, &caller, id).await?.into()))
}
