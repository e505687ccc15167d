//! How a request presents its API key.

use axum::http::{HeaderMap, header};

/// The key of a request: `Authorization: Bearer KEY` or `Authorization: KEY`.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let key = match value.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => value,
    };
    (!key.is_empty() && key.len() <= 200).then_some(key)
}

/// The idempotency key of a request; the error says what is wrong with the header.
pub(crate) fn idempotency(headers: &HeaderMap) -> Result<Option<domain::text::Key>, String> {
    let mut values = headers.get_all("idempotency-key").into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("Idempotency-Key: given more than once".to_owned());
    }
    let text = value.to_str().map_err(|_| "Idempotency-Key: expected printable ASCII".to_owned())?;
    domain::text::Key::parse(text).map(Some).map_err(|error| format!("Idempotency-Key: {error}"))
}
