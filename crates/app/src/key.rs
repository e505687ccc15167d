//! API keys: made, shown once, kept hashed, looked up in memory, and gone everywhere within two seconds of being
//! revoked.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use domain::ids::{AffiliateId, KeyId, LogId, ProgramId};
use domain::time::Timestamp;
use serde_json::json;
pub use store::key::{KeyRow, Scope};
use store::log::LogRow;
use store::{Tx, change};

use crate::error::{Error, Result};
use crate::secret::key_hash;
use crate::{App, Caller, random};

/// Keys that were looked up, by hash; only ones that work.
#[derive(Default)]
pub(crate) struct Keys(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    known: HashMap<[u8; 32], Known>,
    /// Counted up when keys are forgotten: what was looked up before is not remembered after.
    forgotten: u64,
}

impl Keys {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().expect("nothing panics while it holds this")
    }
}

#[derive(Clone, Copy)]
struct Known {
    program: ProgramId,
    id: KeyId,
    scope: Scope,
}

/// At most so many keys are remembered; beyond that the memory is emptied.
const REMEMBERED: usize = 100_000;

/// Makes a key and returns it; it cannot be shown again. Its shape is a UUID, a hyphen and the program's number. An
/// affiliate that is given one has API access from then on.
pub async fn create(app: &App, caller: &Caller, scope: Scope) -> Result<(KeyRow, String)> {
    caller.require_operator()?;
    let secret = random::bytes::<16>();
    let digits = random::hex(&secret);
    let parts = [&digits[0..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..32]];
    let key = format!("{}-{}", parts.join("-"), caller.program);
    let row = KeyRow {
        program: caller.program,
        id: KeyId(random::id()),
        scope,
        hint: key.chars().skip(28).collect(),
        created_at: caller.now,
        revoked_at: None,
    };
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    if let Scope::Affiliate(affiliate) = scope
        && !store::affiliate::enable_api_access(&mut tx, caller.program, affiliate, caller.now).await?
    {
        return Err(Error::invalid("affiliate_id", format!("there is no affiliate {affiliate}")));
    }
    store::key::append(&mut tx, &row, &key_hash(&key)).await?;
    let body = json!({ "key": row.id, "affiliate": affiliate_of(scope) });
    log(app, &mut tx, caller, "key.created", body).await?;
    tx.commit().await?;
    Ok((row, key))
}

fn affiliate_of(scope: Scope) -> Option<AffiliateId> {
    match scope {
        Scope::Operator => None,
        Scope::Affiliate(id) => Some(id),
    }
}

/// Records a decision in the log of the caller's program.
pub(crate) async fn log(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    kind: &'static str,
    body: serde_json::Value,
) -> store::Result<LogId> {
    let id = LogId(random::id());
    let row = LogRow { id, kind, scope: None, recorded_at: caller.now, body: Some(body) };
    store::log::append(tx, caller.program, &[row]).await?;
    app.0.sequencer.notify(caller.program);
    Ok(id)
}

/// The keys of the caller's program, newest first.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<KeyRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::key::list(&mut connection, caller.program).await?)
}

/// Revokes a key.
pub async fn revoke(app: &App, caller: &Caller, id: KeyId) -> Result<()> {
    caller.require_operator()?;
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    if !store::key::revoke(&mut tx, caller.program, id, caller.now).await? {
        return Err(Error::NotFound(format!("there is no working key {id}")));
    }
    tell(app, &mut tx, caller, id).await?;
    tx.commit().await?;
    forget(app, id);
    Ok(())
}

/// Revokes every key of an affiliate in the transaction that ends its API access, which then has them [forgotten](forget).
pub(crate) async fn revoke_of_affiliate(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    affiliate: AffiliateId,
) -> store::Result<Vec<KeyId>> {
    let revoked = store::key::revoke_of_affiliate(tx, caller.program, affiliate, caller.now).await?;
    for id in &revoked {
        tell(app, tx, caller, *id).await?;
    }
    Ok(revoked)
}

/// Tells the log and the other processes that a key is revoked.
async fn tell(app: &App, tx: &mut Tx, caller: &Caller, id: KeyId) -> store::Result<()> {
    log(app, tx, caller, "key.revoked", json!({ "key": id })).await?;
    change::announce(tx, caller.program, "key", &id.0.to_string()).await
}

/// Takes a key that is revoked out of this process's memory.
pub(crate) fn forget(app: &App, id: KeyId) {
    let mut keys = app.0.keys.lock();
    keys.forgotten += 1;
    keys.known.retain(|_, known| known.id != id);
}

/// Whom a key speaks for; `None` for a key that is unknown or revoked.
pub async fn authenticate(app: &App, key: &str, now: Timestamp) -> Result<Option<Caller>> {
    let hash = key_hash(key);
    let (known, forgotten) = {
        let keys = app.0.keys.lock();
        (keys.known.get(&hash).copied(), keys.forgotten)
    };
    if let Some(known) = known {
        return Ok(Some(Caller { program: known.program, scope: known.scope, now, is_live: true }));
    }
    let Some(row) = store::key::by_hash(app.pool(), &hash).await? else { return Ok(None) };
    if row.revoked_at.is_some() {
        return Ok(None);
    }
    let mut keys = app.0.keys.lock();
    if keys.known.len() >= REMEMBERED {
        keys.known.clear();
    }
    // It may have been revoked since it was read.
    if keys.forgotten == forgotten {
        keys.known.insert(hash, Known { program: row.program, id: row.id, scope: row.scope });
    }
    Ok(Some(Caller { program: row.program, scope: row.scope, now, is_live: true }))
}

/// Changes are read again that were this close behind the newest: their numbers are given before they are committed, so a
/// lower one may appear after a higher one.
const OVERLAP: i64 = 500;

/// Follows the changes of other processes: a revoked key is forgotten, links and settings are read again. While the changes
/// cannot be read, no key is remembered, so that every key is looked up.
pub(crate) async fn follow_changes(app: App, mut position: i64) {
    let mut stopping = app.0.tasks.stopping();
    let mut seen: BTreeSet<i64> = BTreeSet::new();
    let first = position;
    loop {
        let pause = tokio::time::sleep(Duration::from_secs(1));
        tokio::select! {
            () = pause => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        match change::after(app.pool(), (position - OVERLAP).max(first)).await {
            Ok(changes) => {
                for row in changes {
                    position = position.max(row.position);
                    if seen.insert(row.position) {
                        follow(&app, &row).await;
                    }
                }
                seen = seen.split_off(&(position - OVERLAP));
            }
            Err(_) => {
                let mut keys = app.0.keys.lock();
                keys.forgotten += 1;
                keys.known.clear();
            }
        }
    }
}

async fn follow(app: &App, row: &change::ChangeRow) {
    if let ("key", Ok(id)) = (row.kind.as_str(), row.subject.parse::<KeyId>()) {
        forget(app, id);
    }
    crate::click::follow(app, row).await;
}
