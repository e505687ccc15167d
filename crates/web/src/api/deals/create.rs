//! `POST /v1/deals`.

use app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::deal::Terms;
use domain::ids::AffiliateId;
use domain::text::Name;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Deal, schema, shown};
use crate::api::extract::{Body, Operator, Params};
use crate::api::fields::object;
use crate::api::problem::Problem;

/// A new deal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewDeal {
    /// Its name.
    #[schema(value_type = String, min_length = 1, max_length = 200, example = "Partners 2026")]
    name: Name,
    /// Its terms.
    #[serde(deserialize_with = "object")]
    #[schema(value_type = schema::Terms)]
    terms: Terms,
    /// The affiliate it is for, whose own deal it becomes; left out for a deal that any affiliate may be given.
    #[schema(value_type = Option<i64>, minimum = 1)]
    affiliate_id: Option<AffiliateId>,
}

/// Make a deal
#[utoipa::path(post, path = "/v1/deals", tag = "Deals", operation_id = "create_deal",
    request_body = NewDeal,
    responses((status = 201, description = "The deal in its first version.", body = Deal)))]
pub(crate) async fn create_deal(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
    Body(body): Body<NewDeal>,
) -> Result<(StatusCode, Json<Deal>), Problem> {
    params.finish()?;
    let new = app::deal::NewDeal { name: body.name, terms: body.terms, affiliate: body.affiliate_id };
    let row = app::deal::create(&app, &caller, new).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok((StatusCode::CREATED, Json(shown(row, currency))))
}
