//! Facts: append only. A fact row is also the idempotency record of the request that brought it.

pub mod waiting;

use chrono::NaiveDate;
use domain::currency::Currency;
use domain::exchange::{Exchange, Value};
use domain::fact::{Attributes, Body, DisputeState, Fact, Figures, Interval, Kind, RefundState};
use domain::ids::{FactId, ProgramId, ReferralId};
use domain::money::Money;
use domain::outcome::Outcome;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Step, Tx};

/// A row of `fact`.
#[derive(Clone, PartialEq, Debug)]
pub struct FactRow {
    /// Its id.
    pub id: FactId,
    /// Its sort.
    pub kind: Kind,
    /// The door it came through (`domain::command::Operation`).
    pub operation: i16,
    /// Its referral; `None` while it is parked.
    pub referral: Option<ReferralId>,
    /// Of a refund or dispute: its payment, unless parked. Of a newer report of a day's figures: the first one, whose id
    /// they all are folded under.
    pub payment: Option<FactId>,
    /// The amount as it came; `None` where the sort has none.
    pub amount: Option<Money>,
    /// What the amount is worth in the program's currency, once its rate is known.
    pub value_micros: Option<i64>,
    /// The rates by which it was converted; `None` where it came in the program's currency.
    pub exchange: Option<Exchange>,
    /// When its rates became known, where that was after it was recorded.
    pub valued_at: Option<Timestamp>,
    /// The source id that breaks ties of the canonical order.
    pub source: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The keyed hash of the command.
    pub input_hash: Vec<u8>,
    /// The engine that decided it.
    pub engine: i16,
    /// What else the command said, without personal data.
    pub detail: Option<serde_json::Value>,
    /// What came of it, as first answered.
    pub outcome: Outcome,
}

/// What the detail of a row of activity holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ActivityDetail {
    /// The brand.
    pub brand: String,
    /// The day.
    pub day: NaiveDate,
    /// The revision.
    pub revision: u64,
    /// The figures, in micros of the program's currency.
    pub figures: Figures,
}

impl FactRow {
    /// The figures of a row of activity.
    pub fn activity(&self) -> Result<ActivityDetail> {
        let detail = self.detail.clone().unwrap_or_default();
        serde_json::from_value(detail).map_err(|_| corrupt("fact", "detail", self.id))
    }

    /// Of a registration: whether it only took the place of what a browser had said (money.md §10).
    pub fn is_replacement(&self) -> bool {
        self.detail.as_ref().is_some_and(|detail| detail.get("replaces").is_some())
    }

    /// Of a registration that took the place of what a browser had said: facts that had waited for a name of it.
    pub fn attached(&self) -> Vec<FactId> {
        let listed = self.detail.as_ref().and_then(|detail| detail.get("replaces")?.as_array());
        listed.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect()
    }

    /// Of a refund or dispute: the word of how far it has come.
    pub fn state(&self) -> Option<&str> {
        let word = self.detail.as_ref().and_then(|detail| detail.get("state")?.as_str());
        match self.kind {
            Kind::Refund => word.or(Some(RefundState::Succeeded.as_str())),
            Kind::Dispute => word,
            _ => None,
        }
    }

