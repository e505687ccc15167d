//! Links: what affiliates share, and the directory of their codes, which are unique in the installation.

use std::collections::BTreeMap;

use domain::ids::{AffiliateId, DealId, LinkId, ProgramId};
use domain::link::Kind;
use domain::time::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row as _};

use crate::error::{Result, corrupt};
use crate::{Connection, Pool, Step, Tx};

/// A row of `link`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkRow {
    /// Its number in the program.
    pub id: LinkId,
    /// Whose it is.
    pub affiliate: AffiliateId,
    /// The code in its address.
    pub code: String,
    /// What it is called in lists.
    pub name: Option<String>,
    /// What it leads to.
    pub kind: Kind,
    /// Where it leads; the program's fallback page where absent.
    pub destination_url: Option<String>,
    /// Where it leads while it is disabled; the program's fallback page where absent.
    pub fallback_url: Option<String>,
    /// The brand it is for.
    pub brand: Option<String>,
    /// The campaign it is for.
    pub campaign: Option<String>,
    /// Whether it is the affiliate's default link.
    pub is_default: bool,
    /// Whether it may be shown to everybody, or to its affiliate only.
    pub is_public: bool,
    /// Whether it leads to its destination.
    pub is_enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "l.id, l.affiliate_id, l.code, l.name, l.kind, l.destination_url, l.fallback_url, l.brand, \
                       l.campaign, l.is_default, l.is_public, l.is_enabled, l.created_at, l.updated_at";

impl FromRow<'_, PgRow> for LinkRow {
    fn from_row(row: &PgRow) -> sqlx::Result<LinkRow> {
        let kind: String = row.try_get("kind")?;
        let id = row.try_get("id")?;
        Ok(LinkRow {
            id: LinkId(id),
            affiliate: AffiliateId(row.try_get("affiliate_id")?),
            code: row.try_get("code")?,
            name: row.try_get("name")?,
            kind: Kind::from_word(&kind)
                .ok_or_else(|| sqlx::Error::Decode(corrupt("link", "kind", id).into()))?,
            destination_url: row.try_get("destination_url")?,
            fallback_url: row.try_get("fallback_url")?,
            brand: row.try_get("brand")?,
            campaign: row.try_get("campaign")?,
            is_default: row.try_get("is_default")?,
            is_public: row.try_get("is_public")?,
            is_enabled: row.try_get("is_enabled")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        })
    }
}

/// Appends a link and its code. False means that the code is taken, and nothing was appended.
pub async fn append(tx: &mut Tx, program: ProgramId, link: &LinkRow) -> Result<bool> {
    let connection = tx.enter(Step::Appends)?;
    let named = sqlx::query!(
        "insert into directory_code (code, program_id, link_id) values ($1, $2, $3) on conflict do nothing",
        link.code,
        program.0,
        link.id.0
    )
    .execute(&mut *connection)
    .await?;
    if named.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "insert into link (program_id, id, affiliate_id, code, name, kind, destination_url, fallback_url, brand, campaign,
                           is_default, is_public, is_enabled, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        program.0,
        link.id.0,
        link.affiliate.0,
        link.code,
        link.name,
        link.kind.as_str(),
        link.destination_url,
        link.fallback_url,
        link.brand,
        link.campaign,
        link.is_default,
        link.is_public,
        link.is_enabled,
        link.created_at,
        link.updated_at
    )
    .execute(connection)
    .await?;
    Ok(true)
}

/// A link by its id.
pub async fn by_id(connection: &mut Connection, program: ProgramId, id: LinkId) -> Result<Option<LinkRow>> {
    let filter = Filter { id: Some(id), ..Filter::default() };
    Ok(list(connection, program, &filter, 1).await?.pop())
}

/// What links are called: by their names, and those without one by their codes.
pub async fn names(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[i64],
) -> Result<BTreeMap<LinkId, String>> {
    let rows = sqlx::query!(
        r#"select id, coalesce(name, code) as "name!" from link where program_id = $1 and id = any($2)"#,
        program.0,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (LinkId(row.id), row.name)).collect())
}

