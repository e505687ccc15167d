//! Who calls: the company's key on the calls of the company, an affiliate's key on those of affiliates. The time of
//! the request is read here, once.

use app::{App, Caller};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::text::Key;

use super::failure::{Failure, Result};
use crate::key;

/// A caller with the company's key that records something.
pub(super) struct Recorder {
    /// The caller.
    pub(super) caller: Caller,
    /// The key of the header `Idempotency-Key`, which Reditus does not have and we honour.
    pub(super) key: Option<Key>,
}

impl FromRequestParts<App> for Recorder {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Recorder> {
        let caller = authenticate(parts, app).await?;
        caller.require_operator()?;
        let key = key::idempotency(&parts.headers)
            .map_err(|message| Failure::new(StatusCode::BAD_REQUEST, message))?;
        Ok(Recorder { caller, key })
    }
}

async fn authenticate(parts: &Parts, app: &App) -> Result<Caller> {
    let now = app.now();
    let Some(key) = key::presented(&parts.headers) else {
        let message = "the header Authorization is missing or empty; expected: Bearer KEY";
        return Err(Failure::new(StatusCode::UNAUTHORIZED, message));
    };
    app::key::authenticate(app, key, now).await?.ok_or_else(|| {
        Failure::new(StatusCode::UNAUTHORIZED, "the key in the header Authorization is unknown or revoked")
    })
}
