//! Amounts as JSON numbers, read from and printed to their decimal digits. No float touches them.

use std::fmt;

use domain::money::{decimal, parse_number};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Micros as a JSON number: `39949.470248`. Reading takes a number, or a string that holds one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Decimal(pub(crate) i128);

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(decimal(self.0, 0)).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let digits = match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(text).map_err(serde::de::Error::custom)?,
            _ => text.to_owned(),
        };
        parse_number(&digits).map(|micros| Decimal(micros.into())).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.0, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Body {
        amount: Decimal,
    }

    #[test]
    fn numbers_are_exact() {
        for (text, micros) in [("39949.470248", 39_949_470_248), ("-1", -1_000_000), ("\"0.5\"", 500_000)] {
            let body: Body =
                crate::body::parse(format!("{{\"amount\":{text}}}").as_bytes()).expect("an amount");
            assert_eq!(body.amount.0, micros);
        }
        let printed = serde_json::to_string(&Body { amount: Decimal(39_949_470_248) }).expect("json");
        assert_eq!(printed, r#"{"amount":39949.470248}"#);
        assert!(crate::body::parse::<Body>(br#"{"amount":true}"#).is_err());
    }
}