    fn state_of<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        let state = self.state().map(|word| serde_json::from_value(word.into()));
        state.and_then(std::result::Result::ok).ok_or_else(|| corrupt("fact", "detail", self.id))
    }

    /// The fact as the fold sees it. A refund or dispute that waits for its payment cannot be folded.
    pub fn to_fact(&self, currency: Currency) -> Result<Fact> {
        let missing = |column| corrupt("fact", column, self.id);
        let (mut id, mut attributes) = (self.id, self.attributes());
        let body = match self.kind {
            Kind::Registration if self.is_replacement() => Body::Conversion,
            Kind::Registration => Body::Registration,
            Kind::Churn => Body::Churn,
            Kind::Payment => {
                let amount = self.amount.ok_or_else(|| missing("amount_micros"))?;
                Body::Payment {
                    amount,
                    value: self.value(amount, currency)?,
                    base: self.base(amount, currency)?,
                }
            }
            Kind::Refund => Body::Refund {
                payment: self.payment.ok_or_else(|| missing("payment_id"))?,
                amount: self.amount.ok_or_else(|| missing("amount_micros"))?,
                refund: self.source.clone(),
                state: self.state_of()?,
            },
            Kind::Dispute => Body::Dispute {
                payment: self.payment.ok_or_else(|| missing("payment_id"))?,
                amount: self.amount.ok_or_else(|| missing("amount_micros"))?,
                dispute: self.source.clone(),
                state: self.state_of::<DisputeState>()?,
            },
            Kind::Withdrawal => {
                let value = self.value_micros.map(|micros| Money::from_micros(micros, currency));
                Body::Withdrawal { amount: self.amount.ok_or_else(|| missing("amount_micros"))?, value }
            }
            Kind::Activity => {
                let detail = self.activity()?;
                attributes.brand = Some(detail.brand);
                id = self.payment.unwrap_or(self.id);
                Body::Activity { revision: detail.revision, figures: Some(Box::new(detail.figures)) }
            }
        };
        Ok(Fact { id, occurred_at: self.occurred_at, source: self.source.clone(), attributes, body })
    }

    /// What the fact says of itself that conditions of rules look at.
    fn attributes(&self) -> Attributes {
        let Some(detail) = &self.detail else { return Attributes::default() };
        let text = |field: &str| detail.get(field)?.as_str().map(str::to_owned);
        let count = detail.get("interval_count").and_then(serde_json::Value::as_u64);
        let count = count.map_or(Some(1), |count| u32::try_from(count).ok());
        let unit = detail.get("interval").and_then(serde_json::Value::as_str);
        Attributes {
            brand: text("brand"),
            country: text("country"),
            product: text("product"),
            plan: text("plan"),
            interval: unit.zip(count).and_then(|(unit, count)| Interval::from_unit(unit, count)),
            campaign: text("campaign"),
            coupon: text("coupon"),
        }
    }

    /// The exact value of the part that commissions are on, by the rates of the amount.
    fn base(&self, amount: Money, currency: Currency) -> Result<Option<Value>> {
        let Some(micros) = self.detail.as_ref().and_then(|detail| detail.get("base_micros")?.as_i64()) else {
            return Ok(None);
        };
        let base = Money::from_micros(micros, amount.currency());
        match (self.value_micros, self.exchange) {
            (None, _) => Ok(None),
            (Some(_), None) => Ok(Some(Money::from_micros(micros, currency).into())),
            (Some(_), Some(exchange)) => {
                exchange.value(base, currency).map(Some).map_err(|_| corrupt("fact", "exchange", self.id))
            }
        }
    }

    /// The exact value, from the amount and the rates that are kept with it.
    fn value(&self, amount: Money, currency: Currency) -> Result<Option<Value>> {
        match (self.value_micros, self.exchange) {
            (None, _) => Ok(None),
            (Some(micros), None) => Ok(Some(Money::from_micros(micros, currency).into())),
            (Some(_), Some(exchange)) => {
                exchange.value(amount, currency).map(Some).map_err(|_| corrupt("fact", "exchange", self.id))
            }
        }
    }
}

struct Raw {
    id: Uuid,
    kind: i16,
    operation: i16,
    referral_id: Option<Uuid>,
    payment_id: Option<Uuid>,
    amount_micros: Option<i64>,
    currency: Option<String>,
    value_micros: Option<i64>,
    exchange: Option<serde_json::Value>,
    valued_at: Option<Timestamp>,
    source: String,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    input_hash: Vec<u8>,
    engine: i16,
    detail: Option<serde_json::Value>,
    outcome: serde_json::Value,
}

impl TryFrom<Raw> for FactRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<FactRow> {
        let id = FactId(raw.id);
        let amount = match (raw.amount_micros, raw.currency) {
            (Some(micros), Some(code)) => {
                let currency = code.parse().map_err(|_| corrupt("fact", "currency", id))?;
                Some(Money::from_micros(micros, currency))
            }
            _ => None,
        };
        Ok(FactRow {
            id,
            kind: Kind::from_code(raw.kind).ok_or_else(|| corrupt("fact", "kind", id))?,
            operation: raw.operation,
            referral: raw.referral_id.map(ReferralId),
            payment: raw.payment_id.map(FactId),
            amount,
            value_micros: raw.value_micros,
            exchange: raw
                .exchange
                .map(serde_json::from_value)
                .transpose()
                .map_err(|_| corrupt("fact", "exchange", id))?,
            valued_at: raw.valued_at,
            source: raw.source,
            occurred_at: raw.occurred_at,
            recorded_at: raw.recorded_at,
            input_hash: raw.input_hash,
            engine: raw.engine,
            detail: raw.detail,
            outcome: serde_json::from_value(raw.outcome).map_err(|_| corrupt("fact", "outcome", id))?,
        })
    }
}

