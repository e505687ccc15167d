//! `GET /v1/referrals/{id}`: one referral of the company (contract §2.6).

use app::App;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::ids::ReferralId;

use super::caller::Operator;
use super::failure::Result;
use super::path::Id;
use super::resource::{Envelope, Referral};

pub(super) async fn show(State(app): State<App>, Operator(caller): Operator, id: Id) -> Result<Response> {
    let view = app::referral::show(&app, &caller, id.parse::<ReferralId>("referral")?).await?;
    Ok(Json(Envelope { data: Referral::at(&view, caller.now) }).into_response())
}
