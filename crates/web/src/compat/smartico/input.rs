//! Request bodies of this surface: a JSON object whose amounts are JSON numbers.

use axum::body::Body;
use domain::money::{AmountError, parse_number, parse_rounded};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::query::shortened;
use super::refusal::{Code, Refusal};
use crate::body;

/// Reads a body that must be a JSON object.
pub(super) async fn object<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let bytes = body::read(body).await?;
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    // A derived reader would take an array for an object, field by field.
    if first.is_some_and(|byte| *byte != b'{') {
        let message = r#"the body is not a JSON object such as {"affiliate_id":35427}"#;
        return Err(Refusal::new(Code::Malformed, message));
    }
    Ok(body::parse(&bytes)?)
}

/// An amount in micros, given as a JSON number: of at most six decimals, but where it is read by [`rounded`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Amount(pub(super) i64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        amount(deserializer, parse_number)
    }
}

/// An amount of money that moves: a double as programs print it, rounded to the nearest micro. One that would come to
/// nothing by that is refused.
pub(super) fn rounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
    amount(deserializer, parse_rounded)
}

fn amount<'de, D: Deserializer<'de>>(
    deserializer: D,
    parse: fn(&str) -> Result<i64, AmountError>,
) -> Result<Amount, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let text = raw.get();
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        let text = shortened(text);
        return Err(D::Error::custom(format!("{text} is not a number; expected one such as 12.5")));
    }
    let read = parse(text).map_err(D::Error::custom)?;
    if read == 0 && is_something(text) {
        let text = shortened(text);
        return Err(D::Error::custom(format!("{text} rounds to 0; the smallest amount is 0.000001")));
    }
    Ok(Amount(read))
}

/// Whether a number is other than zero: a digit of it is, before the exponent.
fn is_something(number: &str) -> bool {
    number.bytes().take_while(|byte| !matches!(*byte, b'e' | b'E')).any(|byte| matches!(byte, b'1'..=b'9'))
}

/// A filter's number, or array of numbers; an empty array filters nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum OneOrMany {
    One(i64),
    Many(Vec<i64>),
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let read = match &value {
            Value::Number(number) => number.as_i64().map(OneOrMany::One),
            Value::Array(items) => {
                items.iter().map(Value::as_i64).collect::<Option<_>>().map(OneOrMany::Many)
            }
            _ => None,
        };
        let shown = shortened(&value.to_string());
        read.ok_or_else(|| {
            D::Error::custom(format!("{shown} is neither an integer nor an array of them such as [1,2]"))
        })
    }
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<i64> {
        match self {
            OneOrMany::One(number) => vec![number],
            OneOrMany::Many(numbers) => numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Deserialize)]
    struct Wire {
        amount: Amount,
    }

    #[derive(Deserialize)]
    struct Moved {
        #[serde(deserialize_with = "rounded")]
        amount: Amount,
    }

    #[test]
    fn amounts_are_numbers() {
        let read = |text: &str| {
            body::parse::<Wire>(format!(r#"{{"amount":{text}}}"#).as_bytes()).map(|wire| wire.amount.0)
        };
        assert_eq!(read("0.000001"), Ok(1));
        assert_eq!(read("-1e2"), Ok(-100_000_000));
        for text in [r#""5""#, "true", "null", "[1]", "{}", "0.0000001", "1e300", "1000000000001"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_that_move_are_rounded() {
        let read = |text: &str| {
            body::parse::<Moved>(format!(r#"{{"amount":{text}}}"#).as_bytes()).map(|wire| wire.amount.0)
        };
        assert_eq!(read("80.19999999999999"), Ok(80_200_000));
        assert_eq!(read("8.019999999999999E+1"), Ok(80_200_000));
        assert_eq!(read("-0.0000005"), Ok(-1));
        assert_eq!(read("-0.0e5"), Ok(0));
        for text in [r#""5""#, "null", "1e-7", "-0.00000049", "1e300", "1000000000000.0000005"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(text in r#"[\[\]{}",:.\-+eE0-9a-z]{0,40}"#) {
            let _ = body::parse::<Wire>(format!(r#"{{"amount":{text}}}"#).as_bytes());
            let _ = body::parse::<Moved>(format!(r#"{{"amount":{text}}}"#).as_bytes());
        }
    }
}
