//! `POST /v1/refunds`: a payment was sent back, all of it (contract §2.2). What native calls refunded before is left
//! out; a second call is the first one again.

use app::App;
use app::ingest::Ask;
use axum::Json;
use axum::extract::State;
use domain::command::{Command, Operation, Refund};
use domain::text::Source;
use serde::{Deserialize, Serialize};

use super::caller::Recorder;
use super::failure::Result;
use super::identity::required;
use super::json::Object;

/// The body.
#[derive(Deserialize)]
pub(super) struct RefundRequest {
    payment_id: Option<String>,
}

/// The answer.
#[derive(Serialize)]
pub(super) struct Refunded {
    message: &'static str,
}

pub(super) async fn create(
    State(app): State<App>,
    recorder: Recorder,
    Object(request): Object<RefundRequest>,
) -> Result<Json<Refunded>> {
    let payment = required("payment_id", &request.payment_id, Source::parse)?;
    let command = Command::Refund(Refund::whole(payment));
    let ask = Ask { key: recorder.key, ..Ask::new(Operation::ReditusRefund, command) };
    app::ingest::submit(&app, recorder.caller.program, recorder.caller.now, ask).await?;
    Ok(Json(Refunded { message: "ok" }))
}
