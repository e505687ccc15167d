//! `DELETE /v1/keys/{id}`.

use app::App;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::KeyId;

use crate::api::extract::{Id, Operator, Params};
use crate::api::fields;
use crate::api::problem::Problem;

/// Revoke an API key
///
/// It stops working everywhere within two seconds. It stays in the list.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "Keys", operation_id = "revoke_key",
    params(("id" = inline(fields::KeyId), Path, description = "The key.")),
    responses((status = 204, description = "The key is revoked.")))]
pub(crate) async fn revoke_key(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<KeyId>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    app::key::revoke(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
