//! Postbacks: definitions, how far the log has been read for them, and the calls that are made.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::ids::{AffiliateId, CommissionId, DealId, FactId, LogId, PersonId, ProgramId, ReferralId};
use domain::postback::{Method, Trigger};
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Pool, Step, Tx};

/// A row of `postback`.
#[derive(Clone, PartialEq, Debug)]
pub struct PostbackRow {
    /// Its number in the program.
    pub id: i64,
    /// Whose customers it is about; of everybody's if `None`.
    pub affiliate: Option<AffiliateId>,
    /// Only customers under this deal, if one is given.
    pub deal: Option<DealId>,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub trigger: Trigger,
    /// How it is sent.
    pub method: Method,
    /// Where to, with macros.
    pub url: String,
    /// What, with macros.
    pub body: Option<String>,
    /// Whether it is sent at all.
    pub active: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

struct Raw {
    id: i64,
    affiliate_id: Option<i64>,
    deal_id: Option<i64>,
    name: String,
    trigger: String,
    method: String,
    url: String,
    body: Option<String>,
    active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Raw> for PostbackRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<PostbackRow> {
        Ok(PostbackRow {
            id: raw.id,
            affiliate: raw.affiliate_id.map(AffiliateId),
            deal: raw.deal_id.map(DealId),
            trigger: word(&raw.trigger, "trigger", raw.id)?,
            method: word(&raw.method, "method", raw.id)?,
            name: raw.name,
            url: raw.url,
            body: raw.body,
            active: raw.active,
            created_at: raw.created_at,
            updated_at: raw.updated_at,
        })
    }
}

fn word<T: FromStr>(text: &str, column: &'static str, id: impl ToString) -> Result<T> {
    text.parse().map_err(|_| corrupt("postback", column, id))
}

/// Keeps a definition: a new one, or a known one as it is now.
pub async fn put(tx: &mut Tx, program: ProgramId, row: &PostbackRow) -> Result<()> {
    sqlx::query!(
        "insert into postback (program_id, id, affiliate_id, deal_id, name, trigger, method, url, body, active,
                               created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (program_id, id) do update set deal_id = excluded.deal_id, name = excluded.name,
             trigger = excluded.trigger, method = excluded.method, url = excluded.url, body = excluded.body,
             active = excluded.active, updated_at = excluded.updated_at",
        program.0,
        row.id,
        row.affiliate.map(|id| id.0),
        row.deal.map(|id| id.0),
        row.name,
        row.trigger.as_str(),
        row.method.as_str(),
        row.url,
        row.body,
        row.active,
        row.created_at,
        row.updated_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Begins to read the log for postbacks, from its present end on, unless it is read already.
pub async fn begin(tx: &mut Tx, program: ProgramId) -> Result<()> {
    sqlx::query!(
        "insert into postback_cursor (program_id, number)
         values ($1, coalesce((select max(number) from log_number where program_id = $1), 0))
         on conflict do nothing",
        program.0
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Definitions by number after one: of an affiliate if one is given, all or those that are sent.
pub async fn page(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: Option<AffiliateId>,
    after: i64,
    limit: i64,
) -> Result<Vec<PostbackRow>> {
    sqlx::query_as!(
        Raw,
        "select id, affiliate_id, deal_id, name, trigger, method, url, body, active, created_at, updated_at
         from postback where program_id = $1 and ($2::bigint is null or affiliate_id = $2) and id > $3
         order by id limit $4",
        program.0,
        affiliate.map(|id| id.0),
        after,
        limit
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(PostbackRow::try_from)
    .collect()
}

/// A definition.
pub async fn by_id(connection: &mut Connection, program: ProgramId, id: i64) -> Result<Option<PostbackRow>> {
    Ok(page(connection, program, None, id.saturating_sub(1), 1).await?.pop().filter(|row| row.id == id))
}

/// Programs whose log goes on behind where it was read.
pub async fn programs_behind(pool: &Pool) -> Result<Vec<ProgramId>> {
    let rows = sqlx::query_scalar!(
        "select program_id from postback_cursor c
         where exists (select 1 from log_number n where n.program_id = c.program_id and n.number > c.number)"
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(ProgramId).collect())
}

/// How far the log has been read; `None` where it is not read at all, or by somebody else right now.
pub async fn lock_cursor(tx: &mut Tx, program: ProgramId) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "select number from postback_cursor where program_id = $1 for update skip locked",
        program.0
    )
    .fetch_optional(tx.enter(Step::Appends)?)
    .await?)
}

/// Says how far the log has been read.
pub async fn move_cursor(tx: &mut Tx, program: ProgramId, number: i64) -> Result<()> {
    sqlx::query!("update postback_cursor set number = $2 where program_id = $1", program.0, number)
        .execute(tx.enter(Step::Appends)?)
        .await?;
    Ok(())
}

/// What a log row did to a commission, one row for each.
#[derive(Clone, PartialEq, Debug)]
pub struct MovedRow {
    /// The log row.
    pub log: LogId,
    /// The commission.
    pub commission: CommissionId,
    /// The fact that it is for.
    pub fact: FactId,
    /// The customer.
    pub referral: ReferralId,
    /// Who earns it.
    pub affiliate: AffiliateId,
    /// The code of its sort.
    pub kind: i16,
    /// Its currency.
    pub currency: String,
    /// By how much it changed, in micros.
    pub change_micros: i64,
    /// Whether it was new.
    pub is_new: bool,
}

/// What these log rows did to the commissions of these customers.
pub async fn moved(
    connection: &mut Connection,
    program: ProgramId,
    referrals: &[ReferralId],
    logs: &[LogId],
) -> Result<Vec<MovedRow>> {
    let referrals: Vec<Uuid> = referrals.iter().map(|id| id.0).collect();
    let logs: Vec<Uuid> = logs.iter().map(|id| id.0).collect();
    // Earned accounts are the first; an entry that credits one of them takes back.
    let rows = sqlx::query!(
        r#"select t.log_id, c.id, c.fact_id, c.referral_id, c.affiliate_id, c.kind, c.currency,
                  sum(case when t.credit < 4 then -t.amount_micros else t.amount_micros end)::bigint as "change!",
                  bool_or(t.entry = 0) as "is_new!"
           from unnest($2::uuid[]) as w (referral_id)
                cross join lateral (select * from commission
                                    where program_id = $1 and referral_id = w.referral_id offset 0) c
                cross join lateral (select log_id, entry, credit, amount_micros from transfer
                                    where program_id = $1 and commission_id = c.id and log_id = any($3)
                                      and entry is not null offset 0) t
           group by 1, 2, 3, 4, 5, 6, 7 order by 1, 2"#,
        program.0,
        &referrals,
        &logs
    )
    .fetch_all(connection)
    .await?;
    let moved = rows.into_iter().map(|row| MovedRow {
        log: LogId(row.log_id),
        commission: CommissionId(row.id),
        fact: FactId(row.fact_id),
        referral: ReferralId(row.referral_id),
        affiliate: AffiliateId(row.affiliate_id),
        kind: row.kind,
        currency: row.currency,
        change_micros: row.change,
        is_new: row.is_new,
    });
    Ok(moved.collect())
}

/// What these commissions stand at, in micros.
pub async fn standings(
    connection: &mut Connection,
    program: ProgramId,
    commissions: &[CommissionId],
) -> Result<BTreeMap<CommissionId, i64>> {
    let ids: Vec<Uuid> = commissions.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select commission_id, sum(case when credit < 4 then -amount_micros else amount_micros end)::bigint as "standing!"
           from transfer where program_id = $1 and commission_id = any($2) and entry is not null group by 1"#,
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (CommissionId(row.commission_id), row.standing)).collect())
}

/// What customers are called in the program's own systems.
pub async fn uids(
    connection: &mut Connection,
    program: ProgramId,
    people: &[PersonId],
) -> Result<BTreeMap<PersonId, String>> {
    let ids: Vec<Uuid> = people.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select id, uid as "uid!" from person where program_id = $1 and id = any($2) and uid is not null"#,
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.id), row.uid)).collect())
}

