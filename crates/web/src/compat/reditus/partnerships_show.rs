//! `GET /v1/partnerships/{id}`: how one affiliate stands with the program (contract §2.6).

use app::App;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::ids::AffiliateId;

use super::caller::Operator;
use super::failure::Result;
use super::partnerships_list::partnership;
use super::path::Id;
use super::resource::Envelope;

pub(super) async fn show(State(app): State<App>, Operator(caller): Operator, id: Id) -> Result<Response> {
    let row = app::affiliate::show(&app, &caller, id.parse::<AffiliateId>("partnership")?).await?;
    Ok(Json(Envelope { data: partnership(&row) }).into_response())
}
