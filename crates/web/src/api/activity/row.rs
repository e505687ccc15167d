//! One row of the feed: as a JSON object, or as a line under the same names; and how it becomes figures.

use std::collections::BTreeMap;

use app::activity::Row;
use chrono::NaiveDate;
use domain::fact::{Figures, Play};
use domain::text::Uid;
use serde::{Deserialize, Deserializer, de};
use utoipa::ToSchema;

use crate::api::fields::{Amount, Micros, Text, Threshold, present_object};
use crate::api::problem::Problem;

/// The figures of a player's day at a brand, in the program's currency. What is left out is zero.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewActivityRow {
    /// The player: the customer's uid.
    #[schema(value_type = String, min_length = 1, max_length = 255)]
    player: Uid,
    /// The brand.
    #[schema(value_type = String, min_length = 1, max_length = 64)]
    brand: String,
    /// The day, in the program's zone.
    #[serde(deserialize_with = "date")]
    day: NaiveDate,
    /// Only grows; the highest counts. Without one the last accepted report of the day counts.
    #[schema(maximum = 9_007_199_254_740_991u64)]
    revision: Option<u64>,
    /// The first deposit, if it was on this day; part of `deposits`. Left out, the first row with deposits carries it.
    #[schema(value_type = Option<Threshold>)]
    first_deposit: Option<Micros>,
    /// Deposits, the first one included.
    #[serde(default)]
    #[schema(value_type = Threshold, required = false)]
    deposits: Micros,
    /// How often was deposited.
    #[serde(default)]
    deposit_count: u32,
    /// Withdrawals.
    #[serde(default)]
    #[schema(value_type = Threshold, required = false)]
    withdrawals: Micros,
    /// How often was withdrawn.
    #[serde(default)]
    withdrawal_count: u32,
    /// Chargebacks; shown, and part of no commission.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    chargebacks: Micros,
    /// How often was played.
    #[serde(default)]
    activity_count: u32,
    /// The operator's P&L; below zero where the player won. Left out, the sum of the sections.
    #[schema(value_type = Option<Amount>)]
    pnl: Option<Micros>,
    /// Bonuses given. Left out, the sum of the sections.
    #[schema(value_type = Option<Amount>)]
    bonuses: Option<Micros>,
    /// Deductions. Left out, the sum of the sections.
    #[schema(value_type = Option<Amount>)]
    deductions: Option<Micros>,
    /// What was wagered. Left out, the sum of the sections.
    #[schema(value_type = Option<Threshold>)]
    volume: Option<Micros>,
    /// Of it the casino.
    #[serde(default, deserialize_with = "present_object")]
    #[schema(required = false)]
    casino: Option<NewActivityPart>,
    /// Of it sport.
    #[serde(default, deserialize_with = "present_object")]
    #[schema(required = false)]
    sport: Option<NewActivityPart>,
}

/// What was played in one section.
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewActivityPart {
    /// The operator's P&L.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    pnl: Micros,
    /// Bonuses given.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    bonuses: Micros,
    /// Deductions.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    deductions: Micros,
    /// What was wagered.
    #[serde(default)]
    #[schema(value_type = Threshold, required = false)]
    volume: Micros,
}

/// Reads a date.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
    let Text(text) = Text::deserialize(deserializer)?;
    read_date(&text).map_err(de::Error::custom)
}

fn read_date(text: &str) -> Result<NaiveDate, String> {
    let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let read = text.parse().ok().filter(|_| is_plain);
    let shown: String = text.chars().take(64).collect();
    read.ok_or_else(|| format!("{shown:?} is no date; expected one such as 2026-03-31"))
}

/// The columns of a file, by the names of the fields; those of a section have its name before theirs.
pub(super) const COLUMNS: [&str; 23] = [
    "player",
    "brand",
    "day",
    "revision",
    "first_deposit",
    "deposits",
    "deposit_count",
    "withdrawals",
    "withdrawal_count",
    "chargebacks",
    "activity_count",
    "pnl",
    "bonuses",
    "deductions",
    "volume",
    "casino_pnl",
    "casino_bonuses",
    "casino_deductions",
    "casino_volume",
    "sport_pnl",
    "sport_bonuses",
    "sport_deductions",
    "sport_volume",
];

/// The highest revision that every reader of JSON tells from the next number.
const LAST_REVISION: u64 = (1 << 53) - 1;

/// Columns that no file may do without.
pub(super) const REQUIRED: [&str; 3] = ["player", "brand", "day"];

