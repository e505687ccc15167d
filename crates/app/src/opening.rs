//! Opening entries: balances and figures brought in from an old system, dated at the cut-over (money.md §11).

use domain::ids::{AffiliateId, LogId};
use domain::ledger::{Cause, Kind, Movement};
use domain::money::MAX_MICROS;
use domain::text::Key;
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::json;
use store::Tx;
use store::log::LogRow;
use store::opening::OpeningRow;
use store::roll_up::Figures;

use crate::adjustment::key_reused;
use crate::error::{Error, Result};
use crate::ledger::{Journal, Origin, Part};
use crate::once::{Claim, claim};
use crate::{App, Caller, random};

/// What an old system said of an affiliate. Amounts are micros of the program's currency.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct NewOpening {
    /// Whose books.
    pub affiliate: AffiliateId,
    /// The cut-over.
    pub effective_at: Timestamp,
    /// Earned until then, by kind in the order lead, acquisition, share, sub_affiliate; may be negative.
    pub earned_micros: [i64; 4],
    /// Paid out until then.
    pub paid_micros: i64,
    /// Adjustments until then, signed.
    pub adjustments_micros: i64,
    /// The last payout until then.
    pub last_paid_at: Option<Timestamp>,
    /// Registrations until then.
    pub registrations: i64,
    /// First deposits until then, and their amount.
    pub first_payments: (i64, i64),
    /// Deposits until then, first ones included, and their amount.
    pub payments: (i64, i64),
}

/// Opens the books of an affiliate, once per key, and returns the log row that recorded it.
pub async fn create(app: &App, caller: &Caller, key: &Key, new: NewOpening) -> Result<LogId> {
    Ok(create_once(app, caller, key, new).await?.0)
}

/// [`create`], which also says whether it had been done before.
pub async fn create_once(app: &App, caller: &Caller, key: &Key, new: NewOpening) -> Result<(LogId, bool)> {
    caller.require_operator()?;
    check(caller, &new)?;
    let input_hash = app.0.secret.input(&new);
    let decision = LogId(random::id());
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    if let Claim::Known(first) = claim(app, &mut tx, caller, "v1.opening", Some(key), decision).await? {
        let known = store::opening::input_hash(tx.read(), caller.program, first).await?;
        return if known == Some(input_hash) { Ok((first, true)) } else { Err(key_reused(Some(key))) };
    }
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    store::affiliate::lock(&mut tx, caller.program, new.affiliate)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no affiliate {}", new.affiliate)))?;
    let mut journal = Journal::new(program.zone, program.closed_through);
    let owner = (new.affiliate, program.currency);
    let origin = Origin { cause: Cause::Opening, cause_id: decision.0, log: decision };
    for (leg, movement) in movements(&new).into_iter().enumerate() {
        if let Some(movement) = movement {
            let part = Part { leg: leg as i16, ..Part::default() };
            journal.book(owner, movement, origin, part, new.effective_at);
        }
    }
    let account = journal.account(new.affiliate, program.currency);
    account.last_paid_at = new.last_paid_at;
    account.figures = Figures {
        registrations: new.registrations,
        first_payments: new.first_payments.0,
        first_payments_micros: new.first_payments.1.into(),
        payments: new.payments.0,
        payments_micros: new.payments.1.into(),
        ..Figures::default()
    };
    let row = OpeningRow {
        id: decision,
        affiliate: new.affiliate,
        currency: program.currency,
        effective_at: new.effective_at,
        registrations: new.registrations,
        first_payments: new.first_payments,
        payments: new.payments,
        last_paid_at: new.last_paid_at,
        input_hash,
        created_at: caller.now,
    };
    store::opening::append(&mut tx, caller.program, &row).await?;
    journal.write_transfers(&mut tx, caller.program).await?;
    let log = LogRow {
        id: decision,
        kind: "opening.recorded",
        scope: None,
        recorded_at: caller.now,
        body: Some(json!({ "affiliate": new.affiliate })),
    };
    store::log::append(&mut tx, caller.program, &[log]).await?;
    journal.write_accounts(&mut tx, caller.program).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    Ok((decision, false))
}

fn movements(new: &NewOpening) -> [Option<Movement>; 6] {
    let earned = |kind: Kind| Movement::earned_due(kind, new.earned_micros[kind.code() as usize]);
    [
        earned(Kind::Lead),
        earned(Kind::Acquisition),
        earned(Kind::Share),
        earned(Kind::SubAffiliate),
        Movement::adjusted(new.adjustments_micros),
        Movement::opening_paid(new.paid_micros),
    ]
}

fn check(caller: &Caller, new: &NewOpening) -> Result<()> {
    if new.effective_at > caller.now {
        return Err(Error::invalid("effective_at", "the cut-over is in the future"));
    }
    let amounts = new.earned_micros.iter().chain([
        &new.paid_micros,
        &new.adjustments_micros,
        &new.first_payments.1,
        &new.payments.1,
    ]);
    if amounts.into_iter().any(|micros| micros.unsigned_abs() > MAX_MICROS as u64) {
        return Err(Error::invalid("amount", "every amount must be at most 1000000000000"));
    }
    let not_negative = [
        ("paid", new.paid_micros),
        ("first_payments.amount", new.first_payments.1),
        ("payments.amount", new.payments.1),
    ];
    if let Some((field, _)) = not_negative.into_iter().find(|(_, micros)| *micros < 0) {
        return Err(Error::invalid(field, "it is negative; expected an amount from 0"));
    }
    let counts = [
        ("registrations", new.registrations),
        ("first_payments.count", new.first_payments.0),
        ("payments.count", new.payments.0),
    ];
    if let Some((field, count)) =
        counts.into_iter().find(|(_, count)| !(0..=1_000_000_000_000).contains(count))
    {
        return Err(Error::invalid(field, format!("{count} is not between 0 and 1000000000000")));
    }
    Ok(())
}
