//! The native API.

use app::App;
use axum::Router;

pub(crate) fn router() -> Router<App> {
    Router::new()
}
