//! `POST /v2/tracking/conversion`: a referred customer signed up (contract §2.3). The slug names the affiliate;
//! `gr_id` beside it, the script's cookie or a redirect's click token, picks the click among that affiliate's.

use app::App;
use app::ingest::{Ask, Recorded};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::command::{AffiliateName, Command, Operation, Refused, Registration};
use domain::text::{Email, Slug, Uid};
use serde::Deserialize;

use super::caller::Recorder;
use super::failure::{Failure, Result};
use super::identity::{filled, optional, required};
use super::json::Object;
use super::resource::{Envelope, Referral};
use crate::cookie::Cookie;

/// The body.
#[derive(Deserialize)]
pub(super) struct ConversionRequest {
    affiliate_slug: Option<String>,
    email: Option<String>,
    uid: Option<String>,
    gr_id: Option<String>,
}

pub(super) async fn create(
    State(app): State<App>,
    recorder: Recorder,
    Object(request): Object<ConversionRequest>,
) -> Result<Response> {
    let slug = required("affiliate_slug", &request.affiliate_slug, Slug::parse)?;
    let click = filled(&request.gr_id).and_then(|text| Cookie::parse(text).click);
    let registration = Registration {
        affiliate: Some(AffiliateName::Slug(slug)),
        clicks: click.into_iter().collect(),
        ..registration(&request.email, &request.uid)?
    };
    Ok(record(&app, recorder, Operation::ReditusConversion, registration).await??)
}

/// A registration from what both versions of the call send, without what names the affiliate.
pub(super) fn registration(email: &Option<String>, uid: &Option<String>) -> Result<Registration> {
    let email = optional("email", email, Email::parse)?;
    let uid = optional("uid", uid, Uid::parse)?;
    if email.is_none() && uid.is_none() {
        return Err(Failure::invalid("email", "expected email or uid, neither was sent"));
    }
    let attributes = domain::fact::Attributes::default();
    let (other_affiliates, clicks) = (Vec::new(), Vec::new());
    Ok(Registration { affiliate: None, other_affiliates, clicks, uid, email, attributes, occurred_at: None })
}

/// Records a registration and answers, for both versions of the call.
pub(super) async fn record(
    app: &App,
    recorder: Recorder,
    operation: Operation,
    registration: Registration,
) -> Result<std::result::Result<Response, Refused>> {
    app.limits().of_key(&recorder.presented, recorder.caller.now)?;
    let (email, uid) = (registration.email.clone(), registration.uid.clone());
    let ask = Ask { key: recorder.key, ..Ask::new(operation, Command::Registration(registration)) };
    let recorded = app::ingest::submit(app, recorder.caller.program, recorder.caller.now, ask).await;
    Ok(recorded.map(|recorded| created(email.as_ref(), uid.as_ref(), &recorded)))
}

/// The answer, from nothing but the request and what was stored with the fact.
fn created(email: Option<&Email>, uid: Option<&Uid>, recorded: &Recorded) -> Response {
    let (email, uid) = (email.map(Email::as_str), uid.map(Uid::as_str));
    let data = Referral::after(recorded, email, uid, recorded.recorded_at);
    (StatusCode::CREATED, Json(Envelope { data })).into_response()
}
