//! The record of attributions: whom a referral was put down to, when, by what evidence, and why the rest did not decide.

pub mod evidence;

use std::collections::{BTreeMap, BTreeSet};

use domain::attribution::{Basis, Grade, Judged};
use domain::ids::{AffiliateId, LogId, ProgramId, ReferralId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Step, Tx};

/// A row of `attribution`.
#[derive(Clone, PartialEq, Debug)]
pub struct AttributionRow {
    /// The referral.
    pub referral: ReferralId,
    /// Counts the attributions of a referral, from 1.
    pub number: i32,
    /// The log row that recorded it.
    pub log: LogId,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// What it rests on.
    pub basis: Basis,
    /// How far that can be trusted.
    pub grade: Grade,
    /// Whether only a browser said so, so that a keyed conversion may replace it.
    pub is_provisional: bool,
    /// The link that was clicked.
    pub link: Option<i64>,
    /// When what it is about happened.
    pub occurred_at: Timestamp,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// All evidence, with what became of it.
    pub evidence: Vec<Judged>,
    /// Why, where a person decided.
    pub reason: Option<String>,
}

/// A row as PostgreSQL answers it.
struct Raw {
    referral_id: Uuid,
    number: i32,
    log_id: Uuid,
    affiliate_id: i64,
    basis: String,
    grade: String,
    is_provisional: bool,
    link_id: Option<i64>,
    occurred_at: Timestamp,
    decided_at: Timestamp,
    evidence: serde_json::Value,
    reason: Option<String>,
}

impl TryFrom<Raw> for AttributionRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<AttributionRow> {
        let referral = ReferralId(raw.referral_id);
        let bad = |column| corrupt("attribution", column, referral);
        Ok(AttributionRow {
            referral,
            number: raw.number,
            log: LogId(raw.log_id),
            affiliate: AffiliateId(raw.affiliate_id),
            basis: Basis::from_word(&raw.basis).ok_or_else(|| bad("basis"))?,
            grade: Grade::from_word(&raw.grade).ok_or_else(|| bad("grade"))?,
            is_provisional: raw.is_provisional,
            link: raw.link_id,
            occurred_at: raw.occurred_at,
            decided_at: raw.decided_at,
            evidence: serde_json::from_value(raw.evidence).map_err(|_| bad("evidence"))?,
            reason: raw.reason,
        })
    }
}

/// Appends attributions.
pub async fn append(tx: &mut Tx, program: ProgramId, rows: &[AttributionRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let referrals: Vec<Uuid> = rows.iter().map(|row| row.referral.0).collect();
    let numbers: Vec<i32> = rows.iter().map(|row| row.number).collect();
    let logs: Vec<Uuid> = rows.iter().map(|row| row.log.0).collect();
    let affiliates: Vec<i64> = rows.iter().map(|row| row.affiliate.0).collect();
    let bases: Vec<&str> = rows.iter().map(|row| row.basis.as_str()).collect();
    let grades: Vec<&str> = rows.iter().map(|row| row.grade.as_str()).collect();
    let provisional: Vec<bool> = rows.iter().map(|row| row.is_provisional).collect();
    let links: Vec<Option<i64>> = rows.iter().map(|row| row.link).collect();
    let occurred: Vec<Timestamp> = rows.iter().map(|row| row.occurred_at).collect();
    let decided: Vec<Timestamp> = rows.iter().map(|row| row.decided_at).collect();
    let json = |row: &AttributionRow| serde_json::to_string(&row.evidence).expect("evidence is plain data");
    let evidence: Vec<String> = rows.iter().map(json).collect();
    let reasons: Vec<Option<&str>> = rows.iter().map(|row| row.reason.as_deref()).collect();
    sqlx::query!(
        "insert into attribution (program_id, referral_id, number, log_id, affiliate_id, basis, grade, is_provisional,
                                  link_id, occurred_at, decided_at, evidence, reason)
         select $1, t.referral_id, t.number, t.log_id, t.affiliate_id, t.basis, t.grade, t.is_provisional, t.link_id,
                t.occurred_at, t.decided_at, t.evidence::jsonb, t.reason
         from unnest($2::uuid[], $3::integer[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::boolean[],
                     $9::bigint[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::text[])
              as t (referral_id, number, log_id, affiliate_id, basis, grade, is_provisional, link_id, occurred_at,
                    decided_at, evidence, reason)",
        program.0,
        &referrals,
        &numbers,
        &logs,
        &affiliates,
        &bases as _,
        &grades as _,
        &provisional,
        &links as _,
        &occurred,
        &decided,
        &evidence,
        &reasons as _
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// The attributions of referrals, those of one together, oldest first.
pub async fn of(
    connection: &mut Connection,
    program: ProgramId,
    referrals: &[ReferralId],
) -> Result<Vec<AttributionRow>> {
    let referrals: Vec<Uuid> = referrals.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Raw,
        "select referral_id, number, log_id, affiliate_id, basis, grade, is_provisional, link_id, occurred_at,
                decided_at, evidence, reason
         from attribution where program_id = $1 and referral_id = any($2) order by referral_id, number",
        program.0,
        &referrals
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(AttributionRow::try_from).collect()
}

/// The newest attribution of each referral: its number, and whether it is provisional.
pub async fn newest(
    connection: &mut Connection,
    program: ProgramId,
    referrals: &BTreeSet<ReferralId>,
) -> Result<BTreeMap<ReferralId, (i32, bool)>> {
    let referrals: Vec<Uuid> = referrals.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select a.referral_id, a.number, a.is_provisional
         from unnest($2::uuid[]) as w (id)
              cross join lateral (select referral_id, number, is_provisional from attribution
                                  where program_id = $1 and referral_id = w.id order by number desc limit 1) a",
        program.0,
        &referrals
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (ReferralId(row.referral_id), (row.number, row.is_provisional))).collect())
}

/// How many registrations affiliates have had after an instant, counted up to a limit.
pub async fn registrations_after(
    connection: &mut Connection,
    program: ProgramId,
    affiliates: &BTreeSet<AffiliateId>,
    after: Timestamp,
    limit: i64,
) -> Result<BTreeMap<AffiliateId, u32>> {
    let affiliates: Vec<i64> = affiliates.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select w.id as "id!", a.count as "count!"
           from unnest($2::bigint[]) as w (id)
                cross join lateral (select count(*) as count
                                    from (select 1 from attribution
                                          where program_id = $1 and affiliate_id = w.id and decided_at > $3
                                            and basis <> 'reassignment'
                                          limit $4) as x) a"#,
        program.0,
        &affiliates,
        after,
        limit
    )
    .fetch_all(connection)
    .await?;
    let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(rows.into_iter().map(|row| (AffiliateId(row.id), count(row.count))).collect())
}
