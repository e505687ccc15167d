//! Money as integer: millionths of the major unit with checked arithmetic. No float touches it.
//!
//! Parsing and printing decimals is here too; rates and percentages are in `rate`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::currency::Currency;

/// One major unit in micros.
pub const MICROS: i64 = 1_000_000;

/// The largest amount a fact, a decision or a term may name: 10¹² major units, in micros.
pub const MAX_MICROS: i64 = 1_000_000_000_000 * MICROS;

/// An amount of one currency in micros (millionths of the major unit), signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Money {
    micros: i64,
    currency: Currency,
}

/// Why an amount is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number.
    #[error("{0:?} is not a decimal amount such as 12.50")]
    NotANumber(String),
    /// More decimals than micros can hold.
    #[error("{0:?} has more than six decimals")]
    TooManyDecimals(String),
    /// More decimals than the currency has.
    #[error("{0:?} has more decimals than {1} has ({2})")]
    NotWholeMinorUnits(String, Currency, u32),
    /// Zero or negative where money must move.
    #[error("the amount is {0}; it must be greater than 0")]
    NotPositive(String),
    /// Above [`MAX_MICROS`].
    #[error("the amount {0} is above the limit of 1000000000000 units")]
    TooLarge(String),
}

impl Money {
    /// An amount from micros.
    pub fn from_micros(micros: i64, currency: Currency) -> Money {
        Money { micros, currency }
    }

    /// Nothing, in a currency.
    pub fn zero(currency: Currency) -> Money {
        Money { micros: 0, currency }
    }

    /// An amount from minor units with `exponent` decimals (which a provider's table may give differently from
    /// ISO 4217). Negative amounts and amounts above [`MAX_MICROS`] are refused; zero is not.
    pub fn from_minor(amount: i64, exponent: u32, currency: Currency) -> Result<Money, AmountError> {
        if amount < 0 {
            return Err(AmountError::NotPositive(amount.to_string()));
        }
        let micros = i128::from(amount) * 10_i128.pow(6 - exponent.min(6));
        match i64::try_from(micros) {
            Ok(micros) if micros <= MAX_MICROS => Ok(Money { micros, currency }),
            _ => Err(AmountError::TooLarge(amount.to_string())),
        }
    }

    /// The amount in micros.
    pub fn micros(&self) -> i64 {
        self.micros
    }

    /// The currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Cuts the amount down (towards zero) to whole minor units.
    pub fn floor_to_minor(self) -> Money {
        let unit = self.currency.minor_unit_micros();
        Money { micros: self.micros / unit * unit, ..self }
    }

    /// The share `numerator / denominator` of this amount, rounded once, half away from zero, to minor units.
    /// `None` when the result does not fit, which amounts below [`MAX_MICROS`] and shares up to one cannot cause.
    pub fn share(self, numerator: i128, denominator: i128) -> Option<Money> {
        let unit = i128::from(self.currency.minor_unit_micros());
        let product = i128::from(self.micros).checked_mul(numerator)?;
        let units = divide_half_away(product, denominator.checked_mul(unit)?)?;
        Some(Money { micros: i64::try_from(units.checked_mul(unit)?).ok()?, ..self })
    }
}

/// `numerator / denominator`, rounded half away from zero. `None` for a denominator of zero.
pub fn divide_half_away(numerator: i128, denominator: i128) -> Option<i128> {
    if denominator == 0 {
        return None;
    }
    let (quotient, remainder) = (numerator / denominator, numerator % denominator);
    if remainder.unsigned_abs() >= denominator.unsigned_abs() - remainder.unsigned_abs() {
        let away = if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
        quotient.checked_add(away)
    } else {
        Some(quotient)
    }
}

/// What is left of a commission of `full` micros when so much of so much was returned: C − round(C × returned /
/// amount), money.md §5, in whole minor units.
pub fn left_of(full: i64, (returned, amount): (i64, i64), currency: Currency) -> i64 {
    let back = Money::from_micros(full, currency).share(returned.into(), amount.into());
    full - back.map_or(0, |back| back.micros())
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", decimal(i128::from(self.micros), self.currency.exponent()), self.currency)
    }
}

/// Micros as a decimal with at least `decimals` places and no superfluous zeros behind those: `12.50`, `0.000001`.
pub fn decimal(micros: i128, decimals: u32) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (whole, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let mut digits = format!("{fraction:06}");
    while digits.len() > decimals as usize && digits.ends_with('0') {
        digits.pop();
    }
    if digits.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{digits}") }
}

