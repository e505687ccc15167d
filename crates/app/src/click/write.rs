//! Writes closed segments: batches of one program each, named after the segment, with the figures of their days in the same
//! transaction. While the database is away it waits; what was written before is known by the batch's name, or by the clicks'
//! own ids.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use domain::click::ClickId;
use domain::ids::{LinkId, ProgramId};
use domain::time::{Timestamp, Zone};
use store::click::daily::{self, Day, Visits};
use store::click::partition::{self, Month};
use store::click::{BOT, Batch, ClickRow, REPEAT};
use store::{Fault, Pool, StoreError, Tx};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;
use uuid::Uuid;

use super::journal::{PATIENT_SEGMENTS, Segment};
use super::record::{Recorded, read_all};
use super::{agent, figures, give_way};
use crate::{App, random};

/// A click of the same visitor within this time of one that counted is a repeated one.
const REPEATED: TimeDelta = TimeDelta::hours(1);

/// The waits between attempts while the database is away.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// When the product is told to stop, a database that is away is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many clicks of a program are written in parts.
const MANY: usize = 10_000;

/// How many parts that are. With one, writing would get a quarter of two cores that others want all of.
const LANES: usize = 3;

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
        let segment = if is_given_up { journal.next().await } else { next(&app).await };
        let Some(segment) = segment.map(Arc::new) else { break };
        load.wait(&journal, &segment).await;
        if !is_given_up {
            is_given_up = !write_in_turn(&app, &segment).await;
        }
        if is_given_up && segment.path.is_none() {
            app.metrics().clicks_dropped.inc_by(segment.count);
            tracing::error!(
                clicks = segment.count,
                "clicks are lost: no database, and no folder to spill to"
            );
        }
        journal.finish(&segment);
    }
    if !is_given_up {
        // What is not done by then, the next process does.
        let _ = tokio::time::timeout(PATIENCE, figures::add_up_all(&app)).await;
    }
}

/// The oldest segment. Once no large batch has come for a while, the figures that wait are added up first.
async fn next(app: &App) -> Option<Segment> {
    let journal = &app.0.clicks.journal;
    if let Some(due) = app.0.clicks.figures.due() {
        if Instant::now() < due
            && let Ok(next) = tokio::time::timeout_at(due, journal.next()).await
        {
            return next;
        }
        figures::add_up_all(app).await;
    }
    journal.next().await
}

/// Writes a segment, and gives way meanwhile unless too much waits behind it. False means that the product stops before it
/// could.
async fn write_in_turn(app: &App, segment: &Arc<Segment>) -> bool {
    let (waiting, _) = app.0.clicks.journal.waiting();
    if waiting <= PATIENT_SEGMENTS {
        return write_segment(app, segment, Pace::Patient).await;
    }
    // Away from this thread, which gives way.
    let (own, hurried) = (app.clone(), segment.clone());
    let written = tokio::spawn(async move { write_segment(&own, &hurried, Pace::Hurried).await });
    match written.await {
        Ok(is_written) => is_written,
        // The process ends.
        Err(error) if error.is_cancelled() => false,
        Err(error) => {
            tracing::error!(%error, path = ?segment.path, "a segment is left out; if it has a file, until the next start");
            if segment.path.is_none() {
                app.metrics().clicks_dropped.inc_by(segment.count);
            }
            true
        }
    }
}

/// How a segment is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pace {
    /// Part by part, through the connection that gives way.
    Patient,
    /// Parts at the same time through the common connections, at the priority of all others: what waits is too much.
    Hurried,
}

async fn write_segment(app: &App, segment: &Arc<Segment>, pace: Pace) -> bool {
    let read = |segment: &Segment| segment.records().map(|records| parts(segment.id, read_all(&records)));
    let parts = match pace {
        Pace::Patient => read(segment),
        // Redirects are answered by the other threads of the runtime.
        Pace::Hurried => {
            let own = segment.clone();
            spawn_blocking(move || read(&own)).await.expect("reading does not panic")
        }
    };
    let parts = match parts {
        Ok(parts) => parts,
        Err(error) => {
            tracing::error!(%error, path = ?segment.path, "a spill segment cannot be read and stays where it is");
            return true;
        }
    };
    let programs: BTreeSet<ProgramId> = parts.iter().map(|part| part.program).collect();
    let (pool, is_written) = match pace {
        Pace::Patient => (&app.0.clicks.pool, write(app, &app.0.clicks.pool, parts).await),
        Pace::Hurried => (app.pool(), write_at_once(app, parts).await),
    };
    if is_written {
        for program in programs {
            figures::add_up_many(app, pool, program).await;
        }
        segment.delete();
    }
    is_written
}

/// Clicks of a program that are written in one transaction.
struct Part {
    program: ProgramId,
    id: Uuid,
    records: Vec<Recorded>,
}

