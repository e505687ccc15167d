//! Referrals: who referred whom, under which terms, and the stored state of the fold.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::fact::Attributes;
use domain::fold::State;
use domain::ids::{AffiliateId, DealVersionId, FactId, PersonId, ProgramId, ReferralId, ReferralNumber};
use domain::referral;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Rows, Step, Tx, person};

/// Who a referral belongs to and under which deal version, from an instant on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AssignmentRow {
    /// From when.
    #[serde(rename = "f")]
    pub from: Timestamp,
    /// The affiliate.
    #[serde(rename = "a")]
    pub affiliate: AffiliateId,
    /// The deal version, if there is one.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub version: Option<DealVersionId>,
}

/// A row of `referral`.
#[derive(Clone, PartialEq, Debug)]
pub struct ReferralRow {
    /// Its id.
    pub id: ReferralId,
    /// Its integer name.
    pub number: ReferralNumber,
    /// The person.
    pub person: PersonId,
    /// The affiliate it belongs to now.
    pub affiliate: AffiliateId,
    /// Where it stands.
    pub state: referral::State,
    /// Since when.
    pub state_set_at: Timestamp,
    /// When the registration occurred.
    pub occurred_at: Timestamp,
    /// When the staff rejected it.
    pub rejected_at: Option<Timestamp>,
    /// Without a payment up to here it expires.
    pub expires_at: Option<Timestamp>,
    /// Owners and terms, oldest first.
    pub assignments: Vec<AssignmentRow>,
    /// What is known of the customer since the registration.
    pub attributes: Attributes,
    /// Facts whose commission a reviewer rejected.
    pub rejected: BTreeSet<FactId>,
    /// The stored state of the fold.
    pub fold: State,
    /// The version of the scope, counted under its lock.
    pub version: i64,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl ReferralRow {
    /// Where the referral stands at an instant: one that has not paid in time is expired, whether or not a later
    /// fact said so.
    pub fn state_at(&self, now: Timestamp) -> (referral::State, Timestamp) {
        match self.expires_at {
            Some(expires_at) if expires_at < now && self.state == referral::State::Converted => {
                (referral::State::Expired, expires_at)
            }
            _ => (self.state, self.state_set_at),
        }
    }

    /// Whose it was at an instant; `None` where it has no assignment.
    pub fn owner_at(&self, at: Timestamp) -> Option<AffiliateId> {
        let in_force = self.assignments.iter().rev().find(|assignment| assignment.from <= at);
        in_force.or(self.assignments.first()).map(|assignment| assignment.affiliate)
    }

    /// Every affiliate the referral has belonged to.
    pub fn affiliates(&self) -> BTreeSet<AffiliateId> {
        self.assignments.iter().map(|assignment| assignment.affiliate).collect()
    }
}

/// A row as PostgreSQL answers it.
#[derive(sqlx::FromRow)]
pub(crate) struct Raw {
    pub(crate) id: Uuid,
    pub(crate) number: i64,
    pub(crate) person_id: Uuid,
    pub(crate) affiliate_id: i64,
    pub(crate) state: String,
    pub(crate) state_set_at: DateTime<Utc>,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) rejected_at: Option<DateTime<Utc>>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) assignments: serde_json::Value,
    pub(crate) attributes: Option<serde_json::Value>,
    pub(crate) rejected_facts: Option<Vec<Uuid>>,
    pub(crate) fold: serde_json::Value,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl TryFrom<Raw> for ReferralRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<ReferralRow> {
        let id = ReferralId(raw.id);
        let assignments: Vec<AssignmentRow> =
            serde_json::from_value(raw.assignments).map_err(|_| corrupt("referral", "assignments", id))?;
        if assignments.is_empty() {
            return Err(corrupt("referral", "assignments", id));
        }
        Ok(ReferralRow {
            id,
            number: ReferralNumber(raw.number),
            person: PersonId(raw.person_id),
            affiliate: AffiliateId(raw.affiliate_id),
            state: referral::State::from_word(&raw.state).ok_or_else(|| corrupt("referral", "state", id))?,
            state_set_at: raw.state_set_at,
            occurred_at: raw.occurred_at,
            rejected_at: raw.rejected_at,
            expires_at: raw.expires_at,
            assignments,
            attributes: raw
                .attributes
                .map_or_else(|| Ok(Attributes::default()), serde_json::from_value)
                .map_err(|_| corrupt("referral", "attributes", id))?,
            rejected: raw.rejected_facts.into_iter().flatten().map(FactId).collect(),
            fold: serde_json::from_value(raw.fold).map_err(|_| corrupt("referral", "fold", id))?,
            version: raw.version,
            created_at: raw.created_at,
            updated_at: raw.updated_at,
        })
    }
}

