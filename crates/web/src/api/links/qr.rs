//! `GET /v1/links/{id}/qr`.

use app::App;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::ids::LinkId;

use super::requested_at;
use crate::api::extract::{Anyone, Id, Params};
use crate::api::problem::Problem;
use crate::track::{Format, render};

/// The largest module, in pixels.
const LARGEST: u32 = 32;

/// Show a link's QR code
///
/// The address of the link as a picture, for print.
#[utoipa::path(get, path = "/v1/links/{id}/qr", tag = "Links", operation_id = "show_link_qr",
    params(("id" = i64, Path, minimum = 1, description = "The link."),
        ("format" = Option<String>, Query, pattern = "^(svg|png)$", description = "`svg` (where it is left out) or `png`."),
        ("scale" = Option<u32>, Query, minimum = 1, maximum = 32, description = "Pixels of a module of `png`; 8 where it is left out.")),
    responses((status = 200, description = "The picture.",
        content((String = "image/svg+xml"), (String = "image/png")))))]
pub(crate) async fn show_link_qr(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<LinkId>,
    mut params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let format = params.word("format", Format::ALL, Format::as_str)?.unwrap_or(Format::Svg);
    let scale = params.read("scale", |text| {
        let scale = text.parse().ok().filter(|scale| (1..=LARGEST).contains(scale));
        scale.ok_or("expected a number from 1 to 32")
    })?;
    params.finish()?;
    let row = app::link::show(&app, &caller, id).await?;
    let url = app::link::address(&app, &caller, &row.code, &requested_at(&headers)).await?;
    let picture = render(&url, format, scale.unwrap_or(8)).ok_or_else(|| {
        let detail = format!("the address {url} is too long for a QR code");
        Problem::new(StatusCode::BAD_REQUEST, "invalid", detail)
    })?;
    Ok(([(header::CONTENT_TYPE, format.media_type())], picture).into_response())
}
