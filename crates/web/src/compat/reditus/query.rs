//! Parameters of lists: filters with the suffixes `_eq`, `_lt`, `_gt`, dates, and pages. Unknown parameters are
//! ignored, empty ones count as not sent.

use std::fmt::Display;

use app::App;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use domain::time::{Timestamp, to_micros_precision};
use serde::Serialize;

use super::failure::{Failure, Result};
use super::resource::Resource;

/// Rows of a page unless asked otherwise, and at most.
const PER_PAGE: i64 = 25;
const PER_PAGE_LIMIT: i64 = 50;

/// The parameters as they came.
pub(super) struct Query(Vec<(String, String)>);

impl FromRequestParts<App> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Query> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|rejection| Failure::new(StatusCode::BAD_REQUEST, rejection.body_text()))?;
        Ok(Query(pairs.0))
    }
}

impl Query {
    /// A parameter that is sent once, unless it is blank.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() {
            return Err(Failure::invalid(name, "it was sent more than once"));
        }
        Ok(value.filter(|text| !text.trim().is_empty()))
    }

    /// A parameter, parsed.
    pub(super) fn parse<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> std::result::Result<T, E>,
    ) -> Result<Option<T>> {
        self.text(name)?.map(parse).transpose().map_err(|error| Failure::invalid(name, error))
    }

    /// One of the words that a state may have.
    pub(super) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let expected = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        self.parse(name, |text| {
            let known = words.iter().find(|(word, _)| *word == text).map(|(_, state)| *state);
            known.ok_or_else(|| format!("{:?} is not one of {}", shortened(text), expected()))
        })
    }

    /// A date.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>> {
        self.parse(name, |text| {
            instant(text).ok_or_else(|| {
                let example = "2022-12-24 12:47:45 +0200 or 2022-12-24T12:47:45Z";
                format!("{:?} is not a date such as {example}", shortened(text))
            })
        })
    }

    /// The page asked for. More rows than a page may have are cut down to that.
    pub(super) fn page(&self) -> Result<Page> {
        let whole = |name: &str| {
            self.parse(name, |text| {
                let number = text.trim().parse::<u32>().ok().filter(|number| *number > 0);
                number.ok_or_else(|| format!("{:?} is not a whole number from 1", shortened(text)))
            })
        };
        let number = whole("page")?.map_or(1, i64::from);
        let size = whole("per_page")?.map_or(PER_PAGE, i64::from).min(PER_PAGE_LIMIT);
        Ok(Page { number, size })
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// A page of a list, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    number: i64,
    size: i64,
}

/// A list, with what is needed to go on.
#[derive(Serialize)]
pub(super) struct List<I, A> {
    data: Vec<Resource<I, A>>,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    page: i64,
    per_page: i64,
    next_page: Option<i64>,
}

impl Page {
    /// Rows before the page.
    pub(super) fn offset(self) -> i64 {
        (self.number - 1) * self.size
    }

    /// How many rows to read: one more than is shown, to know whether a page follows.
    pub(super) fn reads(self) -> i64 {
        self.size + 1
    }

    /// The answer, from the rows that were read.
    pub(super) fn answer<I, A>(self, rows: impl ExactSizeIterator<Item = Resource<I, A>>) -> List<I, A> {
        let more = rows.len() as i64 > self.size;
        let data = rows.take(self.size as usize).collect();
        let meta =
            Meta { page: self.number, per_page: self.size, next_page: more.then_some(self.number + 1) };
        List { data, meta }
    }
}

/// Reads a date as Reditus' examples write it, or ISO 8601; without offset it is UTC. The sign of an offset may have
/// become a space, as an unencoded `+` does in a query. Years have four digits.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let signed = text.rsplit_once(' ').map(|(front, back)| format!("{front}+{back}"));
    let instant = [Some(text), signed.as_deref()].into_iter().flatten().find_map(with_offset);
    let instant = instant.or_else(|| without_offset(text))?;
    (1..=9999).contains(&instant.year()).then(|| to_micros_precision(instant))
}

fn with_offset(text: &str) -> Option<Timestamp> {
    let formats = ["%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%dT%H:%M:%S%.f%#z"];
    let parsed = formats.into_iter().find_map(|format| DateTime::parse_from_str(text, format).ok());
    parsed.map(|instant| instant.to_utc())
}

fn without_offset(text: &str) -> Option<Timestamp> {
    let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let time = formats.into_iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|date| date.and_time(NaiveTime::MIN));
    time.or_else(date).map(|local| local.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_as_clients_write_them() {
        for text in [
            "2022-12-24 12:47:45 +0200",
            "2022-12-24 12:47:45  0200",
            "2022-12-24 10:47:45 +0000",
            "2022-12-24 07:47:45 -0300",
            "2022-12-24T12:47:45+02:00",
            "2022-12-24T12:47:45 02:00",
            "2022-12-24T10:47:45Z",
            "2022-12-24T10:47:45.000Z",
            "2022-12-24T10:47:45",
            "2022-12-24 10:47:45",
        ] {
            assert_eq!(instant(text).map(|at| at.timestamp()), Some(1_671_878_865), "{text}");
        }
        let midnight = instant("2022-12-24").map(|at| at.to_rfc3339());
        assert_eq!(midnight.as_deref(), Some("2022-12-24T00:00:00+00:00"));
        for text in ["", "yesterday", "1671878865", "2022-13-01", "2022-12-24 25:00:00 +0200", "+12022-12-24"]
        {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_a_date_never_panics(text in ".{0,40}", digits in "[-+0-9TZ: .]{0,32}") {
            instant(&text);
            instant(&digits);
        }
    }
}
