//! What ingest keeps of a program's decisions: settings, the newest terms of deals, affiliates' statuses.
//!
//! Every transaction reads the program's version behind the fence; what was read under another version is thrown away,
//! so nothing here is ever out of date when it is used. Deal versions never change and are kept for good.

mod choice;
mod network;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use domain::affiliate::History;
use domain::deal::Terms;
use domain::fold::Truth;
use domain::ids::{AffiliateId, DealId, DealVersionId, ProgramId};
use domain::sub_affiliate::Member;
use domain::time::Timestamp;
use store::program::ProgramRow;
use store::{Connection, Result, Tx};

pub(crate) use choice::{InForce, Offers};

/// A version's deal, and its terms.
type OfDeal = (DealId, Arc<Terms>);

/// Decisions of programs, by version.
#[derive(Default)]
pub(crate) struct Cache {
    programs: Mutex<HashMap<ProgramId, Arc<Decisions>>>,
    versions: Mutex<HashMap<(ProgramId, DealVersionId), OfDeal>>,
}

/// The decisions of one program at one version.
pub(crate) struct Decisions {
    pub(crate) program: ProgramRow,
    /// The default deals over time; the first one holds for all time before it too.
    pub(crate) default_deals: Vec<(Timestamp, DealId)>,
    /// What counts the deposits and withdrawals of each brand.
    pub(crate) brands: BTreeMap<String, Truth>,
    statuses: Mutex<BTreeMap<AffiliateId, History>>,
    own: Mutex<BTreeMap<AffiliateId, Arc<choice::Own>>>,
    /// Whether anybody was ever brought by another.
    has_network: bool,
    members: Mutex<BTreeMap<AffiliateId, Member>>,
    deals: Mutex<HashMap<DealId, network::Versions>>,
}

impl Cache {
    /// The decisions of a program as they stand in this transaction; `None` for an unknown program.
    pub(crate) async fn decisions(&self, tx: &mut Tx, program: ProgramId) -> Result<Option<Arc<Decisions>>> {
        let Some(version) = tx.decisions_version() else { return Ok(None) };
        let known = self.programs.lock().expect("nothing panics while it holds this").get(&program).cloned();
        if let Some(decisions) = known.filter(|decisions| decisions.program.version == version) {
            return Ok(Some(decisions));
        }
        let Some(decisions) = Decisions::read(tx.read(), program).await? else { return Ok(None) };
        let decisions = Arc::new(decisions);
        let mut programs = self.programs.lock().expect("nothing panics while it holds this");
        programs.insert(program, decisions.clone());
        Ok(Some(decisions))
    }

    /// Deal versions with their deals.
    pub(crate) async fn versions(
        &self,
        connection: &mut Connection,
        program: ProgramId,
        wanted: &BTreeSet<DealVersionId>,
    ) -> Result<BTreeMap<DealVersionId, (DealId, Arc<Terms>)>> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        {
            let kept = self.versions.lock().expect("nothing panics while it holds this");
            for version in wanted {
                match kept.get(&(program, *version)) {
                    Some(known) => drop(found.insert(*version, known.clone())),
                    None => missing.push(*version),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        for row in store::deal::by_versions(connection, program, &missing).await? {
            let known = (row.id, Arc::new(row.terms));
            let mut kept = self.versions.lock().expect("nothing panics while it holds this");
            kept.insert((program, row.version), known.clone());
            found.insert(row.version, known);
        }
        Ok(found)
    }
}

impl Decisions {
    /// The decisions of a program as a connection sees them, kept by nobody; `None` for an unknown program.
    pub(crate) async fn read(connection: &mut Connection, program: ProgramId) -> Result<Option<Decisions>> {
        let Some(row) = store::program::by_id(connection, program).await? else { return Ok(None) };
        Ok(Some(Decisions {
            brands: store::brand::list(connection, program).await?,
            default_deals: store::program::default_deal::of(connection, program).await?,
            program: row,
            statuses: Mutex::default(),
            own: Mutex::default(),
            has_network: store::affiliate::setting::any_parent(connection, program).await?,
            members: Mutex::default(),
            deals: Mutex::default(),
        }))
    }

    /// The dated statuses of affiliates.
    pub(crate) async fn statuses(
        &self,
        connection: &mut Connection,
        wanted: &BTreeSet<AffiliateId>,
    ) -> Result<BTreeMap<AffiliateId, History>> {
        let mut found = BTreeMap::new();
        let mut missing = BTreeSet::new();
        {
            let kept = self.statuses.lock().expect("nothing panics while it holds this");
            for affiliate in wanted {
                match kept.get(affiliate) {
                    Some(history) => drop(found.insert(*affiliate, history.clone())),
                    None => drop(missing.insert(*affiliate)),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let read = store::affiliate::histories(connection, self.program.id, &missing).await?;
        self.statuses.lock().expect("nothing panics while it holds this").extend(read.clone());
        found.extend(read);
        Ok(found)
    }
}
