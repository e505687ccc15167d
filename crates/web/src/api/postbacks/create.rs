//! `POST /v1/postbacks`.

use app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{AffiliateId, DealId};
use domain::text::Name;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Postback, PostbackMethod, PostbackTrigger};
use crate::api::extract::{Anyone, Body, Params};
use crate::api::problem::Problem;
use crate::browser::sender::Sender;

/// A new postback.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewPostback {
    /// Its name.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Name,
    /// Whose customers; those of all affiliates unless given, with an affiliate's key its own.
    #[schema(minimum = 1)]
    affiliate_id: Option<i64>,
    /// Only customers under this deal.
    #[schema(minimum = 1)]
    deal_id: Option<i64>,
    /// What it is for.
    #[schema(value_type = PostbackTrigger)]
    trigger: String,
    /// How it is sent; `GET` unless given.
    #[schema(value_type = PostbackMethod, required = false)]
    method: Option<String>,
    /// Where to: HTTP or HTTPS, with macros such as `{{afp}}` behind the host.
    #[schema(max_length = 2000)]
    url: String,
    /// What is sent, with macros: JSON if it begins with a brace or bracket, else a form. Of a `POST` alone.
    #[schema(max_length = 10000)]
    body: Option<String>,
}

/// Define a postback
///
/// It is called for what happens from now on. Macros are filled in and escaped for where they stand; one that has no value
/// is empty.
#[utoipa::path(post, path = "/v1/postbacks", tag = "Postbacks", operation_id = "create_postback",
    request_body = NewPostback,
    responses((status = 201, description = "The postback.", body = Postback)))]
pub(crate) async fn create_postback(
    State(app): State<App>,
    Anyone(caller): Anyone,
    params: Params,
    sender: Sender,
    Body(body): Body<NewPostback>,
) -> Result<(StatusCode, Json<Postback>), Problem> {
    params.finish()?;
    let method = body.method.as_deref().unwrap_or("GET");
    let new = app::postback::NewPostback {
        name: body.name,
        affiliate: body.affiliate_id.map(AffiliateId),
        deal: body.deal_id.map(DealId),
        trigger: body.trigger.parse().map_err(|error| Problem::invalid("trigger", error))?,
        method: method.parse().map_err(|error| Problem::invalid("method", error))?,
        url: body.url,
        body: body.body,
    };
    let row = app::postback::create(&app, &caller, new).await?;
    app::affiliate::came_with(&app, &caller, sender.origin.visitor(&app, caller.program)).await;
    Ok((StatusCode::CREATED, Json(row.into())))
}
