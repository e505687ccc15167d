//! What registrations are decided by: affiliates by any of their names, coupons, the owners of clicked links, visits of
//! browsers, the deals to choose from, and what may arouse suspicion.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::TimeDelta;
use domain::attribution::Code;
use domain::click::ClickId;
use domain::command::{AffiliateName, Command, Registration};
use domain::ids::{AffiliateId, LinkId, ProgramId, ReferralId};
use domain::time::Timestamp;
use store::affiliate::Found;
use store::attribution::evidence::VisitRow;
use store::coupon::CouponRow;
use store::{Connection, Result, Tx};
use uuid::Uuid;

use super::World;
use crate::App;
use crate::cache::{Decisions, Offers};
use crate::ingest::Visitor;
use crate::ingest::prepare::{Clicked, Prepared};

/// What the registrations of a batch are decided by.
#[derive(Default)]
pub(crate) struct Choices {
    pub(crate) affiliates: Vec<Found>,
    pub(crate) coupons: Vec<CouponRow>,
    pub(crate) links: BTreeMap<LinkId, AffiliateId>,
    /// Visits by the id that the script gave the browser.
    pub(crate) visits: HashMap<Uuid, Vec<VisitRow>>,
    /// What the clicks and visits were made with, as far as they are written.
    pub(crate) browsers: HashMap<ClickId, Visitor>,
    /// The deals to choose from.
    pub(crate) offers: Offers,
    /// The newest attribution of referrals that are there already: its number, and whether it is provisional.
    pub(crate) newest: BTreeMap<ReferralId, (i32, bool)>,
    /// E-mail addresses of affiliates, and what they were last seen with.
    pub(crate) people: BTreeMap<AffiliateId, (Option<String>, Option<Vec<u8>>)>,
    /// Registrations of affiliates within the last hour, those of the batch among them.
    pub(crate) within_hour: BTreeMap<AffiliateId, u32>,
}

impl Choices {
    /// The affiliate of a name.
    pub(crate) fn affiliate(&self, name: &AffiliateName) -> Option<&Found> {
        self.affiliates.iter().find(|affiliate| match name {
            AffiliateName::Id(id) => affiliate.id == *id,
            AffiliateName::Slug(slug) => affiliate.slug == slug.as_str(),
            AffiliateName::PartnerKey(key) => affiliate.partner_key == *key,
        })
    }

    /// What names the affiliate of a registration: the first name that is known, else the first of all.
    pub(crate) fn name_of<'a>(&self, registration: &'a Registration) -> Option<&'a AffiliateName> {
        let first = registration.affiliate.as_ref();
        let mut names = first.into_iter().chain(&registration.other_affiliates);
        names.find(|name| self.affiliate(name).is_some()).or(first)
    }

    /// What a click, or the visits of a browser, were made with.
    pub(crate) fn made_with(&self, click: &Clicked) -> impl Iterator<Item = &Visitor> {
        let ids: Vec<ClickId> = match click {
            Clicked::Signed(token) => vec![token.click()],
            Clicked::Client(id) => {
                self.visits.get(id).into_iter().flatten().map(|it| ClickId(it.id)).collect()
            }
            Clicked::Refused(..) | Clicked::Unchecked => Vec::new(),
        };
        ids.into_iter().filter_map(|id| self.browsers.get(&id))
    }

    /// The coupon that a text names, by either of its codes.
    pub(crate) fn coupon(&self, text: &str) -> Option<&CouponRow> {
        let code = Code::parse(text).ok()?;
        self.coupons.iter().find(|row| row.code == code || row.provider_code.as_ref() == Some(&code))
    }
}

/// What registrations name.
#[derive(Default)]
struct Named {
    ids: BTreeSet<i64>,
    slugs: BTreeSet<String>,
    partner_keys: BTreeSet<String>,
    /// Coupons as they came, which is how deals name them.
    coupons: BTreeSet<String>,
    links: BTreeSet<LinkId>,
    clicks: BTreeSet<ClickId>,
    clients: BTreeSet<Uuid>,
    /// Referrals that the customers are already.
    known: BTreeSet<ReferralId>,
    times: Vec<Timestamp>,
}

impl Named {
    fn read(batch: &[&Prepared], world: &World) -> Named {
        let mut named = Named::default();
        for prepared in batch {
            match &prepared.ask.command {
                Command::Registration(registration) => {
                    registration.affiliate.iter().for_each(|name| named.affiliate(name));
                    registration.other_affiliates.iter().for_each(|name| named.affiliate(name));
                    named.coupons.extend(registration.attributes.coupon.clone());
                }
                Command::Payment(payment) if world.referral_of(prepared).is_none() => {
                    let Some(coupon) = &payment.attributes.coupon else { continue };
                    named.coupons.insert(coupon.clone());
                }
                _ => continue,
            }
            named.times.push(prepared.occurred_at);
            named.known.extend(world.referral_of(prepared));
            for click in &prepared.clicks {
                match click {
                    Clicked::Signed(token) => {
                        named.links.insert(token.link);
                        named.clicks.insert(token.click());
                    }
                    Clicked::Client(id) => drop(named.clients.insert(*id)),
                    Clicked::Refused(..) | Clicked::Unchecked => {}
                }
            }
        }
        named
    }

