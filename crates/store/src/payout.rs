//! Payouts, their steps, and the claims by which they settle due lines.

use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::ids::{AffiliateId, LogId, PayoutId, PersonId, ProgramId, TransferId};
use domain::payout::{State, Step as PayoutStep};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Step, Tx};

/// What a payout says beyond its amount. No personal data: where the money goes stands with the person.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// For the staff.
    pub operator_comments: Option<String>,
    /// For the affiliate.
    pub payment_details: Option<String>,
    /// An identical payout was made shortly before.
    pub repeats: Option<PayoutId>,
    /// Whether the affiliate is told by mail once it is paid.
    pub send_mail: bool,
    /// The person as it was when the payout was asked for: name and payment details, a row of `person` of its own, so
    /// that a repeated request gets the first answer and no personal data stands here. Whoever erases an affiliate's
    /// person erases these as well.
    pub payee: Option<PersonId>,
    /// The affiliate's slug at that time.
    pub payee_slug: String,
    /// The staff member who looked after it at that time.
    pub payee_manager: Option<i64>,
}

/// A row of `payout`.
#[derive(Clone, PartialEq, Debug)]
pub struct PayoutRow {
    /// Its id.
    pub id: PayoutId,
    /// The log row that recorded the request.
    pub decision: LogId,
    /// Who is paid.
    pub affiliate: AffiliateId,
    /// In which currency.
    pub currency: Currency,
    /// How much, in micros.
    pub amount_micros: i64,
    /// How much of it no line covers yet.
    pub advance_micros: i64,
    /// Where it stands.
    pub state: State,
    /// The keyed hash of the request.
    pub input_hash: Vec<u8>,
    /// How it is paid: Smartico's number of the method, 0 for none.
    pub payment_method: i16,
    /// What else it says.
    pub details: Details,
    /// The period it is for.
    pub period: (Timestamp, Timestamp),
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it arrived.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Its state as first answered.
    pub first_state: State,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: i64,
    decision_id: Uuid,
    affiliate_id: i64,
    currency: String,
    amount_micros: i64,
    advance_micros: i64,
    state: String,
    input_hash: Vec<u8>,
    payment_method_id: i16,
    details: serde_json::Value,
    period_from: DateTime<Utc>,
    period_to: DateTime<Utc>,
    requested_at: DateTime<Utc>,
    paid_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
    outcome: serde_json::Value,
}

const COLUMNS: &str = "id, decision_id, affiliate_id, currency, amount_micros, advance_micros, state, input_hash, \
    payment_method_id, details, period_from, period_to, requested_at, paid_at, updated_at, outcome";

impl TryFrom<Raw> for PayoutRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<PayoutRow> {
        let id = PayoutId(raw.id);
        let broken = |column| corrupt("payout", column, id);
        Ok(PayoutRow {
            id,
            decision: LogId(raw.decision_id),
            affiliate: AffiliateId(raw.affiliate_id),
            currency: raw.currency.parse().map_err(|_| broken("currency"))?,
            amount_micros: raw.amount_micros,
            advance_micros: raw.advance_micros,
            state: State::from_word(&raw.state).ok_or_else(|| broken("state"))?,
            input_hash: raw.input_hash,
            payment_method: raw.payment_method_id,
            details: serde_json::from_value(raw.details).map_err(|_| broken("details"))?,
            period: (raw.period_from, raw.period_to),
            requested_at: raw.requested_at,
            paid_at: raw.paid_at,
            updated_at: raw.updated_at,
            first_state: serde_json::from_value(raw.outcome).map_err(|_| broken("outcome"))?,
        })
    }
}

