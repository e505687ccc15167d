//! `GET /v1/balances`.

use app::App;
use app::balance::Wanted;
use axum::Json;
use axum::extract::State;

use super::Balance;
use crate::api::extract::{Operator, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List balances
///
/// Of every affiliate in the program's currency, in the order of affiliates. Affiliates without any bookings are in
/// the list with zeros.
#[utoipa::path(get, path = "/v1/balances", tag = "Balances", operation_id = "list_balances",
    params(
        Page,
        ("above_threshold" = Option<bool>, Query, description =
            "Only where the balance, cut down to minor units, is above zero and above the smallest payout."),
        ("as_of" = Option<String>, Query, format = DateTime, description =
            "Balances as they were at this instant, by what had taken effect then."),
    ),
    responses((status = 200, description = "A page of balances.", body = Paged<Balance>)))]
pub(crate) async fn list_balances(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Paged<Balance>>, Problem> {
    let page = params.page()?;
    let above_threshold = params.flag("above_threshold")?;
    let as_of = params.instant("as_of")?;
    params.finish()?;
    let wanted = Wanted { above_threshold, as_of, limit: Some(page.reads()), ..Wanted::default() };
    let mut list = app::balance::list(&app, &caller, wanted).await?.after(page.after_id()?);
    let rows = list.next_page().await?;
    Ok(page.answer(rows, |row| row.affiliate.id.to_string(), |row| Balance::from(&row.account)))
}
