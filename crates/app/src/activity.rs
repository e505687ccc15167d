//! The activity feed: figures of players by day, from API or file, through the one write path.

use chrono::NaiveDate;
use domain::command::{Activity, Command, Operation, Refused};
use domain::fact::Figures;
use domain::text::Uid;

use crate::error::Result;
use crate::ingest::{Answer, Ask, submit_many};
use crate::{App, Caller};

/// The figures of a player's day at a brand, in micros of the program's currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// The player.
    pub player: Uid,
    /// The brand.
    pub brand: String,
    /// The day, in the program's zone.
    pub day: NaiveDate,
    /// Only grows; without one the last accepted report counts.
    pub revision: Option<u64>,
    /// The figures.
    pub figures: Figures,
}

/// Records rows, each with its own answer. A row of a player who is not known yet waits for the registration.
///
/// They are taken player by player and day by day, whatever their order: a row that is newer than all before it is booked
/// on the stored state, an older one folds the player's whole history (docs/decisions/late-rows.md).
pub async fn record(app: &App, caller: &Caller, rows: Vec<Row>) -> Result<Vec<Answer>> {
    caller.require_operator()?;
    let zone = crate::program::show(app, caller).await?.zone;
    let mut rows: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
    // Reports of the same day stay in their order.
    rows.sort_by(|(_, a), (_, b)| (a.player.as_str(), a.day).cmp(&(b.player.as_str(), b.day)));
    let places: Vec<usize> = rows.iter().map(|(place, _)| *place).collect();
    let ask = |(_, row): (usize, Row)| {
        let starts_at = zone.start_of(row.day);
        let Row { player, brand, day, revision, figures } = row;
        let command =
            Command::Activity(Box::new(Activity { player, brand, day, starts_at, revision, figures }));
        Ask { park: true, ..Ask::new(Operation::Activity, command) }
    };
    let found = submit_many(app, caller.program, caller.now, rows.into_iter().map(ask).collect()).await;
    let mut answers = vec![Err(Refused::Unavailable); found.len()];
    for (place, answer) in places.into_iter().zip(found) {
        answers[place] = answer;
    }
    Ok(answers)
}
