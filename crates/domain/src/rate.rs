//! Rates of commission in parts per million. Exchange rates are in `exchange`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exchange::Value;
use crate::money::{Money, decimal, parse_decimal};

/// A share in parts per million, above 0 and at most 100 %. Written as a percentage in decimals: `"12.5"`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Rate(u32);

/// The text is no percentage above 0 and at most 100 with at most four decimals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a percentage above 0 and at most 100 with at most four decimals")]
pub struct InvalidRate(pub String);

impl Rate {
    /// A rate from parts per million; `None` at 0 and above one million.
    pub fn from_ppm(ppm: u32) -> Option<Rate> {
        (1..=1_000_000).contains(&ppm).then_some(Rate(ppm))
    }

    /// A rate from a percentage in decimals.
    pub fn from_percent(text: &str) -> Result<Rate, InvalidRate> {
        let invalid = || InvalidRate(text.chars().take(32).collect());
        let micros = parse_decimal(text).map_err(|_| invalid())?;
        // One percent is a million micros of text and ten thousand parts per million.
        if micros % 100 != 0 {
            return Err(invalid());
        }
        u32::try_from(micros / 100).ok().and_then(Rate::from_ppm).ok_or_else(invalid)
    }

    /// Parts per million.
    pub fn ppm(&self) -> u32 {
        self.0
    }

    /// This share of an amount or of a converted value, rounded once, half away from zero, to the minor unit of its
    /// currency: percent, amount and exchange rates are one expression (money.md §7).
    pub fn of(&self, value: impl Into<Value>) -> Money {
        value.into().share(self.0)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(i128::from(self.0) * 100, 0))
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Rate::from_percent(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;

    #[test]
    fn percentages_read_and_print() {
        for (text, ppm) in [("20", 200_000), ("12.5", 125_000), ("0.0001", 1), ("100", 1_000_000)] {
            let rate = Rate::from_percent(text).expect(text);
            assert_eq!((rate.ppm(), rate.to_string().as_str()), (ppm, text));
        }
        for text in ["0", "-1", "100.0001", "0.00001", "twenty", "", "2e1", "1E1"] {
            assert_eq!(Rate::from_percent(text), Err(InvalidRate(text.to_owned())));
        }
    }

    #[test]
    fn a_rate_of_an_amount_is_rounded_to_the_minor_unit() {
        let eur = |micros| Money::from_micros(micros, Currency::EUR);
        let rate = Rate::from_percent("12.5").expect("a rate");
        assert_eq!(rate.of(eur(100_000_000)), eur(12_500_000));
        assert_eq!(rate.of(eur(40_000)), eur(10_000), "0.005 becomes 0.01");
    }
}
