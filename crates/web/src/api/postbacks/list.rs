//! `GET /v1/postbacks`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::Postback;
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List postbacks
///
/// Oldest first. An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/postbacks", tag = "Postbacks", operation_id = "list_postbacks", params(Page),
    responses((status = 200, description = "A page of postbacks.", body = Paged<Postback>)))]
pub(crate) async fn list_postbacks(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Postback>>, Problem> {
    let page = params.page()?;
    params.finish()?;
    let rows = app::postback::page(&app, &caller, page.after_id()?, page.reads()).await?;
    Ok(page.answer(rows, |row| row.id.to_string(), Postback::from))
}
