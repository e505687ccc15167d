//! The links, in memory: by their codes, each an immutable snapshot that is replaced when the link changes. A code that is
//! not in memory costs one look-up and then counts as unknown for a while; above a set size the least used links go.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use domain::ids::{AffiliateId, LinkId, ProgramId};
use domain::link::Code;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use store::StoreError;
use tokio::sync::Semaphore;

use super::link::Link;
use super::programs::{self, Settings};
use crate::App;
use crate::error::Result;

/// A code that was not found counts as unknown for so long.
const UNKNOWN: Duration = Duration::from_secs(2);

/// Unknown codes that are remembered, in each part.
const UNKNOWN_REMEMBERED: usize = 4_096;

/// Look-ups at a time, so that guessed codes do not take the database from others.
const LOOK_UPS: usize = 8;

/// Parts, so that threads seldom meet.
const PARTS: usize = 32;

/// Links that are read at once when the directory is filled or changed.
const PAGE: i64 = 5_000;

#[derive(Default)]
struct Part {
    links: HashTable<Arc<Link>>,
    unknown: HashMap<Box<str>, Instant>,
    /// Counted up by every change, so that what was read before it is not kept behind it.
    changes: u64,
}

/// The links that this process knows.
pub(crate) struct Directory {
    parts: [RwLock<Part>; PARTS],
    hasher: RandomState,
    count: AtomicUsize,
    limit: usize,
    look_ups: Semaphore,
    /// How long a look-up may take.
    patience: Duration,
}

/// What is known of a code.
pub(crate) enum Found {
    /// Its link.
    Link(Arc<Link>),
    /// It was looked up a moment ago and names none.
    Unknown,
    /// Nothing.
    NotInMemory,
}

impl Directory {
    pub(crate) fn new(limit: usize, patience: Duration) -> Directory {
        Directory {
            parts: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            count: AtomicUsize::new(0),
            limit: limit.max(PARTS),
            look_ups: Semaphore::new(LOOK_UPS),
            patience,
        }
    }

    fn hash(&self, code: &str) -> u64 {
        self.hasher.hash_one(code)
    }

    /// Which part a hash belongs to. The table in it goes by other bits: the lowest, and the seven highest.
    fn place(hash: u64) -> usize {
        (hash >> 32) as usize % PARTS
    }

    fn part(&self, hash: u64) -> &RwLock<Part> {
        &self.parts[Directory::place(hash)]
    }

    /// The link of a code in lower case.
    pub(crate) fn get(&self, code: &str) -> Found {
        let hash = self.hash(code);
        let part = self.part(hash).read().expect("nothing panics while it holds this");
        if let Some(link) = part.links.find(hash, |link| link.code() == code) {
            link.mark_used();
            return Found::Link(link.clone());
        }
        match part.unknown.get(code) {
            Some(since) if since.elapsed() < UNKNOWN => Found::Unknown,
            _ => Found::NotInMemory,
        }
    }

    /// Keeps a link that was read after so many changes of its part; false if there were more since.
    fn put(&self, link: Arc<Link>, changes: u64) -> bool {
        let hash = self.hash(link.code());
        let mut part = self.part(hash).write().expect("nothing panics while it holds this");
        if part.changes != changes {
            return false;
        }
        part.unknown.remove(link.code());
        let is_it = |known: &Arc<Link>| known.code() == link.code();
        match part.links.entry(hash, is_it, |known| self.hash(known.code())) {
            Entry::Occupied(mut known) => *known.get_mut() = link,
            Entry::Vacant(place) => {
                place.insert(link);
                self.count.fetch_add(1, Ordering::Relaxed);
            }
        }
        if part.links.len() > self.limit / PARTS {
            self.evict(&mut part);
        }
        true
    }

    /// Removes what was not used since the last time, or, where everything was, what comes first.
    fn evict(&self, part: &mut Part) {
        let before = part.links.len();
        part.links.retain(|link| link.take_used());
        let mut surplus = part.links.len().saturating_sub(self.limit / PARTS);
        part.links.retain(|_| {
            let is_kept = surplus == 0;
            surplus = surplus.saturating_sub(1);
            is_kept
        });
        self.count.fetch_sub(before - part.links.len(), Ordering::Relaxed);
    }

    fn remember_unknown(&self, code: &str) {
        let mut part = self.part(self.hash(code)).write().expect("nothing panics while it holds this");
        if part.unknown.len() >= UNKNOWN_REMEMBERED {
            part.unknown.retain(|_, since| since.elapsed() < UNKNOWN);
        }
        if part.unknown.len() < UNKNOWN_REMEMBERED {
            part.unknown.insert(code.into(), Instant::now());
        }
    }

    /// A link was made or changed. Says whether it is in memory; that its code is unknown is forgotten.
    pub(crate) fn change(&self, code: &str) -> bool {
        let hash = self.hash(code);
        let mut part = self.part(hash).write().expect("nothing panics while it holds this");
        part.changes += 1;
        part.unknown.remove(code);
        part.links.find(hash, |link| link.code() == code).is_some()
    }

    /// Any link may have been changed.
    fn change_all(&self) {
        for part in &self.parts {
            part.write().expect("nothing panics while it holds this").changes += 1;
        }
    }

    /// Changes the links of a program that are in memory to other settings.
    fn set_under(&self, program: ProgramId, settings: &Settings) {
        for part in &self.parts {
            let mut part = part.write().expect("nothing panics while it holds this");
            part.changes += 1;
            for link in part.links.iter_mut().filter(|link| link.program == program) {
                *link = Arc::new(link.under(settings));
            }
        }
    }

