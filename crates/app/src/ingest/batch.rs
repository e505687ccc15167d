//! One batch: one transaction of a constant number of statements, tried again where the database was at fault, halved
//! where a value was.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use domain::command::{Command, Refused};
use domain::ids::{AffiliateId, LogId, ProgramId, ReferralId};
use domain::time::{Period, Timestamp};
use store::period::Due;
use store::{Fault, Result, Rows, StoreError, Tx};

use super::Answer;
use super::decide::{Effects, decide};
use super::prepare::Prepared;
use super::queue::Pending;
use super::world::{self, Name, World};
use crate::error::logged;
use crate::{App, random};

/// How often a batch is tried, and for how long, when the database is at fault.
const ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(10);

/// Decides and answers a batch.
pub(crate) async fn run(app: &App, program: ProgramId, pending: Vec<Pending>) {
    let started = tokio::time::Instant::now();
    let (batch, replies): (Vec<_>, Vec<_>) =
        pending.into_iter().map(|pending| (pending.prepared, pending.reply)).unzip();
    let answers = answer(app, program, batch).await;
    let metrics = app.metrics();
    metrics.batch_facts.observe(replies.len() as f64);
    metrics.batch_seconds.observe(started.elapsed().as_secs_f64());
    for (reply, answer) in replies.into_iter().zip(answers) {
        match &answer {
            Ok(recorded) if recorded.replayed => metrics.replays.inc(),
            Ok(_) => metrics.facts.inc(),
            Err(_) => metrics.refusals.inc(),
        };
        // A caller that has gone away does not want its answer any more.
        let _ = reply.send(answer);
    }
}

/// Decides a batch; a part of it that fails because of a value is halved until the culprit stands alone.
async fn answer(app: &App, program: ProgramId, batch: Vec<Prepared>) -> Vec<Answer> {
    let mut answers: Vec<Option<Answer>> = vec![None; batch.len()];
    let mut parts: Vec<Vec<usize>> = vec![(0..batch.len()).collect()];
    while let Some(part) = parts.pop() {
        let prepared: Vec<&Prepared> = part.iter().map(|index| &batch[*index]).collect();
        match persist(app, program, &prepared).await {
            Done::Answered(found) => {
                for (index, answer) in part.iter().zip(found) {
                    answers[*index] = Some(answer);
                }
            }
            Done::Culprit(culprit, reference) => {
                answers[part[culprit]] = Some(Err(Refused::Internal(reference)));
                let rest: Vec<usize> = part
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| *at != culprit)
                    .map(|(_, index)| *index)
                    .collect();
                if !rest.is_empty() {
                    parts.push(rest);
                }
            }
            Done::BadValue(error) if part.len() == 1 => {
                answers[part[0]] = Some(Err(Refused::Internal(logged(&error))));
            }
            Done::BadValue(_) => {
                let (first, second) = part.split_at(part.len() / 2);
                // The first half comes first: its facts may be what the second half refers to.
                parts.push(second.to_vec());
                parts.push(first.to_vec());
            }
        }
    }
    answers.into_iter().map(|answer| answer.unwrap_or(Err(Refused::Unavailable))).collect()
}

enum Done {
    Answered(Vec<Answer>),
    /// Deciding this command panicked; the reference finds it in the log.
    Culprit(usize, String),
    /// A value was not accepted by the database.
    BadValue(StoreError),
}

/// Runs the transaction until it commits, is refused for a value, or patience ends.
async fn persist(app: &App, program: ProgramId, batch: &[&Prepared]) -> Done {
    let started = tokio::time::Instant::now();
    let mut attempt = 0;
    let mut histories = BTreeSet::new();
    loop {
        attempt += 1;
        let error = match transact(app, program, batch, attempt > 1, &mut histories).await {
            Ok(Some(done)) => return done,
            // What was read once is not wanted again, so this ends.
            Ok(None) => continue,
            Err(error) => error,
        };
        match error.fault() {
            Fault::Values => return Done::BadValue(error),
            Fault::Other => {
                let reference = logged(&error);
                return Done::Answered(vec![Err(Refused::Internal(reference)); batch.len()]);
            }
            Fault::Retry if attempt < ATTEMPTS && started.elapsed() < PATIENCE => {
                app.metrics().retries.inc();
                let pause = 10 * 4_u64.pow(attempt - 1);
                tokio::time::sleep(Duration::from_millis(pause + random::below(pause))).await;
            }
            Fault::Retry => {
                tracing::warn!(%error, program = program.0, "a batch was given up");
                return Done::Answered(vec![Err(Refused::Unavailable); batch.len()]);
            }
        }
    }
}

