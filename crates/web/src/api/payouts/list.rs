//! `GET /v1/payouts`.

use app::App;
use app::payout::Filter;
use axum::Json;
use axum::extract::State;
use domain::payout;

use super::{Payout, PayoutState};
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List payouts
///
/// Newest first. An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/payouts", tag = "Payouts", operation_id = "list_payouts",
    params(
        Page,
        ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only this affiliate's."),
        ("state" = Option<PayoutState>, Query, description = "Only in this state."),
    ),
    responses((status = 200, description = "A page of payouts.", body = Paged<Payout>)))]
pub(crate) async fn list_payouts(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Payout>>, Problem> {
    let page = params.page()?;
    let state = params.word("state", payout::State::ALL, payout::State::as_str)?;
    let filter = Filter {
        affiliate: params.parse("affiliate_id")?,
        states: state.into_iter().collect(),
        below: page.after_id()?,
        ..Filter::default()
    };
    params.finish()?;
    let rows = app::payout::list(&app, &caller, &filter, 0, page.reads()).await?;
    Ok(page.answer(rows, |row| row.id.to_string(), Payout::from))
}
