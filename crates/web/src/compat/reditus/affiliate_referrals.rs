//! `GET /v1/affiliate/referrals`: an affiliate's own referrals, by id, state and dates only (contract §3). Who they
//! are is the company's to know.

use app::App;
use app::referral::ReferralView;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::time::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::caller::Affiliate;
use super::failure::Result;
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
    // No referral has a sub id before clicks are tracked.
    let sub_id = query.text("sub_id_eq")?;
    let rows = match filter(&query)?.filter(|_| sub_id.is_none()) {
        Some(filter) => app::referral::list(&app, &caller, &filter, page.offset(), page.reads()).await?,
        None => Vec::new(),
    };
    Ok(Json(page.answer(rows.iter().map(|view| own(view, caller.now)))).into_response())
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
