//! `PATCH /v1/postbacks/{id}`.

use app::App;
use app::postback::Changes;
use axum::Json;
use axum::extract::State;
use domain::text::Name;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Postback;
use crate::api::extract::{Anyone, Body, Id, Number, Params};
use crate::api::fields::present;
use crate::api::problem::Problem;

/// What to change about a postback; what is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct PostbackChanges {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    name: Option<Name>,
    /// Where to.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, max_length = 2000, required = false)]
    url: Option<String>,
    /// What is sent.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, max_length = 10000, required = false)]
    body: Option<String>,
    /// Whether it is sent.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    active: Option<bool>,
}

/// Change a postback
///
/// Calls that wait stay as they are.
#[utoipa::path(patch, path = "/v1/postbacks/{id}", tag = "Postbacks", operation_id = "update_postback",
    params(("id" = i64, Path, minimum = 1, description = "The postback.")),
    request_body = PostbackChanges,
    responses((status = 200, description = "The postback.", body = Postback)))]
pub(crate) async fn update_postback(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(Number(id)): Id<Number>,
    params: Params,
    Body(body): Body<PostbackChanges>,
) -> Result<Json<Postback>, Problem> {
    params.finish()?;
    let changes = Changes { name: body.name, url: body.url, body: body.body.map(Some), active: body.active };
    Ok(Json(app::postback::update(&app, &caller, id, changes).await?.into()))
}
