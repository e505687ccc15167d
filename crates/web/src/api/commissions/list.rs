//! `GET /v1/commissions`.

use app::App;
use app::commission::Filter;
use axum::Json;
use axum::extract::State;
use domain::commission;
use domain::ids::CommissionId;

use super::{Commission, CommissionState, STATES};
use crate::api::extract::{Anyone, Params};
use crate::api::fields::ReferralId;
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List commissions
///
/// Newest first. An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/commissions", tag = "Commissions", operation_id = "list_commissions",
    params(
        Page,
        ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only this affiliate's."),
        ("referral_id" = Option<ReferralId>, Query, description = "Only this referral's."),
        ("state" = Option<CommissionState>, Query, description = "Only in this state."),
    ),
    responses((status = 200, description = "A page of commissions.", body = Paged<Commission>)))]
pub(crate) async fn list_commissions(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Commission>>, Problem> {
    let page = params.page()?;
    let filter = Filter {
        id: None,
        affiliate: params.parse("affiliate_id")?,
        referral: params.parse("referral_id")?,
        state: params.word("state", STATES, commission::State::as_str)?,
        below: page.after_id()?,
    };
    params.finish()?;
    let rows = app::commission::list(&app, &caller, &filter, page.reads()).await?;
    Ok(page.answer(rows, |row| CommissionId(row.id).to_string(), Commission::from))
}
