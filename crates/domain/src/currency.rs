//! Currencies of ISO 4217 with the number of decimals of their minor unit. Amounts live in `money`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency of ISO 4217 (active codes of list one, without the codes that have no minor unit such as `XAU`).
///
/// Parsed from three letters in any case, shown in upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The text names no currency of ISO 4217.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency {0:?}; expected a three-letter code of ISO 4217 such as EUR")]
pub struct UnknownCurrency(pub String);

/// Codes by exponent, sorted within a line. Source: ISO 4217 list one, as amended to 2025.
const EXPONENT_0: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const EXPONENT_2: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP \
    BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS \
    GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL \
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON \
    RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD \
    USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
const EXPONENT_3: &str = "BHD IQD JOD KWD LYD OMR TND";
const EXPONENT_4: &str = "CLF UYW";

impl Currency {
    /// The euro.
    pub const EUR: Currency = Currency(*b"EUR");
    /// The US dollar.
    pub const USD: Currency = Currency(*b"USD");

    /// Every known currency with its exponent.
    pub fn all() -> impl Iterator<Item = (Currency, u32)> {
        [(EXPONENT_0, 0), (EXPONENT_2, 2), (EXPONENT_3, 3), (EXPONENT_4, 4)].into_iter().flat_map(
            |(codes, exponent)| {
                codes.split_whitespace().filter_map(move |code| {
                    let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
                    Some((Currency(bytes), exponent))
                })
            },
        )
    }

    /// The upper-case code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency code is made of ASCII letters only")
    }

    /// Decimals of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(&self) -> u32 {
        let lists = [(EXPONENT_0, 0), (EXPONENT_3, 3), (EXPONENT_4, 4)];
        lists.into_iter().find(|(codes, _)| codes.contains(self.code())).map_or(2, |(_, exponent)| exponent)
    }

    /// Micros in one minor unit: 10 000 for EUR, 1 000 000 for JPY.
    pub fn minor_unit_micros(&self) -> i64 {
        10_i64.pow(6 - self.exponent())
    }

    /// Decimals in which Stripe, and Reditus after it, sends amounts. They differ from ISO 4217 for ISK and UGX
    /// (sent with two decimals for history's sake) and MGA (sent without); money.md §7.
    pub fn stripe_exponent(&self) -> u32 {
        match &self.0 {
            b"ISK" | b"UGX" => 2,
            b"MGA" => 0,
            _ => self.exponent(),
        }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownCurrency(text.chars().take(32).collect());
        let bytes: [u8; 3] = text.as_bytes().try_into().map_err(|_| unknown())?;
        if !bytes.iter().all(u8::is_ascii_alphabetic) {
            return Err(unknown());
        }
        let upper = bytes.map(|byte| byte.to_ascii_uppercase());
        let code = std::str::from_utf8(&upper).map_err(|_| unknown())?;
        let known = [EXPONENT_2, EXPONENT_0, EXPONENT_3, EXPONENT_4].iter().any(|codes| codes.contains(code));
        known.then_some(Currency(upper)).ok_or_else(unknown)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_follow_iso_4217() {
        for (code, exponent) in [("EUR", 2), ("jpy", 0), ("KWD", 3), ("CLF", 4), ("MGA", 2), ("ISK", 0)] {
            let currency: Currency = code.parse().expect(code);
            assert_eq!(currency.exponent(), exponent, "{code}");
        }
        assert_eq!(Currency::all().count(), 165);
        for (currency, exponent) in Currency::all() {
            assert_eq!(currency.code().parse::<Currency>(), Ok(currency));
            assert_eq!(currency.exponent(), exponent, "{currency}");
        }
    }

    #[test]
    fn stripe_differs_where_its_table_says() {
        for (code, exponent) in [("ISK", 2), ("UGX", 2), ("MGA", 0), ("JPY", 0), ("KWD", 3), ("EUR", 2)] {
            assert_eq!(code.parse::<Currency>().expect(code).stripe_exponent(), exponent, "{code}");
        }
    }

    #[test]
    fn what_is_no_currency_is_refused_with_the_value() {
        for text in ["", "EU", "EURO", "XXX", "R E", "€UR", "ABC", "UR EU"] {
            let error = text.parse::<Currency>().expect_err(text);
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