/// A call that is to be made, or was.
#[derive(Clone, PartialEq, Debug)]
pub struct DeliveryRow {
    /// Its id.
    pub id: Uuid,
    /// The definition.
    pub postback: i64,
    /// Whose customer it is about, or whose payout.
    pub affiliate: AffiliateId,
    /// The log row that it tells of.
    pub log: LogId,
    /// Tells the calls of one log row apart.
    pub place: i32,
    /// What it is for.
    pub trigger: Trigger,
    /// What it tells of, where that is told once: the payment or the referral.
    pub subject: Option<Uuid>,
    /// How it is sent.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// What.
    pub body: Option<String>,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// The status of the last answer.
    pub status: Option<i32>,
    /// The beginning of the last answer.
    pub response: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was attempted last.
    pub updated_at: DateTime<Utc>,
}

struct RawDelivery {
    id: Uuid,
    postback_id: i64,
    affiliate_id: i64,
    log_id: Uuid,
    place: i32,
    trigger: String,
    subject: Option<Uuid>,
    method: String,
    url: String,
    body: Option<String>,
    state: String,
    attempts: i32,
    status: Option<i32>,
    response: Option<String>,
    error: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<RawDelivery> for DeliveryRow {
    type Error = crate::StoreError;

    fn try_from(raw: RawDelivery) -> Result<DeliveryRow> {
        Ok(DeliveryRow {
            id: raw.id,
            postback: raw.postback_id,
            affiliate: AffiliateId(raw.affiliate_id),
            log: LogId(raw.log_id),
            place: raw.place,
            trigger: word(&raw.trigger, "trigger", raw.id)?,
            subject: raw.subject,
            method: word(&raw.method, "method", raw.id)?,
            url: raw.url,
            body: raw.body,
            state: raw.state,
            attempts: raw.attempts,
            status: raw.status,
            response: raw.response,
            error: raw.error,
            created_at: raw.created_at,
            updated_at: raw.updated_at,
        })
    }
}

/// Appends a call; one that is there already stays as it is, and what was told is not told again. Says whether it is new.
pub async fn append(tx: &mut Tx, program: ProgramId, row: &DeliveryRow) -> Result<bool> {
    let new = sqlx::query_scalar!(
        "insert into postback_delivery (program_id, id, postback_id, affiliate_id, log_id, place, trigger, method, url,
                                        body, state, error, attempts, created_at, updated_at, subject)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $13, $14)
         on conflict do nothing returning id",
        program.0,
        row.id,
        row.postback,
        row.affiliate.0,
        row.log.0,
        row.place,
        row.trigger.as_str(),
        row.method.as_str(),
        row.url,
        row.body,
        row.state,
        row.error,
        row.created_at,
        row.subject
    )
    .fetch_optional(tx.enter(Step::Appends)?)
    .await?;
    Ok(new.is_some())
}

