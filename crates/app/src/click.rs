//! Clicks: led on from memory (`click/redirect.rs`), kept in a journal until they are written (`click/journal.rs`,
//! `click/write.rs`), and believed by their tokens.
//!
//! What must not be here: what a click is worth. Attribution decides that, from tokens and rows.

mod agent;
mod country;
mod directory;
mod figures;
mod give_way;
mod journal;
pub(crate) mod keys;
mod link;
mod programs;
mod record;
pub mod redirect;
mod segment;
mod sync;
pub(crate) mod write;

pub use record::LONGEST_AGENT;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use domain::click::{ClickId, Signed, Token, TokenError, Window};
use domain::ids::{AffiliateId, LinkId, ProgramId};
use domain::time::Timestamp;
use store::change::ChangeRow;
use store::click::daily::DayRow;
pub use store::click::daily::{Filter as DailyFilter, LinkDayRow};
pub use store::click::{BOT, ClickRow, Filter, Grade, REPEAT};
use store::{Connection, Pool};
use uuid::Uuid;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::{App, Caller, random};

/// What this process keeps of clicks.
pub(crate) struct Clicks {
    pub(crate) keys: keys::Keys,
    pub(crate) directory: directory::Directory,
    pub(crate) programs: programs::Programs,
    pub(crate) countries: country::Countries,
    pub(crate) journal: Arc<journal::Journal>,
    pub(crate) months: write::Months,
    pub(crate) figures: figures::Waiting,
    /// The connection that writes.
    pub(crate) pool: Pool,
}

impl Clicks {
    pub(crate) fn new(pool: &Pool, config: &Config) -> Result<Clicks> {
        Ok(Clicks {
            keys: keys::Keys::default(),
            directory: directory::Directory::new(config.links_in_memory, config.look_up),
            programs: programs::Programs::new(config.shared_host()),
            countries: country::Countries::open(config.country_file.as_deref())?,
            journal: Arc::new(journal::Journal::new(config.click_memory)),
            months: write::Months::default(),
            figures: figures::Waiting::default(),
            pool: give_way::connect(pool, config.shares_machine),
        })
    }
}

/// Reads the signing keys, and begins to take clicks.
pub(crate) async fn start(app: &App) -> Result<()> {
    keys::rotate(app, app.now()).await?;
    let spill = app.0.config.spill.as_deref();
    app.0.clicks.journal.start(spill, journal::Spilled::of(app.metrics())).map_err(|error| {
        let place = spill.map_or_else(String::new, |path| path.display().to_string());
        Error::invalid("spill", format!("clicks cannot be kept in {place}: {error}"))
    })
}

/// Fills the memory of a server, so that no click waits for a look-up.
pub(crate) async fn fill(app: App) {
    let filled = async {
        programs::read_all(&app).await?;
        directory::fill(&app).await
    };
    if let Err(error) = filled.await {
        tracing::warn!(%error, "the links are not all in memory; they are looked up as they are asked for");
    }
}

/// Follows a change that some process has made.
pub(crate) async fn follow(app: &App, row: &ChangeRow) {
    match row.kind.as_str() {
        "link" => link_changed(app, &row.subject).await,
        "program" => program_changed(app, row.program).await,
        "affiliate" => {
            if let Ok(affiliate) = row.subject.parse() {
                heed("an affiliate", directory::affiliate_changed(app, row.program, affiliate).await);
            }
        }
        _ => {}
    }
}

/// A link was made here: its first click finds it in memory.
pub(crate) async fn link_made(app: &App, code: &str) {
    heed("a link", directory::made(app, code).await);
}

pub(crate) async fn link_changed(app: &App, code: &str) {
    heed("a link", directory::changed(app, code).await);
}

pub(crate) async fn program_changed(app: &App, program: ProgramId) {
    heed("a program", directory::program_changed(app, program).await);
}

fn heed(what: &str, read: Result<()>) {
    if let Err(error) = read {
        tracing::warn!(%error, "{what} was made or changed and cannot be read right now");
    }
}

/// Signs a click on a link at an instant, as a redirect does.
pub fn sign(app: &App, program: ProgramId, link: LinkId, at: Timestamp) -> Option<(ClickId, Signed)> {
    let key = app.0.clicks.keys.signing(at)?;
    let token = Token::new(&key, program, link, at, random::eight());
    Some((token.click(), token.sign(&key)))
}

/// Reads the token of a click as evidence for something that happened in a program at an instant: signed by this
/// installation, of that program, and at most so many days old. A key that this process does not know yet is looked up.
pub async fn verify(
    app: &App,
    program: ProgramId,
    text: &str,
    at: Timestamp,
    window_days: i32,
) -> Result<std::result::Result<Token, TokenError>> {
    let window = Window { program, at, days: window_days };
    match app.0.clicks.keys.verify(text, window) {
        Err(TokenError::UnknownKey(_)) => {
            keys::read(app).await?;
            Ok(app.0.clicks.keys.verify(text, window))
        }
        decided => Ok(decided),
    }
}

