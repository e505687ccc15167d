//! Errors of the native API: problem details (RFC 9457) with a stable code. Here is the one match from the kinds of
//! errors to statuses; the messages come from whoever refused.

use app::Error;
use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::command::Refused;
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::BodyError;

/// The media type of an error.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was refused. Nothing has changed.
#[derive(Debug)]
pub(crate) struct Problem(Box<Details>);

/// An error as it is answered (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Details {
    /// Where the code is explained.
    #[serde(rename = "type")]
    #[schema(example = "/docs#invalid")]
    kind: String,
    /// The sort of error in a few words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What was wrong, with the value, and what would be right.
    detail: String,
    /// A stable code for programs to read.
    #[schema(example = "invalid")]
    code: &'static str,
    /// What was wrong with each field, where fields were wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The field, as in `terms.rules[0].reward`; also a parameter or a header.
    field: String,
    /// What is wrong with it, and what would be right.
    message: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: String) -> Problem {
        let title = title(status);
        let kind = format!("/docs#{code}");
        Problem(Box::new(Details { kind, title, status: status.as_u16(), detail, code, errors: Vec::new() }))
    }

    /// A field that is not acceptable.
    pub(crate) fn invalid(field: impl Into<String>, message: impl ToString) -> Problem {
        let error = FieldError { field: field.into(), message: message.to_string() };
        let detail = format!("{}: {}", error.field, error.message);
        let mut problem = Problem::new(StatusCode::BAD_REQUEST, "invalid", detail);
        problem.0.errors.push(error);
        problem
    }

    pub(crate) fn not_found(detail: String) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// The body, for answers that carry several.
    pub(crate) fn into_details(self) -> Box<Details> {
        self.0
    }

    pub(crate) fn status(&self) -> u16 {
        self.0.status
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request is not valid",
        StatusCode::UNAUTHORIZED => "The API key is missing or unknown",
        StatusCode::FORBIDDEN => "The API key may not do this",
        StatusCode::NOT_FOUND => "There is no such thing",
        StatusCode::METHOD_NOT_ALLOWED => "The method is not known here",
        StatusCode::CONFLICT => "The request contradicts what is recorded",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large",
        StatusCode::UNPROCESSABLE_ENTITY => "The request cannot be acted on",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "The service is busy",
        _ => "Something went wrong on our side",
    }
}

/// The status of a refusal.
fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { .. }
        | Error::Refused(
            Refused::InFuture { .. } | Refused::Implausible { .. } | Refused::NotConvertible(_),
        ) => StatusCode::BAD_REQUEST,
        Error::Refused(Refused::NotAttributed(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::NotFound(_)
        | Error::Refused(
            Refused::UnknownCustomer(_)
            | Refused::UnknownPayment(_)
            | Refused::UnknownAffiliate(_)
            | Refused::UnknownBrand(_),
        ) => StatusCode::NOT_FOUND,
        Error::Conflict { .. }
        | Error::Refused(
            Refused::AlreadyReferred(_)
            | Refused::KeyReused(_)
            | Refused::OtherMoney { .. }
            | Refused::RefundAbovePayment { .. }
            | Refused::RefundInOtherCurrency { .. }
            | Refused::DisputeAbovePayment { .. }
            | Refused::DisputeInOtherCurrency { .. }
            | Refused::AffiliateCannotEarn(_)
            | Refused::ReferralCannotEarn(_)
            | Refused::Stale { .. }
            | Refused::OtherFigures(_),
        ) => StatusCode::CONFLICT,
        Error::Limited => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable | Error::Refused(Refused::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) | Error::Refused(Refused::Internal(_)) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let mut problem = Problem::new(status_of(&error), error.code(), error.to_string());
        match error {
            Error::Invalid { field, message } => problem.0.errors.push(FieldError { field, message }),
            Error::Refused(Refused::InFuture { field, .. } | Refused::Implausible { field, .. }) => {
                let message = problem.0.detail.clone();
                problem.0.errors.push(FieldError { field: field.to_owned(), message });
            }
            Error::Refused(Refused::NotConvertible(message)) => {
                problem.0.errors.push(FieldError { field: "amount".to_owned(), message });
            }
            _ => {}
        }
        problem
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        Error::Refused(refused).into()
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        let detail = error.message();
        match error {
            BodyError::TooLarge(_) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail),
            BodyError::NotJson(_) => Problem::new(StatusCode::BAD_REQUEST, "invalid_json", detail),
            BodyError::Field { path, message } => {
                let field = match missing_field(&message) {
                    Some(missing) if path.is_empty() => missing.to_owned(),
                    Some(missing) => format!("{path}.{missing}"),
                    None if path.is_empty() => "body".to_owned(),
                    None => path,
                };
                Problem::invalid(field, message)
            }
        }
    }
}

/// The field that a message of the deserializer says is missing.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let extra: Option<(HeaderName, &str)> = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer realm=\"refero\"")),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                Some((header::RETRY_AFTER, "1"))
            }
            _ => None,
        };
        let mut response = (status, Json(&*self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.extend(extra.map(|(name, value)| (name, HeaderValue::from_static(value))));
        response
    }
}

/// The answer where no route is.
pub(crate) async fn no_route(request: Request) -> Problem {
    let path: String = request.uri().path().chars().take(200).collect();
    Problem::not_found(format!("there is nothing at {path}; /docs lists what there is"))
}

/// The answer where a route has other methods.
pub(crate) async fn no_method(request: Request) -> Problem {
    let detail = format!("{} is not known here; the header Allow lists what is", request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
