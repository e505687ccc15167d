//! Request bodies: bounded, JSON, and what is wrong with them in words that name the field.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// The largest body, in bytes.
pub(crate) const LIMIT: usize = 1 << 20;

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than so many bytes.
    TooLarge(usize),
    /// It broke off, or is not JSON at all; the text says where.
    NotJson(String),
    /// It is JSON, but a field is wrong.
    Field {
        /// The field, as in `items[2].amount`; empty for the whole body.
        path: String,
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl BodyError {
    /// The error as one sentence.
    pub(crate) fn message(&self) -> String {
        match self {
            BodyError::TooLarge(limit) => format!("the body is larger than {limit} bytes"),
            BodyError::NotJson(message) => format!("the body is not valid JSON: {message}"),
            BodyError::Field { path, message } if path.is_empty() => message.clone(),
            BodyError::Field { path, message } => format!("{path}: {message}"),
        }
    }
}

/// Reads a whole body.
pub(crate) async fn read(body: axum::body::Body) -> Result<Bytes, BodyError> {
    read_up_to(body, LIMIT).await
}

/// Reads a whole body of at most so many bytes.
pub(crate) async fn read_up_to(body: axum::body::Body, limit: usize) -> Result<Bytes, BodyError> {
    use http_body_util::{BodyExt as _, LengthLimitError, Limited};
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(BodyError::TooLarge(limit)),
        Err(error) => Err(BodyError::NotJson(format!("the body broke off ({error})"))),
    }
}

/// Parses a JSON body. An empty one is treated as `{}` so that missing fields are named.
pub(crate) fn parse<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, BodyError> {
    let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    // Remembering the path costs an allocation per field, so only a body that is wrong is read with it.
    if let Ok(parsed) = serde_json::from_slice(bytes) {
        return Ok(parsed);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        match error.inner().classify() {
            serde_json::error::Category::Data => field(&error, without_position(&error.inner().to_string())),
            _ => shape::<T>(bytes).unwrap_or_else(|| BodyError::NotJson(error.into_inner().to_string())),
        }
    })?;
    deserializer.end().map_err(|error| BodyError::NotJson(error.to_string()))?;
    Ok(parsed)
}

fn field(error: &serde_path_to_error::Error<serde_json::Error>, message: String) -> BodyError {
    let path = error.path().to_string();
    BodyError::Field { path: if path == "." { String::new() } else { path }, message }
}

/// What is wrong with a body that is JSON, though its reader says it is not: that is what it says of a choice that is
/// given twice, or as null. `None` where the body is no JSON.
fn shape<'de, T: Deserialize<'de>>(bytes: &[u8]) -> Option<BodyError> {
    let mut body: Value = serde_json::from_slice(bytes).ok()?;
    let error = serde_path_to_error::deserialize::<_, T>(body.clone()).err()?;
    let mut message = without_position(&error.inner().to_string());
    // A word that is no choice makes the reader name those that are.
    if let Some(place) = at(&mut body, error.path()) {
        let given = std::mem::replace(place, Value::String(String::new())).to_string();
        let again = serde_path_to_error::deserialize::<_, T>(body).err();
        let again = again.map(|again| again.into_inner().to_string()).unwrap_or_default();
        if let Some(choices) = again.strip_prefix("unknown variant ``, expected ") {
            let given: String = given.chars().take(64).collect();
            let exactly = if choices.starts_with("one of") { "exactly " } else { "" };
            message = format!("expected {exactly}{choices}, not {given}");
        }
    }
    Some(field(&error, message))
}

/// The value at a path.
fn at<'a>(body: &'a mut Value, path: &Path) -> Option<&'a mut Value> {
    path.iter().try_fold(body, |value, segment| match segment {
        Segment::Seq { index } => value.get_mut(index),
        Segment::Map { key } | Segment::Enum { variant: key } => value.get_mut(key),
        Segment::Unknown => None,
    })
}

fn without_position(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(message, _)| message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    struct Body {
        #[allow(dead_code)]
        amount: i64,
    }

    #[test]
    fn errors_name_the_field() {
        let error = |text: &str| parse::<Body>(text.as_bytes()).map(|_| ()).expect_err(text).message();
        assert_eq!(error(r#"{"amount":"x"}"#), "amount: invalid type: string \"x\", expected i64");
        assert_eq!(error(""), "missing field `amount`");
        assert!(error("{").starts_with("the body is not valid JSON: EOF"));
        assert!(error("{\"amount\":1} x").starts_with("the body is not valid JSON: trailing"));
        assert!(parse::<Body>(b"{\"amount\":\xff}").is_err());
    }
}
