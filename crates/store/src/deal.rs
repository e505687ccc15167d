//! Deals and their versions. A version never changes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::deal::Terms;
use domain::ids::{AffiliateId, DealId, DealVersionId, ProgramId};

use crate::error::{Result, corrupt};
use crate::{Connection, Step, Tx};

/// A deal with one of its versions.
#[derive(Clone, PartialEq, Debug)]
pub struct DealRow {
    /// The deal.
    pub id: DealId,
    /// Its name.
    pub name: String,
    /// The affiliate it was made for, if for one.
    pub affiliate: Option<AffiliateId>,
    /// The version.
    pub version: DealVersionId,
    /// The version's number: 1, 2, 3, …
    pub number: i32,
    /// The version's terms.
    pub terms: Terms,
    /// When the deal was made.
    pub created_at: DateTime<Utc>,
    /// When the version was made.
    pub version_created_at: DateTime<Utc>,
    /// From when on registrations get it; the first version holds for all time before it too.
    pub effective_at: DateTime<Utc>,
}

/// Appends a deal without versions.
pub async fn append(
    tx: &mut Tx,
    program: ProgramId,
    id: DealId,
    name: &str,
    affiliate: Option<AffiliateId>,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into deal (program_id, id, name, affiliate_id, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)",
        program.0,
        id.0,
        name,
        affiliate.map(|id| id.0),
        now
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Renames a deal.
pub async fn rename(
    tx: &mut Tx,
    program: ProgramId,
    id: DealId,
    name: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update deal set name = $3, updated_at = $4 where program_id = $1 and id = $2",
        program.0,
        id.0,
        name,
        now
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Appends the next version of a deal and returns its number. The transaction holds the fence exclusively.
pub async fn append_version(
    tx: &mut Tx,
    program: ProgramId,
    id: DealId,
    version: DealVersionId,
    terms: &Terms,
    effective_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<i32> {
    let terms = serde_json::to_value(terms).expect("terms are plain data");
    Ok(sqlx::query_scalar!(
        r#"insert into deal_version (program_id, id, deal_id, number, terms, created_at, effective_at)
           select $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6 from deal_version
           where program_id = $1 and deal_id = $3
           returning number"#,
        program.0,
        version.0,
        id.0,
        terms,
        now,
        effective_at
    )
    .fetch_one(tx.enter(Step::Appends)?)
    .await?)
}

struct Raw {
    id: i64,
    name: String,
    affiliate_id: Option<i64>,
    version_id: uuid::Uuid,
    number: i32,
    terms: serde_json::Value,
    created_at: DateTime<Utc>,
    version_created_at: DateTime<Utc>,
    effective_at: DateTime<Utc>,
}

impl TryFrom<Raw> for DealRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<DealRow> {
        Ok(DealRow {
            id: DealId(raw.id),
            name: raw.name,
            affiliate: raw.affiliate_id.map(AffiliateId),
            version: DealVersionId(raw.version_id),
            number: raw.number,
            terms: serde_json::from_value(raw.terms)
                .map_err(|_| corrupt("deal_version", "terms", raw.version_id))?,
            created_at: raw.created_at,
            version_created_at: raw.version_created_at,
            effective_at: raw.effective_at,
        })
    }
}

/// A deal in its newest version.
pub async fn newest(connection: &mut Connection, program: ProgramId, id: DealId) -> Result<Option<DealRow>> {
    sqlx::query_as!(
        Raw,
        "select d.id, d.name, d.affiliate_id, v.id as version_id, v.number, v.terms, d.created_at,
                v.created_at as version_created_at, v.effective_at
         from deal d join deal_version v on v.program_id = d.program_id and v.deal_id = d.id
         where d.program_id = $1 and d.id = $2 order by v.number desc limit 1",
        program.0,
        id.0
    )
    .fetch_optional(connection)
    .await?
    .map(DealRow::try_from)
    .transpose()
}

/// Deals in their newest versions.
pub async fn newest_of(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[DealId],
) -> Result<Vec<DealRow>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    sqlx::query_as!(
        Raw,
        "select distinct on (d.id) d.id, d.name, d.affiliate_id, v.id as version_id, v.number, v.terms, d.created_at,
                v.created_at as version_created_at, v.effective_at
         from deal d join deal_version v on v.program_id = d.program_id and v.deal_id = d.id
         where d.program_id = $1 and d.id = any($2) order by d.id, v.number desc",
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(DealRow::try_from)
    .collect()
}

/// The terms of every version of every deal of a program.
pub async fn terms(connection: &mut Connection, program: ProgramId) -> Result<Vec<Terms>> {
    let rows = sqlx::query!("select id, terms from deal_version where program_id = $1", program.0)
        .fetch_all(connection)
        .await?;
    let read = |(id, terms)| {
        serde_json::from_value(terms).map_err(|_| corrupt("deal_version", "terms", DealVersionId(id)))
    };
    rows.into_iter().map(|row| read((row.id, row.terms))).collect()
}

/// Every version of a deal, newest first.
pub async fn versions(connection: &mut Connection, program: ProgramId, id: DealId) -> Result<Vec<DealRow>> {
    sqlx::query_as!(
        Raw,
        "select d.id, d.name, d.affiliate_id, v.id as version_id, v.number, v.terms, d.created_at,
                v.created_at as version_created_at, v.effective_at
         from deal d join deal_version v on v.program_id = d.program_id and v.deal_id = d.id
         where d.program_id = $1 and d.id = $2 order by v.number desc",
        program.0,
        id.0
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(DealRow::try_from)
    .collect()
}

/// A page of deals in their newest versions, after an id.
pub async fn page(
    connection: &mut Connection,
    program: ProgramId,
    after: Option<DealId>,
    limit: i64,
) -> Result<Vec<DealRow>> {
    sqlx::query_as!(
        Raw,
        r#"select d.id, d.name, d.affiliate_id, v.id as "version_id!", v.number as "number!", v.terms as "terms!",
                  d.created_at, v.created_at as "version_created_at!",
                  v.effective_at as "effective_at!"
           from deal d
           cross join lateral (
               select v.id, v.number, v.terms, v.created_at, v.effective_at from deal_version v
               where v.program_id = d.program_id and v.deal_id = d.id order by v.number desc limit 1) v
           where d.program_id = $1 and d.id > $2 order by d.id limit $3"#,
        program.0,
        after.map_or(i64::MIN, |id| id.0),
        limit
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(DealRow::try_from)
    .collect()
}

/// Versions by id, with their deals.
pub async fn by_versions(
    connection: &mut Connection,
    program: ProgramId,
    versions: &[DealVersionId],
) -> Result<Vec<DealRow>> {
    let versions: Vec<uuid::Uuid> = versions.iter().map(|id| id.0).collect();
    sqlx::query_as!(
        Raw,
        "select d.id, d.name, d.affiliate_id, v.id as version_id, v.number, v.terms, d.created_at,
                v.created_at as version_created_at, v.effective_at
         from deal_version v join deal d on d.program_id = v.program_id and d.id = v.deal_id
         where v.program_id = $1 and v.id = any($2)",
        program.0,
        &versions
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(DealRow::try_from)
    .collect()
}

/// The deals that were made for affiliates, oldest first.
pub async fn made_for(
    connection: &mut Connection,
    program: ProgramId,
    affiliates: &BTreeSet<AffiliateId>,
) -> Result<BTreeMap<AffiliateId, Vec<DealId>>> {
    let ids: Vec<i64> = affiliates.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select affiliate_id as "affiliate_id!", id from deal
           where program_id = $1 and affiliate_id = any($2) order by affiliate_id, id"#,
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut deals: BTreeMap<AffiliateId, Vec<DealId>> = BTreeMap::new();
    for row in rows {
        deals.entry(AffiliateId(row.affiliate_id)).or_default().push(DealId(row.id));
    }
    Ok(deals)
}

/// The deals with a version that is for one of these coupons, each with whom it was made for.
pub async fn with_coupons(
    connection: &mut Connection,
    program: ProgramId,
    coupons: &[String],
) -> Result<Vec<(DealId, Option<AffiliateId>)>> {
    let rows = sqlx::query!(
        "select id, affiliate_id from deal
         where program_id = $1 and id in (
             select deal_id from deal_version
             where program_id = $1 and terms -> 'criteria' -> 'coupon' is not null
                   and terms -> 'criteria' -> 'coupon' ?| $2)
         order by id",
        program.0,
        coupons
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (DealId(row.id), row.affiliate_id.map(AffiliateId))).collect())
}
