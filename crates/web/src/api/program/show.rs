//! `GET /v1/program`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::Program;
use crate::api::extract::{Operator, Params};
use crate::api::problem::Problem;

/// The caller's program
///
/// Its settings. The program is the one whose key is presented.
#[utoipa::path(get, path = "/v1/program", tag = "Program", operation_id = "show_program",
    responses((status = 200, description = "The program.", body = Program)))]
pub(crate) async fn show_program(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
) -> Result<Json<Program>, Problem> {
    params.finish()?;
    Ok(Json(app::program::show(&app, &caller).await?.into()))
}
