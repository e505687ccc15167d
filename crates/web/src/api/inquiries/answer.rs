//! `POST /v1/inquiries/{id}/answer`.

use app::App;
use app::inquiry;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Inquiry;
use crate::api::extract::{Body, Id, Number, Operator, Params};
use crate::api::problem::Problem;

/// What the staff answers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Answer {
    /// Whether the customer is the affiliate's.
    accepted: bool,
    /// What the affiliate is told.
    #[schema(max_length = 4000)]
    answer: String,
}

/// Answer an inquiry
///
/// Accepted, the customer is the affiliate's from now on: a referral of somebody else is reassigned, forward only; a
/// customer who is not known yet is registered. The same answer again changes nothing.
#[utoipa::path(post, path = "/v1/inquiries/{id}/answer", tag = "Inquiries", operation_id = "answer_inquiry",
    params(("id" = i64, Path, minimum = 1, description = "The inquiry.")),
    request_body = Answer,
    responses((status = 200, description = "The inquiry as it is now.", body = Inquiry)))]
pub(crate) async fn answer_inquiry(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(Number(id)): Id<Number>,
    params: Params,
    Body(body): Body<Answer>,
) -> Result<Json<Inquiry>, Problem> {
    params.finish()?;
    let answer = inquiry::Answer { is_accepted: body.accepted, text: body.answer };
    Ok(Json(inquiry::answer(&app, &caller, id, answer).await?.into()))
}
