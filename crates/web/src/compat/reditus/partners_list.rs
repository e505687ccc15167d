//! `GET /v1/partners`: the affiliates as persons, by id (contract §2.6).

use app::App;
use app::affiliate::{AffiliateRow, Filter};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::text::{Email, Name};
use serde::Serialize;

use super::caller::Operator;
use super::failure::Result;
use super::query::Query;
use super::resource::Resource;

/// A partner.
#[derive(Serialize)]
pub(super) struct Partner<'a> {
    name: Option<&'a str>,
    email: Option<&'a str>,
    created_at: i64,
    updated_at: i64,
}

pub(super) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    query: Query,
) -> Result<Response> {
    let page = query.page()?;
    let filter = Filter {
        name: query.parse("name_eq", Name::parse)?.map(String::from),
        email: query.parse("email_eq", Email::parse)?.map(String::from),
        paypal_email: query.parse("paypal_email_eq", Email::parse)?.map(String::from),
        ..Filter::default()
    };
    let rows = app::affiliate::list(&app, &caller, &filter, page.offset(), page.reads()).await?;
    Ok(Json(page.answer(rows.iter().map(partner))).into_response())
}

/// An affiliate as a partner.
pub(super) fn partner(row: &AffiliateRow) -> Resource<String, Partner<'_>> {
    let attributes = Partner {
        name: row.person.name.as_deref(),
        email: row.person.email.as_deref(),
        created_at: row.created_at.timestamp(),
        updated_at: row.updated_at.timestamp(),
    };
    Resource { id: row.id.to_string(), kind: "partner", attributes }
}