/// Cuts a segment, alike each time: by programs, and many clicks of one by affiliates, so that no two parts change the same
/// figure or ask for the same visitor.
fn parts(segment: Uuid, records: Vec<Recorded>) -> Vec<Part> {
    let mut programs: BTreeMap<ProgramId, Vec<Recorded>> = BTreeMap::new();
    for record in records {
        programs.entry(record.program).or_default().push(record);
    }
    let mut parts = Vec::new();
    for (program, records) in programs {
        if records.len() < MANY {
            parts.push(Part { program, id: segment, records });
            continue;
        }
        let mut lanes: [Vec<Recorded>; LANES] = Default::default();
        for record in records {
            lanes[record.row.affiliate.0.rem_euclid(LANES as i64) as usize].push(record);
        }
        for (lane, records) in (1..).zip(lanes).filter(|(_, records)| !records.is_empty()) {
            // Never the segment's own: one that was torn since has fewer clicks, and is cut in another way then.
            let id = Uuid::from_u128(segment.as_u128() ^ ((LANES as u128) << 8 | lane));
            parts.push(Part { program, id, records });
        }
    }
    parts
}

/// Writes parts one after the other. False means that the product stops before it could.
async fn write(app: &App, pool: &Pool, parts: Vec<Part>) -> bool {
    for part in parts {
        if !write_part(app, pool, part).await {
            return false;
        }
    }
    true
}

/// Writes parts at the same time through the common connections, at the priority of all others: what waits is too much.
/// However many programs there are, most of the connections are left to others. After a part that could not be written no
/// other is begun.
async fn write_at_once(app: &App, parts: Vec<Part>) -> bool {
    let (mut parts, mut running) = (parts.into_iter(), JoinSet::new());
    let mut is_written = true;
    loop {
        while is_written
            && running.len() < LANES
            && let Some(part) = parts.next()
        {
            let app = app.clone();
            running.spawn(async move { write_part(&app, app.pool(), part).await });
        }
        match running.join_next().await {
            Some(done) => is_written &= done.unwrap_or(false),
            None => return is_written,
        }
    }
}

/// Writes a part until it is written. What the database refuses for its values is halved until the culprit stands alone and
/// is left out.
async fn write_part(app: &App, pool: &Pool, part: Part) -> bool {
    let mut parts = vec![part];
    while let Some(mut part) = parts.pop() {
        match attempts(app, pool, &mut part).await {
            Attempt::Written => {}
            Attempt::Stopped => return false,
            Attempt::Refused(error) => {
                if let [record] = part.records.as_slice() {
                    let (program, click) = (part.program, record.row.id);
                    tracing::error!(%error, %program, %click, "a click that the database refuses is dropped");
                    app.metrics().clicks_dropped.inc();
                    continue;
                }
                let second = part.records.split_off(part.records.len() / 2);
                // Names that were never used: next time, without what is written by then, it is halved in another place.
                for records in [part.records, second] {
                    parts.push(Part { program: part.program, id: random::id(), records });
                }
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

async fn attempts(app: &App, pool: &Pool, part: &mut Part) -> Attempt {
    let stopping = app.0.tasks.stopping();
    let mut stopped_at = None;
    let mut wait = FIRST_WAIT;
    loop {
        match attempt(app, pool, part).await {
            Ok(()) => return Attempt::Written,
            Err(error) if error.fault() == Fault::Values => {
                forget_months(app);
                match mend(app, part).await {
                    Ok(true) if part.records.is_empty() => return Attempt::Written,
                    Ok(true) => continue,
                    Ok(false) => return Attempt::Refused(error),
                    Err(error) => tracing::warn!(%error, "refused clicks cannot be looked into right now"),
                }
            }
            Err(error) => {
                let (program, clicks) = (part.program, part.records.len());
                tracing::warn!(%error, %program, clicks, "clicks wait for the database");
                forget_months(app);
            }
        }
        if *stopping.borrow() {
            let since = *stopped_at.get_or_insert_with(Instant::now);
            if since.elapsed() > PATIENCE {
                return Attempt::Stopped;
            }
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Makes the partitions that refused clicks need, and leaves out those that were written under another name. Says whether
/// there was anything to do.
async fn mend(app: &App, part: &mut Part) -> store::Result<bool> {
    if make_partitions(app, &part.records).await? {
        return Ok(true);
    }
    let ids: Vec<ClickId> = part.records.iter().map(|record| record.row.id).collect();
    let mut connection = app.pool().acquire().await?;
    let written = store::click::written(&mut connection, part.program, &ids).await?;
    part.records.retain(|record| !written.contains(&record.row.id));
    Ok(!written.is_empty())
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

async fn attempt(app: &App, pool: &Pool, part: &Part) -> store::Result<()> {
    let Part { program, id, records } = part;
    let (program, id) = (*program, *id);
    make_partitions(app, records).await?;
    let started = Instant::now();
    let now = app.now();
    let mut tx = Tx::begin_apart(pool).await?;
    if !store::click::begun(&mut tx, program, id, now).await? {
        // By a process that was killed, or in a transaction of ours whose end was not told: its figures may wait.
        app.0.clicks.figures.written(program, daily::MANY);
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
    app.0.clicks.figures.written(program, days.len());
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
