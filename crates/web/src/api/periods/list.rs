//! `GET /v1/periods`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::{AffiliateId, DealId};

use super::Period;
use crate::api::extract::{Anyone, Params};
use crate::api::fields::Month;
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List closed months
///
/// Of each affiliate under each deal that is settled month by month, oldest first. An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/periods", tag = "Periods", operation_id = "list_periods",
    params(
        Page,
        ("month" = Option<Month>, Query, description = "Only this month."),
        ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only this affiliate's."),
    ),
    responses((status = 200, description = "A page of months.", body = Paged<Period>)))]
pub(crate) async fn list_periods(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Period>>, Problem> {
    let page = params.page()?;
    let month = params.parse("month")?;
    let affiliate = params.parse("affiliate_id")?;
    params.finish()?;
    let after = page.after(place)?;
    let currency = app::program::show(&app, &caller).await?.currency;
    let rows = app::period::page(&app, &caller, month, affiliate, after, page.reads()).await?;
    let shown =
        |row: &app::period::PeriodRow| format!("{} {} {}", row.month.number(), row.affiliate, row.deal);
    Ok(page.answer(rows, shown, |row| Period::new(row, currency)))
}

/// Reads the place of a row in the list.
fn place(text: &str) -> Option<(i32, AffiliateId, DealId)> {
    let mut numbers = text.split(' ');
    let month = numbers.next()?.parse().ok()?;
    let affiliate = AffiliateId(numbers.next()?.parse().ok()?);
    let deal = DealId(numbers.next()?.parse().ok()?);
    numbers.next().is_none().then_some((month, affiliate, deal))
}
