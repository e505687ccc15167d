//! `GET /v1/events`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::{Event, stands};
use crate::api::extract::{Operator, Params};
use crate::api::fields::{self, schema, words};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

schema! {
    WaitingFor = words("What events wait for.", ["rate"]);
}

/// List events
///
/// Newest first.
#[utoipa::path(get, path = "/v1/events", tag = "Events", operation_id = "list_events",
    params(
        Page,
        ("referral_id" = Option<fields::ReferralId>, Query, description = "Only of this referral."),
        ("waiting" = inline(Option<WaitingFor>), Query,
         description = "`rate`: only payments and refunds in another currency whose exchange rate is missing."),
    ),
    responses((status = 200, description = "A page of events.", body = Paged<Event>)))]
pub(crate) async fn list_events(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Paged<Event>>, Problem> {
    let page = params.page()?;
    let referral = params.parse("referral_id")?;
    let waiting = params.word("waiting", ["rate"], |word| word)?;
    params.finish()?;
    let rows = match waiting {
        None => app::event::page(&app, &caller, referral, page.after_id()?, page.reads()).await?,
        Some(_) => app::event::waiting_page(&app, &caller, referral, page.after_id()?, page.reads()).await?,
    };
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok(page.answer(rows, |row| row.id.to_string(), |row| stands(row, currency)))
}
