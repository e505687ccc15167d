//! Fields that many bodies share: amounts as decimal strings, instants, null told from absent; and their schemas.

use std::borrow::Cow;
use std::fmt;

use chrono::DateTime;
use domain::currency::Currency;
use domain::money::{decimal, parse_decimal};
use domain::time::{Timestamp, is_plausible, to_micros_precision};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// An amount of a currency as a decimal string with the currency's decimals at least: `"12.50"`.
pub(crate) fn amount(micros: impl Into<i128>, currency: Currency) -> String {
    decimal(micros.into(), currency.exponent())
}

/// What an instant of RFC 3339 is refused with outside the years that are plausible.
const IMPLAUSIBLE: &str = "expected an instant between 1970 and 2199";

/// Reads an instant of RFC 3339, of the years that are plausible.
pub(crate) fn instant(text: &str) -> Result<Timestamp, &'static str> {
    let at = any_instant(text).ok_or("expected an instant of RFC 3339 such as 2026-01-31T12:00:00Z")?;
    if is_plausible(at) { Ok(at) } else { Err(IMPLAUSIBLE) }
}

fn any_instant(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| to_micros_precision(at.to_utc()))
}

/// A text of a body, borrowed from it where it has no escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// A value that is read from a JSON object only. (A derived reader also takes an array of the fields in their order.)
#[derive(Debug, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        T::deserialize(OnlyObjects(deserializer)).map(Object)
    }
}

struct OnlyObjects<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for OnlyObjects<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Reads a field that is an object.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|object: Object<T>| object.0)
}

/// [`object`] of a field that may be left out but not be null.
pub(crate) fn present_object<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    object(deserializer).map(Some)
}

/// A decimal string of a body, in micros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Micros(pub(crate) i64);

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Micros, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Micros;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal string such as \"12.50\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Micros, E> {
                parse_decimal(text).map(Micros).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// An instant of a body, of the years that are plausible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
        let Occurred(at) = Occurred::deserialize(deserializer)?;
        if is_plausible(at) { Ok(Instant(at)) } else { Err(de::Error::custom(IMPLAUSIBLE)) }
    }
}

/// When a fact happened: whether that can be is for ingest to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occurred(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Occurred {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Occurred, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Occurred;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an instant of RFC 3339 such as \"2026-01-31T12:00:00Z\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Occurred, E> {
                any_instant(text)
                    .map(Occurred)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// Reads something that reads itself from a text, such as a currency.
pub(crate) fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: std::str::FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    let text = Text::deserialize(deserializer)?;
    text.0.parse().map_err(de::Error::custom)
}

/// Reads a field that may be left out but not be null.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// [`present`] of something that reads itself from a text.
pub(crate) fn present_parsed<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: std::str::FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    parsed(deserializer).map(Some)
}

/// Reads a field that may be left out, which changes nothing, or be null, which takes the value away.
pub(crate) fn nullable<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A schema of a string with a pattern.
pub(crate) fn pattern(description: &str, pattern: &str, example: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(pattern))
        .examples([example])
        .into()
}

/// A schema of a string that is one of a few words.
pub(crate) fn words<const N: usize>(description: &str, words: [&'static str; N]) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(words))
        .into()
}

/// The schema of a currency.
fn currencies() -> RefOr<Schema> {
    let mut codes: Vec<String> = Currency::all().map(|(currency, _)| currency.code().to_owned()).collect();
    codes.sort_unstable();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("A currency of ISO 4217; read in any case."))
        .enum_values(Some(codes))
        .examples(["EUR"])
        .into()
}

/// A schema that the document takes as it is written out elsewhere, because it says more than the builders can.
pub(crate) fn written_out() -> RefOr<Schema> {
    ObjectBuilder::new().into()
}

/// Names a schema, so that bodies refer to it and the document holds it once.
macro_rules! schema {
    ($($name:ident = $schema:expr;)*) => {$(
        #[doc = concat!("The schema `", stringify!($name), "`.")]
        pub(crate) enum $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $schema
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}
pub(crate) use schema;

schema! {
    Amount = pattern(
        "An amount as a decimal string.", r"^-?[0-9]{1,19}(\.[0-9]{1,6})?$", "12.50",
    );
    Threshold = pattern(
        "An amount of zero or more as a decimal string.", r"^[0-9]{1,12}(\.[0-9]{1,6})?$", "50.00",
    );
    PositiveAmount = pattern(
        "An amount above zero as a decimal string, with at most the decimals of its currency.",
        r"^(1000000000000|[0-9]{1,12})(\.[0-9]{1,4})?$", "100.00",
    );
    CurrencyCode = currencies();
    Month = pattern("A calendar month in the program's zone.", "^(19[7-9][0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])$", "2026-03");
    ExchangeRate = pattern(
        "An exchange rate as it was published.", r"^[0-9]{1,18}(\.[0-9]{1,18})?$", "1.0876",
    );
    ReferralId = pattern("The id of a referral.", "^ref_[0-9a-f]{32}$", "ref_0197290f6d3b7cc0b7a38e1b5f2d4c61");
    EventId = pattern("The id of an event.", "^fact_[0-9a-f]{32}$", "fact_0197290f6d3b7cc0b7a38e1b5f2d4c61");
    CommissionId = pattern("The id of a commission.", "^com_[0-9a-f]{32}$", "com_0197290f6d3b7cc0b7a38e1b5f2d4c61");
    KeyId = pattern("The id of an API key.", "^key_[0-9a-f]{32}$", "key_0197290f6d3b7cc0b7a38e1b5f2d4c61");
    ClickId = pattern("The id of a click.", "^click_[0-9a-f]{32}$", "click_6a1d68c0000000015f2d4c61a38e1b7c");
    ReviewId = pattern("The id of a review.", "^rev_[0-9a-f]{32}$", "rev_0197290f6d3b7cc0b7a38e1b5f2d4c61");
    LogId = pattern("The id of a log row.", "^log_[0-9a-f]{32}$", "log_0197290f6d3b7cc0b7a38e1b5f2d4c61");
    DealVersionId = pattern("The id of a deal version.", "^dv_[0-9a-f]{32}$", "dv_0197290f6d3b7cc0b7a38e1b5f2d4c61");
}