impl NewActivityRow {
    /// Reads a line of a file by the names of its columns. An empty cell is left out.
    pub(super) fn from_cells(cells: &BTreeMap<&str, &str>) -> Result<NewActivityRow, Problem> {
        let cell = |name: &str| cells.get(name).copied().filter(|text| !text.is_empty());
        let required = |name: &str| cell(name).ok_or_else(|| Problem::invalid(name, "a row needs one"));
        let amount = |name: &str| -> Result<Option<Micros>, Problem> {
            let read = cell(name).map(domain::money::parse_decimal).transpose();
            Ok(read.map_err(|error| Problem::invalid(name, error))?.map(Micros))
        };
        let count = |name: &str| -> Result<u32, Problem> {
            let Some(text) = cell(name) else { return Ok(0) };
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            let read = text.parse().ok().filter(|_| is_plain);
            read.ok_or_else(|| Problem::invalid(name, "expected a whole number of zero or more"))
        };
        let revision = cell("revision").map(|text| {
            let read = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
            read.ok_or_else(|| Problem::invalid("revision", "expected a whole number of zero or more"))
        });
        let section = |name: &str| -> Result<Option<NewActivityPart>, Problem> {
            let part = |figure: &str| amount(&format!("{name}_{figure}"));
            let figures = [part("pnl")?, part("bonuses")?, part("deductions")?, part("volume")?];
            let [pnl, bonuses, deductions, volume] = figures.map(Option::unwrap_or_default);
            let is_there = figures.iter().any(Option::is_some);
            Ok(is_there.then_some(NewActivityPart { pnl, bonuses, deductions, volume }))
        };
        Ok(NewActivityRow {
            player: Uid::parse(required("player")?).map_err(|error| Problem::invalid("player", error))?,
            brand: required("brand")?.to_owned(),
            day: read_date(required("day")?).map_err(|error| Problem::invalid("day", error))?,
            revision: revision.transpose()?,
            first_deposit: amount("first_deposit")?,
            deposits: amount("deposits")?.unwrap_or_default(),
            deposit_count: count("deposit_count")?,
            withdrawals: amount("withdrawals")?.unwrap_or_default(),
            withdrawal_count: count("withdrawal_count")?,
            chargebacks: amount("chargebacks")?.unwrap_or_default(),
            activity_count: count("activity_count")?,
            pnl: amount("pnl")?,
            bonuses: amount("bonuses")?,
            deductions: amount("deductions")?,
            volume: amount("volume")?,
            casino: section("casino")?,
            sport: section("sport")?,
        })
    }

    /// The row as it is recorded, if its figures make sense.
    pub(super) fn into_row(self) -> Result<Row, Problem> {
        app::brand::check(&self.brand).map_err(|message| Problem::invalid("brand", message))?;
        if self.revision.is_some_and(|revision| revision > LAST_REVISION) {
            return Err(Problem::invalid("revision", format!("expected at most {LAST_REVISION}")));
        }
        let not_negative = [
            ("first_deposit", self.first_deposit.unwrap_or_default()),
            ("deposits", self.deposits),
            ("withdrawals", self.withdrawals),
            ("volume", self.volume.unwrap_or_default()),
            ("casino.volume", self.casino.unwrap_or_default().volume),
            ("sport.volume", self.sport.unwrap_or_default().volume),
        ];
        if let Some((field, _)) = not_negative.into_iter().find(|(_, micros)| micros.0 < 0) {
            return Err(Problem::invalid(field, "expected an amount of zero or more"));
        }
        if self.first_deposit.is_some_and(|first| first.0 > self.deposits.0) {
            let message = "it is part of deposits, so it cannot be above them";
            return Err(Problem::invalid("first_deposit", message));
        }
        let (casino, sport) = (self.casino.map(play), self.sport.map(play));
        let sum = |own: Option<Micros>, of: fn(&Play) -> i64| match own {
            Some(own) => own.0,
            None => [casino, sport].iter().flatten().map(of).fold(0, i64::saturating_add),
        };
        let play = Play {
            pnl: sum(self.pnl, |play| play.pnl),
            bonuses: sum(self.bonuses, |play| play.bonuses),
            deductions: sum(self.deductions, |play| play.deductions),
            volume: sum(self.volume, |play| play.volume),
        };
        let figures = Figures {
            first_deposit: self.first_deposit.map(|first| first.0),
            deposits: self.deposits.0,
            deposit_count: self.deposit_count,
            withdrawals: self.withdrawals.0,
            withdrawal_count: self.withdrawal_count,
            chargebacks: self.chargebacks.0,
            activity_count: self.activity_count,
            play,
            casino,
            sport,
        };
        Ok(Row { player: self.player, brand: self.brand, day: self.day, revision: self.revision, figures })
    }
}

fn play(part: NewActivityPart) -> Play {
    Play { pnl: part.pnl.0, bonuses: part.bonuses.0, deductions: part.deductions.0, volume: part.volume.0 }
}
