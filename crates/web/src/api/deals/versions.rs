//! `GET /v1/deals/{id}/versions`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::DealId;

use super::{Deal, shown};
use crate::api::extract::{Id, Operator, Params};
use crate::api::page::{Paged, whole};
use crate::api::problem::Problem;

/// Versions of a deal
///
/// All of them, newest first.
#[utoipa::path(get, path = "/v1/deals/{id}/versions", tag = "Deals", operation_id = "list_deal_versions",
    params(("id" = i64, Path, minimum = 1, description = "The deal.")),
    responses((status = 200, description = "The deal in each of its versions.", body = Paged<Deal>)))]
pub(crate) async fn list_deal_versions(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<DealId>,
    params: Params,
) -> Result<Json<Paged<Deal>>, Problem> {
    params.finish()?;
    let rows = app::deal::versions(&app, &caller, id).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok(whole(rows.into_iter().map(|row| shown(row, currency)).collect()))
}