    fn affiliate(&mut self, name: &AffiliateName) {
        match name {
            AffiliateName::Id(id) => drop(self.ids.insert(id.0)),
            AffiliateName::Slug(slug) => drop(self.slugs.insert(slug.as_str().to_owned())),
            AffiliateName::PartnerKey(key) => drop(self.partner_keys.insert(key.clone())),
        }
    }
}

/// Reads what the registrations of a batch, and payments that may make a referral, are decided by.
pub(super) async fn load(
    app: &App,
    tx: &mut Tx,
    program: ProgramId,
    batch: &[&Prepared],
    world: &mut World,
    decisions: &Decisions,
) -> Result<()> {
    let mut named = Named::read(batch, world);
    let (Some(first), Some(last)) = (named.times.iter().min(), named.times.iter().max()) else {
        return Ok(());
    };
    let window = TimeDelta::days(i64::from(world.program.tracking.cookie_days));
    let span = (*first - window, *last + TimeDelta::minutes(5));
    let choices = &mut world.choices;
    let connection = tx.read();
    if !named.coupons.is_empty() {
        let codes = named.coupons.iter().filter_map(|text| Code::parse(text).ok());
        let codes: Vec<String> = codes.map(String::from).collect();
        choices.coupons = store::coupon::named(connection, program, &codes).await?;
        named.ids.extend(choices.coupons.iter().map(|row| row.affiliate.0));
    }
    if !named.links.is_empty() {
        choices.links = store::attribution::evidence::owners(connection, program, &named.links).await?;
        named.ids.extend(choices.links.values().map(|id| id.0));
    }
    if !named.clients.is_empty() {
        choices.visits = visits(app, connection, program, &named.clients, span).await?;
        named.ids.extend(choices.visits.values().flatten().map(|visit| visit.affiliate.0));
        named.clicks.extend(choices.visits.values().flatten().map(|visit| ClickId(visit.id)));
    }
    if !named.known.is_empty() {
        choices.newest = store::attribution::newest(connection, program, &named.known).await?;
    }
    if named.ids.is_empty() && named.slugs.is_empty() && named.partner_keys.is_empty() {
        return Ok(());
    }
    let (ids, slugs): (Vec<i64>, Vec<String>) =
        (named.ids.into_iter().collect(), named.slugs.into_iter().collect());
    let partner_keys: Vec<String> = named.partner_keys.into_iter().collect();
    choices.affiliates = store::affiliate::find(connection, program, &ids, &slugs, &partner_keys).await?;
    let found: BTreeSet<AffiliateId> = choices.affiliates.iter().map(|affiliate| affiliate.id).collect();
    choices.people = store::affiliate::people(connection, program, &found).await?;
    if choices.people.values().any(|(_, visitor)| visitor.is_some()) {
        choices.browsers = browsers(app, connection, program, named.clicks).await?;
    }
    if let Some(limit) = world.program.review_registrations_per_hour {
        let now = batch.iter().map(|prepared| prepared.now).max().unwrap_or_default();
        let since = now - TimeDelta::hours(1);
        choices.within_hour =
            store::attribution::registrations_after(connection, program, &found, since, i64::from(limit))
                .await?;
    }
    world.statuses.extend(decisions.statuses(tx.read(), &found).await?);
    world.network.members.extend(decisions.network(tx.read(), &found).await?.members);
    let coupons: Vec<String> = named.coupons.into_iter().collect();
    let of_coupons = world.choices.coupons.iter().filter_map(|row| row.deal);
    world.choices.offers = decisions.offers(tx.read(), &found, &coupons, of_coupons).await?;
    world.deals.extend(world.choices.offers.versions());
    Ok(())
}

/// Visits of browsers. One whose row is not written yet counts all the same.
async fn visits(
    app: &App,
    connection: &mut Connection,
    program: ProgramId,
    clients: &BTreeSet<Uuid>,
    span: (Timestamp, Timestamp),
) -> Result<HashMap<Uuid, Vec<VisitRow>>> {
    let mut visits = store::attribution::evidence::visits(connection, program, clients, span).await?;
    for client in clients {
        let stored = visits.entry(*client).or_default();
        let recent = app.0.visits.of(program, *client).into_iter().filter(|visit| visit.clicked_at >= span.0);
        stored.extend(recent.filter(|visit| stored.iter().all(|it| it.id != visit.id)).collect::<Vec<_>>());
    }
    visits.retain(|_, visits| !visits.is_empty());
    Ok(visits)
}

/// What clicks were made with; nothing of those without an address, and of those that are not written yet.
async fn browsers(
    app: &App,
    connection: &mut Connection,
    program: ProgramId,
    clicks: BTreeSet<ClickId>,
) -> Result<HashMap<ClickId, Visitor>> {
    let clicks: Vec<ClickId> = clicks.into_iter().collect();
    let rows = store::click::by_ids(connection, program, &clicks).await?;
    let made_with = rows.into_iter().filter_map(|row| {
        let agent = row.agent.unwrap_or_default();
        Some((row.id, app.0.secret.browser(&row.address_hash?, &agent)))
    });
    Ok(made_with.collect())
}
