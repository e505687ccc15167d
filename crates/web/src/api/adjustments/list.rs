//! `GET /v1/adjustments`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::Adjustment;
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List adjustments
///
/// Newest first. An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/adjustments", tag = "Adjustments", operation_id = "list_adjustments",
    params(Page, ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only this affiliate's.")),
    responses((status = 200, description = "A page of adjustments.", body = Paged<Adjustment>)))]
pub(crate) async fn list_adjustments(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Adjustment>>, Problem> {
    let page = params.page()?;
    let affiliate = params.parse("affiliate_id")?;
    params.finish()?;
    let rows = app::adjustment::page(&app, &caller, affiliate, page.after_id()?, page.reads()).await?;
    Ok(page.answer(rows, |row| row.id.to_string(), Adjustment::from))
}
