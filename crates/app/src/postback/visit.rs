//! The clicks that customers came by, as the macros of postbacks tell of them (Smartico contract §4.6, §4.8).

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::attribution::{Basis, Candidate, click_of};
use domain::click::ClickId;
use domain::ids::{AffiliateId, ProgramId, ReferralId};
use domain::postback::{Values, macros};
use domain::time::Timestamp;
use domain::traffic::Traffic;
use store::Connection;
use store::attribution::AttributionRow;
use store::attribution::evidence::{self, VisitRow};
use store::click::ClickRow;
use uuid::Uuid;

use crate::error::Result;

/// What the click of a customer carried, for the affiliate whose click it was; nobody else is told.
pub(super) type Visits = BTreeMap<(ReferralId, AffiliateId), Values>;

/// A click is told of some moments before its row is written: so long the row is waited for.
const WRITTEN_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// Reads what the clicks of customers carried; `None` while one of them is still to be written.
pub(super) async fn visits(
    connection: &mut Connection,
    program: ProgramId,
    referrals: &[ReferralId],
    now: Timestamp,
) -> Result<Option<Visits>> {
    let attributions = store::attribution::of(connection, program, referrals).await?;
    let clicks = clicks_of(&attributions);
    let declared = declared(connection, program, clicks.values().copied()).await?;
    let id = |click: &Candidate| match click.basis {
        Basis::SignedClick => ClickId::parse(&click.name),
        _ => declared.get(&(click.name.parse().ok()?, click.affiliate?, click.at?)).copied(),
    };
    let ids: Vec<ClickId> = clicks.values().filter_map(|click| id(click)).collect();
    let rows = store::click::by_ids(connection, program, &ids).await?;
    let rows: BTreeMap<ClickId, ClickRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let links: Vec<i64> = clicks.values().filter_map(|click| click.link).collect();
    let names = store::link::names(connection, program, &links).await?;
    let mut visits = Visits::new();
    for (whose, click) in clicks {
        let id = id(click);
        let row = id.and_then(|id| rows.get(&id));
        if row.is_none() && click.at.is_some_and(|at| at + WRITTEN_WITHIN > now) {
            return Ok(None);
        }
        let name = click.link.and_then(|link| names.get(&domain::ids::LinkId(link)));
        visits.insert(whose, values(id, click, name, row.map(|row| &row.traffic)));
    }
    Ok(Some(visits))
}

/// The click of each customer, by the newest attribution to each affiliate.
fn clicks_of(attributions: &[AttributionRow]) -> BTreeMap<(ReferralId, AffiliateId), &Candidate> {
    let newest: BTreeMap<_, _> =
        attributions.iter().map(|row| ((row.referral, row.affiliate), row)).collect();
    newest
        .into_iter()
        .filter_map(|(whose, row)| Some((whose, click_of(&row.evidence, row.affiliate)?)))
        .collect()
}

/// The ids of visits that browsers told of, by browser, affiliate and time.
async fn declared(
    connection: &mut Connection,
    program: ProgramId,
    clicks: impl Iterator<Item = &Candidate>,
) -> Result<BTreeMap<(Uuid, AffiliateId, Timestamp), ClickId>> {
    let clicks: Vec<_> = clicks.filter(|click| click.basis == Basis::DeclaredClick).collect();
    let times = || clicks.iter().filter_map(|click| click.at);
    let Some(span) = times().min().zip(times().max()) else { return Ok(BTreeMap::new()) };
    let clients: BTreeSet<Uuid> = clicks.iter().filter_map(|click| click.name.parse().ok()).collect();
    let visits = evidence::visits(connection, program, &clients, span).await?;
    let named =
        |client: Uuid, visit: VisitRow| ((client, visit.affiliate, visit.clicked_at), ClickId(visit.id));
    Ok(visits
        .into_iter()
        .flat_map(|(client, visits)| visits.into_iter().map(move |visit| named(client, visit)))
        .collect())
}

fn values(
    id: Option<ClickId>,
    click: &Candidate,
    link: Option<&String>,
    traffic: Option<&Traffic>,
) -> Values {
    let id = id.map(|id| id.to_string());
    let said = [
        ("click_id", id.clone()),
        ("tracker", id),
        ("link_id", click.link.map(|link| link.to_string())),
        ("link_name", link.cloned()),
    ];
    // Macros are called as the parameters of the click were.
    let carried =
        macros().filter_map(|name| Some((name, traffic?.get(Traffic::dimension(name)?)?.to_owned())));
    said.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(carried).collect()
}
