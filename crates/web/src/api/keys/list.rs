//! `GET /v1/keys`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::KeyId;

use super::ApiKey;
use crate::api::extract::{Operator, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List API keys
///
/// Newest first, revoked ones included, without their secrets.
#[utoipa::path(get, path = "/v1/keys", tag = "Keys", operation_id = "list_keys", params(Page),
    responses((status = 200, description = "A page of keys.", body = Paged<ApiKey>)))]
pub(crate) async fn list_keys(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Paged<ApiKey>>, Problem> {
    let page = params.page()?;
    params.finish()?;
    let below: Option<KeyId> = page.after_id()?;
    let mut rows = app::key::list(&app, &caller).await?;
    rows.retain(|row| below.is_none_or(|below| row.id < below));
    Ok(page.answer(rows, |row| row.id.to_string(), ApiKey::from))
}
