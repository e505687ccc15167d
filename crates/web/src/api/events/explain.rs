//! `GET /v1/events/{id}/explain`.

use app::App;
use axum::extract::State;
use axum::response::Response;
use domain::ids::FactId;

use crate::api::explain::{Explanation, PrefersText, answer};
use crate::api::extract::{Id, Operator, Params};
use crate::api::fields;
use crate::api::problem::Problem;

/// Explain an event
///
/// Every rule with its reason, the arithmetic step by step, and what is booked. With `Accept: text/plain` a page of
/// text.
#[utoipa::path(get, path = "/v1/events/{id}/explain", tag = "Events", operation_id = "explain_event",
    params(("id" = inline(fields::EventId), Path, description = "The event.")),
    responses((status = 200, description = "What came of it and why.", body = Explanation)))]
pub(crate) async fn explain_event(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<FactId>,
    text: PrefersText,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let account = app::explain::fact(&app, &caller, id).await?;
    Ok(answer(&account, &text))
}
