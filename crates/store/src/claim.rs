//! The beginning of a batch: its names are claimed and the referrals that they name are locked, in one message.

use std::collections::HashMap;

use domain::ids::{ProgramId, ReferralId};
use uuid::Uuid;

use crate::error::Result;
use crate::name::{self, Binding, Hash, Mention};
use crate::referral::{Raw, ReferralRow};
use crate::{Step, Tx};

/// What [`claim`] found.
pub struct Claimed {
    /// What the names name.
    pub bindings: HashMap<Hash, Binding>,
    /// The referrals, locked, in any order; `None` where something else has to be locked or read before them.
    pub referrals: Option<Vec<ReferralRow>>,
}

/// Claims names, each mentioned once, as [`name::claim`] does and locks the referrals of the customers that they name, with
/// `referrals`, in the order of their ids. None of them is locked if a name waits, was taken meanwhile or names money (more
/// names may have to be locked first, and more referrals among these), or if `referrals` is `None`.
pub async fn claim(
    tx: &mut Tx,
    program: ProgramId,
    mentions: &[Mention],
    referrals: Option<&[ReferralId]>,
) -> Result<Claimed> {
    let mut mentions = mentions.to_vec();
    mentions.sort_by_key(|mention| mention.hash);
    let bytes = |mention: &Mention| mention.hash.to_vec();
    let referred: Vec<Vec<u8>> =
        mentions.iter().filter(|mention| mention.subject.is_none()).map(bytes).collect();
    let hashes: Vec<Vec<u8>> = mentions.iter().map(bytes).collect();
    let kinds: Vec<i16> = mentions.iter().map(|mention| mention.kind.code()).collect();
    let subjects: Vec<Option<Uuid>> = mentions.iter().map(|mention| mention.subject).collect();
    let ids: Vec<Uuid> = referrals.unwrap_or_default().iter().map(|id| id.0).collect();
    let rows = sqlx::query_file!(
        "src/claim.sql",
        program.0,
        &referred,
        &hashes,
        &kinds,
        &subjects as _,
        referrals.is_some(),
        &ids
    )
    .fetch_all(tx.enter(Step::Names)?)
    .await?;
    let is_open = rows.iter().all(|row| row.is_open);
    let mut bindings = HashMap::with_capacity(mentions.len());
    let mut locked = HashMap::new();
    for row in rows {
        if let Some(hash) = row.hash {
            let named = row.subject.map_or(Binding::Waiting, Binding::Bound);
            bindings.insert(name::hash(&hash), if row.is_fresh { Binding::Fresh } else { named });
        }
        let raw = || {
            Some(Raw {
                id: row.id?,
                number: row.number?,
                person_id: row.person_id?,
                affiliate_id: row.affiliate_id?,
                state: row.state?,
                state_set_at: row.state_set_at?,
                occurred_at: row.occurred_at?,
                rejected_at: row.rejected_at,
                expires_at: row.expires_at,
                assignments: row.assignments?,
                attributes: row.attributes,
                rejected_facts: row.rejected_facts,
                fold: row.fold?,
                version: row.version?,
                created_at: row.created_at?,
                updated_at: row.updated_at?,
            })
        };
        // Two names of a customer bring the referral twice.
        if let Some(raw) = raw().filter(|raw| !locked.contains_key(&raw.id)) {
            locked.insert(raw.id, ReferralRow::try_from(raw)?);
        }
    }
    // Of names that were taken there are no rows, not even one that says so.
    if referrals.is_some() && is_open && bindings.len() == mentions.len() {
        tx.enter(Step::Referrals)?;
        return Ok(Claimed { bindings, referrals: Some(locked.into_values().collect()) });
    }
    let lost: Vec<Hash> =
        mentions.iter().map(|mention| mention.hash).filter(|hash| !bindings.contains_key(hash)).collect();
    name::read(tx, program, &lost, &mut bindings).await?;
    Ok(Claimed { bindings, referrals: None })
}
