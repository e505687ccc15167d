//! The links, in memory: by their codes, each an immutable snapshot that is replaced when the link changes. A code that is
//! not in memory costs one look-up and then counts as unknown for a while; above a set size the least used links go.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use domain::ids::{AffiliateId, DealId, LinkId, ProgramId};
use domain::link::{Code, Destination};
use store::StoreError;
use store::link::Route;
use tokio::sync::Semaphore;

use super::programs::{self, Settings};
use crate::App;
use crate::error::Result;

/// A look-up may take so long; only what is not in memory waits.
const LOOK_UP: Duration = Duration::from_millis(50);

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

/// A link as a redirect needs it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) program: ProgramId,
    pub(crate) id: LinkId,
    pub(crate) affiliate: AffiliateId,
    pub(crate) slug: Box<str>,
    pub(crate) deal: Option<DealId>,
    pub(crate) brand: Box<str>,
    pub(crate) campaign: Box<str>,
    pub(crate) leads: Leads,
    destination_url: Option<Box<str>>,
    fallback_url: Option<Box<str>>,
    is_enabled: bool,
}

/// Where a link leads under the settings of its program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To its destination, in `destination_url`.
    ToDestination,
    /// To the program's fallback page, with a click.
    ToFallback,
    /// To its own fallback page, without a click: it is disabled.
    Disabled,
}

impl Link {
    fn new(route: Route, settings: &Settings) -> Link {
        let text = |text: Option<String>| text.unwrap_or_default().into_boxed_str();
        let mut link = Link {
            program: route.program,
            id: route.id,
            affiliate: route.affiliate,
            slug: route.slug.into_boxed_str(),
            deal: route.deal,
            brand: text(route.brand),
            campaign: text(route.campaign),
            leads: Leads::Disabled,
            destination_url: route.destination_url.map(String::into_boxed_str),
            fallback_url: route.fallback_url.map(String::into_boxed_str),
            is_enabled: route.is_enabled,
        };
        link.leads = link.leads_under(settings);
        link
    }

    /// A host that the program no longer allows is as good as a disabled link.
    fn leads_under(&self, settings: &Settings) -> Leads {
        let is_allowed = |url: &str| Destination::parse_allowed(url, &settings.allowed_hosts).is_ok();
        match &self.destination_url {
            _ if !self.is_enabled => Leads::Disabled,
            None => Leads::ToFallback,
            Some(url) if is_allowed(url) => Leads::ToDestination,
            Some(_) => Leads::Disabled,
        }
    }

    /// The same link under other settings.
    fn under(&self, settings: &Settings) -> Link {
        Link {
            slug: self.slug.clone(),
            brand: self.brand.clone(),
            campaign: self.campaign.clone(),
            leads: self.leads_under(settings),
            destination_url: self.destination_url.clone(),
            fallback_url: self.fallback_url.clone(),
            ..*self
        }
    }

    /// The address it leads to; `None` where there is none, which is a page that says so.
    pub(crate) fn address<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        let fallback = settings.fallback_url.as_deref();
        match self.leads {
            Leads::ToDestination => self.destination_url.as_deref(),
            Leads::ToFallback => fallback,
            Leads::Disabled => {
                let own = self.fallback_url.as_deref();
                own.filter(|url| Destination::parse_allowed(url, &settings.allowed_hosts).is_ok())
                    .or(fallback)
            }
        }
    }
}

struct Entry {
    link: Arc<Link>,
    is_used: AtomicBool,
}

#[derive(Default)]
struct Part {
    links: HashMap<Box<str>, Entry>,
    unknown: HashMap<Box<str>, Instant>,
}

/// The links that this process knows.
pub(crate) struct Directory {
    parts: [RwLock<Part>; PARTS],
    hasher: RandomState,
    count: AtomicUsize,
    /// Counted up by every change, so that a look-up that it overtakes is not kept.
    changes: AtomicU64,
    limit: usize,
    look_ups: Semaphore,
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
    pub(crate) fn new(limit: usize) -> Directory {
        Directory {
            parts: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            count: AtomicUsize::new(0),
            changes: AtomicU64::new(0),
            limit: limit.max(PARTS),
            look_ups: Semaphore::new(LOOK_UPS),
        }
    }

    fn part(&self, code: &str) -> &RwLock<Part> {
        &self.parts[self.hasher.hash_one(code) as usize % PARTS]
    }

    /// The link of a code in lower case.
    pub(crate) fn get(&self, code: &str) -> Found {
        let part = self.part(code).read().expect("nothing panics while it holds this");
        if let Some(entry) = part.links.get(code) {
            // A plain look first: writing would take the line from other threads each time.
            if !entry.is_used.load(Ordering::Relaxed) {
                entry.is_used.store(true, Ordering::Relaxed);
            }
            return Found::Link(entry.link.clone());
        }
        match part.unknown.get(code) {
            Some(since) if since.elapsed() < UNKNOWN => Found::Unknown,
            _ => Found::NotInMemory,
        }
    }

