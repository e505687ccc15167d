//! The query string of a list: plain parameters, `filter={…}` and `range=[a,b]`. Unknown parameters are ignored.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::time::{Timestamp, is_plausible, to_micros_precision};
use serde::de::DeserializeOwned;

use super::refusal::{Code, Refusal, in_plain_words};
use crate::body::{self, BodyError};

/// The query string of a request, as it came.
pub(super) struct Query(String);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query, Infallible> {
        Ok(Query::new(parts.uri.query().unwrap_or_default()))
    }
}

/// Rows of a list by position; both ends are inside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Range {
    /// What a list without `range` answers.
    pub(super) const DEFAULT: Range = Range { first: 0, last: 999 };

    /// How many rows that are.
    pub(super) fn len(self) -> i64 {
        (self.last - self.first).saturating_add(1)
    }
}

impl Query {
    pub(super) fn new(text: &str) -> Query {
        Query(text.to_owned())
    }

    /// The last value of a parameter.
    pub(super) fn get(&self, name: &str) -> Result<Option<String>, Refusal> {
        let pairs = self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let found = pairs.rev().find(|(key, _)| decode(key).is_ok_and(|key| key == name));
        found
            .map(|(_, value)| {
                decode(value).map_err(|problem| Refusal::new(Code::Malformed, format!("{name}: {problem}")))
            })
            .transpose()
    }

    /// A plain parameter that is `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        match value.as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(Refusal::field(name, format!("{:?} is neither true nor false", shortened(&value)))),
        }
    }

    /// A plain parameter that is an integer.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        let number = value.parse().map_err(|_| {
            Refusal::field(name, format!("{:?} is not an integer such as 35427", shortened(&value)))
        })?;
        Ok(Some(number))
    }

    /// The filter: a JSON object.
    pub(super) fn filter<T: DeserializeOwned + Default>(&self) -> Result<T, Refusal> {
        let Some(text) = self.get("filter")? else { return Ok(T::default()) };
        let not_an_object = |reason: &str| {
            let text = shortened(&text);
            Refusal::new(Code::Malformed, format!("filter: {text:?} is not a JSON object ({reason})"))
        };
        if !text.trim_start().starts_with('{') {
            return Err(not_an_object(r#"expected one such as {"affiliate_id":35427}"#));
        }
        body::parse(text.as_bytes()).map_err(|error| match error {
            BodyError::NotJson(reason) => not_an_object(&reason),
            BodyError::Field { path, message } => {
                let path = if path.is_empty() { "filter".to_owned() } else { format!("filter.{path}") };
                Refusal::field(&path, in_plain_words(&message))
            }
            BodyError::TooLarge(_) => not_an_object("it is too long"),
        })
    }

    /// The rows asked for; [`Range::DEFAULT`] without a range.
    pub(super) fn range(&self) -> Result<Range, Refusal> {
        let Some(text) = self.get("range")? else { return Ok(Range::DEFAULT) };
        let wrong = |reason: &str| {
            let text = shortened(&text);
            Refusal::field("range", format!("{text:?} {reason}; expected two positions such as [0,999]"))
        };
        let [first, last] = serde_json::from_str::<[i64; 2]>(&text).map_err(|_| wrong("is not a range"))?;
        if first < 0 {
            return Err(wrong("begins before 0"));
        }
        if last < first {
            return Err(wrong("ends before it begins"));
        }
        Ok(Range { first, last })
    }
}

/// An instant of the wire: `2025-04-30T23:59:59Z`, also with an offset whose plus sign a query string made a space.
pub(super) fn instant(field: &str, text: &str) -> Result<Timestamp, Refusal> {
    let read = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    let at = read(text)
        .or_else(|| read(&text.replace(' ', "+")))
        .map(|at| to_micros_precision(at.to_utc()))
        .filter(|at| is_plausible(*at));
    at.ok_or_else(|| {
        let text = shortened(text);
        Refusal::field(field, format!("{text:?} is not a time such as 2025-04-30T23:59:59Z, of 1970 to 2199"))
    })
}

/// As much of a value as a message may repeat.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Decodes a part of a query string.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                match (digit(rest.next()), digit(rest.next())) {
                    (Some(high), Some(low)) => (high * 16 + low) as u8,
                    _ => return Err("a percent sign is not followed by two hexadecimal digits".to_owned()),
                }
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Default, Debug, PartialEq)]
    #[serde(default)]
    struct Filter {
        affiliate_id: Option<i64>,
    }

    fn range(text: &str) -> Result<Range, Refusal> {
        Query::new(text).range()
    }

    #[test]
    fn ranges_are_inclusive_and_checked() {
        assert_eq!(range("a=b"), Ok(Range::DEFAULT));
        assert_eq!(range("range=%5B0%2C9%5D").map(Range::len), Ok(10));
        assert_eq!(range("range=[5,%205]&x=%zz").map(Range::len), Ok(1));
        assert_eq!(range("range=[0,9223372036854775807]").map(Range::len), Ok(i64::MAX));
        for text in [
            "[5,2]",
            "[-1,2]",
            "x",
            "",
            "[1]",
            "[1,2,3]",
            "[1.5,2]",
            "[1,1e3]",
            "{}",
            "%ff",
            "%2",
            "[0,99999999999999999999]",
        ] {
            assert!(range(&format!("range={text}")).is_err(), "{text}");
        }
    }

    #[test]
    fn filters_are_objects() {
        let filter = |text: &str| Query::new(text).filter::<Filter>();
        assert_eq!(filter(""), Ok(Filter::default()));
        assert_eq!(filter(r#"filter={"affiliate_id":5,"other":[{}]}"#), Ok(Filter { affiliate_id: Some(5) }));
        for text in
            ["", "5", "[5]", "null", "{", r#"{"affiliate_id":"5"}"#, r#"{"affiliate_id":5,"affiliate_id":5}"#]
        {
            assert!(filter(&format!("filter={text}")).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_keep_their_offset() {
        let at = instant("to", "2025-04-30T21:59:59Z");
        for text in ["2025-04-30T23:59:59+02:00", "2025-04-30T23:59:59 02:00", "2025-04-30T21:59:59.000Z"] {
            assert_eq!(instant("to", text), at, "{text}");
        }
        for text in [
            "",
            "2025-04-30",
            "yesterday",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2025-02-30T00:00:00Z",
        ] {
            assert!(instant("to", text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(text in r#"(filter|range|to|above_threshold|affiliate_id)?=?[\[\]{}",:%+&=0-9a-f\-é\x00]{0,40}"#) {
            let query = Query::new(&text);
            let _ = (query.range(), query.filter::<Filter>(), query.flag("above_threshold"));
            let _ = (query.integer("affiliate_id"), query.get("to"));
        }

        #[test]
        fn what_is_encoded_is_decoded(value in ".{0,40}") {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(Query::new(&format!("x={encoded}")).get("x"), Ok(Some(value)));
        }

        #[test]
        fn every_range_in_order_is_taken(first in 0..i64::MAX, length in 0..5000_i64) {
            let last = first.saturating_add(length);
            prop_assert_eq!(range(&format!("range=[{first},{last}]")), Ok(Range { first, last }));
        }

        #[test]
        fn no_instant_panics(text in ".{0,40}") {
            let _ = instant("to", &text);
        }
    }
}
