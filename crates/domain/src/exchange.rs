//! Exchange (money.md §7): what an amount is worth in the program's currency, by the published rates of one day.
//!
//! Rates are kept as they were published (`published`), the day whose rates count is computed (`calendar`), and files
//! with rates are read in `file`. Percentages of commission are in `rate`. A value remembers the fraction it stands
//! for, so that whatever is a part of it is rounded once, and not a second time after the value was.

mod calendar;
mod file;
mod published;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use calendar::{is_business_day, rate_day};
pub use file::{FileError, Format, RateFile, RateRow, read};
pub use published::{InvalidPublishedRate, PublishedRate};

use crate::currency::Currency;
use crate::money::{MAX_MICROS, Money, divide_half_away};

/// The rates of one day that lead from one currency to another by way of the euro: how much of each one euro is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// The day of the rates.
    #[serde(rename = "d")]
    pub day: NaiveDate,
    /// One euro in the currency that came.
    #[serde(rename = "f")]
    pub from: PublishedRate,
    /// One euro in the program's currency.
    #[serde(rename = "t")]
    pub to: PublishedRate,
}

/// Why an amount has no value in another currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The value is above [`MAX_MICROS`].
    #[error("{amount} at the rates of {day} is above 1000000000000 {currency}, the limit of an amount")]
    AboveLimit {
        /// The amount that came.
        amount: Money,
        /// The day of the rates.
        day: NaiveDate,
        /// The program's currency.
        currency: Currency,
    },
    /// Amount and rates have more digits together than are computed with.
    #[error(
        "{amount} cannot be converted to {currency} exactly at {from} and {to} a euro; use shorter rates"
    )]
    TooManyDigits {
        /// The amount that came.
        amount: Money,
        /// The program's currency.
        currency: Currency,
        /// One euro in the currency that came.
        from: PublishedRate,
        /// One euro in the program's currency.
        to: PublishedRate,
    },
}

impl Exchange {
    /// What an amount is worth in another currency.
    pub fn value(&self, amount: Money, currency: Currency) -> Result<Value, ExchangeError> {
        let too_many_digits =
            || ExchangeError::TooManyDigits { amount, currency, from: self.from, to: self.to };
        let (numerator, denominator) = self.to.over(&self.from);
        let (micros, denominator) = reduced(i128::from(amount.micros()), denominator);
        let (numerator, denominator) = reduced(numerator, denominator);
        let numerator = micros.checked_mul(numerator).ok_or_else(too_many_digits)?;
        let value = Value::new(numerator, denominator, currency).ok_or_else(too_many_digits)?;
        if value.micros().unsigned_abs() > MAX_MICROS.unsigned_abs() {
            return Err(ExchangeError::AboveLimit { amount, day: self.day, currency });
        }
        Ok(value)
    }
}

/// What a fact is worth in the program's currency: a fraction of micros, exact.
///
/// [`Value::money`] is the value rounded to the minor unit, which figures show. A commission is not a part of that
/// but of the fraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value {
    money: Money,
    numerator: i128,
    denominator: i128,
}

/// Parts per million in a whole.
const WHOLE: i128 = 1_000_000;

impl Value {
    /// A value from a fraction of micros. `None` where it does not fit, or a share of it would not.
    fn new(numerator: i128, denominator: i128, currency: Currency) -> Option<Value> {
        let unit = i128::from(currency.minor_unit_micros());
        numerator.checked_mul(WHOLE)?;
        denominator.checked_mul(WHOLE)?.checked_mul(unit)?;
        let units = divide_half_away(numerator, denominator.checked_mul(unit)?)?;
        let micros = i64::try_from(units.checked_mul(unit)?).ok()?;
        Some(Value { money: Money::from_micros(micros, currency), numerator, denominator })
    }

    /// The value rounded once, half away from zero, to the minor unit of the program's currency. An amount that came
    /// in that currency is its own value, as it came.
    pub fn money(&self) -> Money {
        self.money
    }

    /// [`Value::money`] in micros.
    pub fn micros(&self) -> i64 {
        self.money.micros()
    }

    /// The program's currency.
    pub fn currency(&self) -> Currency {
        self.money.currency()
    }

    /// The exact value in micros: numerator and denominator, the latter above zero.
    pub fn fraction(&self) -> (i128, i128) {
        (self.numerator, self.denominator)
    }

    /// A share of at most one of the value, rounded once, half away from zero, to the minor unit: amount, rates and
    /// share are one expression.
    pub fn share(&self, parts_per_million: u32) -> Money {
        let unit = i128::from(self.currency().minor_unit_micros());
        let numerator = self.numerator * i128::from(parts_per_million.min(1_000_000));
        let units = divide_half_away(numerator, self.denominator * WHOLE * unit).expect("no factor is zero");
        let micros = i64::try_from(units * unit).expect("a share of at most one fits where the value fits");
        Money::from_micros(micros, self.currency())
    }
}

impl From<Money> for Value {
    /// The value of an amount that came in the program's currency: itself.
    fn from(amount: Money) -> Value {
        Value { money: amount, numerator: i128::from(amount.micros()), denominator: 1 }
    }
}

/// A fraction without common factors; the denominator is above zero.
fn reduced(numerator: i128, denominator: i128) -> (i128, i128) {
    let (mut a, mut b) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    while b > 0 {
        (a, b) = (b, a % b);
    }
    let divisor = i128::try_from(a).ok().filter(|divisor| *divisor > 0).unwrap_or(1);
    (numerator / divisor, denominator / divisor)
}
