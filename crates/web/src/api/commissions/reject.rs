//! `POST /v1/commissions/{id}/reject`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::CommissionId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::{CommissionWithEntries, with_entries};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields;
use crate::api::problem::Problem;

/// Why a commission is rejected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct CommissionRejection {
    /// Why, for the staff.
    #[schema(max_length = 1000)]
    reason: String,
}

/// Reject a commission
///
/// What its event earned is taken back, for whoever brought the affiliate too, and what it used up of limits goes to
/// other events: a rejected first payment makes the next one first. A commission that is rejected stays so.
#[utoipa::path(post, path = "/v1/commissions/{id}/reject", tag = "Commissions", operation_id = "reject_commission",
    params(("id" = inline(fields::CommissionId), Path, description = "The commission.")),
    request_body = CommissionRejection,
    responses((status = 200, description = "The commission as it is now.", body = CommissionWithEntries)))]
pub(crate) async fn reject_commission(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<CommissionId>,
    params: Params,
    Body(body): Body<CommissionRejection>,
) -> Result<Json<CommissionWithEntries>, Problem> {
    params.finish()?;
    let (view, entries) = app::commission::reject(&app, &caller, id, &body.reason).await?;
    Ok(Json(with_entries(view, &entries)))
}
