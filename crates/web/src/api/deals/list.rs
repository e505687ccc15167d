//! `GET /v1/deals`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::{Deal, shown};
use crate::api::extract::{Operator, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List deals
///
/// In their newest versions, in the order of their ids.
#[utoipa::path(get, path = "/v1/deals", tag = "Deals", operation_id = "list_deals", params(Page),
    responses((status = 200, description = "A page of deals.", body = Paged<Deal>)))]
pub(crate) async fn list_deals(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Paged<Deal>>, Problem> {
    let page = params.page()?;
    params.finish()?;
    let rows = app::deal::page(&app, &caller, page.after_id()?, page.reads()).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok(page.answer(rows, |row| row.id.to_string(), |row| shown(row, currency)))
}
