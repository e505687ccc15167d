//! `POST /v1/referrals/churn`: a referral stopped paying (contract §2.5). A later payment brings it back; commissions
//! are not touched.

use app::App;
use app::ingest::{Ask, Recorded};
use app::referral::ReferralView;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::command::{Churn, Command, Operation};
use serde::Deserialize;

use super::caller::Recorder;
use super::failure::Result;
use super::identity::customer;
use super::json::Object;
use super::resource::{Envelope, Referral};

/// The body: at least one identifier, tried in this order.
#[derive(Deserialize)]
pub(super) struct ChurnRequest {
    referral_uid: Option<String>,
    referral_id: Option<String>,
    referral_email: Option<String>,
}

pub(super) async fn create(
    State(app): State<App>,
    recorder: Recorder,
    Object(request): Object<ChurnRequest>,
) -> Result<Response> {
    let customer = customer(&request.referral_uid, &request.referral_id, &request.referral_email)?;
    let command = Command::Churn(Churn { customer, occurred_at: None });
    let ask = Ask { key: recorder.key, ..Ask::new(Operation::ReditusChurn, command) };
    let (recorded, view) = app::referral::churn(&app, &recorder.caller, ask).await?;
    Ok(churned(&recorded, &view))
}

/// The answer: the state that was stored with the fact, beside what never changes of a referral.
fn churned(recorded: &Recorded, view: &ReferralView) -> Response {
    let (email, uid) = (view.email.as_deref(), view.uid.as_deref());
    let data = Referral::after(recorded, email, uid, view.referral.created_at);
    Json(Envelope { data }).into_response()
}
