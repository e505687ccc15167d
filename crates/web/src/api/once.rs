//! Answers of calls that are done once: a first answer, or the first answer again.

use axum::Json;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Says that the answer is a first answer given again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// 201 with the body, or 200 with the same body where it had been answered before.
pub(crate) fn answer(body: impl Serialize, replayed: bool) -> Response {
    if replayed {
        (StatusCode::OK, [(REPLAYED, "true")], Json(body)).into_response()
    } else {
        (StatusCode::CREATED, Json(body)).into_response()
    }
}
