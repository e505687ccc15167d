//! `PATCH /v1/deals/{id}`.

use app::App;
use app::deal::NewTerms;
use axum::Json;
use axum::extract::State;
use domain::deal::Terms;
use domain::ids::DealId;
use domain::text::Name;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Deal, schema, shown};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields::{Instant, present, present_object};
use crate::api::problem::Problem;

/// What to change about a deal; what is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct DealChanges {
    /// Its name.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    name: Option<Name>,
    /// Its terms, all of them. Other terms make a new version.
    #[serde(default, deserialize_with = "present_object")]
    #[schema(value_type = schema::Terms, required = false)]
    terms: Option<Terms>,
    /// From when on registrations get the new terms, not in the past; now unless given.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, format = DateTime, required = false)]
    effective_at: Option<Instant>,
}

/// Change a deal
///
/// Other terms make a new version, which meets registrations from now or a later time on. Referrals that are there keep
/// theirs, and no existing commission changes.
#[utoipa::path(patch, path = "/v1/deals/{id}", tag = "Deals", operation_id = "update_deal",
    params(("id" = i64, Path, minimum = 1, description = "The deal.")),
    request_body = DealChanges,
    responses((status = 200, description = "The deal in its newest version.", body = Deal)))]
pub(crate) async fn update_deal(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<DealId>,
    params: Params,
    Body(changes): Body<DealChanges>,
) -> Result<Json<Deal>, Problem> {
    params.finish()?;
    let effective_at = changes.effective_at.map(|Instant(at)| at);
    if effective_at.is_some() && changes.terms.is_none() {
        return Err(Problem::invalid(
            "effective_at",
            "it says when new terms take effect, but there are no terms",
        ));
    }
    let terms = changes.terms.map(|terms| NewTerms { terms, effective_at });
    let row = app::deal::update(&app, &caller, id, changes.name, terms).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok(Json(shown(row, currency)))
}
