//! `GET /v1/inquiries`.

use app::App;
use app::inquiry::Filter;
use axum::Json;
use axum::extract::State;

use super::{Inquiry, InquiryState};
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List inquiries
///
/// Oldest first. An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/inquiries", tag = "Inquiries", operation_id = "list_inquiries",
    params(Page,
        ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only of this affiliate."),
        ("state" = Option<InquiryState>, Query, description = "Only in this state.")),
    responses((status = 200, description = "A page of inquiries.", body = Paged<Inquiry>)))]
pub(crate) async fn list_inquiries(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Inquiry>>, Problem> {
    let page = params.page()?;
    let filter = Filter {
        affiliate: params.parse("affiliate_id")?,
        state: params.word("state", ["open", "accepted", "declined"], |word| word)?.map(str::to_owned),
        after: page.after_id()?,
        ..Filter::default()
    };
    params.finish()?;
    let rows = app::inquiry::list(&app, &caller, &filter, page.reads()).await?;
    Ok(page.answer(rows, |row| row.id.to_string(), Inquiry::from))
}
