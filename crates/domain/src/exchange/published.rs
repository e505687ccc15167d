//! A rate as it was published: digits and a decimal point, nothing lost and nothing added.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How much of a currency one unit of the base is, as a decimal: digits and how many of them are decimals.
///
/// It keeps the zeros it came with (`1.0870`); [`PublishedRate::is_same`] compares what it is worth.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PublishedRate {
    digits: u64,
    decimals: u8,
}

/// Digits at most, decimals included.
const DIGITS: usize = 18;

/// The text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rate; expected a decimal above 0 such as 1.0876, with at most 18 digits")]
pub struct InvalidPublishedRate(pub String);

impl PublishedRate {
    /// One euro in euros.
    pub const ONE: PublishedRate = PublishedRate { digits: 1, decimals: 0 };

    /// This rate over another one, as a fraction whose parts are below 10³⁶.
    pub(super) fn over(&self, other: &PublishedRate) -> (i128, i128) {
        let scaled = |digits: u64, by: u8| i128::from(digits) * 10_i128.pow(u32::from(by));
        (
            scaled(self.digits, other.decimals.saturating_sub(self.decimals)),
            scaled(other.digits, self.decimals.saturating_sub(other.decimals)),
        )
    }

    /// The product with another rate, exact: how much of a currency the base of the base is. `None` where it has more
    /// than 18 digits.
    pub fn times(&self, other: &PublishedRate) -> Option<PublishedRate> {
        let (mut digits, mut decimals) =
            (u128::from(self.digits) * u128::from(other.digits), self.decimals + other.decimals);
        while decimals > 0 && digits % 10 == 0 {
            (digits, decimals) = (digits / 10, decimals - 1);
        }
        let fits = digits < 10_u128.pow(DIGITS as u32) && usize::from(decimals) <= DIGITS;
        let digits = u64::try_from(digits).ok().filter(|_| fits)?;
        Some(PublishedRate { digits, decimals })
    }

    /// Whether two rates are worth the same, as `1.087` and `1.0870` are.
    pub fn is_same(&self, other: &PublishedRate) -> bool {
        let (one, two) = self.over(other);
        one == two
    }
}

impl FromStr for PublishedRate {
    type Err = InvalidPublishedRate;

    fn from_str(text: &str) -> Result<PublishedRate, InvalidPublishedRate> {
        let invalid = || InvalidPublishedRate(text.chars().take(32).collect());
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(invalid()),
            None => (text, ""),
        };
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let length = whole.trim_start_matches('0').len() + fraction.len();
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || length > DIGITS {
            return Err(invalid());
        }
        let digits: u64 = format!("{whole}{fraction}").parse().map_err(|_| invalid())?;
        let decimals = u8::try_from(fraction.len()).map_err(|_| invalid())?;
        if digits == 0 { Err(invalid()) } else { Ok(PublishedRate { digits, decimals }) }
    }
}

impl fmt::Display for PublishedRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = usize::from(self.decimals);
        let digits = format!("{:0width$}", self.digits, width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        if fraction.is_empty() { f.pad(whole) } else { f.pad(&format!("{whole}.{fraction}")) }
    }
}

impl Serialize for PublishedRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublishedRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PublishedRate, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
