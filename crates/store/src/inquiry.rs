//! Inquiries: sales that affiliates miss, with what they say of them and what the program answered.

use domain::ids::{AffiliateId, PersonId, ProgramId, ReferralId};
use domain::time::Timestamp;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::Result;
use crate::{Connection, Step, Tx, person};

/// A row of `inquiry`, with what the affiliate said of the customer.
#[derive(Clone, PartialEq, Debug, sqlx::FromRow)]
pub struct InquiryRow {
    /// Its number.
    pub id: i64,
    /// Who asks.
    pub affiliate_id: i64,
    /// The row of `person` with what was said of the customer.
    pub person_id: Uuid,
    /// `open`, `accepted` or `declined`.
    pub state: String,
    /// What the sale is called where the money moved.
    pub source: Option<String>,
    /// When it was, as far as the affiliate knows.
    pub occurred_at: Option<Timestamp>,
    /// What was attached, and what became of it.
    pub evidence: serde_json::Value,
    /// The referral that it came to.
    pub referral_id: Option<Uuid>,
    /// What the program answered.
    pub answer: Option<String>,
    /// When it was filed.
    pub created_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// The customer's uid, as the affiliate says.
    pub uid: Option<String>,
    /// The customer's e-mail address, as the affiliate says.
    pub email: Option<String>,
    /// What the affiliate writes.
    pub contact: serde_json::Value,
}

impl InquiryRow {
    /// Who asks.
    pub fn affiliate(&self) -> AffiliateId {
        AffiliateId(self.affiliate_id)
    }

    /// What the affiliate writes.
    pub fn message(&self) -> &str {
        self.contact.get("message").and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

/// Appends an inquiry; its person is appended beside it.
pub async fn append(tx: &mut Tx, program: ProgramId, row: &InquiryRow) -> Result<()> {
    sqlx::query!(
        "insert into inquiry (program_id, id, affiliate_id, person_id, state, source, occurred_at, evidence, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        program.0,
        row.id,
        row.affiliate_id,
        row.person_id,
        row.state,
        row.source,
        row.occurred_at,
        row.evidence,
        row.created_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// The person of an inquiry, before it is appended.
pub fn person(id: PersonId, email: Option<String>, uid: Option<String>, message: &str) -> person::PersonRow {
    let contact = serde_json::json!({ "message": message });
    person::PersonRow { contact, ..person::PersonRow::customer(id, email, uid) }
}

/// What a list of inquiries may be narrowed by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Only this one.
    pub id: Option<i64>,
    /// Only of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only after this one.
    pub after: Option<i64>,
}

/// A list of inquiries, oldest first.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<InquiryRow>> {
    let mut query = QueryBuilder::<Postgres>::new(
        "select i.id, i.affiliate_id, i.person_id, i.state, i.source, i.occurred_at, i.evidence, i.referral_id,
                i.answer, i.created_at, i.answered_at, p.uid, p.email, p.contact
         from inquiry i ",
    );
    query.push(person::look_up("i")).push(" where i.program_id = ").push_bind(program.0);
    if let Some(id) = filter.id {
        query.push(" and i.id = ").push_bind(id);
    }
    if let Some(affiliate) = filter.affiliate {
        query.push(" and i.affiliate_id = ").push_bind(affiliate.0);
    }
    if let Some(state) = &filter.state {
        query.push(" and i.state = ").push_bind(state.clone());
    }
    if let Some(after) = filter.after {
        query.push(" and i.id > ").push_bind(after);
    }
    query.push(" order by i.id limit ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// Answers an open inquiry; whether there was one.
pub async fn answer(
    tx: &mut Tx,
    program: ProgramId,
    id: i64,
    state: &str,
    answer: &str,
    referral: Option<ReferralId>,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "update inquiry set state = $3, answer = $4, referral_id = $5, answered_at = $6
         where program_id = $1 and id = $2 and state = 'open'",
        program.0,
        id,
        state,
        answer,
        referral.map(|id| id.0),
        now
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(done.rows_affected() > 0)
}
