//! `GET /v1/postbacks/{id}`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::Postback;
use crate::api::extract::{Anyone, Id, Number, Params};
use crate::api::problem::Problem;

/// Show a postback
#[utoipa::path(get, path = "/v1/postbacks/{id}", tag = "Postbacks", operation_id = "show_postback",
    params(("id" = i64, Path, minimum = 1, description = "The postback.")),
    responses((status = 200, description = "The postback.", body = Postback)))]
pub(crate) async fn show_postback(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(Number(id)): Id<Number>,
    params: Params,
) -> Result<Json<Postback>, Problem> {
    params.finish()?;
    Ok(Json(app::postback::show(&app, &caller, id).await?.into()))
}
