//! What browsers ask without a key: the pixel and the beacon of the script (Reditus contract §4.4). Any page of any site
//! may send to them, and none learns anything from the answer.

mod beacon;
mod pixel;
mod report;
pub(crate) mod sender;

use app::App;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::routing::{get, post};
use tower_http::set_header::SetResponseHeaderLayer;

pub(crate) fn router() -> Router<App> {
    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::new()
        .route("/", get(pixel::show))
        .route("/t", get(pixel::show).post(beacon::receive).options(allow))
        .route("/pixel", get(pixel::show))
        .route("/beacon", post(beacon::receive).options(allow))
        .layer(fixed(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .layer(fixed(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"))
}

/// What a browser asks before it sends JSON to another site.
async fn allow() -> (StatusCode, [(HeaderName, &'static str); 3]) {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers)
}
