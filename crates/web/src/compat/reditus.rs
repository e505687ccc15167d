//! The Reditus surface: their base `https://api.getreditus.com/api` becomes `https://HOST/reditus/api`, nothing else
//! changes. One file an endpoint; what they share is in `caller`, `failure`, `identity`, `json`, `query`, `resource`.
//! Where the contract is silent, docs/REDITUS.md says what was chosen.

mod caller;
mod cookie;
mod failure;
mod identity;
mod json;
mod payments;
mod referrals_churn;
mod refunds;
mod resource;
mod tracking_conversion_v1;
mod tracking_conversion_v2;

use app::App;
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::post;

use failure::Failure;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/payments", post(payments::create))
        .route("/v1/refunds", post(refunds::create))
        .route("/v1/referrals/churn", post(referrals_churn::create))
        .route("/v1/tracking/conversion", post(tracking_conversion_v1::create))
        .route("/v2/tracking/conversion", post(tracking_conversion_v2::create))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_path)
}

async fn wrong_method(method: Method, uri: Uri) -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not answer {method}", uri.path()))
}

async fn unknown_path(uri: Uri) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}
