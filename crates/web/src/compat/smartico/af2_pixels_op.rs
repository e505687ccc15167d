//! `af2_pixels_op`: pixel definitions, which are our postbacks by GET (contract §2.6, §4.8). The vendor's call is not
//! publicly documented; name and shape are our guess (docs/SMARTICO.md).

use app::App;
use app::postback::{NewPostback, PostbackRow};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use domain::ids::{AffiliateId, DealId};
use domain::postback::{Method, Trigger};
use domain::text::Name;
use domain::time::iso_millis;
use serde::{Deserialize, Serialize};

use super::caller::Operator;
use super::input;
use super::query::{Query, shortened};
use super::refusal::Refusal;
use super::rows::{self, Few};

/// The only type that there is: a call from server to server.
const TYPE: &str = "S2S";

#[derive(Deserialize)]
struct Wire {
    pixel_name: String,
    affiliate_id: Option<i64>,
    deal_id: Option<i64>,
    action: String,
    url: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Filter {
    affiliate_id: Option<i64>,
}

/// A pixel, in the spelling of the wire.
#[derive(Serialize)]
pub(super) struct Row {
    id: i64,
    pixel_id: i64,
    pixel_name: String,
    affiliate_id: Option<AffiliateId>,
    deal_id: Option<DealId>,
    action: &'static str,
    r#type: &'static str,
    method: &'static str,
    url: String,
    is_active: bool,
    create_date: String,
}

/// What a trigger is called on the wire; the last two are ours.
fn action(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Registration => "Lead",
        Trigger::QualifiedLead => "Qualified Lead",
        Trigger::FirstDeposit => "FTD",
        Trigger::QualifiedDeposit => "QFTD",
        Trigger::Payment => "Deposit",
        Trigger::CommissionChanged => "Commission",
        Trigger::PayoutPaid => "Payout",
    }
}

fn trigger(word: &str) -> Result<Trigger, Refusal> {
    Trigger::ALL.into_iter().find(|trigger| action(*trigger) == word).ok_or_else(|| {
        let known = Trigger::ALL.map(action).join(", ");
        Refusal::field("action", format!("{:?} is no action; expected one of {known}", shortened(word)))
    })
}

/// Defines a pixel, of an affiliate or of all, for customers under one deal or under any.
pub(super) async fn create(
    State(app): State<App>,
    Operator(caller): Operator,
    body: Body,
) -> Result<Json<Row>, Refusal> {
    let wire: Wire = input::object(body).await?;
    let new = NewPostback {
        name: Name::parse(&wire.pixel_name).map_err(|error| Refusal::field("pixel_name", error))?,
        affiliate: wire.affiliate_id.map(AffiliateId),
        deal: wire.deal_id.map(DealId),
        trigger: trigger(&wire.action)?,
        method: Method::Get,
        url: wire.url,
        body: None,
    };
    if let Some(affiliate) = new.affiliate {
        // An affiliate that is not there is a refusal of its own here.
        app::affiliate::show(&app, &caller, affiliate).await?;
    }
    Ok(Json(row(app::postback::create(&app, &caller, new).await?)))
}

/// Answers the pixels, those of all affiliates or of one.
pub(super) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    query: Query,
) -> Result<Response, Refusal> {
    let range = query.range()?;
    let filter: Filter = query.filter()?;
    let affiliate = filter.affiliate_id.or(query.integer("affiliate_id")?).map(AffiliateId);
    let mut all = app::postback::page(&app, &caller, None, i64::MAX).await?;
    all.retain(|row| affiliate.is_none() || row.affiliate == affiliate);
    rows::answer("af2_pixels_op", range, Few::of(all.into_iter().map(row), range)).await
}

fn row(row: PostbackRow) -> Row {
    Row {
        id: row.id,
        pixel_id: row.id,
        pixel_name: row.name,
        affiliate_id: row.affiliate,
        deal_id: row.deal,
        action: action(row.trigger),
        r#type: TYPE,
        method: row.method.as_str(),
        url: row.url,
        is_active: row.active,
        create_date: iso_millis(row.created_at),
    }
}
