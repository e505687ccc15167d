//! Affiliates with their dated statuses and their persons.

pub mod setting;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::affiliate::{History, Status};
use domain::ids::{AffiliateId, DealId, PersonId, ProgramId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::person::PersonRow;
use crate::{Connection, Step, Tx, person};

/// What an affiliate told about itself and its business, beyond what is personal.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Company.
    pub company: Option<String>,
    /// Country, ISO 3166 alpha 2.
    pub country: Option<String>,
    /// Site.
    pub web_site_url: Option<String>,
    /// What the affiliate wrote.
    pub comments: Option<String>,
    /// What the staff wrote.
    pub comments_from_operator: Option<String>,
    /// Language of mails, ISO 639.
    pub language: Option<String>,
    /// Whether two factors are asked for at login.
    pub two_fa_enabled: bool,
    /// Smartico's custom tags: tag id to value id.
    pub custom_props: BTreeMap<String, i64>,
}

/// A row of `affiliate` with its person.
#[derive(Clone, PartialEq, Debug)]
pub struct AffiliateRow {
    /// Its id.
    pub id: AffiliateId,
    /// Its person.
    pub person: PersonRow,
    /// The word in its links.
    pub slug: String,
    /// Its partner key.
    pub partner_key: String,
    /// Its status now.
    pub status: Status,
    /// Its own deal, if it has one.
    pub deal: Option<DealId>,
    /// Who brought it.
    pub parent: Option<AffiliateId>,
    /// The staff member who looks after it.
    pub manager: Option<i64>,
    /// Its id in the program's own systems.
    pub external_id: Option<String>,
    /// How it is paid: Smartico's number of the method, 0 for none.
    pub payment_method: i16,
    /// The smallest payout, where it has its own.
    pub payout_threshold_micros: Option<i64>,
    /// Whether negative months are reset, where it was set.
    pub no_carry_over: Option<bool>,
    /// Whether it may have an API key; without it none of its keys works.
    pub api_access_enabled: bool,
    /// Everything else.
    pub profile: Profile,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Raw {
    pub(crate) id: i64,
    person_id: Uuid,
    slug: String,
    partner_key: String,
    status: String,
    deal_id: Option<i64>,
    parent_affiliate_id: Option<i64>,
    manager_id: Option<i64>,
    external_id: Option<String>,
    payment_method_id: i16,
    payout_threshold_micros: Option<i64>,
    no_carry_over: Option<bool>,
    api_access_enabled: bool,
    profile: serde_json::Value,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    email: Option<String>,
    name: Option<String>,
    uid: Option<String>,
    contact: serde_json::Value,
    payment_details: serde_json::Value,
}

/// The columns that [`Raw`] reads, of `affiliate f` and `person p`.
pub(crate) const COLUMNS: &str = "f.id, f.person_id, f.slug, f.partner_key, f.status, f.deal_id, \
    f.parent_affiliate_id, f.manager_id, f.external_id, f.payment_method_id, f.payout_threshold_micros, \
    f.no_carry_over, f.api_access_enabled, f.profile, f.created_at, f.updated_at, p.email, p.name, p.uid, p.contact, \
    p.payment_details";

impl TryFrom<Raw> for AffiliateRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<AffiliateRow> {
        let id = AffiliateId(raw.id);
        Ok(AffiliateRow {
            id,
            person: PersonRow {
                id: PersonId(raw.person_id),
                email: raw.email,
                name: raw.name,
                uid: raw.uid,
                contact: raw.contact,
                payment_details: raw.payment_details,
                // Read by itself where it is needed.
                visitor: None,
            },
            slug: raw.slug,
            partner_key: raw.partner_key,
            status: Status::from_word(&raw.status).ok_or_else(|| corrupt("affiliate", "status", id))?,
            deal: raw.deal_id.map(DealId),
            parent: raw.parent_affiliate_id.map(AffiliateId),
            manager: raw.manager_id,
            external_id: raw.external_id,
            payment_method: raw.payment_method_id,
            payout_threshold_micros: raw.payout_threshold_micros,
            no_carry_over: raw.no_carry_over,
            api_access_enabled: raw.api_access_enabled,
            profile: serde_json::from_value(raw.profile).map_err(|_| corrupt("affiliate", "profile", id))?,
            created_at: raw.created_at,
            updated_at: raw.updated_at,
        })
    }
}

