//! Counts and times every request by its route, and turns a panic into the answer of a broken server.

use std::panic::AssertUnwindSafe;

use app::App;
use app::metrics::{Request as RequestLabels, Route};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;

pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let method = label(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(route, "a request panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    };
    let metrics = app.metrics();
    let labels = RequestLabels { method, route: route.clone(), status: response.status().as_u16() };
    metrics.requests.get_or_create(&labels).inc();
    metrics.request_seconds.get_or_create(&Route { route }).observe(started.elapsed().as_secs_f64());
    response
}

/// A method as a label. Whoever asks may call one anything, and a label is kept for good.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
