//! Exchange rates of the installation: brought in from a file or an address, listed, and what becomes of the facts that
//! waited for them. Rates are added and never replaced (money.md §7).

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use domain::currency::Currency;
use domain::exchange::{Format, PublishedRate, RateFile, RateRow, is_business_day, read};
use domain::time::Timestamp;
pub use store::exchange_rate::{Differing, NewestRow, RateSource};
use store::{StoreError, Tx};

use crate::App;
use crate::error::{Error, Result};
use crate::jobs::conversion;
use crate::outside::http::{self, HttpError};

/// Bytes of a file at most: the European Central Bank's table of all days has less than a third of it.
pub const FILE_LIMIT: usize = 32 * 1024 * 1024;

/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a file of rates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// How the file was written.
    pub format: Format,
    /// Rates that are new.
    pub new: usize,
    /// Rates that were known already, the same.
    pub known: usize,
    /// Rates that differ from the one that is known, which stays.
    pub differing: Vec<Differing>,
    /// Rates of days on which TARGET is closed; they are kept but count for no fact.
    pub closing_days: usize,
    /// Codes of reference rates that are no currency any more.
    pub unknown: BTreeSet<String>,
    /// Programs in which something waits for a rate; what has its rates now is converted by a job.
    pub programs_waiting: usize,
}

/// Why rates were not fetched.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FetchError {
    /// The file did not come.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// What came was refused.
    #[error("{0}")]
    Refused(#[from] Error),
}

/// Brings in a file of rates: all of them or, upon an error, none.
///
/// `base` is what the rates of the operator's own list are against: one unit of it in each currency. Of another base
/// than the euro the rates of each day against the euro must be known.
pub async fn import(app: &App, now: Timestamp, file: &[u8], base: Currency) -> Result<Imported> {
    let RateFile { format, rows, unknown } =
        read(text_of(file)?).map_err(|error| Error::invalid("file", error))?;
    if format == Format::Reference && base != Currency::EUR {
        return Err(Error::invalid("base", format!("the file is against EUR, not {base}")));
    }
    check_days(&rows, now)?;
    let rows = against_euro(app, rows, base).await?;
    let source = match format {
        Format::Reference => RateSource::Reference,
        Format::List => RateSource::Import,
    };
    let added = store::exchange_rate::add(app.pool(), &rows, source, now).await?;
    let closing_days = rows.iter().filter(|row| !is_business_day(row.day)).count();
    let programs_waiting = announce(app, now).await?;
    let store::exchange_rate::Added { new, known, differing } = added;
    Ok(Imported { format, new, known, differing, closing_days, unknown, programs_waiting })
}

/// Fetches a file of rates against the euro and brings it in.
pub async fn fetch(app: &App, now: Timestamp, url: &str) -> std::result::Result<Imported, FetchError> {
    let file = http::get(url, FILE_LIMIT, PATIENCE).await?;
    let imported = import(app, now, &file, Currency::EUR).await?;
    for differing in &imported.differing {
        let Differing { given, kept } = differing;
        tracing::warn!(currency = %given.currency, day = %given.day, given = %given.rate, %kept, "another rate is kept");
    }
    Ok(imported)
}

/// The newest rate of every currency that has one.
pub async fn newest(app: &App) -> Result<Vec<NewestRow>> {
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    Ok(store::exchange_rate::newest(&mut connection).await?)
}

fn text_of(file: &[u8]) -> Result<&str> {
    if file.len() > FILE_LIMIT {
        return Err(Error::invalid(
            "file",
            format!("it has {} bytes; at most {FILE_LIMIT} are read", file.len()),
        ));
    }
    if file.starts_with(b"PK\x03\x04") {
        let message = "it is a ZIP archive; unpack it, or take the XML, which the bank publishes as it is";
        return Err(Error::invalid("file", message));
    }
    std::str::from_utf8(file).map_err(|_| Error::invalid("file", "it is not text in UTF-8"))
}

/// No rate is known before its day has come, and a year of two digits is a mistake.
fn check_days(rows: &[RateRow], now: Timestamp) -> Result<()> {
    let first = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap_or_default();
    match rows.iter().find(|row| row.day > now.date_naive() || row.day < first) {
        None => Ok(()),
        Some(row) => {
            let message = format!("{} of {}: expected a day from 1970 to today", row.currency, row.day);
            Err(Error::invalid("file", message))
        }
    }
}

/// Rates against the euro. The product of two published decimals is exact, so nothing is rounded here.
async fn against_euro(app: &App, rows: Vec<RateRow>, base: Currency) -> Result<Vec<RateRow>> {
    let refuse = |row: &RateRow, message: String| {
        Error::invalid("file", format!("{} of {}: {message}", row.currency, row.day))
    };
    let one = PublishedRate::ONE;
    if let Some(row) = rows.iter().find(|row| row.currency == base && !row.rate.is_same(&one)) {
        return Err(refuse(row, format!("one {base} is one {base}, not {}", row.rate)));
    }
    let rows: Vec<RateRow> = rows.into_iter().filter(|row| row.currency != base).collect();
    if base == Currency::EUR {
        return Ok(rows);
    }
    let mut days: Vec<NaiveDate> = rows.iter().map(|row| row.day).collect();
    days.sort_unstable();
    days.dedup();
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    let bases = store::exchange_rate::by_day(&mut connection, &[base], &days).await?;
    let converted = rows.into_iter().map(|row| {
        if row.currency == Currency::EUR {
            return Err(refuse(
                &row,
                format!("give what one euro is in {base} in a file against EUR instead"),
            ));
        }
        let of_base = bases.get(&(base, row.day)).ok_or_else(|| {
            refuse(&row, format!("what a euro is in {base} on that day is not known; import it first"))
        })?;
        let rate = of_base
            .times(&row.rate)
            .ok_or_else(|| refuse(&row, format!("{} times {of_base} has more than 18 digits", row.rate)))?;
        Ok(RateRow { rate, ..row })
    });
    converted.collect()
}

/// Enqueues the conversion of what waits, in every program where something does, and says in how many.
///
/// Also where no rate is new: an earlier import may have ended between its rates and its jobs.
async fn announce(app: &App, now: Timestamp) -> Result<usize> {
    let mut waiting = 0;
    for program in store::program::ids(app.pool()).await? {
        // The fence waits for batches that began before the rates were there and may have missed them.
        let mut tx = Tx::begin_decision(app.pool(), program).await?;
        if store::fact::waiting::any(tx.read(), program).await? {
            store::job::enqueue(&mut tx, program, &[conversion::job(now)]).await?;
            tx.commit().await?;
            waiting += 1;
        } else {
            tx.rollback().await?;
        }
    }
    if waiting > 0 {
        app.0.jobs.wake();
    }
    Ok(waiting)
}