/// Appends an affiliate; its person is appended before it.
pub async fn append(tx: &mut Tx, program: ProgramId, row: &AffiliateRow) -> Result<()> {
    crate::person::append(tx, program, std::slice::from_ref(&row.person)).await?;
    let connection = tx.enter(Step::Appends)?;
    sqlx::query!(
        "insert into affiliate (program_id, id, person_id, slug, partner_key, status, deal_id, parent_affiliate_id,
                                manager_id, external_id, payment_method_id, payout_threshold_micros, no_carry_over,
                                api_access_enabled, profile, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        program.0,
        row.id.0,
        row.person.id.0,
        row.slug,
        row.partner_key,
        row.status.as_str(),
        row.deal.map(|id| id.0),
        row.parent.map(|id| id.0),
        row.manager,
        row.external_id,
        row.payment_method,
        row.payout_threshold_micros,
        row.no_carry_over,
        row.api_access_enabled,
        serde_json::to_value(&row.profile).expect("a profile is plain data"),
        row.created_at,
        row.updated_at
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into affiliate_status (program_id, affiliate_id, number, effective_at, status)
         values ($1, $2, 1, $3, $4)",
        program.0,
        row.id.0,
        row.created_at,
        row.status.as_str()
    )
    .execute(connection)
    .await?;
    setting::append(tx, program, row, row.created_at).await
}

/// Locks an affiliate's row and reads it with its person.
pub async fn lock(tx: &mut Tx, program: ProgramId, id: AffiliateId) -> Result<Option<AffiliateRow>> {
    let connection = tx.enter(Step::Affiliates)?;
    sqlx::query!(
        "select 1 as one from affiliate where program_id = $1 and id = $2 for update",
        program.0,
        id.0
    )
    .fetch_optional(&mut *connection)
    .await?;
    by_id(connection, program, id).await
}

/// Stores a changed affiliate that the transaction has locked; what is read as of a time is dated by the change. The
/// person is stored by `person::update`.
pub async fn update(tx: &mut Tx, program: ProgramId, row: &AffiliateRow) -> Result<()> {
    sqlx::query!(
        "update affiliate set slug = $3, status = $4, deal_id = $5, parent_affiliate_id = $6, manager_id = $7,
                external_id = $8, payment_method_id = $9, payout_threshold_micros = $10, no_carry_over = $11,
                api_access_enabled = $12, profile = $13, updated_at = $14
         where program_id = $1 and id = $2",
        program.0,
        row.id.0,
        row.slug,
        row.status.as_str(),
        row.deal.map(|id| id.0),
        row.parent.map(|id| id.0),
        row.manager,
        row.external_id,
        row.payment_method,
        row.payout_threshold_micros,
        row.no_carry_over,
        row.api_access_enabled,
        serde_json::to_value(&row.profile).expect("a profile is plain data"),
        row.updated_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    setting::append(tx, program, row, row.updated_at).await
}

/// Lets an affiliate have an API key, and locks its row; says whether there is such an affiliate.
pub async fn enable_api_access(
    tx: &mut Tx,
    program: ProgramId,
    id: AffiliateId,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "update affiliate
         set api_access_enabled = true, updated_at = case when api_access_enabled then updated_at else $3 end
         where program_id = $1 and id = $2",
        program.0,
        id.0,
        now
    )
    .execute(tx.enter(Step::Affiliates)?)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Adds a status from an instant on. The transaction holds the fence exclusively.
pub async fn append_status(
    tx: &mut Tx,
    program: ProgramId,
    id: AffiliateId,
    from: Timestamp,
    status: Status,
) -> Result<()> {
    sqlx::query!(
        "insert into affiliate_status (program_id, affiliate_id, number, effective_at, status)
         select $1, $2, coalesce(max(number), 0) + 1, $3, $4 from affiliate_status
         where program_id = $1 and affiliate_id = $2",
        program.0,
        id.0,
        from,
        status.as_str()
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// The dated statuses of affiliates.
pub async fn histories(
    connection: &mut Connection,
    program: ProgramId,
    ids: &BTreeSet<AffiliateId>,
) -> Result<BTreeMap<AffiliateId, History>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select affiliate_id, effective_at, status from affiliate_status
         where program_id = $1 and affiliate_id = any($2) order by affiliate_id, number",
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut entries: BTreeMap<AffiliateId, Vec<(Timestamp, Status)>> = BTreeMap::new();
    for row in rows {
        let id = AffiliateId(row.affiliate_id);
        let status =
            Status::from_word(&row.status).ok_or_else(|| corrupt("affiliate_status", "status", id))?;
        entries.entry(id).or_default().push((row.effective_at, status));
    }
    Ok(entries.into_iter().map(|(id, entries)| (id, History::new(entries))).collect())
}

/// A page of the ids of affiliates after one.
pub async fn ids_after(
    connection: &mut Connection,
    program: ProgramId,
    after: AffiliateId,
    limit: i64,
) -> Result<Vec<AffiliateId>> {
    let ids = sqlx::query_scalar!(
        "select id from affiliate where program_id = $1 and id > $2 order by id limit $3",
        program.0,
        after.0,
        limit
    );
    Ok(ids.fetch_all(connection).await?.into_iter().map(AffiliateId).collect())
}

/// An affiliate as a conversion finds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Its id.
    pub id: AffiliateId,
    /// The word in its links.
    pub slug: String,
    /// Its partner key.
    pub partner_key: String,
    /// Its own deal, if it has one.
    pub deal: Option<DealId>,
}

/// Affiliates by any of their names.
pub async fn find(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[i64],
    slugs: &[String],
    partner_keys: &[String],
) -> Result<Vec<Found>> {
    let rows = sqlx::query!(
        "select id, slug, partner_key, deal_id from affiliate
         where program_id = $1 and (id = any($2) or slug = any($3) or partner_key = any($4))",
        program.0,
        ids,
        slugs,
        partner_keys
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Found {
            id: AffiliateId(row.id),
            slug: row.slug,
            partner_key: row.partner_key,
            deal: row.deal_id.map(DealId),
        })
        .collect())
}

