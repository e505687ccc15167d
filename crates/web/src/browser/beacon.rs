//! `POST /t`, also `POST /beacon`: what the script tells, as a flat JSON object with the names of the pixel. Text/plain is
//! read as JSON too, because a browser sends that without asking first.

use app::App;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::report::Values;
use super::sender::Sender;
use crate::body::{self, BodyError};

/// The largest body, in bytes.
const LIMIT: usize = 16 * 1024;

pub(super) async fn receive(State(app): State<App>, sender: Sender, request: Request) -> Response {
    let now = app.now();
    if app.limits().of_address(sender.origin.address, now).is_err() {
        let text = "too many requests from this address; try again in a moment";
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "10")], text).into_response();
    }
    let refuse = |status: StatusCode, message: String| (status, message).into_response();
    let bytes = match body::read_up_to(request.into_body(), LIMIT).await {
        Ok(bytes) => bytes,
        Err(error @ BodyError::TooLarge(_)) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, error.message()),
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error.message()),
    };
    let fields = match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(fields)) => fields,
        _ => {
            return refuse(
                StatusCode::BAD_REQUEST,
                "expected a JSON object such as {\"evt\":\"pageview\"}".to_owned(),
            );
        }
    };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let values = Values::read(fields.into_iter().filter_map(|(name, value)| Some((name, text(value)?))));
    let report = match values.report(sender) {
        Err(message) => return refuse(StatusCode::BAD_REQUEST, message),
        Ok(None) => return StatusCode::NO_CONTENT.into_response(),
        Ok(Some(report)) => report,
    };
    match app::visit::report(&app, now, report).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            let status = match error {
                app::Error::Unavailable | app::Error::Refused(domain::command::Refused::Unavailable) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                app::Error::Internal(_) | app::Error::Refused(domain::command::Refused::Internal(_)) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
                _ => StatusCode::BAD_REQUEST,
            };
            refuse(status, error.to_string())
        }
    }
}
