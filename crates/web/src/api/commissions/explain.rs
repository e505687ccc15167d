//! `GET /v1/commissions/{id}/explain`.

use app::App;
use axum::extract::State;
use axum::response::Response;
use domain::ids::CommissionId;

use crate::api::explain::{Explanation, PrefersText, answer};
use crate::api::extract::{Anyone, Id, Params};
use crate::api::fields;
use crate::api::problem::Problem;

/// Explain a commission
///
/// Every rule with its reason, the arithmetic step by step, and what is booked. An affiliate's key sees its own, and nothing
/// of the customer. With `Accept: text/plain` a page of text.
#[utoipa::path(get, path = "/v1/commissions/{id}/explain", tag = "Commissions", operation_id = "explain_commission",
    params(("id" = inline(fields::CommissionId), Path, description = "The commission.")),
    responses((status = 200, description = "What came of it and why.", body = Explanation)))]
pub(crate) async fn explain_commission(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<CommissionId>,
    text: PrefersText,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let account = app::explain::commission(&app, &caller, id).await?;
    Ok(answer(&account, &text))
}