/// What affiliates can be told by: their e-mail addresses, and what they were last seen with.
pub async fn people(
    connection: &mut Connection,
    program: ProgramId,
    ids: &BTreeSet<AffiliateId>,
) -> Result<BTreeMap<AffiliateId, (Option<String>, Option<Vec<u8>>)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select a.id, p.email, p.visitor
         from affiliate a
              cross join lateral (select email, visitor from person
                                  where program_id = a.program_id and id = a.person_id offset 0) p
         where a.program_id = $1 and a.id = any($2)",
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (AffiliateId(row.id), (row.email, row.visitor))).collect())
}

/// An affiliate by id.
pub async fn by_id(
    connection: &mut Connection,
    program: ProgramId,
    id: AffiliateId,
) -> Result<Option<AffiliateRow>> {
    let filter = Filter { id: Some(id), ..Filter::default() };
    Ok(list(connection, program, &filter, 0, 1).await?.pop())
}

/// What a list of affiliates may be narrowed by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Only this affiliate.
    pub id: Option<AffiliateId>,
    /// Only these affiliates; empty for all.
    pub ids: Vec<AffiliateId>,
    /// Only in one of these statuses; empty for all.
    pub statuses: Vec<Status>,
    /// Only after this id.
    pub after: Option<AffiliateId>,
    /// Only with this display name.
    pub name: Option<String>,
    /// Only with this e-mail address.
    pub email: Option<String>,
    /// Only paid to this PayPal address.
    pub paypal_email: Option<String>,
    /// Only made before.
    pub created_before: Option<Timestamp>,
    /// Only made after.
    pub created_after: Option<Timestamp>,
}

/// A list of affiliates by id.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<AffiliateRow>> {
    let mut query = QueryBuilder::<Postgres>::new("select ");
    query.push(COLUMNS);
    let is_about_people = filter.name.is_some() || filter.email.is_some() || filter.paypal_email.is_some();
    query.push(" from affiliate f ");
    query.push(if is_about_people { person::search("f") } else { person::look_up("f") });
    query.push(" where f.program_id = ").push_bind(program.0);
    if let Some(id) = filter.id {
        query.push(" and f.id = ").push_bind(id.0);
    }
    if !filter.ids.is_empty() {
        let ids: Vec<i64> = filter.ids.iter().map(|id| id.0).collect();
        query.push(" and f.id = any(").push_bind(ids).push(")");
    }
    if !filter.statuses.is_empty() {
        let words: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
        query.push(" and f.status = any(").push_bind(words).push(")");
    }
    if let Some(after) = filter.after {
        query.push(" and f.id > ").push_bind(after.0);
    }
    for (condition, text) in [(" and p.name = ", &filter.name), (" and p.email = ", &filter.email)] {
        if let Some(text) = text {
            query.push(condition).push_bind(text.clone());
        }
    }
    if let Some(email) = &filter.paypal_email {
        query.push(" and exists (select 1 from jsonb_each(p.payment_details) d where lower(d.value ->> 'paypal_email') = ");
        query.push_bind(email.clone()).push(")");
    }
    let bounds =
        [(" and f.created_at < ", filter.created_before), (" and f.created_at > ", filter.created_after)];
    for (condition, bound) in bounds {
        if let Some(bound) = bound {
            query.push(condition).push_bind(bound);
        }
    }
    query.push(" order by f.id offset ").push_bind(offset).push(" limit ").push_bind(limit);
    let raw: Vec<Raw> = query.build_query_as().fetch_all(connection).await?;
    raw.into_iter().map(AffiliateRow::try_from).collect()
}
