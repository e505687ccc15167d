//! `GET /v1/reviews`.

use app::App;
use app::review::Filter;
use axum::Json;
use axum::extract::State;
use domain::ids;

use super::Review;
use crate::api::extract::{Operator, Params};
use crate::api::fields::ReferralId;
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List reviews
///
/// Oldest first. While one is open, what its referral earned is not released.
#[utoipa::path(get, path = "/v1/reviews", tag = "Referrals", operation_id = "list_reviews",
    params(Page,
        ("open" = Option<bool>, Query, description = "True: only those that nobody has looked at. False: all."),
        ("referral_id" = Option<ReferralId>, Query, description = "Only of this referral.")),
    responses((status = 200, description = "A page of reviews.", body = Paged<Review>)))]
pub(crate) async fn list_reviews(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Paged<Review>>, Problem> {
    let page = params.page()?;
    let filter = Filter {
        is_open: params.flag("open")?.then_some(true),
        referral: params.parse("referral_id")?,
        after: page.after_id::<ids::ReviewId>()?.map(|id| id.0),
        ..Filter::default()
    };
    params.finish()?;
    let rows = app::review::list(&app, &caller, &filter, page.reads()).await?;
    Ok(page.answer(rows, |row| ids::ReviewId(row.id).to_string(), Review::from))
}
