//! Advances: what a payout paid beyond its claims is matched to lines that became due later. A job does this, never
//! ingest.

use domain::claim::allocate;
use domain::ids::{LogId, PayoutId, ProgramId, TransferId};
use domain::payout::State;
use domain::time::Timestamp;
use serde_json::json;
use store::Tx;
use store::log::LogRow;
use store::payout::ClaimState;

use crate::error::Result;
use crate::{App, random};

/// Payouts matched in one round.
const ROUND: i64 = 100;

/// Matches open advances of a program with unclaimed lines and says how many payouts that touched.
pub async fn match_advances(app: &App, program: ProgramId, now: Timestamp) -> Result<usize> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let open = store::payout::with_open_advance(&mut connection, program, ROUND).await?;
    drop(connection);
    let mut matched = 0;
    for payout in open {
        matched += usize::from(match_one(app, program, payout, now).await?);
    }
    Ok(matched)
}

async fn match_one(app: &App, program: ProgramId, id: PayoutId, now: Timestamp) -> Result<bool> {
    let mut tx = Tx::begin(app.pool(), program).await?;
    let Some(owner) = store::payout::affiliate_of(tx.read(), program, id).await? else { return Ok(false) };
    store::affiliate::lock(&mut tx, program, owner).await?;
    let Some(mut row) = store::payout::lock(&mut tx, program, id).await? else { return Ok(false) };
    let lines = store::transfer::unclaimed(tx.read(), program, row.affiliate, row.currency.code()).await?;
    let due: i128 = lines.iter().map(|line| i128::from(line.unclaimed_micros)).sum();
    if row.advance_micros == 0 || due <= 0 {
        return Ok(false);
    }
    let allocation = allocate(&lines, row.advance_micros);
    let ids: Vec<TransferId> = allocation.claims.iter().map(|(id, _)| *id).collect();
    store::transfer::lock_lines(&mut tx, program, &ids).await?;
    store::transfer::take(&mut tx, program, &allocation.claims).await?;
    row.advance_micros = allocation.advance_micros;
    row.updated_at = now;
    store::payout::update(&mut tx, program, &row).await?;
    let state = if row.state == State::Paid { ClaimState::Settled } else { ClaimState::Held };
    store::payout::append_claims(&mut tx, program, id, &allocation.claims, state).await?;
    let log = LogRow {
        id: LogId(random::id()),
        kind: "payout.advance_matched",
        scope: None,
        recorded_at: now,
        body: Some(json!({ "payout": id, "advance_micros": row.advance_micros })),
    };
    store::log::append(&mut tx, program, &[log]).await?;
    tx.commit().await?;
    app.0.sequencer.notify(program);
    Ok(true)
}
