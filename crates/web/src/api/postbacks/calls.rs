//! `GET /v1/postback_calls`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::{PostbackCall, PostbackState};
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List calls of postbacks
///
/// Newest first, each with what was sent and answered. An affiliate's key sees those of its own postbacks.
#[utoipa::path(get, path = "/v1/postback_calls", tag = "Postbacks", operation_id = "list_postback_calls",
    params(Page,
        ("postback_id" = Option<i64>, Query, minimum = 1, description = "Only this postback's."),
        ("state" = Option<PostbackState>, Query, description = "Only those in this state.")),
    responses((status = 200, description = "A page of calls.", body = Paged<PostbackCall>)))]
pub(crate) async fn list_postback_calls(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<PostbackCall>>, Problem> {
    let page = params.page()?;
    let postback = params.parse("postback_id")?;
    let state: Option<String> = params.parse("state")?;
    params.finish()?;
    let known = ["waiting", "delivered", "failed"];
    if let Some(state) = state.as_deref().filter(|state| !known.contains(state)) {
        let message = format!("{state:?} is no state; expected one of {}", known.join(", "));
        return Err(Problem::invalid("state", message));
    }
    let rows =
        app::postback::deliveries(&app, &caller, postback, state.as_deref(), page.after_id()?, page.reads())
            .await?;
    Ok(page.answer(rows, |row| row.id.to_string(), PostbackCall::from))
}
