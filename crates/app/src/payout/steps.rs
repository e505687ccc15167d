//! The steps of a payout after its request.

use domain::ids::{LogId, PayoutId, TransferId};
use domain::ledger::{Cause, Movement};
use domain::payout::{Effect, State, Step};
use serde_json::json;
use store::log::LogRow;
use store::payout::{ClaimState, PayoutRow, StepRow};
use store::{Fault, Tx};

use super::request::{Attempt, lock};
use crate::error::{Error, Result};
use crate::ledger::{Journal, Origin, Part};
use crate::{App, Caller, random};

/// Takes a step. A step that led to the present state is answered again without effect.
pub async fn take_step(app: &App, caller: &Caller, id: PayoutId, step: Step) -> Result<PayoutRow> {
    caller.require_operator()?;
    let decision = LogId(random::id());
    let mut attempts = 5;
    loop {
        attempts -= 1;
        match transact(app, caller, id, step, decision).await {
            Err(Attempt::Store(error)) if error.fault() == Fault::Retry && attempts > 0 => {}
            Err(Attempt::Store(error)) => return Err(error.into()),
            Err(Attempt::Refused(error)) => return Err(error),
            Ok(row) => {
                app.0.sequencer.notify(caller.program);
                app.0.jobs.wake();
                return Ok(row);
            }
        }
    }
}

async fn transact(
    app: &App,
    caller: &Caller,
    id: PayoutId,
    step: Step,
    decision: LogId,
) -> std::result::Result<PayoutRow, Attempt> {
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let mut row = lock(&mut tx, caller, id).await?;
    let from = row.state;
    if leads_to(step) == from {
        return Ok(row);
    }
    let (to, effect) = from
        .transition(step)
        .map_err(|error| Error::Conflict { code: "step_refused", message: error.to_string() })?;
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    let mut journal = Journal::new(program.zone, program.closed_through);
    let claims = store::payout::claims(tx.read(), caller.program, id).await?;
    let movement = match effect {
        Effect::None => None,
        Effect::Settle => Movement::payout_paid(row.amount_micros),
        Effect::Release => Movement::payout_released(row.amount_micros),
        Effect::TakeBack => Movement::payout_returned(row.amount_micros),
    };
    if matches!(effect, Effect::Release | Effect::TakeBack) {
        give_back(&mut tx, caller, &claims).await?;
        row.advance_micros = 0;
    }
    row.state = to;
    row.updated_at = caller.now;
    if effect == Effect::Settle {
        row.paid_at = Some(caller.now);
        journal.account(row.affiliate, row.currency).last_paid_at = row.paid_at;
    }
    if let Some(movement) = movement {
        let origin = Origin { cause: Cause::Payout, cause_id: decision.0, log: decision };
        journal.book((row.affiliate, row.currency), movement, origin, Part::default(), caller.now);
    }
    write(&mut tx, caller, &row, (step, from, effect), decision, &journal).await?;
    tx.commit().await?;
    Ok(row)
}

async fn write(
    tx: &mut Tx,
    caller: &Caller,
    row: &PayoutRow,
    (step, from, effect): (Step, State, Effect),
    decision: LogId,
    journal: &Journal,
) -> store::Result<()> {
    store::payout::update(tx, caller.program, row).await?;
    match effect {
        Effect::None => {}
        Effect::Settle => store::payout::set_claims(tx, caller.program, row.id, ClaimState::Settled).await?,
        Effect::Release | Effect::TakeBack => {
            store::payout::set_claims(tx, caller.program, row.id, ClaimState::Freed).await?;
        }
    }
    let taken = StepRow {
        payout: row.id,
        log: decision,
        step: Some(step),
        from,
        to: row.state,
        occurred_at: caller.now,
    };
    store::payout::append_step(tx, caller.program, &taken).await?;
    if effect == Effect::Settle && row.details.send_mail {
        let job = crate::jobs::payout_mail::job(row.affiliate, row.id, caller.now);
        store::job::enqueue(tx, caller.program, &[job]).await?;
    }
    journal.write_transfers(tx, caller.program).await?;
    let log = LogRow {
        id: decision,
        kind: kind_of(row.state),
        scope: None,
        recorded_at: caller.now,
        body: Some(json!({ "payout": row.id, "affiliate": row.affiliate })),
    };
    store::log::append(tx, caller.program, &[log]).await?;
    journal.write_accounts(tx, caller.program).await
}

async fn give_back(tx: &mut Tx, caller: &Caller, claims: &[(TransferId, i64)]) -> store::Result<()> {
    let ids: Vec<TransferId> = claims.iter().map(|(id, _)| *id).collect();
    store::transfer::lock_lines(tx, caller.program, &ids).await?;
    let mut parts: std::collections::BTreeMap<TransferId, i64> = std::collections::BTreeMap::new();
    for (id, micros) in claims {
        *parts.entry(*id).or_default() -= micros;
    }
    store::transfer::take(tx, caller.program, &parts.into_iter().collect::<Vec<_>>()).await
}

fn leads_to(step: Step) -> State {
    match step {
        Step::Approve => State::Approved,
        Step::Process => State::Processing,
        Step::Pay => State::Paid,
        Step::Fail => State::Failed,
        Step::Cancel => State::Cancelled,
        Step::Return => State::Returned,
    }
}

fn kind_of(state: State) -> &'static str {
    match state {
        State::Requested => "payout.requested",
        State::Approved => "payout.approved",
        State::Processing => "payout.processing",
        State::Paid => "payout.paid",
        State::Failed => "payout.failed",
        State::Cancelled => "payout.cancelled",
        State::Returned => "payout.returned",
    }
}
