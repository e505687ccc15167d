//! `GET /v1/affiliate/referrals`: an affiliate's own referrals, by id, state and dates only (contract §3). Who they
//! are is the company's to know.

use app::App;
use app::click::ClickRow;
use app::referral::ReferralView;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::caller::Affiliate;
use super::clicked::clicks;
use super::failure::{Failure, Result};
use super::query::Query;
use super::referrals_list::filter;
use super::resource::Resource;

/// A referral as its affiliate sees it.
#[derive(Serialize)]
struct OwnReferral {
    state: &'static str,
    state_set_at: i64,
    created_at: i64,
    updated_at: i64,
}

pub(super) async fn list(State(app): State<App>, affiliate: Affiliate, query: Query) -> Result<Response> {
    let caller = affiliate.caller;
    let page = query.page()?;
    let Some(filter) = filter(&query)? else {
        let rows = clicks(&app, &caller, &query, page).await?;
        return Ok(Json(page.answer(rows.iter().map(clicked))).into_response());
    };
    refuse_sub_id(&query, "state_eq=clicked lists the clicks that carried one")?;
    let rows = app::referral::list(&app, &caller, &filter, page.offset(), page.reads()).await?;
    Ok(Json(page.answer(rows.iter().map(|view| own(view, caller.now)))).into_response())
}

/// Refuses a sub id where rows do not carry one: an empty list would say that nothing came by it.
pub(super) fn refuse_sub_id(query: &Query, instead: &str) -> Result<()> {
    match query.text("sub_id_eq")? {
        None => Ok(()),
        Some(_) => Err(Failure::invalid("sub_id_eq", format!("it is kept with clicks alone; {instead}"))),
    }
}

fn clicked(click: &ClickRow) -> Resource<Uuid, OwnReferral> {
    let at = click.clicked_at.timestamp();
    let attributes = OwnReferral { state: "clicked", state_set_at: at, created_at: at, updated_at: at };
    Resource { id: click.id.0, kind: "referral", attributes }
}

fn own(view: &ReferralView, now: Timestamp) -> Resource<Uuid, OwnReferral> {
    let (state, state_set_at) = view.referral.state_at(now);
    let attributes = OwnReferral {
        state: state.as_str(),
        state_set_at: state_set_at.timestamp(),
        created_at: view.referral.created_at.timestamp(),
        updated_at: view.referral.updated_at.timestamp(),
    };
    Resource { id: view.referral.id.0, kind: "referral", attributes }
}
