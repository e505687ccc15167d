//! Names: keyed hashes of idempotency keys, source ids, uids and e-mail addresses. Whoever claims a name first owns
//! it; what a name names never changes.

use std::collections::HashMap;

use domain::ids::ProgramId;
use uuid::Uuid;

use crate::error::Result;
use crate::{Step, Tx};

/// A keyed hash of a name; its kind is part of what was hashed.
pub type Hash = [u8; 16];

/// What a name is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An idempotency key of an operation.
    Key,
    /// A source id of money.
    Source,
    /// A customer's uid.
    Uid,
    /// A customer's e-mail address.
    Email,
}

impl Kind {
    /// The number under which the kind is stored, and which is hashed with the name.
    pub fn code(self) -> i16 {
        match self {
            Kind::Key => 0,
            Kind::Source => 1,
            Kind::Uid => 2,
            Kind::Email => 3,
        }
    }
}

/// A name that a batch mentions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mention {
    /// The name.
    pub hash: Hash,
    /// What it is.
    pub kind: Kind,
    /// What it shall name if nobody has it yet; `None` for a name that is only referred to.
    pub subject: Option<Uuid>,
}

/// What a mentioned name turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binding {
    /// It names this, and has for longer than this transaction.
    Bound(Uuid),
    /// This transaction made the row, with the mention's subject or none.
    Fresh,
    /// The row is older, names nothing and is locked by this transaction: something is parked under it.
    Waiting,
}

/// Claims names. Afterwards no other transaction can claim any of them; [`lock_waiting`] must follow before anything
/// is read that is parked under them.
///
/// A bound name needs no lock, because what it names never changes. A name that is only referred to is looked up before
/// it is made, which spares the common case (known customer, new source id) the conflict handling.
pub async fn claim(tx: &mut Tx, program: ProgramId, mentions: &[Mention]) -> Result<HashMap<Hash, Binding>> {
    Ok(crate::claim(tx, program, mentions, None).await?.bindings)
}

/// What names name that were taken while they were claimed.
pub(crate) async fn read(
    tx: &mut Tx,
    program: ProgramId,
    names: &[Hash],
    found: &mut HashMap<Hash, Binding>,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Vec<u8>> = names.iter().map(|hash| hash.to_vec()).collect();
    let rows = sqlx::query!(
        "select hash, subject from name where program_id = $1 and hash = any($2)",
        program.0,
        &hashes
    )
    .fetch_all(tx.enter(Step::Names)?)
    .await?;
    for row in rows {
        let binding = row.subject.map_or(Binding::Waiting, Binding::Bound);
        found.insert(hash(&row.hash), binding);
    }
    Ok(())
}

/// Locks every name that is `Waiting`, all at once and in key order, and reads again what it names: afterwards no other
/// transaction can bind or park under it.
pub async fn lock_waiting(tx: &mut Tx, program: ProgramId, found: &mut HashMap<Hash, Binding>) -> Result<()> {
    let mut waiting: Vec<Vec<u8>> = found
        .iter()
        .filter(|(_, binding)| **binding == Binding::Waiting)
        .map(|(hash, _)| hash.to_vec())
        .collect();
    if waiting.is_empty() {
        return Ok(());
    }
    // They are looked up, and so locked, one by one as they come.
    waiting.sort();
    let rows = sqlx::query!(
        "select n.hash, n.subject
         from unnest($2::bytea[]) as w (hash)
              cross join lateral (select hash, subject from name
                                  where program_id = $1 and hash = w.hash offset 0 for update) n",
        program.0,
        &waiting
    )
    .fetch_all(tx.enter(Step::Names)?)
    .await?;
    for row in rows {
        let binding = row.subject.map_or(Binding::Waiting, Binding::Bound);
        found.insert(hash(&row.hash), binding);
    }
    Ok(())
}

/// Gives waiting or fresh names their subject.
pub async fn bind(tx: &mut Tx, program: ProgramId, bindings: &[(Hash, Uuid)]) -> Result<()> {
    if bindings.is_empty() {
        return Ok(());
    }
    // Written like this each row is looked up; a plain update may read the names of the whole program.
    let hashes: Vec<Vec<u8>> = bindings.iter().map(|(hash, _)| hash.to_vec()).collect();
    let subjects: Vec<Uuid> = bindings.iter().map(|(_, subject)| *subject).collect();
    sqlx::query!(
        "insert into name (program_id, hash, kind, subject)
         select $1, t.hash, n.kind, t.subject
         from unnest($2::bytea[], $3::uuid[]) as t (hash, subject)
              cross join lateral (select kind from name where program_id = $1 and hash = t.hash offset 0) n
         on conflict (program_id, hash) do update set subject = excluded.subject",
        program.0,
        &hashes,
        &subjects
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Makes names that this transaction made name nothing, because something is parked under them.
pub async fn unbind(tx: &mut Tx, program: ProgramId, hashes: &[Hash]) -> Result<()> {
    if hashes.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
    sqlx::query!(
        "update name set subject = null where program_id = $1 and hash = any($2)",
        program.0,
        &hashes
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Gives up names that this transaction made and nothing came to need: refusals leave no trace.
pub async fn give_up(tx: &mut Tx, program: ProgramId, hashes: &[Hash]) -> Result<()> {
    if hashes.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
    sqlx::query!("delete from name where program_id = $1 and hash = any($2)", program.0, &hashes)
        .execute(tx.enter(Step::Appends)?)
        .await?;
    Ok(())
}

/// What a name names, read without a lock; for answers that need no claim.
pub async fn subject(
    connection: &mut sqlx::PgConnection,
    program: ProgramId,
    name: Hash,
) -> Result<Option<Uuid>> {
    let found = sqlx::query_scalar!(
        "select subject from name where program_id = $1 and hash = $2",
        program.0,
        &name[..]
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.flatten())
}

pub(crate) fn hash(bytes: &[u8]) -> Hash {
    bytes.try_into().expect("the column's check keeps hashes at 16 bytes")
}
