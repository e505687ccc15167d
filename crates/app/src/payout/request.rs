//! Requesting a payout: claims first, money last, in one transaction.

use domain::claim::{Allocation, allocate};
use domain::ids::{AffiliateId, LogId, PayoutId, PersonId, TransferId};
use domain::ledger::{Cause, Movement};
use domain::money::{MAX_MICROS, Money, decimal};
use domain::payout::{State, Step};
use domain::text::Key;
use domain::time::{Timestamp, is_plausible, iso_millis};
use serde::Serialize;
use serde_json::json;
use store::log::LogRow;
use store::payout::{ClaimState, Details, Filter, PayoutRow, StepRow};
use store::person::PersonRow;
use store::program::{PayoutMode, ProgramRow};
use store::{Fault, Tx};

use super::unknown;
use crate::adjustment::key_reused;
use crate::error::{Error, Result};
use crate::ledger::{Journal, Origin, Part};
use crate::once::{Claim, claim};
use crate::{App, Caller, random};

/// Who moves the money, and so what amounts and excesses are allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Rail {
    /// Refero: whole minor units, at most what is payable.
    Native,
    /// The operator, who tells us through the Smartico surface: any amount in micros, and more than is payable where
    /// the program allows it.
    Smartico,
}

/// What a payout is asked to be. The amount is in the program's currency.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct NewPayout {
    /// Who moves the money.
    pub rail: Rail,
    /// Who is paid.
    pub affiliate: AffiliateId,
    /// How much, in micros; all that is payable when it is not given.
    pub amount_micros: Option<i64>,
    /// The period it is for; the moment of the payout when it is not given.
    pub period: (Option<Timestamp>, Option<Timestamp>),
    /// For the staff.
    pub operator_comments: Option<String>,
    /// For the affiliate.
    pub payment_details: Option<String>,
    /// Whether the affiliate is told by mail once it is paid.
    pub send_mail: bool,
}

/// How often a request is tried when it meets another transaction.
const ATTEMPTS: u32 = 5;

/// Requests a payout, once per key; in a program with direct payouts it is paid in the same step. Says whether it had
/// been made before.
pub async fn create(
    app: &App,
    caller: &Caller,
    key: Option<&Key>,
    new: NewPayout,
) -> Result<(PayoutRow, bool)> {
    caller.require_operator()?;
    check(&new, caller.now)?;
    let id = PayoutId(app.0.counters.next(app.pool(), caller.program, "payout").await?);
    let decision = LogId(random::id());
    let mut attempt = 1;
    loop {
        match transact(app, caller, key, &new, id, decision).await {
            Err(Attempt::Store(error)) if error.fault() == Fault::Retry && attempt < ATTEMPTS => attempt += 1,
            Err(Attempt::Store(error)) => return Err(error.into()),
            Err(Attempt::Refused(error)) => return Err(error),
            Ok(done) => {
                app.0.sequencer.notify(caller.program);
                app.0.jobs.wake();
                return Ok(done);
            }
        }
    }
}

/// Why an attempt ended: for good, or because of the database.
pub(super) enum Attempt {
    Store(store::StoreError),
    Refused(Error),
}

impl From<store::StoreError> for Attempt {
    fn from(error: store::StoreError) -> Attempt {
        Attempt::Store(error)
    }
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Attempt {
        Attempt::Refused(error)
    }
}

fn check(new: &NewPayout, now: Timestamp) -> Result<()> {
    if let Some(micros) = new.amount_micros.filter(|micros| !(1..=MAX_MICROS).contains(micros)) {
        let message =
            format!("{} is not an amount above 0 and at most 1000000000000", decimal(micros.into(), 0));
        return Err(Error::invalid("amount", message));
    }
    let texts = [("operator_comments", &new.operator_comments), ("payment_details", &new.payment_details)];
    for (field, text) in texts {
        if let Some(text) = text {
            domain::text::check(text, 4000).map_err(|error| Error::invalid(field, error))?;
        }
    }
    for (field, at) in [("period_from", new.period.0), ("period_to", new.period.1)] {
        if let Some(at) = at.filter(|at| !is_plausible(*at)) {
            return Err(Error::invalid(field, format!("{at} is not between 1970 and 2199")));
        }
    }
    let (from, to) = period(new, now);
    if from > to {
        let (from, to) = (iso_millis(from), iso_millis(to));
        return Err(Error::invalid("period_from", format!("{from} is after the end of the period, {to}")));
    }
    Ok(())
}

