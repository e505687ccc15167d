//! Writes closed segments: batches of one program each, under the segment's id, with the figures of their days in the same
//! transaction. While the database is away it waits; what was written before is refused by its id.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use domain::ids::{LinkId, ProgramId};
use domain::time::{Timestamp, Zone};
use store::click::daily::{Day, Visits};
use store::click::partition::{self, Month};
use store::click::{BOT, Batch, ClickRow, REPEAT};
use store::{Fault, Pool, StoreError, Tx};
use uuid::Uuid;

use super::journal::{PATIENT_SEGMENTS, Segment};
use super::record::{Recorded, read_all};
use super::{agent, give_way};
use crate::App;

/// A click of the same visitor within this time of one that counted is a repeated one.
const REPEATED: TimeDelta = TimeDelta::hours(1);

/// The waits between attempts while the database is away.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// When the product is told to stop, a database that is away is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rows of one transaction at most.
const ROWS: usize = 50_000;

/// Months whose partition this process knows to be there.
#[derive(Default)]
pub(crate) struct Months(Mutex<HashSet<Month>>);

/// Runs until the journal has ended and everything is written.
pub(crate) async fn run(app: App) {
    if let Err(error) = give_way::run(write_all(app.clone())).await {
        tracing::error!(%error, "clicks are written in the way of redirects");
        write_all(app).await;
    }
}

async fn write_all(app: App) {
    let journal = app.0.clicks.journal.clone();
    let mut is_given_up = false;
    let mut load = give_way::Load::new(&journal);
    loop {
        let Some(segment) = journal.next().await else { return };
        load.wait(&journal, &segment).await;
        match segment.records() {
            Ok(records) => {
                is_given_up |= !is_given_up && !write_in_turn(&app, &segment, read_all(&records)).await;
                if !is_given_up {
                    segment.delete();
                } else if segment.path.is_none() {
                    app.metrics().clicks_dropped.inc_by(segment.count);
                    tracing::error!(
                        clicks = segment.count,
                        "clicks are lost: no database, and no folder to spill to"
                    );
                }
            }
            Err(error) => {
                tracing::error!(%error, path = ?segment.path, "a spill segment cannot be read and stays where it is");
            }
        }
        journal.finish(&segment);
    }
}

/// Writes the clicks of a segment, and gives way meanwhile unless too much waits behind it.
async fn write_in_turn(app: &App, segment: &Segment, records: Vec<Recorded>) -> bool {
    let (waiting, _) = app.0.clicks.journal.waiting();
    if waiting <= PATIENT_SEGMENTS {
        return write(app, &app.0.clicks.pool, segment.id, records).await;
    }
    let (own, id) = (app.clone(), segment.id);
    let written = tokio::spawn(async move { write(&own, own.pool(), id, records).await });
    written.await.unwrap_or(false)
}

/// Writes the clicks of a segment, program by program. False means that the product stops before it could.
async fn write(app: &App, pool: &Pool, segment: Uuid, records: Vec<Recorded>) -> bool {
    let mut programs: BTreeMap<ProgramId, Vec<Recorded>> = BTreeMap::new();
    for record in records {
        programs.entry(record.program).or_default().push(record);
    }
    for (program, records) in programs {
        for (number, part) in records.chunks(ROWS).enumerate() {
            if !write_part(app, pool, program, part_id(segment, number), part).await {
                return false;
            }
        }
    }
    true
}

/// The id of a part of a segment: the segment's own for the first. Parts are cut alike each time.
fn part_id(segment: Uuid, number: usize) -> Uuid {
    Uuid::from_u128(segment.as_u128() ^ number as u128)
}

/// Writes a batch until it is written. What the database refuses for its values is halved until the culprit stands alone
/// and is left out.
async fn write_part(app: &App, pool: &Pool, program: ProgramId, id: Uuid, records: &[Recorded]) -> bool {
    let mut parts = vec![(id, records)];
    while let Some((id, records)) = parts.pop() {
        match attempts(app, pool, program, id, records).await {
            Attempt::Written => {}
            Attempt::Stopped => return false,
            Attempt::Refused(error) => {
                if let [record] = records {
                    if error.is_unique_violation() {
                        // It was written under another batch.
                        continue;
                    }
                    tracing::error!(%error, %program, click = %record.row.id, "a click that the database refuses is dropped");
                    app.metrics().clicks_dropped.inc();
                    continue;
                }
                let (first, second) = records.split_at(records.len() / 2);
                let half = |number: u128| Uuid::from_u128(id.as_u128().rotate_left(1) ^ number);
                parts.push((half(1 << 64), first));
                parts.push((half(3 << 64), second));
            }
        }
    }
    true
}

enum Attempt {
    Written,
    Stopped,
    Refused(StoreError),
}

