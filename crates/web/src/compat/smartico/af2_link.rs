//! `GET af2_link_op` and `GET af2_link_af`: links with where they lead (contract §2.6). An affiliate sees its own and what
//! the program shows to everybody; of those it builds its own by `af2_build_link`.

use app::link::{Filter as Wanted, LinkRow};
use app::program::ProgramRow;
use app::{App, Caller};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::ids::{AffiliateId, LinkId};
use domain::link::Kind;
use domain::time::iso_millis;
use serde::{Deserialize, Serialize};

use super::caller::{Anyone, Operator};
use super::query::Query;
use super::refusal::Refusal;
use super::rows::{self, Pages};
use crate::api::links::requested_at;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Filter {
    affiliate_id: Option<i64>,
    link_id: Option<i64>,
}

/// A link, in the spelling of the wire.
#[derive(Serialize)]
pub(super) struct Row {
    id: LinkId,
    link_id: LinkId,
    link_name: String,
    link_type: &'static str,
    destination_url: Option<String>,
    /// The brand's number, where its name is one.
    brand_id: Option<i64>,
    brand_name: Option<String>,
    campaign_name: Option<String>,
    affiliate_id: AffiliateId,
    is_public: bool,
    is_default: bool,
    is_active: bool,
    /// The address to share; null on a link of somebody else.
    url: Option<String>,
    create_date: String,
    update_date: String,
}

/// Answers the links that the query asks for.
pub(super) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Refusal> {
    answer(app, "af2_link_op", caller, &headers, &query).await
}

/// Answers the links that an affiliate may use.
pub(super) async fn list_own(
    State(app): State<App>,
    Anyone(caller): Anyone,
    headers: HeaderMap,
    query: Query,
) -> Result<Response, Refusal> {
    answer(app, "af2_link_af", caller, &headers, &query).await
}

async fn answer(
    app: App,
    method: &str,
    caller: Caller,
    headers: &HeaderMap,
    query: &Query,
) -> Result<Response, Refusal> {
    let filter: Filter = query.filter()?;
    let range = query.range()?;
    let wanted = Wanted {
        affiliate: filter.affiliate_id.or(query.integer("affiliate_id")?).map(AffiliateId),
        or_public: caller.require_operator().is_err(),
        id: filter.link_id.or(query.integer("link_id")?).map(LinkId),
        offset: range.first,
        ..Wanted::default()
    };
    let program = app::program::show(&app, &caller).await?;
    let links =
        Links { app, caller, program, requested_at: requested_at(headers), wanted, left: range.len() };
    rows::answer(method, range, links).await
}

/// Links that are read page by page, by number.
struct Links {
    app: App,
    caller: Caller,
    program: ProgramRow,
    requested_at: String,
    wanted: Wanted,
    left: i64,
}

impl Pages for Links {
    type Row = Row;

    async fn next_page(&mut self) -> app::Result<Vec<Row>> {
        let limit = self.left.min(1000);
        let page = app::link::list(&self.app, &self.caller, &self.wanted, limit).await?;
        self.left -= page.len() as i64;
        self.wanted.after = page.last().map(|row| row.id).or(self.wanted.after);
        self.wanted.offset = 0;
        Ok(page.into_iter().map(|row| self.row(row)).collect())
    }
}

impl Links {
    fn row(&self, row: LinkRow) -> Row {
        let is_theirs = self.caller.visible_affiliate(Some(row.affiliate)).is_ok();
        let address = || app::link::address_in(&self.app, &self.program, &row.code, &self.requested_at);
        Row {
            id: row.id,
            link_id: row.id,
            url: is_theirs.then(address),
            link_name: row.name.unwrap_or(row.code),
            link_type: kind(row.kind),
            destination_url: row.destination_url,
            brand_id: row.brand.as_deref().and_then(|brand| brand.parse().ok()),
            brand_name: row.brand,
            campaign_name: row.campaign,
            affiliate_id: row.affiliate,
            is_public: row.is_public,
            is_default: row.is_default,
            is_active: row.is_enabled,
            create_date: iso_millis(row.created_at),
            update_date: iso_millis(row.updated_at),
        }
    }
}

/// The types of links, as the vendor calls them (contract §4.6).
fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::RegistrationPage => "Registration page",
        Kind::LandingPage => "Landing page",
        Kind::HomePage => "Homepage",
        Kind::Other => "Other",
    }
}
