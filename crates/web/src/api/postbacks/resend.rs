//! `POST /v1/postback_calls/{id}/resend`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::PostbackCall;
use crate::api::extract::{Anyone, Id, Params, Uuid};
use crate::api::problem::Problem;

/// Make a call again
///
/// The same address and body, whatever came of it before.
#[utoipa::path(post, path = "/v1/postback_calls/{id}/resend", tag = "Postbacks", operation_id = "resend_postback_call",
    params(("id" = uuid::Uuid, Path, description = "The call.")),
    responses(
        (status = 200, description = "The call, which waits.", body = PostbackCall),
    ))]
pub(crate) async fn resend_postback_call(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(Uuid(id)): Id<Uuid>,
    params: Params,
) -> Result<Json<PostbackCall>, Problem> {
    params.finish()?;
    Ok(Json(app::postback::resend(&app, &caller, id).await?.into()))
}
