//! `GET /v1/partnerships`: how the affiliates stand with the program, by id (contract §2.6). An affiliate has one
//! program here, so a partnership has the id of its partner.

use app::App;
use app::affiliate::{AffiliateRow, Filter};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::affiliate::Status;
use serde::Serialize;

use super::caller::Operator;
use super::failure::Result;
use super::query::Query;
use super::resource::Resource;

/// A partnership.
#[derive(Serialize)]
pub(super) struct Partnership<'a> {
    state: &'static str,
    partner_id: String,
    affiliate_slug: &'a str,
    created_at: i64,
    updated_at: i64,
}

/// The states of a partnership, and what `state_eq` may say.
const STATES: [(&str, &[Status]); 4] = [
    ("pending", &[Status::Pending]),
    ("accepted", &[Status::Approved, Status::Suspended]),
    ("declined", &[Status::Declined]),
    ("terminated", &[Status::Blocked]),
];

pub(super) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    query: Query,
) -> Result<Response> {
    let page = query.page()?;
    let filter = Filter {
        statuses: query.word("state_eq", &STATES)?.unwrap_or_default().to_vec(),
        created_before: query.instant("created_at_lt")?,
        created_after: query.instant("created_at_gt")?,
        ..Filter::default()
    };
    let rows = app::affiliate::list(&app, &caller, &filter, page.offset(), page.reads()).await?;
    Ok(Json(page.answer(rows.iter().map(partnership))).into_response())
}

/// An affiliate as a partnership.
pub(super) fn partnership(row: &AffiliateRow) -> Resource<String, Partnership<'_>> {
    let state =
        STATES.iter().find(|(_, statuses)| statuses.contains(&row.status)).map_or("", |(word, _)| word);
    let attributes = Partnership {
        state,
        partner_id: row.id.to_string(),
        affiliate_slug: &row.slug,
        created_at: row.created_at.timestamp(),
        updated_at: row.updated_at.timestamp(),
    };
    Resource { id: row.id.to_string(), kind: "partnership", attributes }
}
