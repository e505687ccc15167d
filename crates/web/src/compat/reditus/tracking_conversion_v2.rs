//! `POST /v2/tracking/conversion`: a referred customer signed up (contract §2.3). The slug names the affiliate; the
//! cookie `gr_id` beside it is accepted and names nobody.

use app::App;
use app::ingest::{Ask, Recorded};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::command::{AffiliateName, Command, Operation, Registration};
use domain::text::{Email, Slug, Uid};
use serde::Deserialize;

use super::caller::Recorder;
use super::failure::{Failure, Result};
use super::identity::{optional, required};
use super::json::Object;
use super::resource::{Envelope, Referral};

/// The body.
#[derive(Deserialize)]
pub(super) struct ConversionRequest {
    affiliate_slug: Option<String>,
    email: Option<String>,
    uid: Option<String>,
    /// Checked to be text; clicks are not looked up by it.
    #[serde(rename = "gr_id")]
    _click: Option<String>,
}

pub(super) async fn create(
    State(app): State<App>,
    recorder: Recorder,
    Object(request): Object<ConversionRequest>,
) -> Result<Response> {
    let slug = required("affiliate_slug", &request.affiliate_slug, Slug::parse)?;
    let registration = registration(AffiliateName::Slug(slug), &request.email, &request.uid)?;
    record(&app, recorder, Operation::ReditusConversion, registration).await
}

/// A registration from what both versions of the call send.
pub(super) fn registration(
    affiliate: AffiliateName,
    email: &Option<String>,
    uid: &Option<String>,
) -> Result<Registration> {
    let email = optional("email", email, Email::parse)?;
    let uid = optional("uid", uid, Uid::parse)?;
    if email.is_none() && uid.is_none() {
        return Err(Failure::invalid("email", "expected email or uid, neither was sent"));
    }
    Ok(Registration { affiliate, uid, email, attributes: domain::fact::Attributes::default(), occurred_at: None })
}

/// Records a registration and answers, for both versions of the call.
pub(super) async fn record(
    app: &App,
    recorder: Recorder,
    operation: Operation,
    registration: Registration,
) -> Result<Response> {
    let (email, uid) = (registration.email.clone(), registration.uid.clone());
    let command = Command::Registration(registration);
    let ask = Ask { operation, key: recorder.key, park: false, command };
    let recorded = app::ingest::submit(app, recorder.caller.program, recorder.caller.now, ask).await?;
    Ok(created(email.as_ref(), uid.as_ref(), &recorded))
}

/// The answer, from nothing but the request and what was stored with the fact.
fn created(email: Option<&Email>, uid: Option<&Uid>, recorded: &Recorded) -> Response {
    let (email, uid) = (email.map(Email::as_str), uid.map(Uid::as_str));
    let data = Referral::after(recorded, email, uid, recorded.recorded_at);
    (StatusCode::CREATED, Json(Envelope { data })).into_response()
}