    /// How many links are in memory.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

/// Looks a code up that is not in memory. Whatever comes of it, the next two seconds ask memory alone.
pub(crate) async fn look_up(app: &App, code: &str) -> Option<Arc<Link>> {
    let directory = &app.0.clicks.directory;
    let is_code = Code::parse(code).is_ok_and(|parsed| parsed.as_str() == code);
    if !is_code {
        return None;
    }
    let found = tokio::time::timeout(directory.patience, async {
        let _turn = directory.look_ups.acquire().await.ok()?;
        read(app, code)
            .await
            .inspect_err(|error| tracing::debug!(%error, "a code cannot be looked up"))
            .ok()?
    });
    let found = found.await.ok().flatten();
    if found.is_none() {
        directory.remember_unknown(code);
    }
    found
}

/// Reads the link of a code and keeps it; what is changed meanwhile is read again.
async fn read(app: &App, code: &str) -> Result<Option<Arc<Link>>> {
    let directory = &app.0.clicks.directory;
    loop {
        let changes = changes_of(directory.part(directory.hash(code)));
        let Some(route) = store::link::route(app.pool(), code).await? else { return Ok(None) };
        let Some(settings) = settings(app, route.program).await? else { return Ok(None) };
        let link = Arc::new(Link::new(&route, &settings));
        if directory.put(link.clone(), changes) {
            return Ok(Some(link));
        }
    }
}

async fn settings(app: &App, program: ProgramId) -> Result<Option<Arc<Settings>>> {
    match app.0.clicks.programs.get(program) {
        Some(settings) => Ok(Some(settings)),
        None => programs::read(app, program).await,
    }
}

/// A link was made, and will be clicked soon.
pub(crate) async fn made(app: &App, code: &str) -> Result<()> {
    app.0.clicks.directory.change(code);
    read(app, code).await.map(drop)
}

/// A link was changed: it is read again, if it is in memory.
pub(crate) async fn changed(app: &App, code: &str) -> Result<()> {
    if app.0.clicks.directory.change(code) {
        read(app, code).await?;
    }
    Ok(())
}

/// An affiliate was changed: those of its links that are in memory are read again.
pub(crate) async fn affiliate_changed(app: &App, program: ProgramId, affiliate: AffiliateId) -> Result<()> {
    let directory = &app.0.clicks.directory;
    directory.change_all();
    fill_from(app, program, Some(affiliate), |code| matches!(directory.get(code), Found::Link(_))).await
}

/// A program was changed.
pub(crate) async fn program_changed(app: &App, program: ProgramId) -> Result<()> {
    if let Some(settings) = programs::read(app, program).await? {
        app.0.clicks.directory.set_under(program, &settings);
    }
    Ok(())
}

/// Fills the directory up to its size, so that no click waits for a look-up.
pub(crate) async fn fill(app: &App) -> Result<()> {
    let directory = &app.0.clicks.directory;
    for program in store::program::ids(app.pool()).await? {
        fill_from(app, program, None, |_| directory.count() + PARTS < directory.limit).await?;
    }
    tracing::info!(links = directory.count(), "the links are in memory");
    Ok(())
}

async fn fill_from(
    app: &App,
    program: ProgramId,
    affiliate: Option<AffiliateId>,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<()> {
    let directory = &app.0.clicks.directory;
    let mut after = LinkId(0);
    loop {
        let changes: Vec<u64> = directory.parts.iter().map(changes_of).collect();
        let Some(settings) = settings(app, program).await? else { return Ok(()) };
        let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
        let routes = store::link::routes(&mut connection, program, affiliate, after, PAGE).await?;
        drop(connection);
        let Some(last) = routes.last() else { return Ok(()) };
        after = last.id;
        for route in routes.iter().filter(|route| is_wanted(&route.code)) {
            let link = Arc::new(Link::new(route, &settings));
            let changes = changes[Directory::place(directory.hash(&route.code))];
            if !directory.put(link, changes) {
                read(app, &route.code).await?;
            }
        }
    }
}

/// How many changes a part has seen.
fn changes_of(part: &RwLock<Part>) -> u64 {
    part.read().expect("nothing panics while it holds this").changes
}

#[cfg(test)]
mod tests {
    use store::link::Route;

    use super::*;

    fn link(destination: &str) -> Arc<Link> {
        let settings = Settings {
            allowed_hosts: Vec::new(),
            fallback_url: None,
            click_parameter: "rfr".to_owned(),
            cookie_seconds: 1,
            keep_addresses: false,
            default_deal: domain::ids::DealId(1),
            zone: "UTC".parse().expect("a zone"),
        };
        let route = Route {
            program: ProgramId(1),
            id: LinkId(1),
            code: "sale".to_owned(),
            affiliate: AffiliateId(1),
            slug: "jane".to_owned(),
            deal: None,
            destination_url: Some(destination.to_owned()),
            fallback_url: None,
            brand: None,
            campaign: Some("summer".to_owned()),
            is_enabled: true,
        };
        Arc::new(Link::new(&route, &settings))
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_behind_it() {
        let directory = Directory::new(100, Duration::ZERO);
        let changes = || changes_of(directory.part(directory.hash("sale")));
        let before = changes();
        assert!(!directory.change("sale"), "it is in memory");
        assert!(!directory.put(link("https://old.example.com/"), before), "it was kept");
        assert!(matches!(directory.get("sale"), Found::NotInMemory));
        assert!(directory.put(link("https://new.example.com/"), changes()), "it was not kept");
        let before = changes();
        assert!(directory.change("sale"), "it is not in memory");
        assert!(!directory.put(link("https://old.example.com/"), before), "it was kept");
        let Found::Link(found) = directory.get("sale") else { panic!("it is not in memory") };
        assert_eq!(
            (found.code(), found.slug(), found.brand(), found.campaign()),
            ("sale", "jane", "", "summer")
        );
    }
}
