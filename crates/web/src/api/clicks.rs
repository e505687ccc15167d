//! `GET /v1/clicks`. Addresses and their hashes are nobody's to read here; what a visitor's browser says of itself and of
//! its pages is the program's alone.

use std::collections::BTreeMap;

use app::App;
use app::click::{BOT, ClickRow, Filter, Grade, REPEAT};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use domain::click::ClickId;
use domain::ids::{AffiliateId, LinkId};
use domain::time::{Timestamp, is_plausible};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{Anyone, Params};
use super::fields::{self, schema, words};
use super::page::{Page, Paged};
use super::problem::Problem;

schema! {
    ClickGrade = words("How sure a click is: signed by a redirect, or told by a browser.", ["signed", "declared"]);
}

/// How far back a list goes that is not told.
const SPAN: TimeDelta = TimeDelta::days(31);

/// A click, flagged where it is a bot's or repeated: then it is no unique visit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Click {
    /// Its id.
    #[schema(value_type = fields::ClickId)]
    id: String,
    /// When it happened.
    clicked_at: DateTime<Utc>,
    /// Whose link it was.
    affiliate_id: i64,
    /// The link; null where a browser named the affiliate alone.
    link_id: Option<i64>,
    /// How sure it is.
    #[schema(value_type = ClickGrade)]
    grade: &'static str,
    /// Whether a program made it by itself, as its name says.
    is_bot: bool,
    /// Whether the same visitor had clicked within the hour.
    is_repeat: bool,
    /// Where the address is from, by the operator's file.
    country: Option<String>,
    /// What the address of the visit said: `sub_id`, `source`, `campaign`, `afp` to `afp9`, `utm_*`.
    traffic: BTreeMap<String, String>,
    /// What the visitor's program calls itself; null for an affiliate's key, as are the next two.
    agent: Option<String>,
    /// The page the click came from.
    referrer: Option<String>,
    /// The page that a browser told of.
    page: Option<String>,
}

fn shown(row: ClickRow, is_operator: bool) -> Click {
    let of_browser = |text: Option<String>| text.filter(|_| is_operator);
    Click {
        id: row.id.to_string(),
        clicked_at: row.clicked_at,
        affiliate_id: row.affiliate.0,
        link_id: row.link.map(|link| link.0),
        grade: match row.grade {
            Grade::Signed => "signed",
            Grade::Declared => "declared",
        },
        is_bot: row.flags & BOT != 0,
        is_repeat: row.flags & REPEAT != 0,
        country: row.country,
        traffic: row.traffic.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        agent: of_browser(row.agent),
        referrer: of_browser(row.referrer),
        page: of_browser(row.page),
    }
}

fn place(row: &ClickRow) -> String {
    format!("{} {}", row.clicked_at.timestamp_micros(), row.id)
}

fn behind(place: &str) -> Option<(Timestamp, ClickId)> {
    let (micros, id) = place.split_once(' ')?;
    let at = DateTime::from_timestamp_micros(micros.parse().ok()?).filter(|at| is_plausible(*at))?;
    Some((at, ClickId::parse(id)?))
}

/// List clicks
///
/// Newest first, those of one second in no order. A click is there a moment after it happened. An affiliate's key sees
/// the clicks of its own affiliate.
#[utoipa::path(get, path = "/v1/clicks", tag = "Links", operation_id = "list_clicks",
    params(Page,
        ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only of this affiliate."),
        ("link_id" = Option<i64>, Query, minimum = 1, description = "Only of this link."),
        ("from" = Option<DateTime<Utc>>, Query,
            description = "Only from this instant on; 31 days before `to` when it is left out."),
        ("to" = Option<DateTime<Utc>>, Query, description = "Only before this instant; up to now when it is left out."),
        ("flagged" = Option<bool>, Query, description = "True: only those of bots and repeated ones. False: only others.")),
    responses((status = 200, description = "A page of clicks.", body = Paged<Click>)))]
pub(crate) async fn list_clicks(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Click>>, Problem> {
    let page = params.page()?;
    let affiliate = params.parse::<AffiliateId>("affiliate_id")?;
    let link = params.parse::<LinkId>("link_id")?;
    let (from, to) = (params.instant("from")?, params.instant("to")?);
    let is_flagged = params.choice("flagged")?;
    params.finish()?;
    let until = to.unwrap_or(caller.now + TimeDelta::minutes(5));
    let since = from.unwrap_or(until - SPAN);
    if until <= since {
        return Err(Problem::invalid("to", "it is not after from; expected a later instant"));
    }
    let filter =
        Filter { affiliate, link, is_flagged, sub_id: None, since, until, after: page.after(behind)? };
    let is_operator = caller.require_operator().is_ok();
    let rows = app::click::list(&app, &caller, filter, page.reads()).await?;
    Ok(page.answer(rows, place, |row| shown(row, is_operator)))
}
