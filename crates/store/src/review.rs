//! Reviews: what about a registration a person should look at, and what the person said.

use domain::ids::{AffiliateId, ProgramId, ReferralId};
use domain::time::Timestamp;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::Result;
use crate::{Connection, Step, Tx};

/// A row of `review`.
#[derive(Clone, PartialEq, Debug, sqlx::FromRow)]
pub struct ReviewRow {
    /// Its id.
    pub id: Uuid,
    /// The referral.
    pub referral_id: Uuid,
    /// The affiliate that it was put down to.
    pub affiliate_id: i64,
    /// What it is: the word of a suspicion.
    pub kind: String,
    /// The suspicion in words.
    pub reason: String,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When somebody had looked.
    pub resolved_at: Option<Timestamp>,
    /// `dismissed`: there is nothing to it. `confirmed`: there is, and the referral is rejected.
    pub resolution: Option<String>,
    /// What the person noted.
    pub note: Option<String>,
}

impl ReviewRow {
    /// The referral.
    pub fn referral(&self) -> ReferralId {
        ReferralId(self.referral_id)
    }

    /// The affiliate.
    pub fn affiliate(&self) -> AffiliateId {
        AffiliateId(self.affiliate_id)
    }
}

/// Appends reviews that are open.
pub async fn append(tx: &mut Tx, program: ProgramId, rows: &[ReviewRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let referrals: Vec<Uuid> = rows.iter().map(|row| row.referral_id).collect();
    let affiliates: Vec<i64> = rows.iter().map(|row| row.affiliate_id).collect();
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    let reasons: Vec<&str> = rows.iter().map(|row| row.reason.as_str()).collect();
    let raised: Vec<Timestamp> = rows.iter().map(|row| row.raised_at).collect();
    sqlx::query!(
        "insert into review (program_id, id, referral_id, affiliate_id, kind, reason, raised_at)
         select $1, t.id, t.referral_id, t.affiliate_id, t.kind, t.reason, t.raised_at
         from unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[])
              as t (id, referral_id, affiliate_id, kind, reason, raised_at)",
        program.0,
        &ids,
        &referrals,
        &affiliates,
        &kinds as _,
        &reasons as _,
        &raised
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// What a list of reviews may be narrowed by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Only this one.
    pub id: Option<Uuid>,
    /// Only of this referral.
    pub referral: Option<ReferralId>,
    /// Only open ones, or only resolved ones.
    pub is_open: Option<bool>,
    /// Only after this one.
    pub after: Option<Uuid>,
}

/// A list of reviews, oldest first.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<ReviewRow>> {
    let mut query = QueryBuilder::<Postgres>::new(
        "select id, referral_id, affiliate_id, kind, reason, raised_at, resolved_at, resolution, note
         from review where program_id = ",
    );
    query.push_bind(program.0);
    if let Some(id) = filter.id {
        query.push(" and id = ").push_bind(id);
    }
    if let Some(referral) = filter.referral {
        query.push(" and referral_id = ").push_bind(referral.0);
    }
    match filter.is_open {
        Some(true) => drop(query.push(" and resolved_at is null")),
        Some(false) => drop(query.push(" and resolved_at is not null")),
        None => {}
    }
    if let Some(after) = filter.after {
        query.push(" and id > ").push_bind(after);
    }
    query.push(" order by id limit ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// Resolves an open review; whether there was one.
pub async fn resolve(
    tx: &mut Tx,
    program: ProgramId,
    id: Uuid,
    now: Timestamp,
    resolution: &str,
    note: Option<&str>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update review set resolved_at = $3, resolution = $4, note = $5
         where program_id = $1 and id = $2 and resolution is null",
        program.0,
        id,
        now,
        resolution,
        note
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(done.rows_affected() > 0)
}
