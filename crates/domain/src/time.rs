//! Instants, a program's time zone and its local dates. There is no clock here: `now` is always an argument.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// An instant in UTC. The database keeps microseconds, so nothing finer may enter; see [`to_micros_precision`].
pub type Timestamp = DateTime<Utc>;

/// Cuts an instant down to whole microseconds.
pub fn to_micros_precision(at: Timestamp) -> Timestamp {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Whether an instant is one that facts may carry: from 1970 to the end of 2199.
pub fn is_plausible(at: Timestamp) -> bool {
    (1970..2200).contains(&at.year())
}

/// A time zone of the IANA database.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Zone(Tz);

/// The text names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone {0:?}; expected a name such as Europe/Berlin or UTC")]
pub struct UnknownZone(pub String);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// The local date of an instant.
    pub fn date_of(&self, at: Timestamp) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }

    /// The first instant of a local date: midnight, or the first moment after it where midnight is skipped.
    pub fn start_of(&self, date: NaiveDate) -> Timestamp {
        let midnight = date.and_time(NaiveTime::MIN);
        (0..=24 * 4)
            .find_map(|quarters| {
                let local = midnight + chrono::Duration::minutes(15 * quarters);
                self.0.from_local_datetime(&local).earliest()
            })
            .map_or_else(|| midnight.and_utc(), |local| local.with_timezone(&Utc))
    }

    /// When a hold of `days` ends that began on the local date of `at`: the start of the local date d + days.
    pub fn hold_end(&self, at: Timestamp, days: u16) -> Timestamp {
        self.start_of(self.date_of(at) + Days::new(u64::from(days)))
    }

    /// The last microsecond of a month, plus `days`: when what a close books takes effect (money.md §6).
    pub fn close_of(&self, period: Period, days: u16) -> Timestamp {
        let first = period.next().first_date();
        let after = first.checked_add_days(Days::new(u64::from(days))).unwrap_or(first);
        self.start_of(after) - chrono::Duration::microseconds(1)
    }

    /// The calendar month of an instant.
    pub fn period_of(&self, at: Timestamp) -> Period {
        Period::of(self.date_of(at))
    }

    /// The IANA name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Zone).map_err(|_| UnknownZone(text.chars().take(64).collect()))
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// `date` plus `months`, the end of a month clamped: 31 January plus one month is 28 or 29 February.
pub fn add_months(date: NaiveDate, months: u16) -> NaiveDate {
    date.checked_add_months(Months::new(u32::from(months))).unwrap_or(NaiveDate::MAX)
}

/// A calendar month, kept as `year * 100 + month`: 202603.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Period(i32);

impl Period {
    /// The month of a date.
    pub fn of(date: NaiveDate) -> Period {
        Period(date.year() * 100 + date.month() as i32)
    }

    /// A month from its number; `None` when it is none.
    pub fn from_number(number: i32) -> Option<Period> {
        (1..=12).contains(&(number % 100)).then_some(Period(number))
    }

    /// The month after it.
    pub fn next(&self) -> Period {
        if self.0 % 100 == 12 { Period((self.0 / 100 + 1) * 100 + 1) } else { Period(self.0 + 1) }
    }

    /// Its first date.
    pub fn first_date(&self) -> NaiveDate {
        let month = u32::try_from(self.0 % 100).expect("a month is 1 to 12");
        NaiveDate::from_ymd_opt(self.0 / 100, month, 1).expect("every month has a first date")
    }

    /// The month as a number: 202603.
    pub fn number(&self) -> i32 {
        self.0
    }
}

/// The text is no month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no month; expected one from 1970-01 to 2199-12, such as 2026-03")]
pub struct InvalidPeriod(pub String);

impl FromStr for Period {
    type Err = InvalidPeriod;

    /// Reads `2026-03`.
    fn from_str(text: &str) -> Result<Period, InvalidPeriod> {
        let number = |digits: &str, length: usize| {
            let is_plain = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i32>().ok().filter(|_| is_plain)
        };
        let read = || {
            let (year, month) = text.split_once('-')?;
            let year = number(year, 4).filter(|year| (1970..2200).contains(year))?;
            Period::from_number(year * 100 + number(month, 2)?)
        };
        read().ok_or_else(|| InvalidPeriod(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 100, self.0 % 100)
    }
}

/// Milliseconds and `Z`, as the wire formats print instants: `2022-11-23T13:17:08.637Z`.
pub fn iso_millis(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn a_hold_ends_at_local_midnight() {
        let berlin: Zone = "Europe/Berlin".parse().expect("a zone");
        assert_eq!(berlin.hold_end(at("2026-01-01T00:00:00Z"), 30), at("2026-01-30T23:00:00Z"));
        // 23:30 UTC is the next day in Berlin.
        assert_eq!(berlin.hold_end(at("2026-01-01T23:30:00Z"), 30), at("2026-01-31T23:00:00Z"));
        // Across the change to summer time.
        assert_eq!(berlin.hold_end(at("2026-03-20T12:00:00Z"), 15), at("2026-04-03T22:00:00Z"));
    }

    #[test]
    fn a_skipped_midnight_starts_at_the_first_moment_after_it() {
        // In Asuncion clocks went from 00:00 to 01:00 on 1 October 2023.
        let zone: Zone = "America/Asuncion".parse().expect("a zone");
        let date = NaiveDate::from_ymd_opt(2023, 10, 1).expect("a date");
        assert_eq!(zone.start_of(date), at("2023-10-01T04:00:00Z"));
    }

    #[test]
    fn months_read_what_they_show() {
        let read = |text: &str| text.parse::<Period>().map(|period| period.number()).ok();
        assert_eq!(
            (read("2026-03"), read("1970-01"), read("2199-12")),
            (Some(202603), Some(197001), Some(219912))
        );
        for bad in [
            "",
            "2026",
            "2026-3",
            "2026-13",
            "2026-00",
            "1969-12",
            "2200-01",
            "+026-03",
            "2026-03-01",
            "２０２６-03",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(Period(202603).to_string(), "2026-03");
    }

    #[test]
    fn months_clamp_at_their_end() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 31).expect("a date");
        assert_eq!(add_months(date, 1), NaiveDate::from_ymd_opt(2026, 2, 28).expect("a date"));
        assert_eq!(add_months(date, 2), NaiveDate::from_ymd_opt(2026, 3, 31).expect("a date"));
    }
}