/// Reads a decimal such as `-12.5` into micros.
pub fn parse_decimal(text: &str) -> Result<i64, AmountError> {
    match text.contains(['e', 'E']) {
        true => Err(AmountError::NotANumber(shown(text))),
        false => parse_number(text),
    }
}

/// Reads a JSON number as [`parse_decimal`] does a text. It may carry an exponent (`1e3`); at most six decimals may be
/// left.
pub fn parse_number(text: &str) -> Result<i64, AmountError> {
    let read = Read::of(text)?;
    match read.rest {
        Some(_) => Err(AmountError::TooManyDecimals(shown(text))),
        None => read.micros(text),
    }
}

/// Reads a JSON number as [`parse_number`] does, and rounds one of more than six decimals to the nearest micro, half away
/// from zero: programs that reckon in doubles write `80.19999999999999` where they mean 80.2.
pub fn parse_rounded(text: &str) -> Result<i64, AmountError> {
    let mut read = Read::of(text)?;
    if read.rest.is_some_and(|digit| digit >= b'5') {
        read.magnitude += 1;
    }
    read.micros(text)
}

/// A decimal, read as far as micros go.
struct Read {
    is_negative: bool,
    /// Its whole micros, without the sign.
    magnitude: i128,
    /// The first digit behind the micros, where anything but zeros is left there.
    rest: Option<u8>,
}

impl Read {
    fn of(text: &str) -> Result<Read, AmountError> {
        let not_a_number = || AmountError::NotANumber(shown(text));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| not_a_number())?),
            None => (text, 0),
        };
        let (is_negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let dangling = whole.is_empty() || (digits.contains('.') && fraction.is_empty());
        if dangling || !all_digits(whole) || !all_digits(fraction) || digits.len() > 64 {
            return Err(not_a_number());
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Ok(Read { is_negative, magnitude: 0, rest: None });
        }
        // The value is `digits` times ten to the power of `shift`, in micros; so many digits of it are whole micros.
        let zeros = significant.len() - digits.len();
        let shift = i64::from(exponent) + 6 - fraction.len() as i64 + zeros as i64;
        let length = digits.len() as i64 + shift;
        if length > 19 {
            return Err(AmountError::TooLarge(shown(text)));
        }
        let (kept, rest) = digits.split_at(length.clamp(0, digits.len() as i64) as usize);
        let kept = kept.bytes().fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let magnitude = kept * 10_i128.pow(shift.max(0) as u32);
        let rest = if length < 0 { Some(b'0') } else { rest.bytes().next() };
        Ok(Read { is_negative, magnitude, rest })
    }

    fn micros(&self, text: &str) -> Result<i64, AmountError> {
        match i64::try_from(self.magnitude) {
            Ok(micros) if micros <= MAX_MICROS => Ok(if self.is_negative { -micros } else { micros }),
            _ => Err(AmountError::TooLarge(shown(text))),
        }
    }
}

/// As much of what was sent as a message repeats.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// A positive amount of at most 10¹² units, as decisions and terms need it.
pub fn parse_positive(text: &str) -> Result<i64, AmountError> {
    let micros = parse_decimal(text)?;
    if micros > 0 { Ok(micros) } else { Err(AmountError::NotPositive(shown(text))) }
}

