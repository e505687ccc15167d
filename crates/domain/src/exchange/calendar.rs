//! The business days of TARGET, the euro's payment system, on which the European Central Bank publishes rates. They
//! are computed: a gap in the rates may as well be a download that failed.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use crate::time::Timestamp;

/// The day whose rates count for what happened at an instant: the last business day strictly before its date in UTC
/// (money.md §7). The rates of a day come out in its afternoon, so those of the day before are known to everybody.
pub fn rate_day(at: Timestamp) -> NaiveDate {
    let mut day = at.date_naive();
    // Good Friday to Easter Monday is the longest row of closing days.
    for _ in 0..7 {
        day = day.pred_opt().unwrap_or(day);
        if is_business_day(day) {
            break;
        }
    }
    day
}

/// Whether TARGET is open: not on weekends, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December. The
/// calendar is in force since 2002.
pub fn is_business_day(day: NaiveDate) -> bool {
    let is_weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let is_fixed = matches!((day.month(), day.day()), (1, 1) | (5, 1) | (12, 25 | 26));
    let is_at_easter =
        easter(day.year()).is_some_and(|easter| easter - Days::new(2) == day || easter + Days::new(1) == day);
    !(is_weekend || is_fixed || is_at_easter)
}

/// Easter Sunday by the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i32) -> Option<NaiveDate> {
    let (golden, century, rest) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - correction + 15).rem_euclid(30);
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4).rem_euclid(7);
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let number = moon + weekday - 7 * late + 114;
    NaiveDate::from_ymd_opt(year, (number / 31) as u32, (number % 31 + 1) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect(text)
    }

    #[test]
    fn easter_is_where_the_tables_say() {
        for text in [
            "2002-03-31",
            "2008-03-23",
            "2011-04-24",
            "2019-04-21",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2038-04-25",
            "2100-03-28",
        ] {
            assert_eq!(easter(date(text).year()), Some(date(text)));
        }
    }

    #[test]
    fn closing_days_are_weekends_and_six_holidays() {
        let check = |text: &str, open: bool| assert_eq!(is_business_day(date(text)), open, "{text}");
        for closed in [
            "2026-01-01",
            "2026-04-03",
            "2026-04-06",
            "2026-05-01",
            "2026-12-25",
            "2026-01-03",
            "2026-01-04",
            "2025-04-18",
            "2025-04-21",
            "2024-12-26",
        ] {
            check(closed, false);
        }
        // Holidays of many countries, but not of TARGET.
        for open in
            ["2026-01-06", "2026-04-02", "2026-05-14", "2026-05-25", "2026-10-26", "2026-12-24", "2026-12-31"]
        {
            check(open, true);
        }
    }

    #[test]
    fn the_rates_are_those_of_the_last_business_day_before_the_date_in_utc() {
        let check = |at: &str, day: &str| {
            assert_eq!(rate_day(at.parse().expect(at)), date(day), "{at}");
        };
        check("2026-01-15T00:00:00Z", "2026-01-14");
        check("2026-01-15T23:59:59Z", "2026-01-14");
        // Saturday, Sunday and Monday take Friday's.
        check("2026-01-17T12:00:00Z", "2026-01-16");
        check("2026-01-18T12:00:00Z", "2026-01-16");
        check("2026-01-19T12:00:00Z", "2026-01-16");
        // Good Friday 3 April to Easter Monday 6 April: Thursday's until Tuesday has ended.
        check("2026-04-03T12:00:00Z", "2026-04-02");
        check("2026-04-06T12:00:00Z", "2026-04-02");
        check("2026-04-07T12:00:00Z", "2026-04-02");
        check("2026-04-08T12:00:00Z", "2026-04-07");
        // 25 and 26 December 2025 are a Thursday and a Friday; Monday takes Wednesday's.
        check("2025-12-29T12:00:00Z", "2025-12-24");
        // New Year 2026 is a Thursday.
        check("2026-01-02T00:00:00Z", "2025-12-31");
        check("2026-05-02T00:00:00Z", "2026-04-30");
        // A local date does not matter: this is 1 July in Sydney.
        check("2026-06-30T20:00:00Z", "2026-06-29");
    }
}
