//! Files with rates: what the European Central Bank publishes (its XML, its table of one day and of all days), and
//! the operator's own list of date, currency and rate. What is done with the rows is not here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::PublishedRate;
use crate::currency::Currency;

/// How a file is written, which tells whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// The European Central Bank's reference rates: a currency a column, or XML.
    Reference,
    /// `date,currency,rate`, a rate a line.
    List,
}

/// A rate of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateRow {
    /// Its day.
    pub day: NaiveDate,
    /// Its currency.
    pub currency: Currency,
    /// One unit of the file's base in the currency.
    pub rate: PublishedRate,
}

/// What a file says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RateFile {
    /// How it is written.
    pub format: Format,
    /// Its rates by currency and day, each once.
    pub rows: Vec<RateRow>,
    /// Codes of reference rates that are no currency any more, such as DEM; their rates are left out.
    pub unknown: BTreeSet<String>,
}

/// What is wrong with a file of rates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is neither of the formats.
    #[error(
        "this is no file of rates; expected the European Central Bank's reference rates (XML or CSV) or lines of \
         date,currency,rate under that header"
    )]
    UnknownFormat,
    /// It has no rate.
    #[error("the file has no rates")]
    Empty,
    /// A line of a table does not read.
    #[error("line {line}: {message}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it, and what would be right.
        message: String,
    },
    /// A rate of XML does not read.
    #[error("{0}")]
    Xml(String),
    /// One rate twice, not the same.
    #[error("{currency} of {day} is given twice, as {first} and as {second}")]
    Twice {
        /// The currency.
        currency: Currency,
        /// The day.
        day: NaiveDate,
        /// The first rate.
        first: PublishedRate,
        /// The other one.
        second: PublishedRate,
    },
}

/// Reads a file of either format.
pub fn read(text: &str) -> Result<RateFile, FileError> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let header: Vec<String> =
        text.lines().next().unwrap_or("").split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut rows = Rows::default();
    let format = match names.as_slice() {
        _ if text.starts_with('<') => read_xml(text, &mut rows)?,
        ["date", "currency", "rate"] => read_list(text, &mut rows)?,
        ["date", _, ..] => read_table(text, &mut rows)?,
        _ => return Err(FileError::UnknownFormat),
    };
    if rows.rows.is_empty() {
        return Err(FileError::Empty);
    }
    let row = |((currency, day), rate)| RateRow { day, currency, rate };
    Ok(RateFile { format, rows: rows.rows.into_iter().map(row).collect(), unknown: rows.unknown })
}

#[derive(Default)]
struct Rows {
    rows: BTreeMap<(Currency, NaiveDate), PublishedRate>,
    unknown: BTreeSet<String>,
}

impl Rows {
    fn add(&mut self, day: NaiveDate, currency: Currency, rate: PublishedRate) -> Result<(), FileError> {
        let first = *self.rows.entry((currency, day)).or_insert(rate);
        if first.is_same(&rate) {
            Ok(())
        } else {
            Err(FileError::Twice { currency, day, first, second: rate })
        }
    }

    /// A reference rate, whose currency may be one of the past.
    fn add_reference(&mut self, day: NaiveDate, code: &str, rate: PublishedRate) -> Result<(), FileError> {
        match code.parse() {
            Ok(currency) => self.add(day, currency, rate),
            Err(_) => {
                self.unknown.insert(code.chars().take(16).collect());
                Ok(())
            }
        }
    }
}

fn at(line: usize) -> impl Fn(String) -> FileError {
    move |message| FileError::Line { line, message }
}

/// Lines with their numbers, without the header and without empty ones.
fn lines(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let lines = text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| (index + 1, line.split(',').map(str::trim).collect()))
}

fn read_list(text: &str, rows: &mut Rows) -> Result<Format, FileError> {
    for (line, fields) in lines(text) {
        let fault = at(line);
        let [day, code, rate] = fields[..] else {
            return Err(fault(format!("{} fields; expected date,currency,rate", fields.len())));
        };
        let currency: Currency = code.parse().map_err(|error| fault(format!("{error}")))?;
        let day = iso_day(day).ok_or_else(|| fault(not_a_day(day)))?;
        let rate = rate.parse().map_err(|error| fault(format!("{error}")))?;
        rows.add(day, currency, rate)?;
    }
    Ok(Format::List)
}

fn read_table(text: &str, rows: &mut Rows) -> Result<Format, FileError> {
    let header = text.lines().next().unwrap_or("");
    // Every line of the bank's ends in a comma.
    let codes: Vec<&str> =
        header.trim().trim_end_matches([',', ' ']).split(',').skip(1).map(str::trim).collect();
    let is_code = |code: &&str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if !codes.iter().all(is_code) {
        return Err(FileError::UnknownFormat);
    }
    for (line, fields) in lines(text) {
        let fault = at(line);
        let rates = fields.get(1..=codes.len()).ok_or_else(|| {
            fault(format!("{} fields; expected a date and {} rates", fields.len(), codes.len()))
        })?;
        let day = iso_day(fields[0]).or_else(|| NaiveDate::parse_from_str(fields[0], "%d %B %Y").ok());
        let day = day.ok_or_else(|| fault(not_a_day(fields[0])))?;
        for (code, rate) in codes.iter().zip(rates) {
            // A currency that was not or is no longer quoted on the day.
            if rate.is_empty() || *rate == "N/A" {
                continue;
            }
            let rate = rate.parse().map_err(|error| fault(format!("{code}: {error}")))?;
            rows.add_reference(day, code, rate)?;
        }
    }
    Ok(Format::Reference)
}

/// Reads the attributes `time`, `currency` and `rate` of every `Cube`, which is all that the bank's XML says.
fn read_xml(text: &str, rows: &mut Rows) -> Result<Format, FileError> {
    let mut day = None;
    let mut is_reference = false;
    for tag in text.split("<Cube").skip(1) {
        is_reference = true;
        let tag = tag.split('>').next().unwrap_or("");
        if let Some(time) = attribute(tag, "time") {
            day = Some(iso_day(time).ok_or_else(|| FileError::Xml(not_a_day(time)))?);
        }
        let (Some(code), Some(rate)) = (attribute(tag, "currency"), attribute(tag, "rate")) else { continue };
        let rate = rate.parse().map_err(|error| FileError::Xml(format!("{code}: {error}")))?;
        let day = day.ok_or_else(|| FileError::Xml(format!("{code}: the rate comes before any day")))?;
        rows.add_reference(day, code, rate)?;
    }
    if is_reference { Ok(Format::Reference) } else { Err(FileError::UnknownFormat) }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}="))?;
    let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    rest[1..].split(quote).next()
}

fn iso_day(text: &str) -> Option<NaiveDate> {
    let is_iso = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    text.parse().ok().filter(|_| is_iso)
}

fn not_a_day(text: &str) -> String {
    let shown: String = text.chars().take(32).collect();
    format!("{shown:?} is no date; expected one such as 2026-01-14")
}
