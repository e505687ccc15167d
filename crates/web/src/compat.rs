//! The wire formats of other products. Each adapter translates; nothing below it knows the product.

pub mod reditus;
pub mod smartico;

use app::App;
use axum::Router;

pub(crate) fn router() -> Router<App> {
    Router::new().nest("/reditus/api", reditus::router()).nest("/smartico/api", smartico::router())
}