async fn attempts(app: &App, pool: &Pool, program: ProgramId, id: Uuid, records: &[Recorded]) -> Attempt {
    let stopping = app.0.tasks.stopping();
    let mut stopped_at = None;
    let mut wait = FIRST_WAIT;
    loop {
        match attempt(app, pool, program, id, records).await {
            Ok(()) => return Attempt::Written,
            Err(error) if error.fault() == Fault::Values => {
                // A month without a partition is refused like a wrong value.
                forget_months(app);
                match make_partitions(app, records).await {
                    Ok(true) => continue,
                    Ok(false) => return Attempt::Refused(error),
                    Err(error) => tracing::warn!(%error, "the partitions of clicks cannot be made right now"),
                }
            }
            Err(error) => {
                tracing::warn!(%error, %program, clicks = records.len(), "clicks wait for the database");
                forget_months(app);
            }
        }
        if *stopping.borrow() {
            let since = *stopped_at.get_or_insert_with(tokio::time::Instant::now);
            if since.elapsed() > PATIENCE {
                return Attempt::Stopped;
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn forget_months(app: &App) {
    app.0.clicks.months.0.lock().expect("nothing panics while it holds this").clear();
}

/// Makes the partitions of the months of clicks that are not known to be there. Says whether any was made.
async fn make_partitions(app: &App, records: &[Recorded]) -> store::Result<bool> {
    let months: HashSet<Month> =
        records.iter().map(|record| Month::of(record.row.clicked_at.date_naive())).collect();
    let known = || app.0.clicks.months.0.lock().expect("nothing panics while it holds this");
    let missing: Vec<Month> = months.into_iter().filter(|month| !known().contains(month)).collect();
    let mut is_any_made = false;
    for month in missing {
        is_any_made |= partition::make(app.pool(), month).await?;
        known().insert(month);
    }
    Ok(is_any_made)
}

async fn attempt(
    app: &App,
    pool: &Pool,
    program: ProgramId,
    id: Uuid,
    records: &[Recorded],
) -> store::Result<()> {
    make_partitions(app, records).await?;
    let started = tokio::time::Instant::now();
    let now = app.now();
    let mut tx = Tx::begin_apart(pool).await?;
    if !store::click::begun(&mut tx, program, id, now).await? {
        return tx.rollback().await;
    }
    let Some(zone) = zone(app, &mut tx, program).await? else {
        tracing::error!(%program, clicks = records.len(), "clicks of an unknown program are left out");
        return tx.rollback().await;
    };
    let names = visitors(app, records);
    let distinct: BTreeSet<[u8; 12]> = names.iter().flatten().copied().collect();
    let wanted: Vec<Vec<u8>> = distinct.iter().map(|name| name.to_vec()).collect();
    let mut counted = store::click::visitors(tx.read(), program, &wanted).await?;
    let before = counted.clone();
    let mut rows: Vec<(&ClickRow, i16)> = Vec::with_capacity(records.len());
    let mut agents = HashMap::new();
    let mut days: BTreeMap<Day, Visits> = BTreeMap::new();
    for (record, name) in in_order(records, &names) {
        // Many visitors have the same few agents.
        let agent = record.row.agent.as_deref();
        let is_bot = *agents.entry(agent).or_insert_with(|| agent::is_bot(agent));
        let flags = flags(record, is_bot, name, &mut counted);
        let visits = days.entry(day(record, zone)).or_default();
        visits.visits += 1;
        visits.unique_visits += i64::from(flags == 0);
        visits.bots += i64::from(flags & BOT != 0);
        visits.repeats += i64::from(flags & REPEAT != 0);
        rows.push((&record.row, flags));
    }
    // The primary key goes by ids, and is filled at its end then.
    rows.sort_unstable_by_key(|(row, _)| row.id);
    counted.retain(|name, at| before.get(name) != Some(at));
    let batch = Batch { id, clicks: &rows, days: &days, visitors: &counted, now };
    store::click::write(&mut tx, program, batch).await?;
    tx.commit().await?;
    app.metrics().clicks_written.inc_by(rows.len() as u64);
    app.metrics().click_batch_seconds.observe(started.elapsed().as_secs_f64());
    Ok(())
}

/// The zone of a program's days.
async fn zone(app: &App, tx: &mut Tx, program: ProgramId) -> store::Result<Option<Zone>> {
    if let Some(known) = app.0.clicks.programs.get(program) {
        return Ok(Some(known.zone));
    }
    Ok(store::program::by_id(tx.read(), program).await?.map(|row| row.zone))
}

/// Who clicked: the affiliate with the keyed hash of address and agent. Unknown without an address.
fn visitors(app: &App, records: &[Recorded]) -> Vec<Option<[u8; 12]>> {
    let name = |record: &Recorded| {
        let address = record.row.address_hash.as_deref()?;
        let agent = record.row.agent.as_deref().unwrap_or_default();
        Some(app.0.secret.visitor(record.row.affiliate, address, agent))
    };
    records.iter().map(name).collect()
}

/// Clicks by time, so that of two by one visitor the first counts.
fn in_order<'a>(
    records: &'a [Recorded],
    names: &'a [Option<[u8; 12]>],
) -> impl Iterator<Item = (&'a Recorded, Option<[u8; 12]>)> {
    let mut all: Vec<_> = records.iter().zip(names.iter().copied()).collect();
    all.sort_by_key(|(record, _)| (record.row.clicked_at, record.row.id));
    all.into_iter()
}

/// What is wrong with a click. A visitor counts anew an hour after the last time it did; bots never do.
fn flags(
    record: &Recorded,
    is_bot: bool,
    name: Option<[u8; 12]>,
    counted: &mut BTreeMap<[u8; 12], Timestamp>,
) -> i16 {
    let mut flags = if is_bot { BOT } else { 0 };
    let Some(name) = name else { return flags };
    let at = record.row.clicked_at;
    let is_repeat = counted.get(&name).is_some_and(|last| (at - *last).abs() < REPEATED);
    if is_repeat {
        flags |= REPEAT;
    } else if flags == 0 && counted.get(&name).is_none_or(|last| *last < at) {
        counted.insert(name, at);
    }
    flags
}

fn day(record: &Recorded, zone: Zone) -> Day {
    Day {
        day: zone.date_of(record.row.clicked_at),
        affiliate: record.row.affiliate,
        link: record.row.link.unwrap_or(LinkId(0)),
        brand: record.brand.clone(),
        deal: record.deal,
        campaign: record.campaign.clone(),
    }
}
