//! `PATCH /v1/links/{id}`.

use app::App;
use app::link::Fields;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::ids::LinkId;
use domain::link::Kind;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Link, LinkKind, WebAddress, requested_at};
use crate::api::extract::{Anyone, Body, Id, Params};
use crate::api::fields::{nullable, present};
use crate::api::problem::Problem;

/// What to change about a link; what is left out stays as it is, null takes a value away.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct LinkChanges {
    /// What it is called in lists.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 200)]
    name: Option<Option<String>>,
    /// What it leads to.
    #[serde(default, deserialize_with = "super::kind")]
    #[schema(value_type = LinkKind, required = false)]
    kind: Option<Kind>,
    /// Where it leads, on one of the program's `allowed_hosts`; null for the program's fallback page.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<WebAddress>)]
    destination_url: Option<Option<String>>,
    /// Where it leads while it is disabled; null for the program's fallback page.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<WebAddress>)]
    fallback_url: Option<Option<String>>,
    /// The brand it is for.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 64)]
    brand: Option<Option<String>>,
    /// The campaign it is for.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 100)]
    campaign: Option<Option<String>>,
    /// True makes it the affiliate's default link; another one takes that from it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    is_default: Option<bool>,
    /// Whether it may be shown to everybody; an operator's key says so.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    is_public: Option<bool>,
    /// Whether it leads to its destination. Links are disabled, never deleted: they are printed somewhere.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    is_enabled: Option<bool>,
}

/// Change a link
///
/// Within two seconds every process leads its clicks as it now says. Its code stays.
#[utoipa::path(patch, path = "/v1/links/{id}", tag = "Links", operation_id = "update_link",
    params(("id" = i64, Path, minimum = 1, description = "The link.")),
    request_body = LinkChanges,
    responses((status = 200, description = "The link as it is now.", body = Link)))]
pub(crate) async fn update_link(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<LinkId>,
    params: Params,
    headers: HeaderMap,
    Body(body): Body<LinkChanges>,
) -> Result<Json<Link>, Problem> {
    params.finish()?;
    if body.is_default == Some(false) {
        return Err(Problem::invalid("is_default", "make another link the default one instead"));
    }
    let fields = Fields {
        name: body.name,
        kind: body.kind,
        destination_url: body.destination_url,
        fallback_url: body.fallback_url,
        brand: body.brand,
        campaign: body.campaign,
        is_public: body.is_public,
        is_enabled: body.is_enabled,
    };
    let make_default = body.is_default.unwrap_or(false);
    let row = app::link::update(&app, &caller, id, fields, make_default).await?;
    let url = app::link::address(&app, &caller, &row.code, &requested_at(&headers)).await?;
    Ok(Json(Link::new(row, url)))
}
