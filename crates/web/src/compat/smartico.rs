//! The wire format of Smartico Affiliation: its methods under `/smartico/api`. docs/SMARTICO.md says what we
//! chose where its documentation is silent. A payment of this surface is our payout; the adapter translates, and
//! nothing below it knows the product.

mod af2_adjustments_op;
mod af2_aff_op;
mod af2_balance_op;
mod af2_build_link;
mod af2_deals_op;
mod af2_link;
mod af2_payments_op;
mod af2_pixels_op;
mod caller;
mod codes;
mod input;
mod payment_details;
mod query;
mod refusal;
mod rows;
mod sub_affiliates;

use app::App;
use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::{get, post, put};

use refusal::{Code, Refusal};

/// `create_by` of everything that is made through the API.
const API_USER: i64 = 1;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/af2_adjustments_op", post(af2_adjustments_op::create))
        .route("/af2_aff_op", get(af2_aff_op::list))
        .route("/af2_aff_op/{id}", put(af2_aff_op::update))
        .route("/af2_balance_op", get(af2_balance_op::list))
        .route("/af2_build_link", post(af2_build_link::build))
        .route("/af2_deals_op", get(af2_deals_op::list).post(af2_deals_op::create))
        .route("/af2_link_af", get(af2_link::list_own))
        .route("/af2_link_op", get(af2_link::list))
        .route("/af2_payments_op", get(af2_payments_op::list).post(af2_payments_op::create))
        .route("/af2_pixels_op", get(af2_pixels_op::list).post(af2_pixels_op::create))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
}

/// A method that is not here, or not with this verb.
async fn unknown(method: Method, uri: Uri) -> Refusal {
    let path = query::shortened(uri.path().trim_start_matches('/'));
    Refusal::new(Code::Method, format!("{method} {path} is not a method of this API"))
}