async fn transact(
    app: &App,
    caller: &Caller,
    key: Option<&Key>,
    new: &NewPayout,
    id: PayoutId,
    decision: LogId,
) -> std::result::Result<(PayoutRow, bool), Attempt> {
    let input_hash = app.0.secret.input(new);
    let operation = match new.rail {
        Rail::Native => "v1.payout",
        Rail::Smartico => "smartico.payment",
    };
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    if let Claim::Known(first) = claim(app, &mut tx, caller, operation, key, decision).await? {
        let row = store::payout::by_decision(tx.read(), caller.program, first).await?;
        let row = row.filter(|row| row.input_hash == input_hash).ok_or_else(|| key_reused(key))?;
        return Ok((row, true));
    }
    if let Some(own) = store::payout::by_decision(tx.read(), caller.program, decision).await? {
        return Ok((own, false));
    }
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    let affiliate = store::affiliate::lock(&mut tx, caller.program, new.affiliate)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no affiliate {}", new.affiliate)))?;
    let repeats = match key {
        Some(_) => None,
        None => repeated(&mut tx, caller, &program, new.affiliate, &input_hash).await?,
    };
    let amount_micros = amount(&mut tx, &program, new).await?;
    let lines =
        store::transfer::unclaimed(tx.read(), caller.program, new.affiliate, program.currency.code()).await?;
    let Allocation { claims, advance_micros } = allocate(&lines, amount_micros);
    let direct = program.payout_mode == PayoutMode::Direct;
    let payee = payee(affiliate.person);
    let row = PayoutRow {
        id,
        decision,
        affiliate: new.affiliate,
        currency: program.currency,
        amount_micros,
        advance_micros,
        state: if direct { State::Paid } else { State::Requested },
        input_hash,
        payment_method: affiliate.payment_method,
        details: Details {
            operator_comments: new.operator_comments.clone(),
            payment_details: new.payment_details.clone(),
            repeats,
            send_mail: new.send_mail,
            payee: Some(payee.id),
            payee_slug: affiliate.slug,
            payee_manager: affiliate.manager,
        },
        period: period(new, caller.now),
        requested_at: caller.now,
        paid_at: direct.then_some(caller.now),
        updated_at: caller.now,
        first_state: if direct { State::Paid } else { State::Requested },
    };
    write(&mut tx, caller, &program, (&row, &payee), &claims, new).await?;
    tx.commit().await?;
    Ok((row, false))
}

/// The period of a payout: its ends are the moment of the payout unless given, but it never begins after an end that is past.
fn period(new: &NewPayout, now: Timestamp) -> (Timestamp, Timestamp) {
    match new.period {
        (None, to) => (to.map_or(now, |to| to.min(now)), to.unwrap_or(now)),
        (Some(from), to) => (from, to.unwrap_or(now)),
    }
}

/// What is kept of the person who is paid: the name and where the money goes.
fn payee(person: PersonRow) -> PersonRow {
    let PersonRow { name, payment_details, .. } = person;
    PersonRow { name, payment_details, ..PersonRow::customer(PersonId(random::id()), None, None) }
}

/// An identical payout of the last ten minutes: flagged, and refused only if the program says so (money.md §3).
async fn repeated(
    tx: &mut Tx,
    caller: &Caller,
    program: &ProgramRow,
    affiliate: AffiliateId,
    input_hash: &[u8],
) -> std::result::Result<Option<PayoutId>, Attempt> {
    let filter = Filter {
        affiliate: Some(affiliate),
        since: Some(caller.now - chrono::Duration::minutes(10)),
        input_hash: Some(input_hash.to_vec()),
        ..Filter::default()
    };
    let before = store::payout::list(tx.read(), caller.program, &filter, 0, 1).await?.pop();
    match before {
        Some(before) if program.refuse_identical_payment => Err(Attempt::Refused(Error::Conflict {
            code: "identical_payment",
            message: format!(
                "payout {} is identical and less than ten minutes old; send an Idempotency-Key header to pay again",
                before.id
            ),
        })),
        before => Ok(before.map(|before| before.id)),
    }
}

/// The amount asked for, or all that is payable.
async fn amount(tx: &mut Tx, program: &ProgramRow, new: &NewPayout) -> std::result::Result<i64, Attempt> {
    let unit = program.currency.minor_unit_micros();
    if let Some(micros) = new.amount_micros {
        if new.rail == Rail::Native && micros % unit != 0 {
            let message = format!("a payout takes whole minor units of {}", program.currency);
            return Err(Error::invalid("amount", message).into());
        }
        return Ok(micros);
    }
    let payable = payable(tx, program, new.affiliate).await?;
    if payable == 0 {
        return Err(not_covered(program, 0, 0));
    }
    Ok(i64::try_from(payable).unwrap_or(MAX_MICROS).min(MAX_MICROS))
}

