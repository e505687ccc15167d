//! Personal data: the one place where they live.

use domain::ids::{PersonId, ProgramId};
use uuid::Uuid;

use crate::error::Result;
use crate::{Connection, Step, Tx};

/// A row of `person`.
#[derive(Clone, PartialEq, Debug)]
pub struct PersonRow {
    /// Its id.
    pub id: PersonId,
    /// E-mail address.
    pub email: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// The program's own id of a customer.
    pub uid: Option<String>,
    /// Everything else there is to reach the person: first and last name, phone, messengers.
    pub contact: serde_json::Value,
    /// Where payouts go, by method.
    pub payment_details: serde_json::Value,
    /// The keyed hash of address and agent that a customer registered with, or an affiliate was last seen with.
    pub visitor: Option<Vec<u8>>,
}

impl PersonRow {
    /// A person with nothing but an address and a uid.
    pub fn customer(id: PersonId, email: Option<String>, uid: Option<String>) -> PersonRow {
        let empty = || serde_json::Value::Object(serde_json::Map::new());
        PersonRow { id, email, name: None, uid, contact: empty(), payment_details: empty(), visitor: None }
    }
}

/// Joins, as `p`, the person that each row of a table names, by a look-up of its own for each row. Of tables that were
/// never analyzed the planner expects that a program has two people, and a plain join would read them all.
pub(crate) fn look_up(alias: &str) -> String {
    format!(
        "join lateral (select x.email, x.name, x.uid, x.contact, x.payment_details from person x \
         where x.program_id = {alias}.program_id and x.id = {alias}.person_id offset 0) p on true"
    )
}

/// Joins, as `p`, the person that each row of a table names, where the query says something about people.
pub(crate) fn search(alias: &str) -> String {
    format!("join person p on p.program_id = {alias}.program_id and p.id = {alias}.person_id")
}

/// Appends people.
pub async fn append(tx: &mut Tx, program: ProgramId, people: &[PersonRow]) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = people.iter().map(|person| person.id.0).collect();
    let emails: Vec<Option<String>> = people.iter().map(|person| person.email.clone()).collect();
    let names: Vec<Option<String>> = people.iter().map(|person| person.name.clone()).collect();
    let uids: Vec<Option<String>> = people.iter().map(|person| person.uid.clone()).collect();
    let contacts: Vec<String> = people.iter().map(|person| person.contact.to_string()).collect();
    let details: Vec<String> = people.iter().map(|person| person.payment_details.to_string()).collect();
    let visitors: Vec<Option<&[u8]>> = people.iter().map(|person| person.visitor.as_deref()).collect();
    sqlx::query!(
        "insert into person (program_id, id, email, name, uid, contact, payment_details, visitor)
         select $1, t.id, t.email, t.name, t.uid, t.contact::jsonb, t.payment_details::jsonb, t.visitor
         from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[])
              as t (id, email, name, uid, contact, payment_details, visitor)",
        program.0,
        &ids,
        &emails as _,
        &names as _,
        &uids as _,
        &contacts,
        &details,
        &visitors as _
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// People by id, in no order.
pub async fn by_ids(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[PersonId],
) -> Result<Vec<PersonRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select id, email, name, uid, contact, payment_details, visitor from person where program_id = $1 and id = any($2)",
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| PersonRow {
            id: PersonId(row.id),
            email: row.email,
            name: row.name,
            uid: row.uid,
            contact: row.contact,
            payment_details: row.payment_details,
            visitor: row.visitor,
        })
        .collect())
}

/// Replaces what is known of a person.
pub async fn update(tx: &mut Tx, program: ProgramId, person: &PersonRow) -> Result<()> {
    sqlx::query!(
        "update person set email = $3, name = $4, uid = $5, contact = $6, payment_details = $7
         where program_id = $1 and id = $2",
        program.0,
        person.id.0,
        person.email,
        person.name,
        person.uid,
        person.contact,
        person.payment_details
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Fills in what is not known of people yet: e-mail address and uid.
pub async fn complete(
    tx: &mut Tx,
    program: ProgramId,
    people: &[(PersonId, Option<String>, Option<String>)],
) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let mut people: Vec<_> = people.iter().collect();
    people.sort_by_key(|(id, ..)| *id);
    let ids: Vec<Uuid> = people.iter().map(|(id, ..)| id.0).collect();
    let emails: Vec<Option<&str>> = people.iter().map(|(_, email, _)| email.as_deref()).collect();
    let uids: Vec<Option<&str>> = people.iter().map(|(.., uid)| uid.as_deref()).collect();
    // The ids ascend, so a person's place among them is a binary search; a join would compare each with each.
    sqlx::query!(
        "update person
         set email = coalesce(email, ($3::text[])[width_bucket(id, $2::uuid[])]),
             uid = coalesce(uid, ($4::text[])[width_bucket(id, $2::uuid[])])
         where program_id = $1 and id = any($2)",
        program.0,
        &ids,
        &emails as _,
        &uids as _
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Remembers what a person was last seen with.
pub async fn seen_with(tx: &mut Tx, program: ProgramId, id: PersonId, visitor: &[u8]) -> Result<()> {
    sqlx::query!(
        "update person set visitor = $3 where program_id = $1 and id = $2 and visitor is distinct from $3",
        program.0,
        id.0,
        visitor
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}