/// Appends a payout.
pub async fn append(tx: &mut Tx, program: ProgramId, row: &PayoutRow) -> Result<()> {
    sqlx::query!(
        "insert into payout (program_id, id, decision_id, affiliate_id, currency, amount_micros, advance_micros, state,
                             input_hash, payment_method_id, details, period_from, period_to, requested_at, paid_at,
                             updated_at, outcome)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        program.0,
        row.id.0,
        row.decision.0,
        row.affiliate.0,
        row.currency.code(),
        row.amount_micros,
        row.advance_micros,
        row.state.as_str(),
        row.input_hash,
        row.payment_method,
        serde_json::to_value(&row.details).expect("details are plain data"),
        row.period.0,
        row.period.1,
        row.requested_at,
        row.paid_at,
        row.updated_at,
        serde_json::to_value(row.first_state).expect("a state is plain data")
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Locks a payout and reads it.
pub async fn lock(tx: &mut Tx, program: ProgramId, id: PayoutId) -> Result<Option<PayoutRow>> {
    let mut query = QueryBuilder::<Postgres>::new("select ");
    query.push(COLUMNS).push(" from payout where program_id = ").push_bind(program.0);
    query.push(" and id = ").push_bind(id.0).push(" for no key update");
    let raw: Option<Raw> = query.build_query_as().fetch_optional(tx.enter(Step::Affiliates)?).await?;
    raw.map(PayoutRow::try_from).transpose()
}

/// Stores where a payout stands; the transaction has locked it.
pub async fn update(tx: &mut Tx, program: ProgramId, row: &PayoutRow) -> Result<()> {
    sqlx::query!(
        "update payout set state = $3, advance_micros = $4, paid_at = $5, updated_at = $6
         where program_id = $1 and id = $2",
        program.0,
        row.id.0,
        row.state.as_str(),
        row.advance_micros,
        row.paid_at,
        row.updated_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// A step that a payout took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepRow {
    /// The payout.
    pub payout: PayoutId,
    /// The log row that recorded it.
    pub log: LogId,
    /// The step, or `None` for the request itself.
    pub step: Option<PayoutStep>,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// When.
    pub occurred_at: Timestamp,
}

/// Appends a step.
pub async fn append_step(tx: &mut Tx, program: ProgramId, row: &StepRow) -> Result<()> {
    let word = row.step.map_or_else(|| "request".to_owned(), |step| step.to_string());
    sqlx::query!(
        "insert into payout_step (program_id, payout_id, number, log_id, step, from_state, to_state, occurred_at)
         select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6, $7 from payout_step
         where program_id = $1 and payout_id = $2",
        program.0,
        row.payout.0,
        row.log.0,
        word,
        row.from.as_str(),
        row.to.as_str(),
        row.occurred_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// A payout by the decision that made it.
pub async fn by_decision(
    connection: &mut Connection,
    program: ProgramId,
    decision: LogId,
) -> Result<Option<PayoutRow>> {
    let mut query = QueryBuilder::<Postgres>::new("select ");
    query.push(COLUMNS).push(" from payout where program_id = ").push_bind(program.0);
    query.push(" and decision_id = ").push_bind(decision.0);
    let raw: Option<Raw> = query.build_query_as().fetch_optional(connection).await?;
    raw.map(PayoutRow::try_from).transpose()
}

/// What a list of payouts may be narrowed by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Only this payout.
    pub id: Option<PayoutId>,
    /// Only this affiliate's.
    pub affiliate: Option<AffiliateId>,
    /// Only in one of these states; empty for all.
    pub states: Vec<State>,
    /// Only below this id.
    pub below: Option<PayoutId>,
    /// Only asked for at or after.
    pub since: Option<Timestamp>,
    /// Only with this input hash.
    pub input_hash: Option<Vec<u8>>,
}

/// A list of payouts, newest first.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<PayoutRow>> {
    let mut query = QueryBuilder::<Postgres>::new("select ");
    query.push(COLUMNS).push(" from payout where program_id = ").push_bind(program.0);
    if let Some(id) = filter.id {
        query.push(" and id = ").push_bind(id.0);
    }
    if let Some(affiliate) = filter.affiliate {
        query.push(" and affiliate_id = ").push_bind(affiliate.0);
    }
    if !filter.states.is_empty() {
        let words: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        query.push(" and state = any(").push_bind(words).push(")");
    }
    if let Some(below) = filter.below {
        query.push(" and id < ").push_bind(below.0);
    }
    if let Some(since) = filter.since {
        query.push(" and requested_at >= ").push_bind(since);
    }
    if let Some(hash) = &filter.input_hash {
        query.push(" and input_hash = ").push_bind(hash.clone());
    }
    query.push(" order by id desc offset ").push_bind(offset).push(" limit ").push_bind(limit);
    let raw: Vec<Raw> = query.build_query_as().fetch_all(connection).await?;
    raw.into_iter().map(PayoutRow::try_from).collect()
}

/// Appends claims of a payout after the ones it has.
pub async fn append_claims(
    tx: &mut Tx,
    program: ProgramId,
    payout: PayoutId,
    claims: &[(TransferId, i64)],
    state: ClaimState,
) -> Result<()> {
    if claims.is_empty() {
        return Ok(());
    }
    let transfers: Vec<Uuid> = claims.iter().map(|(id, _)| id.0).collect();
    let micros: Vec<i64> = claims.iter().map(|(_, micros)| *micros).collect();
    sqlx::query!(
        "insert into claim (program_id, payout_id, transfer_id, number, amount_micros, state)
         select $1, $2, t.transfer_id,
                coalesce((select max(c.number) from claim c where c.program_id = $1 and c.payout_id = $2), 0)
                    + t.position::integer,
                t.micros, $5
         from unnest($3::uuid[], $4::bigint[]) with ordinality as t (transfer_id, micros, position)",
        program.0,
        payout.0,
        &transfers,
        &micros,
        state.as_str()
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// What became of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClaimState {
    /// The payout is on its way.
    Held,
    /// The payout arrived.
    Settled,
    /// The payout failed, was cancelled or came back.
    Freed,
}

impl ClaimState {
    /// The word of this state.
    pub fn as_str(self) -> &'static str {
        match self {
            ClaimState::Held => "held",
            ClaimState::Settled => "settled",
            ClaimState::Freed => "freed",
        }
    }
}

/// The claims of a payout that are not freed.
pub async fn claims(
    connection: &mut Connection,
    program: ProgramId,
    payout: PayoutId,
) -> Result<Vec<(TransferId, i64)>> {
    let rows = sqlx::query!(
        "select transfer_id, amount_micros from claim
         where program_id = $1 and payout_id = $2 and state <> 'freed' order by number",
        program.0,
        payout.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (TransferId(row.transfer_id), row.amount_micros)).collect())
}

/// Moves the claims of a payout that are not freed to a state.
pub async fn set_claims(tx: &mut Tx, program: ProgramId, payout: PayoutId, state: ClaimState) -> Result<()> {
    sqlx::query!(
        "update claim set state = $3 where program_id = $1 and payout_id = $2 and state <> 'freed'",
        program.0,
        payout.0,
        state.as_str()
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Payouts with an open advance whose affiliate has unclaimed lines above zero to match it with.
pub async fn with_open_advance(
    connection: &mut Connection,
    program: ProgramId,
    limit: i64,
) -> Result<Vec<PayoutId>> {
    let ids = sqlx::query_scalar!(
        "select p.id from payout p
         where p.program_id = $1 and p.advance_micros > 0
           and exists (select 1 from transfer t
                       where t.program_id = p.program_id and t.affiliate_id = p.affiliate_id
                         and t.currency = p.currency and t.unclaimed_micros > 0)
         order by p.id limit $2",
        program.0,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(PayoutId).collect())
}

/// Whose payout it is.
pub async fn affiliate_of(
    connection: &mut Connection,
    program: ProgramId,
    id: PayoutId,
) -> Result<Option<AffiliateId>> {
    let id = sqlx::query_scalar!(
        "select affiliate_id from payout where program_id = $1 and id = $2",
        program.0,
        id.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(AffiliateId))
}