async fn payable(tx: &mut Tx, program: &ProgramRow, affiliate: AffiliateId) -> store::Result<i128> {
    let accounts = store::account::of_affiliate(tx.read(), program.id, affiliate).await?;
    let account = accounts.into_iter().find(|account| account.currency == program.currency);
    Ok(account.map_or(0, |account| account.balances.payable(program.currency.minor_unit_micros())))
}

fn not_covered(program: &ProgramRow, amount_micros: i64, payable: i128) -> Attempt {
    let show = |micros: i64| Money::from_micros(micros, program.currency);
    let payable = show(i64::try_from(payable).unwrap_or(i64::MAX));
    Attempt::Refused(Error::Conflict {
        code: "above_payable",
        message: match amount_micros {
            0 => format!("nothing is payable ({payable})"),
            micros => format!("the payout of {} is above what is payable, {payable}", show(micros)),
        },
    })
}

async fn write(
    tx: &mut Tx,
    caller: &Caller,
    program: &ProgramRow,
    (row, payee): (&PayoutRow, &PersonRow),
    claims: &[(TransferId, i64)],
    new: &NewPayout,
) -> std::result::Result<(), Attempt> {
    let ids: Vec<TransferId> = claims.iter().map(|(id, _)| *id).collect();
    store::transfer::lock_lines(tx, caller.program, &ids).await?;
    store::transfer::take(tx, caller.program, claims).await?;
    store::person::append(tx, caller.program, std::slice::from_ref(payee)).await?;
    store::payout::append(tx, caller.program, row).await?;
    let claim_state = if row.state == State::Paid { ClaimState::Settled } else { ClaimState::Held };
    store::payout::append_claims(tx, caller.program, row.id, claims, claim_state).await?;
    let mut journal = Journal::new(program.zone, program.closed_through);
    let owner = (row.affiliate, row.currency);
    let origin = Origin { cause: Cause::Payout, cause_id: row.decision.0, log: row.decision };
    let mut legs = vec![Movement::payout_requested(row.amount_micros)];
    let request = step_row(row, None, State::Requested, caller.now);
    store::payout::append_step(tx, caller.program, &request).await?;
    if row.state == State::Paid {
        legs.push(Movement::payout_paid(row.amount_micros));
        journal.account(row.affiliate, row.currency).last_paid_at = row.paid_at;
        let paid = step_row(row, Some(Step::Pay), State::Paid, caller.now);
        store::payout::append_step(tx, caller.program, &paid).await?;
        if new.send_mail {
            let job = crate::jobs::payout_mail::job(row.affiliate, row.id, caller.now);
            store::job::enqueue(tx, caller.program, &[job]).await?;
        }
    }
    for (leg, movement) in legs.into_iter().enumerate() {
        if let Some(movement) = movement {
            let part = Part { leg: leg as i16, ..Part::default() };
            journal.book(owner, movement, origin, part, caller.now);
        }
    }
    journal.write_transfers(tx, caller.program).await?;
    let kind = if row.state == State::Paid { "payout.paid" } else { "payout.requested" };
    store::log::append(tx, caller.program, &[log_row(row, kind, caller.now)]).await?;
    let advance_allowed = new.rail == Rail::Smartico && program.smartico_advance;
    if !store::account::covers(tx, caller.program, owner, row.amount_micros, advance_allowed).await? {
        let payable = payable(tx, program, row.affiliate).await?;
        return Err(not_covered(program, row.amount_micros, payable));
    }
    journal.write_accounts(tx, caller.program).await?;
    Ok(())
}

fn step_row(row: &PayoutRow, step: Option<Step>, to: State, now: Timestamp) -> StepRow {
    StepRow { payout: row.id, log: row.decision, step, from: State::Requested, to, occurred_at: now }
}

fn log_row(row: &PayoutRow, kind: &'static str, now: Timestamp) -> LogRow {
    let body = json!({ "payout": row.id, "affiliate": row.affiliate, "amount_micros": row.amount_micros });
    LogRow { id: row.decision, kind, scope: None, recorded_at: now, body: Some(body) }
}

/// The payout that a caller names, locked.
pub(super) async fn lock(
    tx: &mut Tx,
    caller: &Caller,
    id: PayoutId,
) -> std::result::Result<PayoutRow, Attempt> {
    let row = store::payout::lock(tx, caller.program, id).await?;
    Ok(row.ok_or_else(|| unknown(id))?)
}
