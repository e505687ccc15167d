//! The id in a path. One that cannot be an id names nothing, so the answer is that there is no such thing.

use std::str::FromStr;

use app::App;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::failure::{Failure, Result};

/// The id as it came.
pub(super) struct Id(String);

impl FromRequestParts<App> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Id> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        path.map(|Path(id)| Id(id)).map_err(|rejection| Failure::not_found(rejection.body_text()))
    }
}

impl Id {
    /// The id of a thing.
    pub(super) fn parse<T: FromStr>(&self, thing: &str) -> Result<T> {
        self.0.parse().map_err(|_| {
            let id: String = self.0.chars().take(64).collect();
            Failure::not_found(format!("there is no {thing} {id:?}"))
        })
    }
}
