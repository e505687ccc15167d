//! Local dates, months, holds, and the days whose rates count.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeZone, Weekday};

use super::super::words::Instant;
use super::{Auditor, Month};

/// The days of 2026 besides weekends on which TARGET is closed: New Year, Good Friday, Easter Monday, Labour Day, Christmas.
const CLOSED: [(u32, u32); 6] = [(1, 1), (4, 3), (4, 6), (5, 1), (12, 25), (12, 26)];

/// Whether rates of a day count.
pub(crate) fn is_business_day(day: NaiveDate) -> bool {
    let is_weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let is_closed = CLOSED.contains(&(day.month(), day.day()))
        && (day.year() == 2026 || !matches!((day.month(), day.day()), (4, 3 | 6)));
    !is_weekend && !is_closed
}

/// The last business day strictly before the date of an instant in UTC.
pub(crate) fn day_of_rates(at: Instant) -> NaiveDate {
    let mut day = utc(at).date_naive() - Days::new(1);
    while !is_business_day(day) {
        day = day - Days::new(1);
    }
    day
}

/// The month of a date.
pub(crate) fn month_of(date: NaiveDate) -> Month {
    date.year() * 12 + date.month0().cast_signed()
}

fn first_of(month: Month) -> NaiveDate {
    let day = NaiveDate::from_ymd_opt(month.div_euclid(12), month.rem_euclid(12).unsigned_abs() + 1, 1);
    day.expect("a month has a first day")
}

fn utc(at: Instant) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp_micros(at).expect("an instant of the simulation")
}

/// The date N months after one, the end of the month clamped.
pub(crate) fn months_after(date: NaiveDate, months: u32) -> NaiveDate {
    date + Months::new(months)
}

impl Auditor {
    /// The local date of an instant.
    pub(super) fn date(&self, at: Instant) -> NaiveDate {
        utc(at).with_timezone(&self.program.zone).date_naive()
    }

    /// When a local date begins.
    pub(super) fn start(&self, date: NaiveDate) -> Instant {
        let midnight = date.and_hms_opt(0, 0, 0).expect("midnight");
        // No zone of the simulation skips midnight.
        let local = self.program.zone.from_local_datetime(&midnight).earliest().expect("midnight");
        local.timestamp_micros()
    }

    /// The local month of an instant.
    pub(super) fn month(&self, at: Instant) -> Month {
        month_of(self.date(at))
    }

    /// When a hold of so many days ends.
    pub(super) fn hold_end(&self, at: Instant, days: u32) -> Instant {
        self.start(self.date(at) + Days::new(days.into())).max(at)
    }

    /// The last microsecond of a month, so many days later.
    pub(super) fn end(&self, month: Month, days: u32) -> Instant {
        self.start(first_of(month + 1) + Days::new(days.into())) - 1
    }
}
