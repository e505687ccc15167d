//! Months: what each close of an affiliate's month came to, and which months have to be closed, or closed again.

use std::collections::BTreeSet;

use domain::ids::{AffiliateId, DealId, ProgramId, ReferralId};
use domain::period::{Chain, Correction, Posted, Scope, Statement};
use domain::time::{Period, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Step, Tx};

/// A row of `period`: one affiliate under one root deal in one month.
#[derive(Clone, PartialEq, Debug)]
pub struct PeriodRow {
    /// Its id, which the transfers of its closes name.
    pub id: Uuid,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The root deal.
    pub deal: DealId,
    /// The month.
    pub month: Period,
    /// How often something was booked for it.
    pub revision: i32,
    /// When it was first closed.
    pub closed_at: Timestamp,
    /// When what its closes book takes effect.
    pub effective_at: Timestamp,
    /// When it was first booked; `None` while the hold after the month runs.
    pub booked_at: Option<Timestamp>,
    /// The statement, frozen by the first close.
    pub statement: Statement,
    /// What is booked for it.
    pub posted: Posted,
    /// What it hands on to the next month.
    pub chain: Chain,
}

/// What is booked for a month, as it is stored.
#[derive(Default, Serialize, Deserialize)]
struct StoredPosted {
    adjustments: Vec<(Correction, i64)>,
    carried: Vec<(Scope, i64)>,
}

struct Raw {
    id: Uuid,
    affiliate_id: i64,
    deal_id: i64,
    month: i32,
    revision: i32,
    closed_at: Timestamp,
    effective_at: Timestamp,
    booked_at: Option<Timestamp>,
    figures: serde_json::Value,
    posted: serde_json::Value,
    chain: serde_json::Value,
}

impl TryFrom<Raw> for PeriodRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<PeriodRow> {
        let broken = |column| corrupt("period", column, raw.id);
        let posted: StoredPosted = serde_json::from_value(raw.posted).map_err(|_| broken("posted"))?;
        Ok(PeriodRow {
            id: raw.id,
            affiliate: AffiliateId(raw.affiliate_id),
            deal: DealId(raw.deal_id),
            month: Period::from_number(raw.month).ok_or_else(|| broken("month"))?,
            revision: raw.revision,
            closed_at: raw.closed_at,
            effective_at: raw.effective_at,
            booked_at: raw.booked_at,
            statement: serde_json::from_value(raw.figures).map_err(|_| broken("figures"))?,
            posted: Posted {
                adjustments: posted.adjustments.into_iter().collect(),
                carried: posted.carried.into_iter().collect(),
            },
            chain: serde_json::from_value(raw.chain).map_err(|_| broken("chain"))?,
        })
    }
}

