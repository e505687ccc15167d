//! What of affiliates is read as of a time: who brought them, their own deals, whether negative months are made good.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{AffiliateId, DealId, ProgramId};
use domain::time::Timestamp;

use super::AffiliateRow;
use crate::error::Result;
use crate::{Connection, Step, Tx};

/// A row of `affiliate_setting`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SettingRow {
    /// From when on; the first one of an affiliate holds for all time before it too.
    pub from: Timestamp,
    /// Who brought it.
    pub parent: Option<AffiliateId>,
    /// Its own deal, if it has one.
    pub deal: Option<DealId>,
    /// Whether negative months are made good, where it was set.
    pub no_carry_over: Option<bool>,
}

/// Adds what an affiliate is set to from an instant on, unless it is set to that already. The transaction holds the
/// fence exclusively.
pub(super) async fn append(
    tx: &mut Tx,
    program: ProgramId,
    row: &AffiliateRow,
    from: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "insert into affiliate_setting (program_id, affiliate_id, number, effective_at, parent_affiliate_id, deal_id,
                                        no_carry_over)
         select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6
         from affiliate_setting where program_id = $1 and affiliate_id = $2
         having not exists (
             select 1
             from (select parent_affiliate_id, deal_id, no_carry_over from affiliate_setting
                   where program_id = $1 and affiliate_id = $2 order by number desc limit 1) as s
             where (s.parent_affiliate_id, s.deal_id, s.no_carry_over) is not distinct from
                   ($4::bigint, $5::bigint, $6::boolean))",
        program.0,
        row.id.0,
        from,
        row.parent.map(|id| id.0),
        row.deal.map(|id| id.0),
        row.no_carry_over
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// What affiliates are and were set to, oldest first.
pub async fn of(
    connection: &mut Connection,
    program: ProgramId,
    ids: &BTreeSet<AffiliateId>,
) -> Result<BTreeMap<AffiliateId, Vec<SettingRow>>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select affiliate_id, effective_at, parent_affiliate_id, deal_id, no_carry_over from affiliate_setting
         where program_id = $1 and affiliate_id = any($2) order by affiliate_id, number",
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut settings: BTreeMap<AffiliateId, Vec<SettingRow>> = BTreeMap::new();
    for row in rows {
        settings.entry(AffiliateId(row.affiliate_id)).or_default().push(SettingRow {
            from: row.effective_at,
            parent: row.parent_affiliate_id.map(AffiliateId),
            deal: row.deal_id.map(DealId),
            no_carry_over: row.no_carry_over,
        });
    }
    Ok(settings)
}

/// Affiliates with whoever ever brought them, level by level upward.
pub async fn chains(
    connection: &mut Connection,
    program: ProgramId,
    ids: &BTreeSet<AffiliateId>,
) -> Result<BTreeSet<AffiliateId>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let found = sqlx::query_scalar!(
        r#"with recursive chain as (
               select unnest($2::bigint[]) as id
               union
               select s.parent_affiliate_id
               from chain c
               join affiliate_setting s on s.program_id = $1 and s.affiliate_id = c.id
               where s.parent_affiliate_id is not null
           )
           select id as "id!" from chain"#,
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(AffiliateId).collect())
}

/// Affiliates with whoever brings them now, level by level upward.
pub async fn ancestors(
    connection: &mut Connection,
    program: ProgramId,
    id: AffiliateId,
) -> Result<BTreeSet<AffiliateId>> {
    let found = sqlx::query_scalar!(
        r#"with recursive chain as (
               select $2::bigint as id
               union
               select f.parent_affiliate_id
               from chain c
               join affiliate f on f.program_id = $1 and f.id = c.id
               where f.parent_affiliate_id is not null
           )
           select id as "id!" from chain"#,
        program.0,
        id.0
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(AffiliateId).collect())
}

/// Whether anybody of the program was ever brought by another.
pub async fn any_parent(connection: &mut Connection, program: ProgramId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from affiliate_setting
                          where program_id = $1 and parent_affiliate_id is not null) as "any!""#,
        program.0
    )
    .fetch_one(connection)
    .await?)
}

/// Everybody who was ever brought, with whoever brought them.
pub async fn brought(
    connection: &mut Connection,
    program: ProgramId,
) -> Result<Vec<(AffiliateId, AffiliateId)>> {
    let rows = sqlx::query!(
        r#"select distinct affiliate_id, parent_affiliate_id as "parent!" from affiliate_setting
           where program_id = $1 and parent_affiliate_id is not null"#,
        program.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (AffiliateId(row.affiliate_id), AffiliateId(row.parent))).collect())
}
