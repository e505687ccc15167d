//! What browsers tell of visitors: page views, which become declared clicks, and conversions (Reditus contract §4.4). The
//! caller has no key and learns nothing: not whether a customer is known, nor whose it is.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Mutex;

use chrono::TimeDelta;
use domain::attribution::Code;
use domain::command::{AffiliateName, ClickName, Command, Operation, Refused, Registration};
use domain::fact::Attributes;
use domain::ids::{AffiliateId, LinkId, ProgramId};
use domain::text::{Email, Slug, Uid};
use domain::time::Timestamp;
use store::attribution::evidence::{self, VisitRow};
use uuid::Uuid;

use crate::App;
use crate::click::Declared;
use crate::error::{Error, Result};
use crate::ingest::{Ask, Visitor, submit};

/// Browsers whose visits are remembered at once; beyond that all are forgotten, and read again.
const REMEMBERED: usize = 100_000;

/// Visits of one browser that are remembered.
const OF_ONE: usize = 20;

/// What a browser tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A page was looked at.
    PageView,
    /// A customer signed up.
    Conversion,
}

/// What a browser tells.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// What happened.
    pub event: Event,
    /// What names the program.
    pub tracking_id: Uuid,
    /// What the script calls the browser, new for every new click.
    pub client: Option<Uuid>,
    /// The token of the redirect that led here.
    pub token: Option<String>,
    /// Who sent the visitor: by any name that came, the best first.
    pub affiliates: Vec<AffiliateName>,
    /// The link that was clicked, where the browser knows.
    pub link: Option<LinkId>,
    /// The sub id, where the address of the page does not say it.
    pub sub_id: Option<String>,
    /// Of a conversion: the customer.
    pub uid: Option<Uid>,
    /// Of a conversion: the customer's address.
    pub email: Option<Email>,
    /// Of a conversion: the coupon that was used.
    pub coupon: Option<Code>,
    /// What is known of the request, whatever it tells.
    pub origin: Origin,
}

/// What is known of a browser's request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Origin {
    /// The network address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: String,
    /// The page that tells.
    pub page: String,
    /// The page that the visitor came from.
    pub referrer: String,
    /// The tokens that redirects have left in cookies of this host, by program.
    pub tokens: Vec<(ProgramId, String)>,
}

/// Programs by what names them in browsers, and visits of late.
#[derive(Default)]
pub(crate) struct Visits {
    programs: Mutex<HashMap<Uuid, ProgramId>>,
    recent: Mutex<HashMap<(ProgramId, Uuid), Vec<VisitRow>>>,
}

impl Visits {
    /// The visits of a browser that this process knows.
    pub(crate) fn of(&self, program: ProgramId, client: Uuid) -> Vec<VisitRow> {
        let recent = self.recent.lock().expect("nothing panics while it holds this");
        recent.get(&(program, client)).cloned().unwrap_or_default()
    }

    fn remember(&self, program: ProgramId, client: Uuid, visits: &[VisitRow]) {
        let mut recent = self.recent.lock().expect("nothing panics while it holds this");
        if recent.len() >= REMEMBERED && !recent.contains_key(&(program, client)) {
            recent.clear();
        }
        let known = recent.entry((program, client)).or_default();
        for visit in visits {
            if known.len() < OF_ONE && known.iter().all(|it| it.id != visit.id) {
                known.push(*visit);
            }
        }
    }
}

impl Origin {
    /// The keyed hash of the network address and of what the browser calls itself, as the program's clicks are compared by.
    pub fn visitor(&self, app: &App, program: ProgramId) -> Option<Visitor> {
        let address_hash = app.0.secret.address(program, self.address?);
        Some(app.0.secret.browser(&address_hash, &self.agent))
    }
}

/// Takes up what a browser tells. Refused are a program that does not exist, a conversion without a customer, and more than
/// can be taken up; whatever else comes is answered alike.
pub async fn report(app: &App, now: Timestamp, report: Report) -> Result<()> {
    let program = program_of(app, report.tracking_id).await?;
    match report.event {
        Event::PageView => declare(app, program, now, &report).await,
        Event::Conversion => convert(app, program, now, report).await,
    }
}

async fn program_of(app: &App, tracking_id: Uuid) -> Result<ProgramId> {
    let visits = &app.0.visits;
    let known =
        visits.programs.lock().expect("nothing panics while it holds this").get(&tracking_id).copied();
    if let Some(program) = known {
        return Ok(program);
    }
    let found = store::program::tracking::program_of(app.pool(), tracking_id).await?;
    let program = found.ok_or_else(|| {
        Error::NotFound(format!("customer_id: no program has the tracking id {tracking_id}"))
    })?;
    let mut programs = visits.programs.lock().expect("nothing panics while it holds this");
    if programs.len() >= REMEMBERED {
        programs.clear();
    }
    programs.insert(tracking_id, program);
    Ok(program)
}

