//! `GET /v1/referrals`: the company's referrals, oldest first (contract §2.6).

use app::App;
use app::referral::Filter;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::referral::State as Stands;
use domain::text::Email;

use super::affiliate_referrals::refuse_sub_id;
use super::caller::Operator;
use super::clicked::clicks;
use super::failure::Result;
use super::query::Query;
use super::resource::Referral;

/// What `state_eq` may say. `clicked` rows are clicks and not referrals.
const STATES: [(&str, Option<Stands>); 6] = [
    ("clicked", None),
    ("converted", Some(Stands::Converted)),
    ("paid", Some(Stands::Paid)),
    ("churned", Some(Stands::Churned)),
    ("rejected", Some(Stands::Rejected)),
    ("expired", Some(Stands::Expired)),
];

pub(super) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    query: Query,
) -> Result<Response> {
    let page = query.page()?;
    refuse_sub_id(&query, "GET /v1/affiliate/referrals narrows an affiliate's clicks by it")?;
    let email = query.parse("email_eq", Email::parse)?.map(String::from);
    let Some(filter) = filter(&query)? else {
        // A click has no address, so none has the one that is asked for.
        let rows = if email.is_none() { clicks(&app, &caller, &query, page).await? } else { Vec::new() };
        return Ok(Json(page.answer(rows.iter().map(Referral::clicked))).into_response());
    };
    let filter = Filter { email, ..filter };
    let rows = app::referral::list(&app, &caller, &filter, page.offset(), page.reads()).await?;
    Ok(Json(page.answer(rows.iter().map(|view| Referral::at(view, caller.now)))).into_response())
}

/// The filters that the company's and the affiliate's list share; `None` where clicks are asked for.
pub(super) fn filter(query: &Query) -> Result<Option<Filter>> {
    let state = query.word("state_eq", &STATES)?;
    let filter = Filter {
        state: state.flatten(),
        created_before: query.instant("created_at_lt")?,
        created_after: query.instant("created_at_gt")?,
        state_set_before: query.instant("state_set_at_lt")?,
        state_set_after: query.instant("state_set_at_gt")?,
        ..Filter::default()
    };
    Ok((state != Some(None)).then_some(filter))
}
