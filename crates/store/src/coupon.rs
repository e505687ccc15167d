//! Coupons: codes that bring their affiliate the customers who use them.

use domain::attribution::{Code, Validity};
use domain::ids::{AffiliateId, DealId, ProgramId};
use domain::time::Timestamp;
use sqlx::{Postgres, QueryBuilder};

use crate::error::{Result, corrupt};
use crate::{Connection, Step, Tx};

/// A row of `coupon`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CouponRow {
    /// What a customer types.
    pub code: Code,
    /// What a payment provider calls it.
    pub provider_code: Option<Code>,
    /// Whose customers use it.
    pub affiliate: AffiliateId,
    /// The deal that its customers get.
    pub deal: Option<DealId>,
    /// When it is valid.
    pub validity: Validity,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A row as PostgreSQL answers it.
#[derive(sqlx::FromRow)]
struct Raw {
    code: String,
    provider_code: Option<String>,
    affiliate_id: i64,
    deal_id: Option<i64>,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Raw> for CouponRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<CouponRow> {
        let read = |text: &str, column| Code::parse(text).map_err(|_| corrupt("coupon", column, &raw.code));
        Ok(CouponRow {
            code: read(&raw.code, "code")?,
            provider_code: raw
                .provider_code
                .as_deref()
                .map(|code| read(code, "provider_code"))
                .transpose()?,
            affiliate: AffiliateId(raw.affiliate_id),
            deal: raw.deal_id.map(DealId),
            validity: Validity { from: raw.valid_from, until: raw.valid_until },
            created_at: raw.created_at,
            updated_at: raw.updated_at,
        })
    }
}

/// Coupons that any of these texts names, by either of their codes.
pub async fn named(
    connection: &mut Connection,
    program: ProgramId,
    codes: &[String],
) -> Result<Vec<CouponRow>> {
    let rows = sqlx::query_as!(
        Raw,
        r#"select code as "code!", provider_code, affiliate_id as "affiliate_id!", deal_id, valid_from, valid_until,
                  created_at as "created_at!", updated_at as "updated_at!"
           from coupon where program_id = $1 and code = any($2)
           union
           select code, provider_code, affiliate_id, deal_id, valid_from, valid_until, created_at, updated_at
           from coupon where program_id = $1 and provider_code = any($2)"#,
        program.0,
        codes
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(CouponRow::try_from).collect()
}

/// What a list of coupons may be narrowed by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Only of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// Only with this code.
    pub code: Option<Code>,
    /// Only after this code.
    pub after: Option<Code>,
}

/// A list of coupons in the order of their codes.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<CouponRow>> {
    let mut query = QueryBuilder::<Postgres>::new(
        "select code, provider_code, affiliate_id, deal_id, valid_from, valid_until, created_at, updated_at
         from coupon where program_id = ",
    );
    query.push_bind(program.0);
    if let Some(affiliate) = filter.affiliate {
        query.push(" and affiliate_id = ").push_bind(affiliate.0);
    }
    if let Some(code) = &filter.code {
        query.push(" and code = ").push_bind(code.as_str().to_owned());
    }
    if let Some(after) = &filter.after {
        query.push(" and code > ").push_bind(after.as_str().to_owned());
    }
    query.push(" order by code limit ").push_bind(limit);
    let rows: Vec<Raw> = query.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(CouponRow::try_from).collect()
}

/// Appends a coupon. The transaction holds the fence exclusively, so that no other takes one of its codes.
pub async fn append(tx: &mut Tx, program: ProgramId, row: &CouponRow) -> Result<()> {
    sqlx::query!(
        "insert into coupon (program_id, code, provider_code, affiliate_id, deal_id, valid_from, valid_until,
                             created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        program.0,
        row.code.as_str(),
        row.provider_code.as_ref().map(Code::as_str),
        row.affiliate.0,
        row.deal.map(|id| id.0),
        row.validity.from,
        row.validity.until,
        row.created_at,
        row.updated_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Changes everything of a coupon but its code and affiliate. The transaction holds the fence exclusively.
pub async fn update(tx: &mut Tx, program: ProgramId, row: &CouponRow) -> Result<()> {
    sqlx::query!(
        "update coupon set provider_code = $3, deal_id = $4, valid_from = $5, valid_until = $6, updated_at = $7
         where program_id = $1 and code = $2",
        program.0,
        row.code.as_str(),
        row.provider_code.as_ref().map(Code::as_str),
        row.deal.map(|id| id.0),
        row.validity.from,
        row.validity.until,
        row.updated_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}