fn rows(raw: Vec<Raw>) -> Result<Vec<FactRow>> {
    raw.into_iter().map(FactRow::try_from).collect()
}

/// Facts by id.
pub async fn by_ids(connection: &mut Connection, program: ProgramId, ids: &[FactId]) -> Result<Vec<FactRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    rows(
        sqlx::query_as!(
            Raw,
            "select f.id, f.kind, f.operation, f.referral_id, f.payment_id, f.amount_micros, f.currency,
                    f.value_micros, f.exchange, f.valued_at, f.source, f.occurred_at, f.recorded_at, f.input_hash,
                    f.engine, f.detail, f.outcome
             from unnest($2::uuid[]) as w (id)
                  cross join lateral (select * from fact where program_id = $1 and id = w.id offset 0) f",
            program.0,
            &ids
        )
        .fetch_all(connection)
        .await?,
    )
}

/// All facts of referrals.
pub async fn of_referrals(
    connection: &mut Connection,
    program: ProgramId,
    referrals: &[ReferralId],
) -> Result<Vec<FactRow>> {
    if referrals.is_empty() {
        return Ok(Vec::new());
    }
    let referrals: Vec<Uuid> = referrals.iter().map(|id| id.0).collect();
    rows(
        sqlx::query_as!(
            Raw,
            "select f.id, f.kind, f.operation, f.referral_id, f.payment_id, f.amount_micros, f.currency,
                    f.value_micros, f.exchange, f.valued_at, f.source, f.occurred_at, f.recorded_at, f.input_hash,
                    f.engine, f.detail, f.outcome
             from unnest($2::uuid[]) as w (referral_id)
                  cross join lateral (select * from fact where referral_id = w.referral_id offset 0) f
             where f.program_id = $1
             order by f.recorded_at, f.id",
            program.0,
            &referrals
        )
        .fetch_all(connection)
        .await?,
    )
}

/// Whether the program has any fact; its currency and time zone are fixed from then on.
pub async fn any(connection: &mut Connection, program: ProgramId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from fact where program_id = $1) as "any!""#,
        program.0
    )
    .fetch_one(connection)
    .await?)
}

/// Whether an engine older than one decided any fact of the program.
pub async fn any_before_engine(connection: &mut Connection, program: ProgramId, engine: i16) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from fact where program_id = $1 and engine < $2) as "any!""#,
        program.0,
        engine
    )
    .fetch_one(connection)
    .await?)
}

/// A page of facts, newest first, of a referral if one is given, and below an id.
pub async fn page(
    connection: &mut Connection,
    program: ProgramId,
    referral: Option<ReferralId>,
    below: Option<FactId>,
    limit: i64,
) -> Result<Vec<FactRow>> {
    let raw = match referral {
        // All facts of one referral are few; sorted by their ids in the table, they would be searched for in all.
        Some(referral) => {
            sqlx::query_as!(
                Raw,
                "select id, kind, operation, referral_id, payment_id, amount_micros, currency, value_micros, exchange,
                        valued_at, source, occurred_at, recorded_at, input_hash, engine, detail, outcome
                 from (select * from fact where referral_id = $2 offset 0) f
                 where program_id = $1 and ($3::uuid is null or id < $3)
                 order by id desc limit $4",
                program.0,
                referral.0,
                below.map(|id| id.0),
                limit
            )
            .fetch_all(connection)
            .await?
        }
        None => {
            sqlx::query_as!(
                Raw,
                "select id, kind, operation, referral_id, payment_id, amount_micros, currency, value_micros, exchange,
                        valued_at, source, occurred_at, recorded_at, input_hash, engine, detail, outcome
                 from fact where program_id = $1 and id < $2 order by id desc limit $3",
                program.0,
                below.map_or(Uuid::max(), |id| id.0),
                limit
            )
            .fetch_all(connection)
            .await?
        }
    };
    rows(raw)
}