/// Locks referrals in the order of their ids and reads them.
pub async fn lock(tx: &mut Tx, program: ProgramId, ids: &BTreeSet<ReferralId>) -> Result<Vec<ReferralRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query_as!(
        Raw,
        // They are looked up, and so locked, one by one as they come: in the order of their ids.
        "select r.id, r.number, r.person_id, r.affiliate_id, r.state, r.state_set_at, r.occurred_at, r.rejected_at,
                r.expires_at, r.assignments, r.attributes, r.rejected_facts, r.fold, r.version, r.created_at,
                r.updated_at
         from unnest($2::uuid[]) as w (id)
              cross join lateral (select * from referral where program_id = $1 and id = w.id offset 0
                                  for no key update) r",
        program.0,
        &ids
    )
    .fetch_all(tx.enter(Step::Referrals)?)
    .await?
    .into_iter()
    .map(ReferralRow::try_from)
    .collect()
}

/// Reads referrals without locking them.
pub async fn read(
    connection: &mut Connection,
    program: ProgramId,
    ids: &BTreeSet<ReferralId>,
) -> Result<Vec<ReferralRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query_as!(
        Raw,
        "select id, number, person_id, affiliate_id, state, state_set_at, occurred_at, rejected_at, expires_at,
                assignments, attributes, rejected_facts, fold, version, created_at, updated_at
         from referral where program_id = $1 and id = any($2) order by id",
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(ReferralRow::try_from)
    .collect()
}

/// A page of referrals after an id, in the order of their ids.
pub async fn after(
    connection: &mut Connection,
    program: ProgramId,
    after: ReferralId,
    limit: i64,
) -> Result<Vec<ReferralRow>> {
    sqlx::query_as!(
        Raw,
        "select id, number, person_id, affiliate_id, state, state_set_at, occurred_at, rejected_at, expires_at,
                assignments, attributes, rejected_facts, fold, version, created_at, updated_at
         from referral where program_id = $1 and id > $2 order by id limit $3",
        program.0,
        after.0,
        limit
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(ReferralRow::try_from)
    .collect()
}

/// A referral with what its person told.
#[derive(Clone, PartialEq, Debug)]
pub struct ReferralView {
    /// The referral.
    pub referral: ReferralRow,
    /// Its uid.
    pub uid: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
}

/// What a list of referrals may be narrowed by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Only this referral.
    pub id: Option<ReferralId>,
    /// Only these (any of them); empty for all.
    pub ids: Vec<ReferralId>,
    /// Only this affiliate's.
    pub affiliate: Option<AffiliateId>,
    /// Only in this state, expiry by time included.
    pub state: Option<referral::State>,
    /// Only with this e-mail address.
    pub email: Option<String>,
    /// Only made before.
    pub created_before: Option<Timestamp>,
    /// Only made after.
    pub created_after: Option<Timestamp>,
    /// Only with a state set before.
    pub state_set_before: Option<Timestamp>,
    /// Only with a state set after.
    pub state_set_after: Option<Timestamp>,
    /// Only after this place of the list (made at, id).
    pub after: Option<(Timestamp, ReferralId)>,
}

/// A list of referrals, oldest first.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    now: Timestamp,
    offset: i64,
    limit: i64,
) -> Result<Vec<ReferralView>> {
    let mut query = QueryBuilder::<Postgres>::new(
        "select r.id, r.number, r.person_id, r.affiliate_id, r.state, r.state_set_at, r.occurred_at, r.rejected_at,
                r.expires_at, r.assignments, r.attributes, r.rejected_facts, r.fold, r.version, r.created_at, r.updated_at, p.uid, p.email
         from referral r ",
    );
    query.push(if filter.email.is_some() { person::search("r") } else { person::look_up("r") });
    query.push(" where r.program_id = ").push_bind(program.0);
    narrow(&mut query, filter, now);
    if filter.id.is_none() {
        query.push(" order by r.created_at, r.id");
    }
    query.push(" limit ").push_bind(limit).push(" offset ").push_bind(offset);
    #[derive(sqlx::FromRow)]
    struct View {
        #[sqlx(flatten)]
        raw: Raw,
        uid: Option<String>,
        email: Option<String>,
    }
    let views: Vec<View> = query.build_query_as().fetch_all(connection).await?;
    views
        .into_iter()
        .map(|view| Ok(ReferralView { referral: view.raw.try_into()?, uid: view.uid, email: view.email }))
        .collect()
}

