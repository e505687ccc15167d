//! `POST /v1/reviews/{id}/resolve`.

use app::App;
use app::review;
use axum::Json;
use axum::extract::State;
use domain::ids::ReviewId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Review, ReviewResolution};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields;
use crate::api::problem::Problem;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Dismissed,
    Confirmed,
}

/// What a person found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Resolution {
    /// What came of it.
    #[schema(value_type = ReviewResolution)]
    resolution: Word,
    /// What there is to note.
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// Resolve a review
///
/// `dismissed` lets the referral's commissions be released; `confirmed` rejects the referral, and what it earned is taken
/// back. The same again changes nothing.
#[utoipa::path(post, path = "/v1/reviews/{id}/resolve", tag = "Referrals", operation_id = "resolve_review",
    params(("id" = inline(fields::ReviewId), Path, description = "The review.")),
    request_body = Resolution,
    responses((status = 200, description = "The review as it is now.", body = Review)))]
pub(crate) async fn resolve_review(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<ReviewId>,
    params: Params,
    Body(body): Body<Resolution>,
) -> Result<Json<Review>, Problem> {
    params.finish()?;
    let resolution = match body.resolution {
        Word::Dismissed => review::Resolution::Dismissed,
        Word::Confirmed => review::Resolution::Confirmed,
    };
    let row = review::resolve(&app, &caller, id.0, resolution, body.note.as_deref()).await?;
    Ok(Json(row.into()))
}
