//! Payments in another currency: hand-computed values and commissions, one rounding, limits, and the laws that hold
//! for any rates.

use domain::currency::Currency;
use domain::exchange::{Exchange, ExchangeError, PublishedRate};
use domain::money::Money;
use domain::rate::Rate;
use proptest::prelude::*;

use crate::story::{check, check_postings};

fn money(micros: i64, code: &str) -> Money {
    Money::from_micros(micros, code.parse().expect(code))
}

fn rate(text: &str) -> PublishedRate {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn exchange(from: &str, to: &str) -> Exchange {
    Exchange { day: "2026-01-14".parse().expect("a date"), from: rate(from), to: rate(to) }
}

/// An amount's value, as `91.95 EUR`.
fn value(amount: &str, from: &str, to: &str, code: &str) -> String {
    let (number, of) = amount.split_once(' ').expect("an amount and its currency");
    let amount = money(domain::money::parse_decimal(number).expect(number), of);
    match exchange(from, to).value(amount, code.parse().expect(code)) {
        Ok(value) => value.money().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn values_are_the_ones_computed_by_hand() {
    let check = |amount, from, to, code, expected: &str| {
        assert_eq!(value(amount, from, to, code), expected, "{amount} at {from} and {to} a euro");
    };
    // 100 / 1.0876 = 91.945568…
    check("100 USD", "1.0876", "1", "EUR", "91.95 EUR");
    // 100 × 0.8412 / 1.0876 = 77.344612…
    check("100 USD", "1.0876", "0.8412", "GBP", "77.34 GBP");
    // 100 × 1.0876 = 108.76
    check("100 EUR", "1", "1.0876", "USD", "108.76 USD");
    // 10000 / 163.45 = 61.180789…
    check("10000 JPY", "163.45", "1", "EUR", "61.18 EUR");
    // 100 × 163.45 / 1.0876 = 15028.503…; JPY has no decimals.
    check("100 USD", "1.0876", "163.45", "JPY", "15029 JPY");
    // 10.125 / 0.33512 = 30.213057…
    check("10.125 KWD", "0.33512", "1", "EUR", "30.21 EUR");
    // 100 × 0.33512 / 1.0876 = 30.812798…; KWD has three decimals.
    check("100 USD", "1.0876", "0.33512", "KWD", "30.813 KWD");
    // Half a cent is rounded away from zero: 0.03 / 2 = 0.015.
    check("0.03 USD", "2", "1", "EUR", "0.02 EUR");
    check("0 USD", "1.0876", "1", "EUR", "0.00 EUR");
}

#[test]
fn a_currency_of_three_decimals_is_not_ten_times_too_high() {
    // 10.000 KWD arrives as 10000 thousandths. Read as cents it would be 100.00 KWD.
    let kwd: Currency = "KWD".parse().expect("a currency");
    let amount = Money::from_minor(10_000, kwd.stripe_exponent(), kwd).expect("an amount");
    assert_eq!(amount.micros(), 10_000_000);
    let value = exchange("0.33512", "1").value(amount, Currency::EUR).expect("a value");
    // 10 / 0.33512 = 29.840057…
    assert_eq!(value.money().to_string(), "29.84 EUR");
    assert_eq!(Rate::from_percent("20").expect("a rate").of(value).to_string(), "5.97 EUR");
}

#[test]
fn amounts_of_stripe_have_the_decimals_of_its_own_table() {
    let check = |code: &str, amount: i64, expected: &str| {
        let currency: Currency = code.parse().expect(code);
        let money = Money::from_minor(amount, currency.stripe_exponent(), currency).expect("an amount");
        assert_eq!(money.to_string(), expected);
    };
    // Stripe's currencies without decimals; UGX and ISK are sent with two for history's sake, MGA without.
    for code in [
        "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF",
        "XPF",
    ] {
        let currency: Currency = code.parse().expect(code);
        assert_eq!(currency.stripe_exponent(), 0, "{code}");
    }
    for code in ["BHD", "JOD", "KWD", "OMR", "TND"] {
        let currency: Currency = code.parse().expect(code);
        assert_eq!(currency.stripe_exponent(), 3, "{code}");
    }
    check("EUR", 1234, "12.34 EUR");
    check("JPY", 1234, "1234 JPY");
    check("KWD", 12340, "12.340 KWD");
    check("ISK", 123400, "1234 ISK");
    check("UGX", 123400, "1234 UGX");
    check("MGA", 1234, "1234.00 MGA");
}

#[test]
fn a_commission_on_a_converted_payment_is_rounded_once() {
    // 50 % of 0.01 / 2 is 0.0025. Of the value, rounded to 0.01, it would be 0.005, which is 0.01.
    check("50%", "pay p1 0.01 USD 2026-01-15 at 2", "p1: nothing (rounds to zero)");
    // 90 % of 0.07 / 2 is 0.0315. Of the value, 0.035 rounded to 0.04, it would be 0.036, which is 0.04.
    check("90%", "pay p1 0.07 USD 2026-01-15 at 2", "p1: share 0.03");
    // 33 % of 100.45 / 1.0876 is 30.478576…
    check("33%", "pay p1 100.45 USD 2026-01-15 at 1.0876", "p1: share 30.48");
}

#[test]
fn converted_payments_earn_by_cross_rates() {
    // 20 % of 100 × 0.8412 / 1.0876 = 15.468922…
    check("20%", "in GBP; pay p1 100 USD 2026-01-15 at 1.0876/0.8412", "p1: share 15.47");
    // 20 % of 100 × 163.45 / 1.0876 = 3005.700…
    check("20%", "in JPY; pay p1 100 USD 2026-01-15 at 1.0876/163.45", "p1: share 3006");
    // 20 % of 10.125 / 0.33512 = 6.042611…
    check("20%", "pay p1 10.125 KWD 2026-01-15 at 0.33512", "p1: share 6.04");
    // 12.5 % of 100 × 0.33512 / 1.0876 = 3.851599…
    check("12.5%", "in KWD; pay p1 100 USD 2026-01-15 at 1.0876/0.33512", "p1: share 3.852");
    // A flat sum is in the program's currency and does not ask for a rate's worth.
    check("flat 40", "pay p1 1 USD 2026-01-15 at 1.0876", "p1: acquisition 40.00");
}

#[test]
fn a_refund_in_the_payments_currency_takes_back_its_share() {
    // 20 % of 100 / 1.0876 = 18.389113… = 18.39; a quarter of it is 4.5975 = 4.60.
    check("20%", "pay p1 100 USD 2026-01-15 at 1.0876; refund p1 25 2026-02-20", "p1: share 13.79");
    check(
        "20%",
        "pay p1 100 USD 2026-01-15 at 1.0876; refund p1 25 2026-02-20; refund p1 75 2026-02-21",
        "p1: nothing (fully returned)",
    );
    check(
        "20%",
        "in JPY; pay p1 100 USD 2026-01-15 at 1.0876/163.45; refund p1 33.33 2026-02-20",
        // 3006 − round(3006 × 0.3333 = 1001.8998)
        "p1: share 2004",
    );
}

#[test]
fn a_rate_that_comes_late_books_what_it_would_have_booked_at_once() {
    check(
        "20%",
        "pay p1 100 USD 2026-01-15 = ?; refund p1 25 2026-02-20; rate p1 at 1.0876",
        "p1: share 13.79",
    );
    check_postings(
        "20% hold 30",
        "pay p1 100 USD 2026-01-15 = ?; pay p2 10 EUR 2026-01-16; rate p1 at 1.0876",
        &["p2: earned share 2.00 of p2 held 2026-01-16", "rate p1: earned share 18.39 of p1 held 2026-01-15"],
    );
    // Without its rate nothing is booked in whatever units came.
    check_postings("20%", "pay p1 100 USD 2026-01-15 = ?", &[]);
}

#[test]
fn what_is_too_large_is_refused_by_name() {
    assert_eq!(
        value("1000000000000 KWD", "0.33512", "1", "EUR"),
        "1000000000000.000 KWD at the rates of 2026-01-14 is above 1000000000000 EUR, the limit of an amount"
    );
    assert_eq!(value("1000000000000 USD", "1.0876", "1", "EUR"), "919455682236.12 EUR");
    // A rate of 18 digits on an amount that shares no factor with it.
    let amount = money(999_999_999_999_999_989, "USD");
    let result = exchange("0.123456789012345677", "987654321.987654321").value(amount, Currency::EUR);
    assert!(matches!(result, Err(ExchangeError::TooManyDigits { .. })), "{result:?}");
    assert!(result.expect_err("refused").to_string().contains("use shorter rates"));
}

#[test]
fn rates_keep_the_decimals_they_were_published_with() {
    for text in ["1.0876", "1.0870", "163.45", "0.33512", "17654.32", "1", "0.000000000000000001"] {
        assert_eq!(rate(text).to_string(), text);
        let json = serde_json::to_string(&rate(text)).expect("it can be written");
        assert_eq!(serde_json::from_str::<PublishedRate>(&json).expect("and read"), rate(text));
    }
    for text in
        ["", "0", "0.000", "-1.2", "+1.2", "1,2", "1.", ".5", "1e3", "N/A", "1.0 ", "1234567890123456789"]
    {
        let error = text.parse::<PublishedRate>().expect_err(text);
        assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
    }
    assert!(rate("1.087").is_same(&rate("1.0870")) && !rate("1.087").is_same(&rate("1.0871")));
    assert_eq!(rate("1.0876").times(&rate("0.30")).expect("it fits").to_string(), "0.32628");
    assert_eq!(rate("999999999.999999999").times(&rate("999999999.999999999")), None);
}

fn any_rate() -> impl Strategy<Value = PublishedRate> {
    (1..100_000_000_u64, 0..7_u32).prop_map(|(digits, decimals)| {
        let whole = 10_u64.pow(decimals);
        let text = match decimals {
            0 => digits.to_string(),
            _ => format!("{}.{:0width$}", digits / whole, digits % whole, width = decimals as usize),
        };
        rate(&text)
    })
}

proptest! {
    /// The exact value lies within half a unit of the rounded one, and every share within half a unit of its own.
    #[test]
    fn a_share_is_the_nearest_unit_to_the_exact_one(
        micros in 0..1_000_000_000_000_i64, from in any_rate(), to in any_rate(), ppm in 1..=1_000_000_u32,
        code in prop::sample::select(vec!["EUR", "JPY", "KWD"]),
    ) {
        let currency: Currency = code.parse().expect(code);
        let exchange = Exchange { day: "2026-01-14".parse().expect("a date"), from, to };
        let Ok(value) = exchange.value(money(micros, "USD"), currency) else { return Ok(()) };
        let unit = i128::from(currency.minor_unit_micros());
        // Scaled rates, read from their text, so that nothing of the code under test takes part.
        let scaled = |rate: PublishedRate| {
            let text = rate.to_string();
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            format!("{whole}{fraction:0<6}").parse::<i128>().expect("digits")
        };
        let (above, below) = (i128::from(micros) * scaled(to), scaled(from));
        let off = (i128::from(value.micros()) * below - above).abs();
        prop_assert!(2 * off <= unit * below, "{value:?}");
        let share = Rate::from_ppm(ppm).expect("a rate").of(value);
        let off = (i128::from(share.micros()) * below * 1_000_000 - above * i128::from(ppm)).abs();
        prop_assert!(2 * off <= unit * below * 1_000_000, "{share:?}");
        prop_assert_eq!(Rate::from_ppm(1_000_000).expect("all").of(value), value.money());
    }

    /// An amount that came in the program's currency is converted by nothing.
    #[test]
    fn an_own_amount_earns_as_if_there_were_no_exchange(micros in 0..1_000_000_000_000_i64, ppm in 1..=1_000_000_u32) {
        let amount = money(micros, "EUR");
        let rate = Rate::from_ppm(ppm).expect("a rate");
        let by_euro = exchange("1.0876", "1.0876").value(amount, Currency::EUR).expect("a value");
        prop_assert_eq!(rate.of(amount), rate.of(by_euro));
        prop_assert_eq!(Some(rate.of(amount)), amount.share(i128::from(ppm), 1_000_000));
    }
}
