//! What the referral widget asks, from pages of other origins: how things stand for a user, and to let her join. The user
//! is whom the token in `Authorization` names, so any page may ask and no cookie counts. Described in docs/SCRIPT.md.

use app::App;
use app::balance::AccountRow;
use app::widget::{Advocate, Details, Status};
use axum::Json;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::text::{Email, Name};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::api::fields::{Object, amount};
use crate::body;
use crate::browser::sender::Sender;

/// The largest body, in bytes.
const LIMIT: usize = 16 << 10;

pub(crate) fn router() -> Router<App> {
    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::new()
        .route("/widget/{product}", get(show).options(preflight))
        .route("/widget/{product}/advocate", axum::routing::post(join).options(preflight))
        .layer(fixed(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .layer(fixed(header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"))
}

/// A browser asks before it sends a request with a token.
async fn preflight() -> impl IntoResponse {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers)
}

async fn show(
    State(app): State<App>,
    product: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Json<Shown>, Refusal> {
    let status = app::widget::status(&app, &path(product), token(&headers)?, app.now()).await?;
    Ok(Json(status.into()))
}

/// What the widget sends when somebody joins.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Joining {
    #[serde(default)]
    accepts_terms: bool,
    #[serde(default)]
    user_details: Option<UserDetails>,
}

/// What the page says about its user; anything else it says is left alone.
#[derive(Deserialize, Default)]
#[serde(expecting = "an object")]
struct UserDetails {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company_name: Option<String>,
}

async fn join(
    State(app): State<App>,
    product: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    sender: Sender,
    body: axum::body::Body,
) -> Result<Json<Shown>, Refusal> {
    app.limits().of_address(sender.origin.address, app.now())?;
    let token = token(&headers)?;
    let bytes = body::read_up_to(body, LIMIT).await.map_err(unreadable)?;
    let Object(joining): Object<Joining> = body::parse(&bytes).map_err(unreadable)?;
    if !joining.accepts_terms {
        let message = "accepts_terms: expected true; nobody joins without accepting the terms";
        return Err(Refusal(StatusCode::BAD_REQUEST, message.to_owned()));
    }
    let details = details(joining.user_details.unwrap_or_default())?;
    let status = app::widget::join(&app, &path(product), token, app.now(), details, &sender.origin).await?;
    Ok(Json(status.into()))
}

/// A path that is not UTF-8 names nothing.
fn path(product: Result<Path<String>, PathRejection>) -> String {
    product.map(|Path(product)| product).unwrap_or_default()
}

fn token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.map(|(_, token)| token.trim()).ok_or_else(|| {
        let message = "send the auth_token of the user: Authorization: Bearer TOKEN";
        Refusal(StatusCode::UNAUTHORIZED, message.to_owned())
    })
}

fn details(said: UserDetails) -> Result<Details, Refusal> {
    let filled =
        |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let refuse =
        |field: &str, error| Refusal(StatusCode::BAD_REQUEST, format!("user_details.{field}: {error}"));
    let names = [filled(said.first_name), filled(said.last_name)];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let email = filled(said.email).map(|email| Email::parse(&email)).transpose();
    let company = filled(said.company_name).map(|company| Name::parse(&company)).transpose();
    let name = Some(name).filter(|name| !name.is_empty()).map(|name| Name::parse(&name)).transpose();
    Ok(Details {
        email: email.map_err(|error| refuse("email", error))?,
        name: name.map_err(|error| refuse("first_name", error))?,
        company: company.map_err(|error| refuse("company_name", error))?,
    })
}

/// What the widget shows.
#[derive(Serialize)]
struct Shown {
    title: String,
    terms: String,
    terms_url: Option<String>,
    advocate_reward: Option<String>,
    friend_reward: Option<String>,
    share_text: String,
    advocate: Option<ShownAdvocate>,
}

#[derive(Serialize)]
struct ShownAdvocate {
    link: String,
    joined_at: DateTime<Utc>,
    sign_ups: i64,
    paying: i64,
    earnings: Vec<Earnings>,
}

/// What an advocate earned in one currency.
#[derive(Serialize)]
struct Earnings {
    currency: Currency,
    earned: String,
    pending: String,
    payable: String,
    paid: String,
}

impl From<Status> for Shown {
    fn from(Status { widget, advocate }: Status) -> Shown {
        Shown {
            title: widget.title,
            terms: widget.terms,
            terms_url: widget.terms_url,
            advocate_reward: widget.advocate_reward,
            friend_reward: widget.friend_reward,
            share_text: widget.share_text,
            advocate: advocate.map(ShownAdvocate::from),
        }
    }
}

impl From<Advocate> for ShownAdvocate {
    fn from(advocate: Advocate) -> ShownAdvocate {
        ShownAdvocate {
            link: advocate.link,
            joined_at: advocate.joined_at,
            sign_ups: advocate.accounts.iter().map(|account| account.figures.registrations).sum(),
            paying: advocate.accounts.iter().map(|account| account.figures.first_payments).sum(),
            earnings: advocate.accounts.iter().map(Earnings::from).collect(),
        }
    }
}

impl From<&AccountRow> for Earnings {
    fn from(account: &AccountRow) -> Earnings {
        let (balances, currency) = (&account.balances, account.currency);
        let earned: i128 = domain::ledger::Kind::ALL.into_iter().map(|kind| balances.earned(kind)).sum();
        Earnings {
            currency,
            earned: amount(earned, currency),
            pending: amount(balances.pending(), currency),
            payable: amount(balances.payable(currency.minor_unit_micros()), currency),
            paid: amount(balances.paid(), currency),
        }
    }
}

/// Why the widget is refused something.
struct Refusal(StatusCode, String);

fn unreadable(error: body::BodyError) -> Refusal {
    let status = match error {
        body::BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    Refusal(status, error.message())
}

impl From<app::Error> for Refusal {
    fn from(error: app::Error) -> Refusal {
        let status = match &error {
            app::Error::Invalid { field, .. } if field == "auth_token" => StatusCode::UNAUTHORIZED,
            app::Error::Invalid { .. } => StatusCode::BAD_REQUEST,
            app::Error::NotFound(_) => StatusCode::NOT_FOUND,
            app::Error::Forbidden(_) => StatusCode::FORBIDDEN,
            app::Error::Conflict { .. } | app::Error::Refused(_) => StatusCode::CONFLICT,
            app::Error::Limited => StatusCode::TOO_MANY_REQUESTS,
            app::Error::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            app::Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}