fn narrow(query: &mut QueryBuilder<Postgres>, filter: &Filter, now: Timestamp) {
    if let Some(id) = filter.id {
        query.push(" and r.id = ").push_bind(id.0);
    }
    if !filter.ids.is_empty() {
        let ids: Vec<Uuid> = filter.ids.iter().map(|id| id.0).collect();
        query.push(" and r.id = any(").push_bind(ids).push(")");
    }
    if let Some(affiliate) = filter.affiliate {
        query.push(" and r.affiliate_id = ").push_bind(affiliate.0);
    }
    match filter.state {
        None => {}
        Some(referral::State::Expired) => {
            query.push(" and (r.state = 'expired' or r.state = 'converted' and r.expires_at < ");
            query.push_bind(now).push(")");
        }
        Some(referral::State::Converted) => {
            query.push(" and r.state = 'converted' and (r.expires_at is null or r.expires_at >= ");
            query.push_bind(now).push(")");
        }
        Some(state) => {
            query.push(" and r.state = ").push_bind(state.as_str());
        }
    }
    if let Some(email) = &filter.email {
        query.push(" and p.email = ").push_bind(email.clone());
    }
    let bounds =
        [(" and r.created_at < ", filter.created_before), (" and r.created_at > ", filter.created_after)];
    for (condition, bound) in bounds {
        if let Some(bound) = bound {
            query.push(condition).push_bind(bound);
        }
    }
    // As `ReferralRow::state_at` shows it: one that has not paid in time has been expired since that time.
    for (comparison, bound) in [(" < ", filter.state_set_before), (" > ", filter.state_set_after)] {
        if let Some(bound) = bound {
            query.push(" and case when r.state = 'converted' and r.expires_at < ").push_bind(now);
            query.push(" then r.expires_at else r.state_set_at end").push(comparison).push_bind(bound);
        }
    }
    if let Some((created_at, id)) = filter.after {
        query
            .push(" and (r.created_at, r.id) > (")
            .push_bind(created_at)
            .push(", ")
            .push_bind(id.0)
            .push(")");
    }
}

/// Appends new referrals.
pub async fn append(tx: &mut Tx, program: ProgramId, referrals: &[&ReferralRow]) -> Result<()> {
    if referrals.is_empty() {
        return Ok(());
    }
    let json = |value: serde_json::Result<String>| value.expect("the row is plain data");
    let ids: Vec<Uuid> = referrals.iter().map(|row| row.id.0).collect();
    let numbers: Vec<i64> = referrals.iter().map(|row| row.number.0).collect();
    let persons: Vec<Uuid> = referrals.iter().map(|row| row.person.0).collect();
    let affiliates: Vec<i64> = referrals.iter().map(|row| row.affiliate.0).collect();
    let states: Vec<&str> = referrals.iter().map(|row| row.state.as_str()).collect();
    let state_set: Vec<Timestamp> = referrals.iter().map(|row| row.state_set_at).collect();
    let occurred: Vec<Timestamp> = referrals.iter().map(|row| row.occurred_at).collect();
    let expires: Vec<Option<Timestamp>> = referrals.iter().map(|row| row.expires_at).collect();
    let assignments: Vec<String> =
        referrals.iter().map(|row| json(serde_json::to_string(&row.assignments))).collect();
    let folds: Vec<String> = referrals.iter().map(|row| json(serde_json::to_string(&row.fold))).collect();
    let versions: Vec<i64> = referrals.iter().map(|row| row.version).collect();
    let created: Vec<Timestamp> = referrals.iter().map(|row| row.created_at).collect();
    let attributes: Vec<Option<String>> = referrals.iter().map(|row| attributes_of(row)).collect();
    sqlx::query!(
        "insert into referral (program_id, id, number, person_id, affiliate_id, state, state_set_at, occurred_at,
                               expires_at, assignments, fold, version, created_at, updated_at, attributes)
         select $1, t.id, t.number, t.person_id, t.affiliate_id, t.state, t.state_set_at, t.occurred_at,
                t.expires_at, t.assignments::jsonb, t.fold::jsonb, t.version, t.created_at, t.created_at,
                t.attributes::jsonb
         from unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[], $6::text[], $7::timestamptz[],
                     $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::bigint[],
                     $13::timestamptz[], $14::text[])
              as t (id, number, person_id, affiliate_id, state, state_set_at, occurred_at, expires_at, assignments,
                    fold, version, created_at, attributes)",
        program.0,
        &ids,
        &numbers,
        &persons,
        &affiliates,
        &states as _,
        &state_set,
        &occurred,
        &expires as _,
        &assignments,
        &folds,
        &versions,
        &created,
        &attributes as _
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// What is known of a customer as it is stored: nothing where nothing is.
fn attributes_of(row: &ReferralRow) -> Option<String> {
    let is_known = row.attributes != Attributes::default();
    is_known.then(|| serde_json::to_string(&row.attributes).expect("attributes are plain data"))
}

