//! The error dialect of this surface: status 291 with `errCode` and `message`. Every refusal has a code that never
//! changes; docs/SMARTICO.md lists them. What is refused, and why, is decided elsewhere.

use app::{Caller, Error};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::command::Refused;
use serde::Serialize;

use crate::body::BodyError;

/// The codes, by what they say. 3 is the vendor's; it documents no other, so ours begin above a thousand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    /// No key, or one that is unknown or revoked.
    Access = 3,
    /// An affiliate's key on an operator method.
    Permission = 1001,
    /// No such method, or not with this HTTP verb.
    Method = 1002,
    /// The body or the query string cannot be read.
    Malformed = 1003,
    /// A field holds a value that is not acceptable.
    Field = 1004,
    /// There is no such affiliate or link.
    NotFound = 1005,
    /// The idempotency key was used for another request.
    KeyReused = 1006,
    /// The payment is above what is payable, and the program allows no advance.
    AbovePayable = 1007,
    /// An identical payment was made within ten minutes, and the program refuses such.
    Identical = 1008,
    /// The affiliate's status does not allow the change.
    Status = 1009,
    /// A unique value belongs to another affiliate.
    Taken = 1010,
    /// The request contradicts what is there in another way.
    Conflict = 1011,
    /// Too much to do; try again in a moment.
    Busy = 1012,
    /// Something broke on our side.
    Internal = 1013,
}

/// A refusal, ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    code: Code,
    message: String,
}

#[derive(Serialize)]
struct Wire {
    #[serde(rename = "errCode")]
    code: u32,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }

    /// A field whose value is not acceptable; the message says the value and what would be right.
    pub(super) fn field(field: &str, message: impl std::fmt::Display) -> Refusal {
        Refusal::new(Code::Field, format!("{field}: {message}"))
    }

    /// A key that opens nothing.
    pub(super) fn unknown_key() -> Refusal {
        Refusal::new(Code::Access, "Access to this label is not allowed")
    }

    /// A caller that may not use a method.
    pub(super) fn permission(method: &str, caller: &Caller) -> Refusal {
        let user = match caller.scope {
            app::key::Scope::Operator => "operator".to_owned(),
            app::key::Scope::Affiliate(id) => format!("affiliate {id}"),
        };
        Refusal::new(Code::Permission, format!("You don't have permissions to call {method}, user {user}"))
    }

    /// The same refusal with words before it.
    pub(super) fn prefixed(mut self, words: &str) -> Refusal {
        self.message.insert_str(0, words);
        self
    }

    /// The same refusal with the native API's name of a field replaced by this surface's.
    pub(super) fn renamed(mut self, native: &str, ours: &str) -> Refusal {
        if let Some(rest) = self.message.strip_prefix(native) {
            self.message = format!("{ours}{rest}");
        }
        self
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        let message = error.to_string();
        let code = match error {
            Error::Invalid { .. } => Code::Field,
            Error::NotFound(_) => Code::NotFound,
            Error::Forbidden(_) => Code::Permission,
            Error::Conflict { code: "above_payable", .. } => Code::AbovePayable,
            Error::Conflict { code: "identical_payment", .. } => Code::Identical,
            Error::Conflict { code: "status_refused", .. } => Code::Status,
            Error::Conflict { code: "taken", .. } => Code::Taken,
            Error::Refused(Refused::KeyReused(_)) => Code::KeyReused,
            Error::Refused(Refused::Unavailable) | Error::Unavailable | Error::Limited => Code::Busy,
            Error::Refused(Refused::Internal(_)) | Error::Internal(_) => Code::Internal,
            Error::Conflict { .. } | Error::Refused(_) => Code::Conflict,
        };
        Refusal { code, message }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Refusal {
        let code = match error {
            BodyError::Field { .. } => Code::Field,
            BodyError::TooLarge(_) | BodyError::NotJson(_) => Code::Malformed,
        };
        Refusal::new(code, in_plain_words(&error.message()))
    }
}

/// Replaces the words for types that serde puts into its messages.
pub(super) fn in_plain_words(message: &str) -> String {
    message
        .replace("expected i64", "expected an integer")
        .replace("expected u32", "expected an integer of at least 0")
        .replace("expected a map", "expected an object")
        .replace("expected a sequence", "expected an array")
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(291).unwrap_or(StatusCode::MULTI_STATUS);
        let busy = self.code == Code::Busy;
        let mut response =
            (status, Json(Wire { code: self.code as u32, message: self.message })).into_response();
        if busy {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
