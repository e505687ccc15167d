//! `GET /v1/visits`: the daily figures of links, from the roll-up that is kept with the clicks.

use app::App;
use app::click::{DailyFilter, LinkDayRow};
use axum::Json;
use axum::extract::State;
use chrono::{Days, NaiveDate};
use domain::ids::{AffiliateId, LinkId};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{Anyone, Params};
use super::page::{Page, Paged};
use super::problem::Problem;

/// How many days a list goes back that is not told.
const SPAN: Days = Days::new(30);

/// How many days a list may go back.
const LONGEST: i64 = 366;

/// What a link was clicked on a day.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Visits {
    /// The day, in the program's time zone.
    #[schema(example = "2026-03-01")]
    day: NaiveDate,
    /// The affiliate.
    affiliate_id: i64,
    /// The link; null for visits that browsers told of without one.
    link_id: Option<i64>,
    /// Every click.
    visits: i64,
    /// Those that are neither a bot's nor repeated within an hour.
    unique_visits: i64,
    /// Those of bots.
    bots: i64,
    /// Those repeated within an hour.
    repeats: i64,
}

impl From<LinkDayRow> for Visits {
    fn from(row: LinkDayRow) -> Visits {
        Visits {
            day: row.day,
            affiliate_id: row.affiliate.0,
            link_id: row.link.map(|link| link.0),
            visits: row.visits.visits,
            unique_visits: row.visits.unique_visits,
            bots: row.visits.bots,
            repeats: row.visits.repeats,
        }
    }
}

fn place(row: &LinkDayRow) -> String {
    format!("{} {} {}", row.day, row.affiliate, row.link.map_or(0, |link| link.0))
}

fn behind(place: &str) -> Option<(NaiveDate, AffiliateId, LinkId)> {
    let mut parts = place.split(' ');
    let day = parts.next()?.parse().ok()?;
    Some((day, AffiliateId(parts.next()?.parse().ok()?), LinkId(parts.next()?.parse().ok()?)))
}

fn day(text: &str) -> Result<NaiveDate, &'static str> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let is_plausible = |day: &NaiveDate| (1970..2200).contains(&chrono::Datelike::year(day));
    day.filter(is_plausible).ok_or("expected a day such as 2026-03-01, of 1970 to 2199")
}

/// List visits
///
/// By day, affiliate and link; days without a click have no row. An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/visits", tag = "Links", operation_id = "list_visits",
    params(Page,
        ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only of this affiliate."),
        ("link_id" = Option<i64>, Query, minimum = 1, description = "Only of this link."),
        ("from" = Option<NaiveDate>, Query, description = "The first day; 30 days before the last when it is left out."),
        ("to" = Option<NaiveDate>, Query, description = "The last day, at most 366 days later; today when it is left out.")),
    responses((status = 200, description = "A page of figures.", body = Paged<Visits>)))]
pub(crate) async fn list_visits(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Visits>>, Problem> {
    let page = params.page()?;
    let affiliate = params.parse::<AffiliateId>("affiliate_id")?;
    let link = params.parse::<LinkId>("link_id")?;
    let (from, to) = (params.read("from", day)?, params.read("to", day)?);
    params.finish()?;
    let through = match to {
        Some(day) => day,
        None => app::program::show(&app, &caller).await?.zone.date_of(caller.now),
    };
    let from = from.unwrap_or(through - SPAN);
    if through < from {
        return Err(Problem::invalid("to", "it is before from; expected the same day or a later one"));
    }
    if (through - from).num_days() > LONGEST {
        let message = format!("it is more than {LONGEST} days after from; ask for a year at a time");
        return Err(Problem::invalid("to", message));
    }
    let is_asked = |place: &(NaiveDate, AffiliateId, LinkId)| (from..=through).contains(&place.0);
    let after = page.after(|place| behind(place).filter(is_asked))?;
    let filter = DailyFilter { affiliate, link, from, through, after };
    let rows = app::click::visits(&app, &caller, filter, page.reads()).await?;
    Ok(page.answer(rows, place, Visits::from))
}
