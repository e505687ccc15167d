//! What handlers take from a request: who calls, the body, ids in the path, parameters, the idempotency key. Each
//! refuses with a problem that names the place.

use std::str::FromStr;

use app::{App, Caller};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use domain::text::Key;
use serde::de::DeserializeOwned;

use super::fields::Object;
use super::page::{Cursor, Page};
use super::problem::Problem;
use crate::{body, key};

/// A caller with any key of the program.
pub(crate) struct Anyone(pub(crate) Caller);

impl FromRequestParts<App> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Anyone, Problem> {
        let refuse = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail.to_owned());
        let Some(key) = key::presented(&parts.headers) else {
            return Err(refuse("send an API key: Authorization: Bearer KEY"));
        };
        let caller = app::key::authenticate(app, key, app.now()).await?;
        caller.map(Anyone).ok_or_else(|| refuse("the API key is unknown or revoked"))
    }
}

/// A caller that speaks for the program.
pub(crate) struct Operator(pub(crate) Caller);

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Operator, Problem> {
        let Anyone(caller) = Anyone::from_request_parts(parts, app).await?;
        caller.require_operator()?;
        Ok(Operator(caller))
    }
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Body<T>, Problem> {
        let bytes = body::read(request.into_body()).await?;
        let Object(body) = body::parse(&bytes)?;
        Ok(Body(body))
    }
}

/// A body as it came, for whoever parses it in place.
pub(crate) struct Bytes(pub(crate) axum::body::Bytes);

impl FromRequest<App> for Bytes {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Bytes, Problem> {
        Ok(Bytes(body::read(request.into_body()).await?))
    }
}

/// The one id in a path. What is no id names nothing, so it is not found.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr<Err: std::fmt::Display>> FromRequestParts<App> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Id<T>, Problem> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        let Path(text) =
            path.map_err(|_| Problem::not_found("the id in the path is not UTF-8".to_owned()))?;
        text.parse().map(Id).map_err(|error: T::Err| Problem::not_found(error.to_string()))
    }
}

/// A number in a path.
pub(crate) struct Number(pub(crate) i64);

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Number, String> {
        let number = text.parse().ok().filter(|number| *number >= 0);
        number.map(Number).ok_or_else(|| format!("{:?} is not an integer id", shortened(text)))
    }
}

/// A UUID in a path.
pub(crate) struct Uuid(pub(crate) uuid::Uuid);

impl FromStr for Uuid {
    type Err = String;

    fn from_str(text: &str) -> Result<Uuid, String> {
        let example = "0197290f-6d3b-7cc0-b7a3-8e1b5f2d4c61";
        let refuse = |_| format!("{:?} is not an id such as {example}", shortened(text));
        uuid::Uuid::try_parse(text).map(Uuid).map_err(refuse)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// The idempotency key, if one came.
pub(crate) struct OptionalKey(pub(crate) Option<Key>);

impl FromRequestParts<App> for OptionalKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<OptionalKey, Problem> {
        let message = |message: String| message.trim_start_matches("Idempotency-Key: ").to_owned();
        key::idempotency(&parts.headers)
            .map(OptionalKey)
            .map_err(|error| Problem::invalid("Idempotency-Key", message(error)))
    }
}

/// The idempotency key of a call that moves money by decision.
pub(crate) struct RequiredKey(pub(crate) Key);

impl FromRequestParts<App> for RequiredKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<RequiredKey, Problem> {
        let OptionalKey(key) = OptionalKey::from_request_parts(parts, app).await?;
        key.map(RequiredKey).ok_or_else(|| {
            let message = "send this header with a text of your own that is new for every decision, \
                           so that a repeated request moves no money twice";
            Problem::invalid("Idempotency-Key", message)
        })
    }
}

/// The parameters of the query string. Every one must be taken before [`Params::finish`].
pub(crate) struct Params(Vec<(String, String)>);

impl FromRequestParts<App> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Params, Problem> {
        let Query(pairs) =
            Query::try_from_uri(&parts.uri).map_err(|error| Problem::invalid("query", error.body_text()))?;
        Ok(Params(pairs))
    }
}

impl Params {
    /// Takes a parameter.
    fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(index) = self.0.iter().position(|(other, _)| other == name) else { return Ok(None) };
        let (_, value) = self.0.swap_remove(index);
        if self.0.iter().any(|(other, _)| other == name) {
            return Err(Problem::invalid(name, "given more than once"));
        }
        Ok(Some(value))
    }

    /// Takes a parameter that `read` understands.
    pub(crate) fn read<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(name)? else { return Ok(None) };
        read(&text).map(Some).map_err(|error| Problem::invalid(name, error))
    }

    /// Takes a parameter that reads itself.
    pub(crate) fn parse<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        self.read(name, str::parse)
    }

    /// Takes a parameter that is one of a few words.
    pub(crate) fn word<T: Copy, const N: usize>(
        &mut self,
        name: &str,
        all: [T; N],
        as_str: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>, Problem> {
        self.read(name, |text| {
            let known = all.into_iter().find(|value| as_str(*value) == text);
            let shown = shortened(text);
            known.ok_or_else(|| format!("{shown:?} is none of {}", all.map(&as_str).join(", ")))
        })
    }

    /// Takes a parameter that is an instant.
    pub(crate) fn instant(&mut self, name: &str) -> Result<Option<domain::time::Timestamp>, Problem> {
        self.read(name, super::fields::instant)
    }

    /// Takes a parameter that is true or false; false where it is left out.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        Ok(self.choice(name)?.unwrap_or(false))
    }

    /// Takes a parameter that is true or false, or neither.
    pub(crate) fn choice(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        self.read(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("expected true or false"),
        })
    }

    /// Takes `limit` and `cursor`.
    pub(crate) fn page(&mut self) -> Result<Page, Problem> {
        let limit = self.read("limit", |text| {
            let limit = text.parse().ok().filter(|limit| (1..=Page::LIMIT).contains(limit));
            limit.ok_or("expected a number from 1 to 200")
        })?;
        let cursor = self.read("cursor", str::parse::<Cursor>)?;
        Ok(Page { limit: limit.unwrap_or(Page::DEFAULT), cursor })
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::invalid(
                shortened(&name),
                "there is no such parameter; /docs lists those there are",
            )),
        }
    }
}
