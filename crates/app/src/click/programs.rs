//! What a redirect needs to know of programs and of the hosts that are theirs: an immutable snapshot in memory, replaced
//! when a program's settings change.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use domain::ids::{DealId, ProgramId};
use domain::link::{Host, HostPattern};
use domain::time::Zone;
use store::program::ProgramRow;
use store::{StoreError, program};

use crate::App;
use crate::error::Result;

/// A program's tracking settings, ready for use.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) allowed_hosts: Vec<HostPattern>,
    pub(crate) fallback_url: Option<String>,
    pub(crate) click_parameter: String,
    pub(crate) cookie_seconds: i64,
    pub(crate) keep_addresses: bool,
    pub(crate) default_deal: DealId,
    pub(crate) zone: Zone,
}

impl From<&ProgramRow> for Settings {
    fn from(row: &ProgramRow) -> Settings {
        Settings {
            allowed_hosts: crate::link::allowed_hosts(row),
            fallback_url: row.tracking.fallback_url.clone(),
            click_parameter: row.tracking.click_parameter.clone(),
            cookie_seconds: i64::from(row.tracking.cookie_days) * 86_400,
            keep_addresses: row.tracking.keep_addresses,
            default_deal: row.default_deal,
            zone: row.zone,
        }
    }
}

#[derive(Clone, Default)]
struct Snapshot {
    programs: HashMap<ProgramId, Arc<Settings>>,
    hosts: HashMap<String, ProgramId>,
}

/// The programs that this process knows.
pub(crate) struct Programs {
    snapshot: RwLock<Arc<Snapshot>>,
    /// The host that all programs share: it is no program's own, whatever settings of old say.
    shared_host: Option<Host>,
}

impl Programs {
    pub(crate) fn new(shared_host: Option<Host>) -> Programs {
        Programs { snapshot: RwLock::default(), shared_host }
    }

    /// Whether all programs share a host, which is in lower case and without port.
    pub(crate) fn is_shared(&self, host: &str) -> bool {
        self.shared_host.as_ref().is_some_and(|shared| shared.as_str() == host)
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().expect("nothing panics while it holds this").clone()
    }

    /// The settings of a program, if they are in memory.
    pub(crate) fn get(&self, program: ProgramId) -> Option<Arc<Settings>> {
        let snapshot = self.snapshot.read().expect("nothing panics while it holds this");
        snapshot.programs.get(&program).cloned()
    }

    /// The program whose own host this is; a port is left out.
    pub(crate) fn of_host(&self, host: &str) -> Option<ProgramId> {
        let snapshot = self.snapshot.read().expect("nothing panics while it holds this");
        if snapshot.hosts.is_empty() {
            return None;
        }
        let name = match host.rfind(':') {
            Some(at) if !host.ends_with(']') => &host[..at],
            _ => host,
        };
        snapshot.hosts.get(name).or_else(|| snapshot.hosts.get(&name.to_ascii_lowercase())).copied()
    }

    /// Keeps the settings of a program as they are now.
    pub(crate) fn put(&self, row: &ProgramRow) -> Arc<Settings> {
        let settings = Arc::new(Settings::from(row));
        let mut snapshot = self.snapshot.write().expect("nothing panics while it holds this");
        let mut changed = Snapshot::clone(&snapshot);
        changed.programs.insert(row.id, settings.clone());
        changed.hosts.retain(|_, program| *program != row.id);
        let own = row.tracking.hosts.iter().filter(|host| !self.is_shared(host.as_str()));
        changed.hosts.extend(own.map(|host| (host.clone(), row.id)));
        *snapshot = Arc::new(changed);
        settings
    }

    /// How many programs are in memory.
    pub(crate) fn count(&self) -> usize {
        self.snapshot().programs.len()
    }
}

/// Reads a program's settings again; `None` for an unknown program.
pub(crate) async fn read(app: &App, id: ProgramId) -> Result<Option<Arc<Settings>>> {
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    let row = program::by_id(&mut connection, id).await?;
    Ok(row.map(|row| app.0.clicks.programs.put(&row)))
}

/// Reads the settings of every program.
pub(crate) async fn read_all(app: &App) -> Result<()> {
    for id in program::ids(app.pool()).await? {
        read(app, id).await?;
    }
    tracing::debug!(programs = app.0.clicks.programs.count(), "the programs are in memory");
    Ok(())
}
