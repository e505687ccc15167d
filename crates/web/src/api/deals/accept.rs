//! `POST /v1/deals/{id}/accept`.

use app::App;
use app::deal::{Acceptance, Accepted};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::ids::{AffiliateId, DealId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Deal, shown};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields::{Amount, Instant, amount, present};
use crate::api::problem::Problem;

/// Which customers get the newest version of a deal, and from when on.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct DealAcceptance {
    /// Only the customers of this affiliate; of all affiliates unless given.
    #[serde(default, deserialize_with = "present")]
    #[schema(required = false, value_type = i64)]
    affiliate_id: Option<i64>,
    /// From when on; now unless given. Dated back it corrects what was earned since, with a reason.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, format = DateTime, required = false)]
    from: Option<Instant>,
    /// Why; needed where it is dated back.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, max_length = 1000, required = false)]
    reason: Option<String>,
    /// Whether every affiliate who would earn less by it agreed to that; it is refused otherwise.
    #[serde(default)]
    agreed: bool,
    /// Only say what it would come to.
    #[serde(default)]
    dry_run: bool,
}

/// What accepting a version did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedDeal {
    /// The deal in the version accepted.
    deal: Deal,
    /// From when on it is in force for these customers.
    from: DateTime<Utc>,
    /// Whether nothing was changed.
    dry_run: bool,
    /// How many referrals it changed.
    referrals: u64,
    /// What commissions stand higher by it, or lower if negative. Closed months are closed again on top of that.
    effect: Vec<AcceptedEffect>,
}

/// What an affiliate gains, or loses, by another version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedEffect {
    /// The affiliate.
    affiliate_id: i64,
    /// How much.
    #[schema(value_type = Amount)]
    amount: String,
}

/// Accept a deal's newest version for customers who are there
///
/// A new version meets registrations from its time on. This puts customers of older versions under it too, from now or a
/// later time on, or from a time in the past: then what they have brought since is corrected, which takes a reason, and
/// the consent of affiliates who would earn less. Done again, nothing changes.
#[utoipa::path(post, path = "/v1/deals/{id}/accept", tag = "Deals", operation_id = "accept_deal",
    params(("id" = i64, Path, minimum = 1, description = "The deal.")),
    request_body = DealAcceptance,
    responses((status = 200, description = "What it did, or would do.", body = AcceptedDeal)))]
pub(crate) async fn accept_deal(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<DealId>,
    params: Params,
    Body(body): Body<DealAcceptance>,
) -> Result<Json<AcceptedDeal>, Problem> {
    params.finish()?;
    let acceptance = Acceptance {
        affiliate: body.affiliate_id.map(AffiliateId),
        from: body.from.map(|Instant(at)| at),
        reason: body.reason,
        is_agreed: body.agreed,
        is_dry_run: body.dry_run,
    };
    let Accepted { deal, from, referrals, effect } = app::deal::accept(&app, &caller, id, acceptance).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    let effect = effect
        .into_iter()
        .map(|(affiliate, micros)| AcceptedEffect {
            affiliate_id: affiliate.0,
            amount: amount(micros, currency),
        })
        .collect();
    Ok(Json(AcceptedDeal { deal: shown(deal, currency), from, dry_run: body.dry_run, referrals, effect }))
}
