//! Who brought whom, as far as it matters to a few affiliates: their parents and theirs, each with its dated statuses and
//! terms (money.md §4). A program without sub-affiliates asks the database nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::affiliate::{History, Status};
use domain::deal::Terms;
use domain::ids::{AffiliateId, DealId, DealVersionId};
use domain::sub_affiliate::{Member, Network};
use domain::time::Timestamp;
use store::affiliate::setting::SettingRow;
use store::{Connection, Result};

use super::Decisions;

/// The versions of a deal, oldest first, each with when it takes effect.
pub(crate) type Versions = Arc<[(Timestamp, DealVersionId, Arc<Terms>)]>;

impl Decisions {
    /// The network above some affiliates.
    pub(crate) async fn network(
        &self,
        connection: &mut Connection,
        wanted: &BTreeSet<AffiliateId>,
    ) -> Result<Network> {
        let mut network =
            Network { currency: self.program.currency, zone: self.program.zone, members: BTreeMap::new() };
        if !self.has_network {
            return Ok(network);
        }
        let missing: BTreeSet<AffiliateId> = {
            let kept = self.members.lock().expect("nothing panics while it holds this");
            wanted.iter().copied().filter(|id| !kept.contains_key(id)).collect()
        };
        if !missing.is_empty() {
            self.read_members(connection, &missing).await?;
        }
        let kept = self.members.lock().expect("nothing panics while it holds this");
        let mut next: Vec<AffiliateId> = wanted.iter().copied().collect();
        while let Some(id) = next.pop() {
            let Some(member) = kept.get(&id).filter(|_| !network.members.contains_key(&id)) else { continue };
            next.extend(member.parents.iter().filter_map(|(_, parent)| *parent));
            network.members.insert(id, member.clone());
        }
        Ok(network)
    }

    async fn read_members(&self, connection: &mut Connection, wanted: &BTreeSet<AffiliateId>) -> Result<()> {
        let program = self.program.id;
        let ids = store::affiliate::setting::chains(connection, program, wanted).await?;
        let settings = store::affiliate::setting::of(connection, program, &ids).await?;
        let statuses = self.statuses(connection, &ids).await?;
        let mut members = BTreeMap::new();
        for id in ids {
            let dated = dated(settings.get(&id).map_or(&[][..], Vec::as_slice));
            let mut terms = Vec::new();
            let own: Vec<_> = dated.iter().map(|(from, row)| (*from, row.and_then(|row| row.deal))).collect();
            let deals = if id == self.program.default_affiliate {
                Vec::new()
            } else {
                deals(&own, &self.default_deals)
            };
            for (index, (from, deal)) in deals.iter().enumerate() {
                let until = deals.get(index + 1).map(|(until, _)| *until);
                terms.extend(in_force(&self.versions_of(connection, *deal).await?, *from, until));
            }
            let parents = dated.iter().map(|(from, row)| (*from, row.and_then(|row| row.parent))).collect();
            let statuses = statuses.get(&id).cloned().unwrap_or_else(|| History::always(Status::Pending));
            members.insert(id, Member { parents, statuses, terms });
        }
        self.members.lock().expect("nothing panics while it holds this").extend(members);
        Ok(())
    }

    /// Every version of a deal.
    pub(crate) async fn versions_of(&self, connection: &mut Connection, deal: DealId) -> Result<Versions> {
        let kept = self.deals.lock().expect("nothing panics while it holds this").get(&deal).cloned();
        if let Some(versions) = kept {
            return Ok(versions);
        }
        let rows = store::deal::versions(connection, self.program.id, deal).await?;
        let versions: Versions =
            rows.into_iter().rev().map(|row| (row.effective_at, row.version, Arc::new(row.terms))).collect();
        self.deals.lock().expect("nothing panics while it holds this").insert(deal, versions.clone());
        Ok(versions)
    }
}

/// Settings with the time each holds from: the first one, or none at all, holds for all time before it too.
pub(super) fn dated(settings: &[SettingRow]) -> Vec<(Timestamp, Option<SettingRow>)> {
    let mut dated: Vec<_> = settings.iter().map(|row| (row.from, Some(*row))).collect();
    match dated.first_mut() {
        Some(first) => first.0 = Timestamp::MIN_UTC,
        None => dated.push((Timestamp::MIN_UTC, None)),
    }
    dated
}

/// The deals that an affiliate is under, with the time each is in force from: its own, where it has none the program's
/// default, both dated lists of which the first entry holds for all time before it too.
fn deals(own: &[(Timestamp, Option<DealId>)], defaults: &[(Timestamp, DealId)]) -> Vec<(Timestamp, DealId)> {
    let mut times: Vec<Timestamp> = own.iter().map(|(from, _)| *from).collect();
    times.extend(defaults.iter().skip(1).map(|(from, _)| *from));
    times.sort();
    times.dedup();
    let default =
        |at| defaults.iter().rev().find(|(from, _)| *from <= at).or(defaults.first()).map(|(_, deal)| *deal);
    let deal = |at| own.iter().rev().find(|(from, _)| *from <= at)?.1.or_else(|| default(at));
    times.into_iter().filter_map(|at| Some((at, deal(at)?))).collect()
}

/// The versions that are in force in a span: the newest in effect before it, and those that take effect within it. The first
/// version of a deal holds for all time before it too.
fn in_force(
    versions: &Versions,
    from: Timestamp,
    until: Option<Timestamp>,
) -> Vec<(Timestamp, DealVersionId, Arc<Terms>)> {
    let newest = versions.iter().rposition(|(at, ..)| *at <= from).unwrap_or(0);
    let is_within = |at: Timestamp| until.is_none_or(|until| at < until);
    let first = versions.get(newest).map(|(_, version, terms)| (from, *version, terms.clone()));
    let later = versions.iter().skip(newest + 1).filter(|(at, ..)| is_within(*at)).cloned();
    first.into_iter().chain(later).collect()
}
