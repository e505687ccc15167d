//! `GET /v1/brands`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::Brand;
use crate::api::extract::{Operator, Params};
use crate::api::page::{Paged, whole};
use crate::api::problem::Problem;

/// List brands
///
/// By name.
#[utoipa::path(get, path = "/v1/brands", tag = "Activity", operation_id = "list_brands",
    responses((status = 200, description = "The brands, all on one page.", body = Paged<Brand>)))]
pub(crate) async fn list_brands(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
) -> Result<Json<Paged<Brand>>, Problem> {
    params.finish()?;
    let brands = app::brand::list(&app, &caller).await?;
    Ok(whole(brands.into_iter().map(|(name, truth)| Brand::new(name, truth)).collect()))
}
