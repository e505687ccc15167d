//! `GET /v1/links/{id}`.

use app::App;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::ids::LinkId;

use super::{Link, requested_at};
use crate::api::extract::{Anyone, Id, Params};
use crate::api::problem::Problem;

/// Show a link
#[utoipa::path(get, path = "/v1/links/{id}", tag = "Links", operation_id = "show_link",
    params(("id" = i64, Path, minimum = 1, description = "The link.")),
    responses((status = 200, description = "The link.", body = Link)))]
pub(crate) async fn show_link(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<LinkId>,
    params: Params,
    headers: HeaderMap,
) -> Result<Json<Link>, Problem> {
    params.finish()?;
    let row = app::link::show(&app, &caller, id).await?;
    let url = app::link::address(&app, &caller, &row.code, &requested_at(&headers)).await?;
    Ok(Json(Link::new(row, url)))
}