/// Stores what the fold made of referrals that the transaction has locked.
pub async fn update(tx: &mut Tx, program: ProgramId, referrals: &[&ReferralRow]) -> Result<()> {
    crate::write(tx, program, Rows { referrals, ..Rows::default() }).await
}

/// Changed referrals as [`crate::write`] takes them, column by column.
pub(crate) struct Columns<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) affiliates: Vec<i64>,
    pub(crate) states: Vec<&'a str>,
    pub(crate) state_set: Vec<Timestamp>,
    pub(crate) rejected: Vec<Option<Timestamp>>,
    pub(crate) folds: Vec<String>,
    pub(crate) versions: Vec<i64>,
    pub(crate) updated: Vec<Timestamp>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(referrals: &[&'a ReferralRow]) -> Columns<'a> {
        let fold = |row: &&ReferralRow| serde_json::to_string(&row.fold).expect("a state is plain data");
        Columns {
            ids: referrals.iter().map(|row| row.id.0).collect(),
            affiliates: referrals.iter().map(|row| row.affiliate.0).collect(),
            states: referrals.iter().map(|row| row.state.as_str()).collect(),
            state_set: referrals.iter().map(|row| row.state_set_at).collect(),
            rejected: referrals.iter().map(|row| row.rejected_at).collect(),
            folds: referrals.iter().map(fold).collect(),
            versions: referrals.iter().map(|row| row.version).collect(),
            updated: referrals.iter().map(|row| row.updated_at).collect(),
        }
    }
}

/// Adds a fact whose commission a reviewer rejected to a referral that the transaction has locked.
pub async fn reject_fact(tx: &mut Tx, program: ProgramId, id: ReferralId, fact: FactId) -> Result<()> {
    sqlx::query!(
        "update referral set rejected_facts = array_append(rejected_facts, $3) where program_id = $1 and id = $2",
        program.0,
        id.0,
        fact.0
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Referrals, after one, that are or were under one of these deal versions, for an affiliate if one is given.
pub async fn under(
    connection: &mut Connection,
    program: ProgramId,
    versions: &[DealVersionId],
    affiliate: Option<AffiliateId>,
    after: Option<ReferralId>,
    limit: i64,
) -> Result<Vec<ReferralId>> {
    let versions: Vec<Uuid> = versions.iter().map(|version| version.0).collect();
    let ids = sqlx::query_scalar!(
        "select id from referral
         where program_id = $1 and id > $2
               and exists (select from jsonb_array_elements(assignments) as a
                           where (a ->> 'v')::uuid = any($3) and ($4::bigint is null or (a ->> 'a')::bigint = $4))
         order by id limit $5",
        program.0,
        after.map_or(Uuid::nil(), |id| id.0),
        &versions,
        affiliate.map(|id| id.0),
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(ReferralId).collect())
}

/// Gives referrals that the transaction has locked their dated list of owners and terms, and what is known of the customer.
pub async fn assign(tx: &mut Tx, program: ProgramId, referrals: &[&ReferralRow]) -> Result<()> {
    if referrals.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = referrals.iter().map(|row| row.id.0).collect();
    let lists: Vec<String> = referrals
        .iter()
        .map(|row| serde_json::to_string(&row.assignments).expect("assignments are plain data"))
        .collect();
    let attributes: Vec<Option<String>> = referrals.iter().map(|row| attributes_of(row)).collect();
    sqlx::query!(
        "update referral set assignments = t.assignments::jsonb, attributes = t.attributes::jsonb
         from unnest($2::uuid[], $3::text[], $4::text[]) as t (id, assignments, attributes)
         where program_id = $1 and referral.id = t.id",
        program.0,
        &ids,
        &lists,
        &attributes as _
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}
