//! `POST /v1/links`.

use app::App;
use app::link::{Fields, NewLink as New};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use domain::ids::AffiliateId;
use domain::link::{Code, Kind};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Link, LinkCode, LinkKind, WebAddress, requested_at};
use crate::api::extract::{Anyone, Body, Params};
use crate::api::problem::Problem;
use crate::browser::sender::Sender;

/// A new link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewLink {
    /// Whose it is; an affiliate's key may leave it out.
    #[schema(value_type = Option<i64>, minimum = 1)]
    affiliate_id: Option<AffiliateId>,
    /// Where it leads, on one of the program's `allowed_hosts`; the program's fallback page when it is left out.
    #[schema(value_type = Option<WebAddress>)]
    destination_url: Option<String>,
    /// A code of one's own; eight letters are drawn when it is left out.
    #[schema(value_type = Option<LinkCode>)]
    code: Option<Code>,
    /// What it is called in lists.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// What it leads to; `other` when it is left out.
    #[serde(default, deserialize_with = "super::kind")]
    #[schema(value_type = LinkKind, required = false)]
    kind: Option<Kind>,
    /// Where it leads while it is disabled; the program's fallback page when it is left out.
    #[schema(value_type = Option<WebAddress>)]
    fallback_url: Option<String>,
    /// The brand it is for.
    #[schema(max_length = 64)]
    brand: Option<String>,
    /// The campaign it is for.
    #[schema(max_length = 100)]
    campaign: Option<String>,
    /// Whether it becomes the affiliate's default link.
    #[serde(default)]
    is_default: bool,
    /// Whether it may be shown to everybody; an operator's key says so.
    #[serde(default)]
    is_public: bool,
}

/// Make a link
///
/// An affiliate's key makes links of its own affiliate.
#[utoipa::path(post, path = "/v1/links", tag = "Links", operation_id = "create_link",
    request_body = NewLink,
    responses((status = 201, description = "The link.", body = Link)))]
pub(crate) async fn create_link(
    State(app): State<App>,
    Anyone(caller): Anyone,
    params: Params,
    headers: HeaderMap,
    sender: Sender,
    Body(body): Body<NewLink>,
) -> Result<(StatusCode, Json<Link>), Problem> {
    params.finish()?;
    let fields = Fields {
        name: Some(body.name),
        kind: body.kind,
        destination_url: Some(body.destination_url),
        fallback_url: Some(body.fallback_url),
        brand: Some(body.brand),
        campaign: Some(body.campaign),
        is_public: Some(body.is_public),
        is_enabled: None,
    };
    let new = New { affiliate: body.affiliate_id, code: body.code, fields, is_default: body.is_default };
    let row = app::link::create(&app, &caller, new).await?;
    app::affiliate::came_with(&app, &caller, sender.origin.visitor(&app, caller.program)).await;
    let url = app::link::address(&app, &caller, &row.code, &requested_at(&headers)).await?;
    Ok((StatusCode::CREATED, Json(Link::new(row, url))))
}