/// Facts as [`crate::write`] takes them, column by column.
pub(crate) struct Columns<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) kinds: Vec<i16>,
    pub(crate) operations: Vec<i16>,
    pub(crate) referrals: Vec<Option<Uuid>>,
    pub(crate) payments: Vec<Option<Uuid>>,
    pub(crate) amounts: Vec<Option<i64>>,
    pub(crate) currencies: Vec<Option<String>>,
    pub(crate) values: Vec<Option<i64>>,
    pub(crate) sources: Vec<&'a str>,
    pub(crate) occurred: Vec<Timestamp>,
    pub(crate) recorded: Vec<Timestamp>,
    pub(crate) hashes: Vec<&'a [u8]>,
    pub(crate) engines: Vec<i16>,
    pub(crate) details: Vec<Option<String>>,
    pub(crate) outcomes: Vec<String>,
    pub(crate) exchanges: Vec<Option<String>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(facts: &'a [FactRow]) -> Columns<'a> {
        let outcome =
            |fact: &FactRow| serde_json::to_string(&fact.outcome).expect("an outcome is plain data");
        Columns {
            ids: facts.iter().map(|fact| fact.id.0).collect(),
            kinds: facts.iter().map(|fact| fact.kind.code()).collect(),
            operations: facts.iter().map(|fact| fact.operation).collect(),
            referrals: facts.iter().map(|fact| fact.referral.map(|id| id.0)).collect(),
            payments: facts.iter().map(|fact| fact.payment.map(|id| id.0)).collect(),
            amounts: facts.iter().map(|fact| fact.amount.map(|amount| amount.micros())).collect(),
            currencies: facts
                .iter()
                .map(|fact| fact.amount.map(|amount| amount.currency().code().to_owned()))
                .collect(),
            values: facts.iter().map(|fact| fact.value_micros).collect(),
            sources: facts.iter().map(|fact| fact.source.as_str()).collect(),
            occurred: facts.iter().map(|fact| fact.occurred_at).collect(),
            recorded: facts.iter().map(|fact| fact.recorded_at).collect(),
            hashes: facts.iter().map(|fact| fact.input_hash.as_slice()).collect(),
            engines: facts.iter().map(|fact| fact.engine).collect(),
            details: facts.iter().map(|fact| fact.detail.as_ref().map(ToString::to_string)).collect(),
            outcomes: facts.iter().map(outcome).collect(),
            exchanges: facts.iter().map(|fact| fact.exchange.as_ref().map(stored)).collect(),
        }
    }
}

fn stored(exchange: &Exchange) -> String {
    serde_json::to_string(exchange).expect("an exchange is plain data")
}

/// A parked fact that found its referral, and a refund its payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attached {
    /// The fact.
    pub fact: FactId,
    /// Its referral.
    pub referral: ReferralId,
    /// Of a refund: its payment.
    pub payment: Option<FactId>,
}

/// Attaches parked facts.
pub async fn attach(tx: &mut Tx, program: ProgramId, attached: &[Attached]) -> Result<()> {
    let rows: Vec<_> =
        attached.iter().map(|row| (row.fact.0, Some(row.referral.0), row.payment.map(|id| id.0))).collect();
    point(tx, program, &rows).await
}

/// Tells parked refunds which payment they belong to, though its customer is not known yet.
pub async fn repoint(tx: &mut Tx, program: ProgramId, refunds: &[(FactId, FactId)]) -> Result<()> {
    let rows: Vec<_> = refunds.iter().map(|(refund, payment)| (refund.0, None, Some(payment.0))).collect();
    point(tx, program, &rows).await
}

/// Changes what facts (the first ids) point to, a referral and a payment, where one is given. Written like this each
/// row is looked up; a plain update may read the facts of the whole program.
async fn point(tx: &mut Tx, program: ProgramId, rows: &[(Uuid, Option<Uuid>, Option<Uuid>)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.0).collect();
    let referrals: Vec<Option<Uuid>> = rows.iter().map(|row| row.1).collect();
    let payments: Vec<Option<Uuid>> = rows.iter().map(|row| row.2).collect();
    sqlx::query!(
        "insert into fact (program_id, id, kind, operation, referral_id, payment_id, amount_micros, currency,
                           value_micros, source, occurred_at, recorded_at, input_hash, engine, detail, outcome)
         select $1, f.id, f.kind, f.operation, coalesce(t.referral_id, f.referral_id),
                coalesce(t.payment_id, f.payment_id), f.amount_micros, f.currency, f.value_micros, f.source,
                f.occurred_at, f.recorded_at, f.input_hash, f.engine, f.detail, f.outcome
         from unnest($2::uuid[], $3::uuid[], $4::uuid[]) as t (id, referral_id, payment_id)
              cross join lateral (select * from fact where program_id = $1 and id = t.id offset 0) f
         on conflict (program_id, id) do update
         set referral_id = excluded.referral_id, payment_id = excluded.payment_id",
        program.0,
        &ids,
        &referrals as _,
        &payments as _
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}
