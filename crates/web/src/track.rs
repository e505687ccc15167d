//! Clicks over HTTP: `/c/{code}` on every host, and the code alone on a program's own host.
//!
//! A redirect is answered in front of the router (`track/front.rs`), because it needs nothing of what the router does for
//! other requests. What must not be here: where a click leads.

mod front;
mod qr;
mod redirect;

use app::App;
use axum::Router;
use axum::routing::any;

pub use front::Front;
pub(crate) use qr::{Format, render};
pub(crate) use redirect::{FORWARDED_PROTO, address};

/// Where links are, for requests that did not come through the front.
pub(crate) fn router() -> Router<App> {
    Router::new().route("/c/{code}", any(redirect::through_router))
}