/// Decides a batch and writes what it came to; nothing is written and returned where more `histories` are wanted for it.
async fn transact(
    app: &App,
    program: ProgramId,
    batch: &[&Prepared],
    again: bool,
    histories: &mut BTreeSet<ReferralId>,
) -> Result<Option<Done>> {
    let may_refer = |prepared: &&&Prepared| match &prepared.ask.command {
        Command::Registration(_) => true,
        Command::Payment(payment) => payment.attributes.coupon.is_some(),
        _ => false,
    };
    let numbers = match batch.iter().filter(may_refer).count() {
        0 => Vec::new(),
        count => app.0.counters.take(app.pool(), program, "referral", count).await?,
    };
    let mut tx = Tx::begin_warm(app.pool(), &app.0.warm, program).await?;
    let Some(mut world) = world::load(app, &mut tx, program, batch, numbers, histories).await? else {
        return Ok(Some(Done::Answered(vec![Err(Refused::Unavailable); batch.len()])));
    };
    if again {
        world::load_own(&mut tx, program, batch, &mut world).await?;
    }
    let mut effects = Effects::new(world.program.zone, world.program.closed_through);
    let mut answers = Vec::with_capacity(batch.len());
    for (index, prepared) in batch.iter().enumerate() {
        match catch_unwind(AssertUnwindSafe(|| decide(&mut world, &mut effects, prepared))) {
            Ok(answer) => answers.push(answer),
            Err(_) => {
                let reference = logged(&format!("deciding {} panicked", prepared.fact));
                return Ok(Some(Done::Culprit(index, reference)));
            }
        }
    }
    let wanting = world.referrals.values().filter(|scope| scope.wants_history);
    let known = histories.len();
    histories.extend(wanting.map(|scope| scope.row.id));
    if histories.len() > known {
        tx.rollback().await?;
        return Ok(None);
    }
    let wrote = !effects.logs.is_empty();
    let transfers = effects.journal.transfers.len();
    write(&mut tx, program, world, effects).await?;
    if wrote {
        tx.commit().await?;
        app.metrics().transfers.inc_by(transfers as u64);
        app.0.sequencer.notify(program);
    } else {
        tx.rollback().await?;
    }
    Ok(Some(Done::Answered(answers)))
}

/// Writes everything that the batch came to, in the one lock order.
async fn write(tx: &mut Tx, program: ProgramId, mut world: World, effects: Effects) -> Result<()> {
    if effects.logs.is_empty() {
        return Ok(());
    }
    let mut unneeded: Vec<_> = world
        .names
        .iter()
        .filter(|(hash, name)| matches!(name, Name::Fresh(_)) && !effects.kept_names.contains(*hash))
        .map(|(hash, _)| *hash)
        .collect();
    unneeded.sort_unstable();
    let unbound: Vec<_> = effects
        .unbound
        .iter()
        .filter(|hash| world.names.get(*hash) == Some(&Name::Waiting))
        .copied()
        .collect();
    let disputed: Vec<_> = effects.disputed.iter().map(|(id, is_open)| (*id, *is_open)).collect();
    store::commission::mark_disputed(tx, program, &disputed).await?;
    store::name::give_up(tx, program, &unneeded).await?;
    store::name::bind(tx, program, &effects.bindings).await?;
    store::name::unbind(tx, program, &unbound).await?;
    store::person::append(tx, program, &effects.people).await?;
    let mut changed: Vec<_> = world.referrals.values().filter(|scope| scope.changed).collect();
    changed.sort_by_key(|scope| scope.row.id);
    let rows = |is_new: bool| {
        changed.iter().filter(|scope| scope.is_new == is_new).map(|scope| &scope.row).collect::<Vec<_>>()
    };
    store::referral::append(tx, program, &rows(true)).await?;
    let reassigned: Vec<_> = effects.reassigned.iter().filter_map(|id| world.referrals.get(id)).collect();
    let reassigned: Vec<_> =
        reassigned.iter().filter(|scope| !scope.is_new).map(|scope| &scope.row).collect();
    store::referral::assign(tx, program, &reassigned).await?;
    store::person::complete(tx, program, &effects.completed).await?;
    store::attribution::append(tx, program, &effects.attributions).await?;
    store::review::append(tx, program, &effects.reviews).await?;
    let facts: Vec<_> = effects.facts.iter().filter_map(|id| world.facts.remove(id)).collect();
    let changed = rows(false);
    let (rows, sums) = (effects.rows(&changed, &facts), effects.sums());
    if effects.is_plain() {
        return store::write(tx, program, Rows { days: sums.days, accounts: sums.accounts, ..rows }).await;
    }
    store::write(tx, program, rows).await?;
    store::fact::repoint(tx, program, &effects.repointed).await?;
    store::fact::attach(tx, program, &effects.attached).await?;
    store::fact::waiting::convert(tx, program, &effects.converted).await?;
    store::parked::release(tx, program, &effects.unparked).await?;
    store::parked::park(tx, program, &effects.parked).await?;
    let now = effects.logs.iter().map(|row| row.recorded_at).max().unwrap_or_default();
    store::period::mark(tx, program, &due(&effects.late, now)).await?;
    store::write(tx, program, sums).await
}

/// Closed months that are closed again because of late facts.
pub(crate) fn due(late: &BTreeMap<(AffiliateId, Period), LogId>, at: Timestamp) -> Vec<Due> {
    let due = |((affiliate, month), log): (&(AffiliateId, Period), &LogId)| Due {
        affiliate: *affiliate,
        month: *month,
        cause: log.0,
        at,
    };
    late.iter().map(due).collect()
}