/// Stores a changed link. Its code stays what it was: it is printed somewhere.
pub async fn update(tx: &mut Tx, program: ProgramId, link: &LinkRow) -> Result<()> {
    sqlx::query!(
        "update link set name = $3, kind = $4, destination_url = $5, fallback_url = $6, brand = $7, campaign = $8,
                is_public = $9, is_enabled = $10, updated_at = $11
         where program_id = $1 and id = $2",
        program.0,
        link.id.0,
        link.name,
        link.kind.as_str(),
        link.destination_url,
        link.fallback_url,
        link.brand,
        link.campaign,
        link.is_public,
        link.is_enabled,
        link.updated_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Makes a link the only default one of its affiliate.
pub async fn make_default(tx: &mut Tx, program: ProgramId, affiliate: AffiliateId, id: LinkId) -> Result<()> {
    let connection = tx.enter(Step::Appends)?;
    sqlx::query!(
        "update link set is_default = false where program_id = $1 and affiliate_id = $2 and is_default and id <> $3",
        program.0,
        affiliate.0,
        id.0
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("update link set is_default = true where program_id = $1 and id = $2", program.0, id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// What a list of links may be narrowed by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Only this link.
    pub id: Option<LinkId>,
    /// Only of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// With an affiliate: also what others show to everybody.
    pub or_public: bool,
    /// Only with this code.
    pub code: Option<String>,
    /// Only default links, or only others.
    pub is_default: Option<bool>,
    /// Only after this link.
    pub after: Option<LinkId>,
    /// So many of them are left out.
    pub offset: i64,
}

/// A list of links by id.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<LinkRow>> {
    let mut query = QueryBuilder::<Postgres>::new("select ");
    query.push(COLUMNS).push(" from link l where l.program_id = ").push_bind(program.0);
    if let Some(id) = filter.id {
        query.push(" and l.id = ").push_bind(id.0);
    }
    if let Some(affiliate) = filter.affiliate {
        query.push(" and (l.affiliate_id = ").push_bind(affiliate.0);
        query.push(if filter.or_public { " or l.is_public)" } else { ")" });
    }
    if let Some(code) = &filter.code {
        query.push(" and l.code = ").push_bind(code.clone());
    }
    if let Some(is_default) = filter.is_default {
        query.push(" and l.is_default = ").push_bind(is_default);
    }
    if let Some(after) = filter.after {
        query.push(" and l.id > ").push_bind(after.0);
    }
    query.push(" order by l.id limit ").push_bind(limit).push(" offset ").push_bind(filter.offset);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// What a redirect needs to know of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The program.
    pub program: ProgramId,
    /// Its number in the program.
    pub id: LinkId,
    /// The code in its address.
    pub code: String,
    /// Whose it is.
    pub affiliate: AffiliateId,
    /// The affiliate's slug.
    pub slug: String,
    /// The affiliate's own deal.
    pub deal: Option<DealId>,
    /// Where it leads.
    pub destination_url: Option<String>,
    /// Where it leads while it is disabled.
    pub fallback_url: Option<String>,
    /// The brand it is for.
    pub brand: Option<String>,
    /// The campaign it is for.
    pub campaign: Option<String>,
    /// Whether it leads to its destination.
    pub is_enabled: bool,
}

macro_rules! route {
    ($row:expr) => {
        Route {
            program: ProgramId($row.program_id),
            id: LinkId($row.id),
            code: $row.code,
            affiliate: AffiliateId($row.affiliate_id),
            slug: $row.slug,
            deal: $row.deal_id.map(DealId),
            destination_url: $row.destination_url,
            fallback_url: $row.fallback_url,
            brand: $row.brand,
            campaign: $row.campaign,
            is_enabled: $row.is_enabled,
        }
    };
}

/// The link that a code names, of whatever program.
pub async fn route(pool: &Pool, code: &str) -> Result<Option<Route>> {
    let row = sqlx::query!(
        "select l.program_id, l.id, l.code, l.affiliate_id, a.slug, a.deal_id, l.destination_url, l.fallback_url, l.brand,
                l.campaign, l.is_enabled
         from directory_code d
         join link l on l.program_id = d.program_id and l.id = d.link_id
         join affiliate a on a.program_id = l.program_id and a.id = l.affiliate_id
         where d.code = $1",
        code
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| route!(row)))
}

/// A page of a program's links by id, those of one affiliate or of all.
pub async fn routes(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: Option<AffiliateId>,
    after: LinkId,
    limit: i64,
) -> Result<Vec<Route>> {
    let rows = sqlx::query!(
        "select l.program_id, l.id, l.code, l.affiliate_id, a.slug, a.deal_id, l.destination_url, l.fallback_url, l.brand,
                l.campaign, l.is_enabled
         from (select * from link
               where program_id = $1 and ($2::bigint is null or affiliate_id = $2) and id > $3
               order by id limit $4) l
              cross join lateral (select slug, deal_id from affiliate
                                  where program_id = $1 and id = l.affiliate_id offset 0) a
         order by l.id",
        program.0,
        affiliate.map(|id| id.0),
        after.0,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| route!(row)).collect())
}
