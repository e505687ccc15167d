//! The simulated year: twelve months that end with today, cut at the first of each month, and what happens in them in
//! the order in which it is recorded.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, Months, NaiveDate};
use domain::command::Command;
use domain::time::{Timestamp, Zone};

/// A span of time that ends with a release of what is due and, on the first of a month, with payouts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Month {
    /// Its first instant.
    pub(super) from: Timestamp,
    /// The first instant after it.
    pub(super) to: Timestamp,
    /// Whether the first of a month follows it, so that affiliates are paid.
    pub(super) is_whole: bool,
}

/// The year before the start of today's date.
#[derive(Clone, Copy, Debug)]
pub(super) struct Year {
    pub(super) zone: Zone,
    first: NaiveDate,
    today: NaiveDate,
}

impl Year {
    /// The year that ends with today in the program's zone.
    pub(super) fn before(now: Timestamp, zone: Zone) -> Year {
        let today = zone.date_of(now);
        Year { zone, first: today.checked_sub_months(Months::new(12)).unwrap_or(today), today }
    }

    /// Its first instant.
    pub(super) fn start(&self) -> Timestamp {
        self.zone.start_of(self.first)
    }

    /// The first instant after it.
    pub(super) fn end(&self) -> Timestamp {
        self.zone.start_of(self.today)
    }

    /// How many days it has.
    pub(super) fn days(&self) -> i64 {
        (self.today - self.first).num_days()
    }

    /// An instant of one of its days, by the seconds after local midnight.
    pub(super) fn at(&self, day: i64, seconds: i64) -> Timestamp {
        let date = self.first + Days::new(u64::try_from(day).unwrap_or(0));
        self.zone.start_of(date) + chrono::Duration::seconds(seconds)
    }

    /// Its months, the first and the last of them cut where the year begins and ends.
    pub(super) fn months(&self) -> Vec<Month> {
        let mut months = Vec::new();
        let mut from = self.first;
        while from < self.today {
            let first_of_next = from.with_day(1).unwrap_or(from) + Months::new(1);
            let to = first_of_next.min(self.today);
            months.push(Month {
                from: self.zone.start_of(from),
                to: self.zone.start_of(to),
                is_whole: to == first_of_next,
            });
            from = to;
        }
        months
    }
}

/// Something that happens to a customer.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// When.
    pub(super) at: Timestamp,
    /// To whom.
    pub(super) customer: usize,
    /// What.
    pub(super) command: Command,
}

/// Cuts events into waves that are recorded one after the other. A customer is in a wave at most once, with the next
/// thing that happened to it, so that no payment overtakes its registration and no refund its payment, however many
/// batches are written at the same time.
pub(super) fn waves(mut events: Vec<Event>) -> Vec<Vec<Event>> {
    events.sort_by_key(|event| (event.at, event.customer));
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut waves: Vec<Vec<Event>> = Vec::new();
    for event in events {
        let wave = seen.entry(event.customer).or_default();
        if *wave == waves.len() {
            waves.push(Vec::new());
        }
        waves[*wave].push(event);
        *wave += 1;
    }
    waves
}

#[cfg(test)]
mod tests {
    use domain::command::{Churn, Customer};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect(text)
    }

    #[test]
    fn a_year_is_cut_at_the_first_of_each_month() {
        let year = Year::before(at("2026-03-15T10:00:00Z"), Zone::UTC);
        let months = year.months();
        assert_eq!(year.days(), 365);
        assert_eq!(months.len(), 13);
        assert_eq!(months[0].from, at("2025-03-15T00:00:00Z"));
        assert_eq!(months[0].to, at("2025-04-01T00:00:00Z"));
        assert_eq!(months[12].from, at("2026-03-01T00:00:00Z"));
        assert_eq!(months[12].to, at("2026-03-15T00:00:00Z"));
        assert!(months[11].is_whole && !months[12].is_whole);
        assert!(months.windows(2).all(|pair| pair[0].to == pair[1].from));
    }

    #[test]
    fn a_year_that_ends_on_a_first_ends_with_payouts() {
        let year = Year::before(at("2026-03-01T10:00:00Z"), Zone::UTC);
        let months = year.months();
        assert_eq!(months.len(), 12);
        assert!(months.iter().all(|month| month.is_whole));
    }

    #[test]
    fn a_leap_day_has_a_year_before_it() {
        let year = Year::before(at("2028-02-29T10:00:00Z"), Zone::UTC);
        assert_eq!((year.start(), year.end()), (at("2027-02-28T00:00:00Z"), at("2028-02-29T00:00:00Z")));
    }

    #[test]
    fn nobody_is_twice_in_a_wave() {
        let event = |customer, time: &str| Event {
            at: at(time),
            customer,
            command: Command::Churn(Churn { customer: Customer::default(), occurred_at: None }),
        };
        let cut = waves(vec![
            event(1, "2026-01-03T00:00:00Z"),
            event(1, "2026-01-01T00:00:00Z"),
            event(2, "2026-01-02T00:00:00Z"),
        ]);
        let shown: Vec<Vec<(usize, u32)>> = cut
            .iter()
            .map(|wave| wave.iter().map(|event| (event.customer, event.at.day())).collect())
            .collect();
        assert_eq!(shown, [vec![(1, 1), (2, 2)], vec![(1, 3)]]);
    }
}
