//! `PUT /v1/brands/{name}`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::fold::{Source, Truth};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::{Brand, CountedFrom, word};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields::Text;
use crate::api::problem::Problem;

/// What counts the deposits and withdrawals of a brand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct BrandTruth {
    /// What counts its deposits.
    #[serde(deserialize_with = "source")]
    #[schema(value_type = CountedFrom)]
    deposits: Source,
    /// What counts its withdrawals.
    #[serde(deserialize_with = "source")]
    #[schema(value_type = CountedFrom)]
    withdrawals: Source,
}

fn source<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
    let Text(text) = Text::deserialize(deserializer)?;
    let known = [Source::Events, Source::Rows].into_iter().find(|source| word(*source) == text);
    known.ok_or_else(|| serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &"events or rows"))
}

/// Make a brand
///
/// Says what counts its deposits and withdrawals, once: no setting changes an existing commission. The same again
/// changes nothing.
#[utoipa::path(put, path = "/v1/brands/{name}", tag = "Activity", operation_id = "put_brand",
    params(("name" = String, Path, min_length = 1, max_length = 64, description = "The brand's name.")),
    request_body = BrandTruth,
    responses((status = 200, description = "The brand.", body = Brand)))]
pub(crate) async fn put_brand(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(name): Id<String>,
    params: Params,
    Body(body): Body<BrandTruth>,
) -> Result<Json<Brand>, Problem> {
    params.finish()?;
    let truth = Truth { deposits: body.deposits, withdrawals: body.withdrawals };
    app::brand::put(&app, &caller, &name, truth).await?;
    Ok(Json(Brand::new(name, truth)))
}
