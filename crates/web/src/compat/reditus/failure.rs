//! Refusals in the dialect of Reditus: a status and `{"error": "<text>"}`. Which refusal has which status is decided
//! here and nowhere else.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::command::Refused;
use serde::Serialize;

use crate::body::BodyError;

/// A refused request.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: Cow<'static, str>,
}

/// A result of a request.
pub(super) type Result<T> = std::result::Result<T, Failure>;

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
}

impl Failure {
    /// A refusal with a status of its own.
    pub(super) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Failure {
        Failure { status, message: message.into() }
    }

    /// A field that is missing or not acceptable.
    pub(super) fn invalid(field: &str, message: impl std::fmt::Display) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, format!("{field}: {message}"))
    }

    /// There is no such thing.
    pub(super) fn not_found(message: impl Into<Cow<'static, str>>) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, message)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Body { error: &self.message })).into_response();
        let hint = match self.status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            _ => None,
        };
        response.headers_mut().extend(hint);
        response
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        let status = match &refused {
            Refused::UnknownCustomer(_) | Refused::UnknownPayment(_) | Refused::UnknownBrand(_) => {
                StatusCode::NOT_FOUND
            }
            // The two texts that the contract fixes (§2.3).
            Refused::UnknownAffiliate(_) | Refused::NotAttributed(_) => {
                return Failure::new(StatusCode::BAD_REQUEST, "Invalid request");
            }
            Refused::AlreadyReferred(_) => {
                return Failure::new(StatusCode::CONFLICT, "Referral already exists");
            }
            Refused::OtherMoney { .. } => {
                return Failure::new(StatusCode::CONFLICT, format!("idempotency_key: {refused}"));
            }
            Refused::KeyReused(_) | Refused::Stale { .. } | Refused::OtherFigures(_) => StatusCode::CONFLICT,
            Refused::RefundAbovePayment { .. }
            | Refused::RefundInOtherCurrency { .. }
            | Refused::DisputeAbovePayment { .. }
            | Refused::DisputeInOtherCurrency { .. }
            | Refused::NotConvertible(_)
            | Refused::AffiliateCannotEarn(_)
            | Refused::ReferralCannotEarn(_)
            | Refused::InFuture { .. }
            | Refused::Implausible { .. } => StatusCode::BAD_REQUEST,
            Refused::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Refused::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Failure::new(status, refused.to_string())
    }
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Failure {
        let status = match error {
            app::Error::Refused(refused) => return refused.into(),
            app::Error::Invalid { .. } => StatusCode::BAD_REQUEST,
            app::Error::NotFound(_) => StatusCode::NOT_FOUND,
            app::Error::Conflict { .. } => StatusCode::CONFLICT,
            app::Error::Forbidden(_) => StatusCode::FORBIDDEN,
            app::Error::Limited => StatusCode::TOO_MANY_REQUESTS,
            app::Error::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            app::Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Failure::new(status, error.to_string())
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Failure {
        let status = match error {
            BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::NotJson(_) | BodyError::Field { .. } => StatusCode::BAD_REQUEST,
        };
        Failure::new(status, error.message())
    }
}
