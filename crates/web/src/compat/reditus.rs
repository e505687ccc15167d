//! The Reditus surface: their base `https://api.getreditus.com/api` becomes `https://HOST/reditus/api`, nothing else
//! changes. One file an endpoint; what they share is in `caller`, `failure`, `identity`, `json`, `path`, `query` and
//! `resource`. Where the contract is silent, docs/REDITUS.md says what was chosen.

mod affiliate_commissions;
mod affiliate_referrals;
mod caller;
mod clicked;
mod failure;
mod identity;
mod json;
mod partners_list;
mod partners_show;
mod partnerships_list;
mod partnerships_show;
mod path;
mod payments;
mod query;
mod referrals_churn;
mod referrals_list;
mod referrals_show;
mod refunds;
mod resource;
mod tracking_conversion_v1;
mod tracking_conversion_v2;

use app::App;
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::{get, post};

use failure::Failure;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/payments", post(payments::create))
        .route("/v1/refunds", post(refunds::create))
        .route("/v1/referrals", get(referrals_list::list))
        .route("/v1/referrals/churn", post(referrals_churn::create))
        .route("/v1/referrals/{id}", get(referrals_show::show))
        .route("/v1/partners", get(partners_list::list))
        .route("/v1/partners/{id}", get(partners_show::show))
        .route("/v1/partnerships", get(partnerships_list::list))
        .route("/v1/partnerships/{id}", get(partnerships_show::show))
        .route("/v1/affiliate/referrals", get(affiliate_referrals::list))
        .route("/v1/affiliate/commissions", get(affiliate_commissions::list))
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
