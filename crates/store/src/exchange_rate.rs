//! Exchange rates of the installation: how much of a currency one euro is on a day. Rates are added and never replaced,
//! because what was converted by one must stay explicable.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::currency::Currency;
use domain::exchange::{PublishedRate, RateRow};
use domain::time::Timestamp;

use crate::error::{Result, corrupt};
use crate::{Connection, Pool};

/// Rates written by one statement.
const CHUNK: usize = 5_000;

/// Where a rate comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateSource {
    /// A file in the format of the European Central Bank.
    Reference,
    /// The operator's own list.
    Import,
}

impl RateSource {
    /// The word of this source.
    pub fn as_str(self) -> &'static str {
        match self {
            RateSource::Reference => "ecb",
            RateSource::Import => "import",
        }
    }
}

/// A rate that came although another one is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Differing {
    /// What came.
    pub given: RateRow,
    /// What is kept.
    pub kept: PublishedRate,
}

/// What became of rates.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Added {
    /// How many are new.
    pub new: usize,
    /// How many were known already, the same.
    pub known: usize,
    /// Those that were known as another one, which stays.
    pub differing: Vec<Differing>,
}

/// Adds rates of a euro; all of them or, upon an error, none. A rate that is there stays what it is.
pub async fn add(pool: &Pool, rates: &[RateRow], source: RateSource, now: Timestamp) -> Result<Added> {
    let mut rates: Vec<&RateRow> = rates.iter().collect();
    // In the order of the key, so that two imports at a time wait for each other instead of deadlocking.
    rates.sort_by_key(|row| (row.currency, row.day));
    let mut added = Added::default();
    let mut tx = pool.begin().await?;
    for chunk in rates.chunks(CHUNK) {
        let codes: Vec<&str> = chunk.iter().map(|row| row.currency.code()).collect();
        let days: Vec<NaiveDate> = chunk.iter().map(|row| row.day).collect();
        let texts: Vec<String> = chunk.iter().map(|row| row.rate.to_string()).collect();
        let new = sqlx::query!(
            "insert into exchange_rate (currency, day, rate, source, recorded_at)
             select t.currency, t.day, t.rate, $4, $5
             from unnest($1::text[], $2::date[], $3::text[]) with ordinality as t (currency, day, rate, position)
             order by t.position
             on conflict (currency, day) do nothing",
            &codes as _,
            &days,
            &texts,
            source.as_str(),
            now
        )
        .execute(&mut *tx)
        .await?
        .rows_affected() as usize;
        added.new += new;
        if new == chunk.len() {
            continue;
        }
        let kept = by_day(&mut tx, &currencies(chunk), &days).await?;
        let found =
            chunk.iter().filter_map(|given| Some((**given, *kept.get(&(given.currency, given.day))?)));
        let differing: Vec<Differing> = found
            .filter(|(given, kept)| !kept.is_same(&given.rate))
            .map(|(given, kept)| Differing { given, kept })
            .collect();
        added.known += chunk.len() - new - differing.len();
        added.differing.extend(differing);
    }
    tx.commit().await?;
    Ok(added)
}

fn currencies(rows: &[&RateRow]) -> Vec<Currency> {
    let mut currencies: Vec<Currency> = rows.iter().map(|row| row.currency).collect();
    currencies.dedup();
    currencies
}

/// The rates of currencies on days, those that are known.
pub async fn by_day(
    connection: &mut Connection,
    currencies: &[Currency],
    days: &[NaiveDate],
) -> Result<BTreeMap<(Currency, NaiveDate), PublishedRate>> {
    let codes: Vec<&str> = currencies.iter().map(Currency::code).collect();
    let rows = sqlx::query!(
        "select r.currency, r.day, r.rate
         from unnest($1::text[]) as c (code) cross join unnest($2::date[]) as d (day)
              cross join lateral (select * from exchange_rate where currency = c.code and day = d.day offset 0) r",
        &codes as _,
        days
    )
    .fetch_all(connection)
    .await?;
    let row = rows
        .into_iter()
        .map(|row| Ok(((currency(&row.currency)?, row.day), rate(&row.rate, &row.currency)?)));
    row.collect()
}

/// Where the rate of a currency on a day came from: `ecb` or `import`; `None` where there is none.
pub async fn source(
    connection: &mut Connection,
    currency: Currency,
    day: NaiveDate,
) -> Result<Option<String>> {
    let source = sqlx::query_scalar!(
        "select source from exchange_rate where currency = $1 and day = $2",
        currency.code(),
        day
    );
    Ok(source.fetch_optional(connection).await?)
}

/// The newest rate of a currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewestRow {
    /// The currency.
    pub currency: Currency,
    /// The first day that has a rate.
    pub since: NaiveDate,
    /// The newest day that has a rate.
    pub day: NaiveDate,
    /// One euro in the currency on that day.
    pub rate: PublishedRate,
    /// Where it comes from.
    pub source: RateSource,
}

/// The newest rate of every currency that has one, by currency.
pub async fn newest(connection: &mut Connection) -> Result<Vec<NewestRow>> {
    // A look-up a currency: reading all days of all of them would take the longer the older the installation is.
    let codes: Vec<String> = Currency::all().map(|(currency, _)| currency.code().to_owned()).collect();
    let rows = sqlx::query!(
        r#"select n.currency, o.day as since, n.day, n.rate, n.source
           from unnest($1::text[]) as c (code)
           cross join lateral (select currency, day, rate, source from exchange_rate
                               where currency = c.code order by day desc limit 1) as n
           cross join lateral (select day from exchange_rate where currency = c.code order by day limit 1) as o
           order by n.currency"#,
        &codes
    )
    .fetch_all(connection)
    .await?;
    let row = rows.into_iter().map(|row| {
        Ok(NewestRow {
            currency: currency(&row.currency)?,
            since: row.since,
            day: row.day,
            rate: rate(&row.rate, &row.currency)?,
            source: if row.source == "ecb" { RateSource::Reference } else { RateSource::Import },
        })
    });
    row.collect()
}

fn currency(code: &str) -> Result<Currency> {
    code.parse().map_err(|_| corrupt("exchange_rate", "currency", code))
}

fn rate(text: &str, code: &str) -> Result<PublishedRate> {
    text.parse().map_err(|_| corrupt("exchange_rate", "rate", code))
}