/// A click that a browser declares: nothing of ours has signed it.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// The program.
    pub program: ProgramId,
    /// Whose link it is said to be.
    pub affiliate: AffiliateId,
    /// The link, if one was named.
    pub link: Option<LinkId>,
    /// What the browser calls itself.
    pub client_id: Option<Uuid>,
    /// The visitor's address.
    pub address: Option<IpAddr>,
    /// What the visitor's program calls itself.
    pub agent: &'a [u8],
    /// The page the visitor came from.
    pub referrer: &'a [u8],
    /// The page that declares it.
    pub page: &'a [u8],
    /// What the address of that page said: `sid`, `afp`, `utm_*`.
    pub query: &'a str,
    /// When it happened.
    pub now: Timestamp,
}

/// Records a declared click and names it. Its row comes with the next batch.
pub async fn declare(app: &App, click: &Declared<'_>) -> Result<ClickId> {
    let settings = match app.0.clicks.programs.get(click.program) {
        Some(settings) => Some(settings),
        None => programs::read(app, click.program).await?,
    };
    let settings =
        settings.ok_or_else(|| Error::NotFound(format!("there is no program {}", click.program)))?;
    let id = ClickId::declared(click.now, random::bytes());
    let record = record::Record {
        program: click.program,
        id,
        clicked_at: click.now,
        affiliate: click.affiliate,
        link: click.link,
        deal: settings.default_deal,
        grade: Grade::Declared,
        client_id: click.client_id,
        address_hash: click.address.map(|address| app.0.secret.address(click.program, address)),
        address: click.address.filter(|_| settings.keep_addresses),
        country: click.address.and_then(|address| app.0.clicks.countries.of(address)),
        brand: "",
        campaign: "",
        agent: click.agent,
        referrer: click.referrer,
        page: click.page,
        query: click.query.as_bytes(),
    };
    redirect::keep(app, &record);
    Ok(id)
}

/// Whether a host is this server's own, which all programs share.
pub(crate) fn is_shared_host(app: &App, host: &str) -> bool {
    app.0.clicks.programs.is_shared(host)
}

/// The keyed hash of a visitor's address, as the rows of clicks keep it.
pub fn address_hash(app: &App, program: ProgramId, address: IpAddr) -> [u8; 16] {
    app.0.secret.address(program, address)
}

/// The country of an address, by the operator's file.
pub fn country(app: &App, address: IpAddr) -> Option<String> {
    let code = app.0.clicks.countries.of(address)?;
    Some(String::from_utf8_lossy(&code).into_owned())
}

/// Clicks by id, of those that are written.
pub async fn by_ids(app: &App, program: ProgramId, ids: &[ClickId]) -> Result<Vec<ClickRow>> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::click::by_ids(&mut connection, program, ids).await?)
}

/// A page of clicks that the caller may see, the newest first.
pub async fn list(app: &App, caller: &Caller, filter: Filter, limit: i64) -> Result<Vec<ClickRow>> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let affiliate = match owner(&mut connection, caller, filter.affiliate, filter.link).await? {
        Owner::Known(affiliate) => affiliate,
        Owner::Nobody => return Ok(Vec::new()),
    };
    let filter = Filter { affiliate, ..filter };
    Ok(store::click::list(&mut connection, caller.program, &filter, limit).await?)
}

/// A page of the figures of links that the caller may see, by day, affiliate and link.
pub async fn visits(app: &App, caller: &Caller, filter: DailyFilter, limit: i64) -> Result<Vec<LinkDayRow>> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let affiliate = match owner(&mut connection, caller, filter.affiliate, filter.link).await? {
        Owner::Known(affiliate) => affiliate,
        Owner::Nobody => return Ok(Vec::new()),
    };
    let filter = DailyFilter { affiliate, ..filter };
    Ok(store::click::daily::by_link(&mut connection, caller.program, &filter, limit).await?)
}

/// Whose clicks are asked for.
enum Owner {
    /// Those of one affiliate, or of all.
    Known(Option<AffiliateId>),
    /// Those of a link that is not there.
    Nobody,
}

/// The clicks of a link are those of its affiliate, by whom they are found.
async fn owner(
    connection: &mut Connection,
    caller: &Caller,
    asked: Option<AffiliateId>,
    link: Option<LinkId>,
) -> Result<Owner> {
    let affiliate = caller.visible_affiliate(asked)?;
    let Some(link) = link else { return Ok(Owner::Known(affiliate)) };
    let row = store::link::by_id(connection, caller.program, link).await?;
    let row = row.filter(|row| affiliate.is_none_or(|affiliate| affiliate == row.affiliate));
    Ok(row.map_or(Owner::Nobody, |row| Owner::Known(Some(row.affiliate))))
}

/// The figures of a program's days from one to another, of one affiliate or of all.
pub async fn daily(
    app: &App,
    program: ProgramId,
    affiliate: Option<AffiliateId>,
    from: NaiveDate,
    through: NaiveDate,
) -> Result<Vec<DayRow>> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::click::daily::list(&mut connection, program, affiliate, from, through).await?)
}

/// Waits until every click that was recorded so far is written, at most so long. Says whether it is.
pub async fn settle(app: &App, patience: Duration) -> bool {
    tokio::time::timeout(patience, app.0.clicks.journal.settle()).await.is_ok()
}

/// Brings the gauges of clicks up to date before they are read.
pub(crate) fn measure(app: &App) {
    let (segments, memory) = app.0.clicks.journal.waiting();
    app.metrics().click_segments_waiting.set(segments as i64);
    app.metrics().click_memory_bytes.set(memory as i64);
    app.metrics().links_in_memory.set(app.0.clicks.directory.count() as i64);
}
