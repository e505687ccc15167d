//! Who calls: most methods of this surface are the operator's.

use app::{App, Caller};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::refusal::Refusal;
use crate::key;

/// A caller with an operator key; carries the time of the request.
pub(super) struct Operator(pub(super) Caller);

/// A caller with any key; an affiliate's reaches its own data.
pub(super) struct Anyone(pub(super) Caller);

impl FromRequestParts<App> for Anyone {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Anyone, Refusal> {
        let now = app.now();
        let caller = match key::presented(&parts.headers) {
            Some(key) => app::key::authenticate(app, key, now).await?,
            None => None,
        };
        caller.map(Anyone).ok_or_else(Refusal::unknown_key)
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Operator, Refusal> {
        let Anyone(caller) = Anyone::from_request_parts(parts, app).await?;
        let method = parts.uri.path().split('/').find(|part| !part.is_empty()).unwrap_or_default();
        caller.require_operator().map_err(|_| Refusal::permission(method, &caller))?;
        Ok(Operator(caller))
    }
}
