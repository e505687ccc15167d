//! `GET /v1/events/{id}`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::FactId;

use super::{Event, stands};
use crate::api::extract::{Id, Operator, Params};
use crate::api::fields;
use crate::api::problem::Problem;

/// Show an event
///
/// With what came of it when it was recorded. An event that was parked names its referral and affiliate once they are
/// known, and is no longer parked then.
#[utoipa::path(get, path = "/v1/events/{id}", tag = "Events", operation_id = "show_event",
    params(("id" = inline(fields::EventId), Path, description = "The event.")),
    responses((status = 200, description = "The event.", body = Event)))]
pub(crate) async fn show_event(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<FactId>,
    params: Params,
) -> Result<Json<Event>, Problem> {
    params.finish()?;
    let row = app::event::show(&app, &caller, id).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok(Json(stands(row, currency)))
}
