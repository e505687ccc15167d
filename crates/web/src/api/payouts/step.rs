//! `POST /v1/payouts/{id}/{step}`.

use app::App;
use axum::Json;
use axum::extract::{Path, State};
use domain::ids::PayoutId;
use domain::payout::Step;

use super::Payout;
use crate::api::extract::{Operator, Params};
use crate::api::fields::{schema, words};
use crate::api::problem::Problem;

schema! {
    PayoutStep = words(
        "`approve`: the staff agrees. `process`: it is on its way. `pay`: it arrived. `fail`: it was refused on its \
         way. `cancel`: the staff withdraws it. `return`: it was sent back after it was paid.",
        STEPS.map(|(word, _)| word),
    );
}

const STEPS: [(&str, Step); 6] = [
    ("approve", Step::Approve),
    ("process", Step::Process),
    ("pay", Step::Pay),
    ("fail", Step::Fail),
    ("cancel", Step::Cancel),
    ("return", Step::Return),
];

/// Take a step
///
/// requested → approved → processing → paid → returned; approved payouts may also be paid at once, or fail, and those
/// that are not on their way may be cancelled. A step that led to the present state is answered again without effect.
#[utoipa::path(post, path = "/v1/payouts/{id}/{step}", tag = "Payouts", operation_id = "step_payout",
    params(
        ("id" = i64, Path, minimum = 1, description = "The payout."),
        ("step" = inline(PayoutStep), Path, description = "The step."),
    ),
    responses((status = 200, description = "The payout as it is now.", body = Payout)))]
pub(crate) async fn step_payout(
    State(app): State<App>,
    Operator(caller): Operator,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    params: Params,
) -> Result<Json<Payout>, Problem> {
    params.finish()?;
    let Path((id, word)) = path.map_err(|_| Problem::not_found("the path is not UTF-8".to_owned()))?;
    let id: PayoutId =
        id.parse().map_err(|error: domain::ids::InvalidId| Problem::not_found(error.to_string()))?;
    let step =
        STEPS.into_iter().find(|(known, _)| *known == word).map(|(_, step)| step).ok_or_else(|| {
            let shown: String = word.chars().take(64).collect();
            Problem::not_found(format!("{shown:?} is none of {}", STEPS.map(|(word, _)| word).join(", ")))
        })?;
    Ok(Json(app::payout::take_step(&app, &caller, id, step).await?.into()))
}
