//! `GET /v1/affiliates`.

use app::App;
use app::affiliate::Filter;
use axum::Json;
use axum::extract::State;
use domain::affiliate::Status;

use super::{Affiliate, AffiliateStatus};
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List affiliates
///
/// In the order of their ids. An affiliate's key sees its own affiliate.
#[utoipa::path(get, path = "/v1/affiliates", tag = "Affiliates", operation_id = "list_affiliates",
    params(Page, ("status" = Option<AffiliateStatus>, Query, description = "Only in this status.")),
    responses((status = 200, description = "A page of affiliates.", body = Paged<Affiliate>)))]
pub(crate) async fn list_affiliates(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Affiliate>>, Problem> {
    let page = params.page()?;
    let status = params.word("status", Status::ALL, Status::as_str)?;
    params.finish()?;
    let filter =
        Filter { statuses: status.into_iter().collect(), after: page.after_id()?, ..Filter::default() };
    let rows = app::affiliate::list(&app, &caller, &filter, 0, page.reads()).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok(page.answer(rows, |row| row.id.to_string(), |row| Affiliate::of(row, currency)))
}
