//! Bodies of requests: JSON objects, whose fields have the types that the contract names.

use app::App;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserializer;
use serde::de::{DeserializeOwned, Error, IgnoredAny, Visitor};

use super::failure::{Failure, Result};
use crate::body::{self, BodyError};

/// A JSON object.
pub(super) struct Object<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Object<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _app: &App) -> Result<Object<T>> {
        check_content_type(request.headers())?;
        let bytes = body::read(request.into_body()).await?;
        // A struct would also be read from an array, field by field in their order.
        if !matches!(bytes.trim_ascii_start().first(), None | Some(b'{')) {
            body::parse::<IgnoredAny>(&bytes)?;
            let message = "the body is JSON, but not an object such as {\"amount\": 1050}".to_owned();
            return Err(BodyError::Field { path: String::new(), message }.into());
        }
        Ok(Object(body::parse(&bytes)?))
    }
}

/// No content type counts as JSON.
fn check_content_type(headers: &HeaderMap) -> Result<()> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || kind.ends_with("+json") {
        return Ok(());
    }
    let message = format!("Content-Type: {text:?} is not understood; expected application/json");
    Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
}

/// Reads an integer that may be `null`, with words for people where it is something else.
pub(super) fn integer<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<i64>, D::Error> {
    struct Integer;

    impl<'de> Visitor<'de> for Integer {
        type Value = Option<i64>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an integer")
        }

        fn visit_i64<E: Error>(self, value: i64) -> std::result::Result<Option<i64>, E> {
            Ok(Some(value))
        }

        fn visit_u64<E: Error>(self, value: u64) -> std::result::Result<Option<i64>, E> {
            i64::try_from(value).map(Some).map_err(|_| E::custom(format_args!("{value} is too large")))
        }

        fn visit_unit<E: Error>(self) -> std::result::Result<Option<i64>, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(Integer)
}