/// An amount of micros that reads and writes itself as a decimal string (`"12.50"`), for terms and settings whose
/// currency is the program's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Amount(pub i64);

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&decimal(i128::from(self.0), 2))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_decimal(&text).map(Amount).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_read_and_print() {
        for (text, micros, printed) in [
            ("0", 0, "0"),
            ("-0.0", 0, "0"),
            ("12.5", 12_500_000, "12.5"),
            ("39949.470248", 39_949_470_248, "39949.470248"),
            ("1e3", 1_000_000_000, "1000"),
            ("1.5E-3", 1_500, "0.0015"),
            ("-7.000001", -7_000_001, "-7.000001"),
            ("0000000000000000000000000000001.10", 1_100_000, "1.1"),
            ("1000000000000", MAX_MICROS, "1000000000000"),
        ] {
            assert_eq!(parse_number(text), Ok(micros), "{text}");
            let is_plain = !text.contains(['e', 'E']);
            assert_eq!(parse_decimal(text).ok(), is_plain.then_some(micros), "{text}");
            assert_eq!(decimal(i128::from(micros), 0), printed, "{text}");
        }
        assert_eq!(decimal(20_000_000, 2), "20.00");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "+1", "1,5", "0x1", "NaN", "1e", "1e1e1", "--1", "١"] {
            assert!(matches!(parse_number(text), Err(AmountError::NotANumber(_))), "{text}");
        }
        for text in ["1e3", "1.5E-3", "1e13"] {
            assert!(matches!(parse_decimal(text), Err(AmountError::NotANumber(_))), "{text}");
        }
        assert!(matches!(parse_decimal("0.0000001"), Err(AmountError::TooManyDecimals(_))));
        for text in ["1000000000000.000001", "1e13", "1e999999999", "99999999999999999999999999"] {
            assert!(matches!(parse_number(text), Err(AmountError::TooLarge(_))), "{text}");
        }
        assert!(matches!(parse_positive("0"), Err(AmountError::NotPositive(_))));
    }

    #[test]
    fn what_doubles_print_is_rounded_from_its_digits() {
        for (text, micros) in [
            ("80.19999999999999", 80_200_000),
            ("8.019999999999999e1", 80_200_000),
            ("-0.30000000000000004", -300_000),
            ("0.0000005", 1),
            ("-0.0000005", -1),
            ("0.00000049999", 0),
            ("1e-7", 0),
            ("9e-7", 1),
            ("1e-400", 0),
            ("999999.9999999", 1_000_000_000_000),
            ("1000000000000.0000001", MAX_MICROS),
            ("80.2000000000000028421709430404007434844970703125", 80_200_000),
            ("12.5", 12_500_000),
            ("1e3", 1_000_000_000),
            ("-0.0", 0),
        ] {
            assert_eq!(parse_rounded(text), Ok(micros), "{text}");
        }
        for text in ["1000000000000.0000005", "1e13", "1e999999999", "99999999999999999999.5"] {
            assert!(matches!(parse_rounded(text), Err(AmountError::TooLarge(_))), "{text}");
        }
        for text in ["", "1.", "NaN", "1e", "1e99999999999"] {
            assert!(matches!(parse_rounded(text), Err(AmountError::NotANumber(_))), "{text}");
        }
    }

    #[test]
    fn shares_are_rounded_once_half_away_from_zero_to_the_minor_unit() {
        let eur = |micros| Money::from_micros(micros, Currency::EUR);
        let jpy = |micros| Money::from_micros(micros, "JPY".parse().expect("a currency"));
        let kwd = |micros| Money::from_micros(micros, "KWD".parse().expect("a currency"));
        assert_eq!(eur(10_050_000).share(1, 2), Some(eur(5_030_000)), "5.025 becomes 5.03");
        assert_eq!(eur(-10_050_000).share(1, 2), Some(eur(-5_030_000)));
        assert_eq!(jpy(3_000_000).share(1, 2), Some(jpy(2_000_000)), "1.5 yen becomes 2");
        assert_eq!(kwd(1_000_000).share(1, 16), Some(kwd(63_000)), "0.0625 becomes 0.063");
    }

    proptest! {
        #[test]
        fn decimal_and_parse_are_inverse(micros in -MAX_MICROS..=MAX_MICROS) {
            prop_assert_eq!(parse_decimal(&decimal(i128::from(micros), 0)), Ok(micros));
            prop_assert_eq!(parse_decimal(&decimal(i128::from(micros), 6)), Ok(micros));
        }

        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            let _ = parse_decimal(&text);
            let _ = parse_number(&text);
            let _ = parse_rounded(&text);
        }

        #[test]
        fn rounding_gives_the_nearest_micro(micros in 1 - MAX_MICROS..MAX_MICROS, rest in 0_i64..1000) {
            let text = format!("{}{rest:03}", decimal(i128::from(micros), 6));
            let away = if micros < 0 { -1 } else { 1 };
            let up = if rest >= 500 { away } else { 0 };
            prop_assert_eq!(parse_rounded(&text), Ok(micros + up));
        }

        #[test]
        fn rounding_stays_within_half_a_unit(n in -1_000_000_i128..1_000_000, d in 1_i128..1000) {
            let q = divide_half_away(n, d).expect("no division by zero");
            prop_assert!((q * d - n).abs() * 2 <= d);
        }
    }
}
