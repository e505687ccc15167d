//! HTTP: every surface translates its requests into verbs of `app` and renders what they return in its own dialect.
//!
//! What must not be here: SQL, a rule, a decision. One endpoint is one file.

pub mod api;
mod body;
mod browser;
pub mod compat;
mod cookie;
mod decimal;
mod key;
mod observe;
mod operations;
pub mod quotes;
mod script;
pub mod track;
mod widget;

use app::App;
use axum::Router;
use axum::http::{HeaderValue, header};
use tower_http::set_header::SetResponseHeaderLayer;

/// Every surface of the product, for a server: clicks are answered in front of the router.
pub fn front(app: App) -> track::Front {
    track::Front::new(app.clone(), router(app))
}

/// Every surface of the product.
pub fn router(app: App) -> Router {
    let fixed = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    Router::new()
        .merge(operations::router())
        .merge(api::router())
        .merge(compat::router())
        .merge(script::router())
        .merge(widget::router())
        .merge(browser::router())
        .merge(track::router())
        .layer(axum::extract::DefaultBodyLimit::max(body::LIMIT))
        .layer(axum::middleware::from_fn_with_state(app.clone(), observe::observe))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .with_state(app)
}