    fn put(&self, code: &str, link: Arc<Link>) {
        let mut part = self.part(code).write().expect("nothing panics while it holds this");
        part.unknown.remove(code);
        let entry = Entry { link, is_used: AtomicBool::new(true) };
        if part.links.insert(code.into(), entry).is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        if part.links.len() > self.limit / PARTS {
            self.evict(&mut part);
        }
    }

    /// Removes what was not used since the last time, or, where everything was, what comes first.
    fn evict(&self, part: &mut Part) {
        let before = part.links.len();
        part.links.retain(|_, entry| entry.is_used.swap(false, Ordering::Relaxed));
        let mut surplus = part.links.len().saturating_sub(self.limit / PARTS);
        part.links.retain(|_, _| {
            let is_kept = surplus == 0;
            surplus = surplus.saturating_sub(1);
            is_kept
        });
        self.count.fetch_sub(before - part.links.len(), Ordering::Relaxed);
    }

    fn remember_unknown(&self, code: &str) {
        let mut part = self.part(code).write().expect("nothing panics while it holds this");
        if part.unknown.len() >= UNKNOWN_REMEMBERED {
            part.unknown.retain(|_, since| since.elapsed() < UNKNOWN);
        }
        if part.unknown.len() < UNKNOWN_REMEMBERED {
            part.unknown.insert(code.into(), Instant::now());
        }
    }

    /// Forgets that a code is unknown: a link was made.
    pub(crate) fn made(&self, code: &str) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        let mut part = self.part(code).write().expect("nothing panics while it holds this");
        part.unknown.remove(code);
    }

    /// Changes the links of a program that are in memory to other settings.
    pub(crate) fn set_under(&self, program: ProgramId, settings: &Settings) {
        for part in &self.parts {
            let mut part = part.write().expect("nothing panics while it holds this");
            for entry in part.links.values_mut().filter(|entry| entry.link.program == program) {
                entry.link = Arc::new(entry.link.under(settings));
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
    let found = tokio::time::timeout(LOOK_UP, async {
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

/// Reads the link of a code and keeps it, unless something changed meanwhile.
async fn read(app: &App, code: &str) -> Result<Option<Arc<Link>>> {
    let directory = &app.0.clicks.directory;
    let changes = directory.changes.load(Ordering::Acquire);
    let Some(route) = store::link::route(app.pool(), code).await? else { return Ok(None) };
    let Some(settings) = settings(app, route.program).await? else { return Ok(None) };
    let link = Arc::new(Link::new(route, &settings));
    if directory.changes.load(Ordering::Acquire) == changes {
        directory.put(code, link.clone());
    }
    Ok(Some(link))
}

async fn settings(app: &App, program: ProgramId) -> Result<Option<Arc<Settings>>> {
    match app.0.clicks.programs.get(program) {
        Some(settings) => Ok(Some(settings)),
        None => programs::read(app, program).await,
    }
}

/// A link was changed: it is read again, if it is in memory.
pub(crate) async fn changed(app: &App, code: &str) -> Result<()> {
    let directory = &app.0.clicks.directory;
    directory.changes.fetch_add(1, Ordering::Release);
    if matches!(directory.get(code), Found::Link(_)) {
        read(app, code).await?;
    }
    Ok(())
}

/// An affiliate was changed: those of its links that are in memory are read again.
pub(crate) async fn affiliate_changed(app: &App, program: ProgramId, affiliate: AffiliateId) -> Result<()> {
    app.0.clicks.directory.changes.fetch_add(1, Ordering::Release);
    fill_from(app, program, Some(affiliate), |code| {
        matches!(app.0.clicks.directory.get(code), Found::Link(_))
    })
    .await
}

/// A program was changed.
pub(crate) async fn program_changed(app: &App, program: ProgramId) -> Result<()> {
    app.0.clicks.directory.changes.fetch_add(1, Ordering::Release);
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
    let Some(settings) = settings(app, program).await? else { return Ok(()) };
    let mut after = LinkId(0);
    loop {
        let changes = directory.changes.load(Ordering::Acquire);
        let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
        let routes = store::link::routes(&mut connection, program, affiliate, after, PAGE).await?;
        drop(connection);
        let Some(last) = routes.last() else { return Ok(()) };
        if directory.changes.load(Ordering::Acquire) != changes {
            // Read the page again, as it is now.
            continue;
        }
        after = last.id;
        for route in routes {
            let code = route.code.clone();
            if is_wanted(&code) {
                directory.put(&code, Arc::new(Link::new(route, &settings)));
            }
        }
    }
}
