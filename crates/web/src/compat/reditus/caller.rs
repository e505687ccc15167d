//! Who calls: the company's key on the calls of the company, an affiliate's key on those of affiliates. The time of
//! the request is read here, once.

use app::key::Scope;
use app::{App, Caller};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::ids::AffiliateId;
use domain::text::Key;

use super::failure::{Failure, Result};
use crate::key;

/// A caller with the company's key that records something.
pub(super) struct Recorder {
    /// The caller.
    pub(super) caller: Caller,
    /// The key of the header `Idempotency-Key`, which Reditus does not have and we honour.
    pub(super) key: Option<Key>,
    /// The API key as it came, by which conversions are counted.
    pub(super) presented: String,
}

impl FromRequestParts<App> for Recorder {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Recorder> {
        let caller = authenticate(parts, app).await?;
        caller.require_operator()?;
        let own = key::idempotency(&parts.headers)
            .map_err(|message| Failure::new(StatusCode::BAD_REQUEST, message))?;
        let presented = key::presented(&parts.headers).unwrap_or_default().to_owned();
        Ok(Recorder { caller, key: own, presented })
    }
}

/// A caller with the company's key that looks something up.
pub(super) struct Operator(pub(super) Caller);

impl FromRequestParts<App> for Operator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Operator> {
        let caller = authenticate(parts, app).await?;
        caller.require_operator()?;
        Ok(Operator(caller))
    }
}

/// An affiliate that looks up what is its own.
pub(super) struct Affiliate {
    /// The caller.
    pub(super) caller: Caller,
    /// The affiliate.
    pub(super) id: AffiliateId,
}

impl FromRequestParts<App> for Affiliate {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Affiliate> {
        let caller = authenticate(parts, app).await?;
        match caller.scope {
            Scope::Affiliate(id) => Ok(Affiliate { caller, id }),
            Scope::Operator => {
                let message = "this call needs an affiliate's key; the key given belongs to the company";
                Err(Failure::new(StatusCode::FORBIDDEN, message))
            }
        }
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
