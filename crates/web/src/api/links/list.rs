//! `GET /v1/links`.

use app::App;
use app::link::Filter;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::ids::AffiliateId;
use domain::link::Code;

use super::{Link, LinkCode, requested_at};
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List links
///
/// In the order of their numbers. An affiliate's key sees the links of its own affiliate.
#[utoipa::path(get, path = "/v1/links", tag = "Links", operation_id = "list_links",
    params(Page,
        ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only of this affiliate."),
        ("code" = Option<LinkCode>, Query, description = "Only with this code."),
        ("is_default" = Option<bool>, Query, description = "True: only default links.")),
    responses((status = 200, description = "A page of links.", body = Paged<Link>)))]
pub(crate) async fn list_links(
    State(app): State<App>,
    Anyone(caller): Anyone,
    headers: HeaderMap,
    mut params: Params,
) -> Result<Json<Paged<Link>>, Problem> {
    let page = params.page()?;
    let affiliate = params.parse::<AffiliateId>("affiliate_id")?;
    let code = params.read("code", Code::parse)?;
    let is_default = params.flag("is_default")?;
    params.finish()?;
    let filter = Filter {
        affiliate,
        code: code.map(String::from),
        is_default: is_default.then_some(true),
        after: page.after_id()?,
        ..Filter::default()
    };
    let rows = app::link::list(&app, &caller, &filter, page.reads()).await?;
    let program = app::program::show(&app, &caller).await?;
    let requested_at = requested_at(&headers);
    let show = |row: app::link::LinkRow| {
        let url = app::link::address_in(&app, &program, &row.code, &requested_at);
        Link::new(row, url)
    };
    Ok(page.answer(rows, |row| row.id.to_string(), show))
}