/// Keeps a page view as a declared click, once for a browser and affiliate: later page views are of the same visit. What
/// brings a token was a click of ours, which is kept already.
async fn declare(app: &App, program: ProgramId, now: Timestamp, report: &Report) -> Result<()> {
    let Some(client) = report.client else { return Ok(()) };
    let names = !report.affiliates.is_empty() || report.link.is_some();
    if !names || (report.token.is_some() && report.affiliates.is_empty()) {
        return Ok(());
    }
    let Some((affiliate, link)) = referrer(app, program, report).await? else { return Ok(()) };
    let is_known = |visits: &[VisitRow]| visits.iter().any(|visit| visit.affiliate == affiliate);
    if is_known(&app.0.visits.of(program, client)) {
        return Ok(());
    }
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let span = (now - TimeDelta::days(120), now + TimeDelta::minutes(5));
    let stored = evidence::visits(&mut connection, program, &BTreeSet::from([client]), span).await?;
    let stored = stored.get(&client).map_or(&[][..], Vec::as_slice);
    app.0.visits.remember(program, client, stored);
    if is_known(stored) {
        return Ok(());
    }
    let Origin { address, agent, page, referrer, .. } = &report.origin;
    let page = page.split('#').next().unwrap_or_default();
    let mut query = page.split_once('?').map_or("", |(_, query)| query).to_owned();
    if let Some(sub_id) = &report.sub_id {
        query.push_str("&sid=");
        domain::link::encode(sub_id, &mut query);
    }
    let declared = Declared {
        program,
        affiliate,
        link,
        client_id: Some(client),
        address: *address,
        agent: agent.as_bytes(),
        referrer: referrer.as_bytes(),
        page: page.as_bytes(),
        query: &query,
        now,
    };
    let id = crate::click::declare(app, &declared).await?;
    app.0.visits.remember(program, client, &[VisitRow { id: id.0, affiliate, link, clicked_at: now }]);
    Ok(())
}

/// Who sent a visitor: the first affiliate that is known by a name that came, by the link where that is its own; where no
/// name came the owner of the link. A link is a number in an address, which anybody can add to one with a name.
async fn referrer(
    app: &App,
    program: ProgramId,
    report: &Report,
) -> Result<Option<(AffiliateId, Option<LinkId>)>> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let mut by_link = None;
    if let Some(link) = report.link {
        let owners = evidence::owners(&mut connection, program, &BTreeSet::from([link])).await?;
        by_link = owners.get(&link).map(|owner| (*owner, Some(link)));
    }
    for name in &report.affiliates {
        let (mut ids, mut slugs, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        match name {
            AffiliateName::Id(id) => ids.push(id.0),
            AffiliateName::Slug(slug) => slugs.push(slug.as_str().to_owned()),
            AffiliateName::PartnerKey(key) => keys.push(key.clone()),
        }
        let found = store::affiliate::find(&mut connection, program, &ids, &slugs, &keys).await?;
        if let Some(found) = found.first() {
            let own = by_link.filter(|(owner, _)| *owner == found.id);
            return Ok(Some(own.unwrap_or((found.id, None))));
        }
    }
    Ok(by_link.filter(|_| report.affiliates.is_empty()))
}

/// Records a registration that a browser tells of: provisional until a caller with a key says otherwise.
async fn convert(app: &App, program: ProgramId, now: Timestamp, report: Report) -> Result<()> {
    if report.uid.is_none() && report.email.is_none() {
        return Err(Error::invalid("m_email", "a conversion names the customer by m_email, m_uid or both"));
    }
    // Where the script ran, it knows the last click; a cookie of ours may be of one long before.
    let visitor = report.origin.visitor(app, program);
    let kept = report.origin.tokens.into_iter().find(|(of, _)| *of == program).map(|(_, token)| token);
    let token = report.token.or(kept.filter(|_| report.client.is_none()));
    let clicks = token.map(ClickName::Token).into_iter().chain(report.client.map(ClickName::Client));
    let mut names = report.affiliates.into_iter();
    let registration = Registration {
        affiliate: names.next(),
        other_affiliates: names.collect(),
        clicks: clicks.collect(),
        uid: report.uid,
        email: report.email,
        attributes: Attributes { coupon: report.coupon.map(String::from), ..Attributes::default() },
        occurred_at: None,
    };
    let command = Command::Registration(registration);
    let ask = Ask { visitor, ..Ask::new(Operation::BrowserConversion, command) };
    match submit(app, program, now, ask).await {
        Err(refused @ (Refused::Unavailable | Refused::Internal(_))) => Err(refused.into()),
        Err(refused) => {
            tracing::debug!(code = refused.code(), "a conversion that a browser told of is not recorded");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// The names of an affiliate that texts may be, the unreadable ones left out.
pub fn names<'a>(slugs: impl IntoIterator<Item = &'a str>, partner_key: Option<&str>) -> Vec<AffiliateName> {
    let slugs = slugs.into_iter().filter_map(|text| Slug::parse(text.trim_end_matches('/')).ok());
    let key =
        partner_key.map(str::trim).filter(|key| !key.is_empty() && domain::text::check(key, 100).is_ok());
    slugs.map(AffiliateName::Slug).chain(key.map(|key| AffiliateName::PartnerKey(key.to_owned()))).collect()
}