/// Calls, the newest first: of a definition if it is given, in a state, and before an id; of an affiliate, those of its own
/// definitions, because the program's hold what is between it and others.
pub async fn deliveries(
    connection: &mut Connection,
    program: ProgramId,
    (postback, affiliate, state): (Option<i64>, Option<AffiliateId>, Option<&str>),
    below: Option<Uuid>,
    limit: i64,
) -> Result<Vec<DeliveryRow>> {
    sqlx::query_as!(
        RawDelivery,
        "select id, postback_id, affiliate_id, log_id, place, trigger, subject, method, url, body, state, attempts,
                status, response, error, created_at, updated_at
         from postback_delivery d
         where program_id = $1 and ($2::bigint is null or postback_id = $2)
           and ($3::bigint is null or affiliate_id = $3 and exists (
                select from postback p where p.program_id = $1 and p.id = d.postback_id and p.affiliate_id = $3))
           and ($4::text is null or state = $4) and ($5::uuid is null or id < $5)
         order by id desc limit $6",
        program.0,
        postback,
        affiliate.map(|id| id.0),
        state,
        below,
        limit
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(DeliveryRow::try_from)
    .collect()
}

/// A call.
pub async fn delivery(
    connection: &mut Connection,
    program: ProgramId,
    id: Uuid,
) -> Result<Option<DeliveryRow>> {
    sqlx::query_as!(
        RawDelivery,
        "select id, postback_id, affiliate_id, log_id, place, trigger, subject, method, url, body, state, attempts,
                status, response, error, created_at, updated_at
         from postback_delivery where program_id = $1 and id = $2",
        program.0,
        id
    )
    .fetch_optional(connection)
    .await?
    .map(DeliveryRow::try_from)
    .transpose()
}

/// Keeps what came of an attempt.
pub async fn record(pool: &Pool, program: ProgramId, row: &DeliveryRow) -> Result<()> {
    sqlx::query!(
        "update postback_delivery set state = $3, attempts = $4, status = $5, response = $6, error = $7, updated_at = $8
         where program_id = $1 and id = $2",
        program.0,
        row.id,
        row.state,
        row.attempts,
        row.status,
        row.response,
        row.error,
        row.updated_at
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Lets a call wait to be made again.
pub async fn wait_again(tx: &mut Tx, program: ProgramId, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update postback_delivery set state = 'waiting', updated_at = $3 where program_id = $1 and id = $2",
        program.0,
        id,
        now
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}