/// Every closed month of an affiliate, oldest first.
pub async fn of_affiliate(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
) -> Result<Vec<PeriodRow>> {
    sqlx::query_as!(
        Raw,
        "select id, affiliate_id, deal_id, month, revision, closed_at, effective_at, booked_at, figures, posted, chain
         from period where program_id = $1 and affiliate_id = $2 order by month, deal_id",
        program.0,
        affiliate.0
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(PeriodRow::try_from)
    .collect()
}

/// A page of closed months, oldest month first, after a month, affiliate and deal.
pub async fn page(
    connection: &mut Connection,
    program: ProgramId,
    month: Option<Period>,
    affiliate: Option<AffiliateId>,
    after: (i32, AffiliateId, DealId),
    limit: i64,
) -> Result<Vec<PeriodRow>> {
    sqlx::query_as!(
        Raw,
        "select id, affiliate_id, deal_id, month, revision, closed_at, effective_at, booked_at, figures, posted, chain
         from period
         where program_id = $1 and ($2::int is null or month = $2) and ($3::bigint is null or affiliate_id = $3)
           and (month, affiliate_id, deal_id) > ($4, $5, $6)
         order by month, affiliate_id, deal_id limit $7",
        program.0,
        month.map(|month| month.number()),
        affiliate.map(|id| id.0),
        after.0,
        after.1.0,
        after.2.0,
        limit
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(PeriodRow::try_from)
    .collect()
}

/// Stores what a close came to.
pub async fn save(tx: &mut Tx, program: ProgramId, row: &PeriodRow) -> Result<()> {
    let posted = StoredPosted {
        adjustments: row.posted.adjustments.clone().into_iter().collect(),
        carried: row.posted.carried.clone().into_iter().collect(),
    };
    sqlx::query!(
        "insert into period (program_id, affiliate_id, deal_id, month, id, revision, closed_at, effective_at, booked_at,
                             figures, posted, chain)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (program_id, affiliate_id, deal_id, month) do update
         set revision = excluded.revision, effective_at = excluded.effective_at, booked_at = excluded.booked_at,
             posted = excluded.posted, chain = excluded.chain",
        program.0,
        row.affiliate.0,
        row.deal.0,
        row.month.number(),
        row.id,
        row.revision,
        row.closed_at,
        row.effective_at,
        row.booked_at,
        serde_json::to_value(&row.statement).expect("a statement is plain data"),
        serde_json::to_value(&posted).expect("what is posted is plain data"),
        serde_json::to_value(&row.chain).expect("a chain is plain data")
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// A month of an affiliate that has to be closed, or closed again, with all closed months after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The month.
    pub month: Period,
    /// The write that made it due.
    pub cause: Uuid,
    /// From when on.
    pub at: Timestamp,
}

/// Has months closed, or closed again.
pub async fn mark(tx: &mut Tx, program: ProgramId, due: &[Due]) -> Result<()> {
    if due.is_empty() {
        return Ok(());
    }
    let affiliates: Vec<i64> = due.iter().map(|due| due.affiliate.0).collect();
    let months: Vec<i32> = due.iter().map(|due| due.month.number()).collect();
    let causes: Vec<Uuid> = due.iter().map(|due| due.cause).collect();
    let at: Vec<Timestamp> = due.iter().map(|due| due.at).collect();
    sqlx::query!(
        "insert into period_due (program_id, affiliate_id, month, cause_id, due_at)
         select $1, t.affiliate_id, t.month, t.cause_id, t.due_at
         from unnest($2::bigint[], $3::int[], $4::uuid[], $5::timestamptz[])
              as t (affiliate_id, month, cause_id, due_at)
         on conflict (program_id, affiliate_id, month, cause_id) do nothing",
        program.0,
        &affiliates,
        &months,
        &causes,
        &at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Affiliates with months that are due at an instant, each with the earliest one.
pub async fn due(
    connection: &mut Connection,
    program: ProgramId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(AffiliateId, Period)>> {
    let rows = sqlx::query!(
        r#"select affiliate_id, min(month) as "month!" from period_due where program_id = $1 and due_at <= $2
           group by affiliate_id order by affiliate_id limit $3"#,
        program.0,
        now,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let month = Period::from_number(row.month);
            let month = month.ok_or_else(|| corrupt("period_due", "month", row.affiliate_id))?;
            Ok((AffiliateId(row.affiliate_id), month))
        })
        .collect()
}

/// The earliest month that is due of any of some affiliates at an instant.
pub async fn due_of(
    connection: &mut Connection,
    program: ProgramId,
    affiliates: &BTreeSet<AffiliateId>,
    now: Timestamp,
) -> Result<Option<Period>> {
    let affiliates: Vec<i64> = affiliates.iter().map(|id| id.0).collect();
    let month = sqlx::query_scalar!(
        "select min(month) from period_due where program_id = $1 and affiliate_id = any($2) and due_at <= $3",
        program.0,
        &affiliates,
        now
    )
    .fetch_one(connection)
    .await?;
    let read = |month| Period::from_number(month).ok_or_else(|| corrupt("period_due", "month", program));
    month.map(read).transpose()
}

/// Forgets what was due of affiliates up to an instant.
pub async fn settle(
    tx: &mut Tx,
    program: ProgramId,
    affiliates: &BTreeSet<AffiliateId>,
    now: Timestamp,
) -> Result<()> {
    let affiliates: Vec<i64> = affiliates.iter().map(|id| id.0).collect();
    sqlx::query!(
        "delete from period_due where program_id = $1 and affiliate_id = any($2) and due_at <= $3",
        program.0,
        &affiliates,
        now
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// The first closed month of any of some affiliates.
pub async fn first_of(
    connection: &mut Connection,
    program: ProgramId,
    affiliates: &BTreeSet<AffiliateId>,
) -> Result<Option<Period>> {
    let affiliates: Vec<i64> = affiliates.iter().map(|id| id.0).collect();
    let month = sqlx::query_scalar!(
        "select min(month) from period where program_id = $1 and affiliate_id = any($2)",
        program.0,
        &affiliates
    )
    .fetch_one(connection)
    .await?;
    let read = |month| Period::from_number(month).ok_or_else(|| corrupt("period", "month", program));
    month.map(read).transpose()
}

/// Affiliates who earned under deals with a spend limit, which they share.
pub async fn sharing(connection: &mut Connection, program: ProgramId) -> Result<BTreeSet<AffiliateId>> {
    let limited = sqlx::query_scalar!(
        "select v.id from deal_version v
         where v.program_id = $1
           and exists (select 1 from deal_version l
                       where l.program_id = v.program_id and l.deal_id = v.deal_id
                         and l.terms -> 'spend_limit' is not null)",
        program.0
    )
    .fetch_all(&mut *connection)
    .await?;
    if limited.is_empty() {
        return Ok(BTreeSet::new());
    }
    let ids = sqlx::query_scalar!(
        "select distinct affiliate_id from commission where program_id = $1 and deal_version_id = any($2)",
        program.0,
        &limited
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(AffiliateId).collect())
}

/// Affiliates with facts or commissions in a span, each with the earliest. Each referral is looked up: of a program that
/// no statistics know of yet the planner expects a row, and a plain join would compare all facts with all referrals.
pub async fn affiliates_in(
    connection: &mut Connection,
    program: ProgramId,
    after: Timestamp,
    to: Timestamp,
) -> Result<Vec<(AffiliateId, Timestamp)>> {
    let rows = sqlx::query!(
        r#"select affiliate_id as "affiliate_id!", min(at) as "at!"
           from (
               select r.affiliate_id, min(f.at) as at
               from (
                   select referral_id, min(occurred_at) as at from fact
                   where program_id = $1 and occurred_at > $2 and occurred_at <= $3 and referral_id is not null
                   group by referral_id
               ) f
                    cross join lateral (select affiliate_id from referral
                                        where program_id = $1 and id = f.referral_id offset 0) r
               group by r.affiliate_id
               union all
               select affiliate_id, min(occurred_at) from commission
               where program_id = $1 and occurred_at > $2 and occurred_at <= $3
               group by affiliate_id
           ) as found
           group by affiliate_id order by affiliate_id"#,
        program.0,
        after,
        to
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (AffiliateId(row.affiliate_id), row.at)).collect())
}

/// A page of the referrals that an affiliate has or has earned by, in the order of their ids.
pub async fn referrals(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
    after: ReferralId,
    limit: i64,
) -> Result<Vec<ReferralId>> {
    let ids = sqlx::query_scalar!(
        r#"select id as "id!" from (
               select id from referral where program_id = $1 and affiliate_id = $2 and id > $3
               union
               select referral_id from commission where program_id = $1 and affiliate_id = $2 and referral_id > $3
           ) as found
           order by id limit $4"#,
        program.0,
        affiliate.0,
        after.0,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ReferralId).collect())
}
