//! `GET /v1/referrals/{id}/attributions`.

use app::App;
use app::attribution::AttributionRow;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::attribution::{Basis, Grade, Judged, Verdict};
use domain::ids::ReferralId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::{Id, Operator, Params};
use crate::api::fields::{self, schema, words};
use crate::api::page::{Paged, whole};
use crate::api::problem::Problem;

schema! {
    AttributionBasis = words("What an attribution rests on, the best first.", Basis::ALL.map(Basis::as_str));
    AttributionGrade = words(
        "How far that can be trusted: decided by staff, signed by a redirect, told by a caller with a key, told by a browser.",
        Grade::ALL.map(Grade::as_str),
    );
    EvidenceVerdict = words("What became of a piece of evidence.", ["decided", "outranked", "refused"]);
}

/// A piece of evidence, with what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Evidence {
    /// What it is.
    #[schema(value_type = AttributionBasis)]
    basis: &'static str,
    /// How far it can be trusted.
    #[schema(value_type = AttributionGrade)]
    grade: &'static str,
    /// What it is called: the coupon's code, the click's id, the affiliate's name.
    name: String,
    /// The affiliate it speaks for.
    affiliate_id: Option<i64>,
    /// The link that was clicked.
    link_id: Option<i64>,
    /// When it was clicked.
    clicked_at: Option<DateTime<Utc>>,
    /// What became of it.
    #[schema(value_type = EvidenceVerdict)]
    verdict: &'static str,
    /// Why it does not count.
    why: Option<String>,
}

impl From<Judged> for Evidence {
    fn from(judged: Judged) -> Evidence {
        let (verdict, why) = match &judged.verdict {
            Verdict::Decided => ("decided", None),
            Verdict::Outranked => ("outranked", None),
            Verdict::Refused(flaw) => ("refused", Some(flaw.to_string())),
        };
        Evidence {
            basis: judged.candidate.basis.as_str(),
            grade: judged.candidate.grade.as_str(),
            name: judged.candidate.name,
            affiliate_id: judged.candidate.affiliate.map(|id| id.0),
            link_id: judged.candidate.link,
            clicked_at: judged.candidate.at,
            verdict,
            why,
        }
    }
}

/// Whom a referral was put down to, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attribution {
    /// Counts the attributions of the referral.
    number: i32,
    /// The affiliate.
    affiliate_id: i64,
    /// What it rests on.
    #[schema(value_type = AttributionBasis)]
    basis: &'static str,
    /// How far that can be trusted.
    #[schema(value_type = AttributionGrade)]
    grade: &'static str,
    /// Whether only a browser said so: until the first payment a caller with a key may name another affiliate.
    is_provisional: bool,
    /// The link that was clicked.
    link_id: Option<i64>,
    /// When what it is about happened.
    occurred_at: DateTime<Utc>,
    /// When it was decided.
    decided_at: DateTime<Utc>,
    /// Why, where a person decided.
    reason: Option<String>,
    /// All evidence.
    evidence: Vec<Evidence>,
}

impl From<AttributionRow> for Attribution {
    fn from(row: AttributionRow) -> Attribution {
        Attribution {
            number: row.number,
            affiliate_id: row.affiliate.0,
            basis: row.basis.as_str(),
            grade: row.grade.as_str(),
            is_provisional: row.is_provisional,
            link_id: row.link,
            occurred_at: row.occurred_at,
            decided_at: row.decided_at,
            reason: row.reason,
            evidence: row.evidence.into_iter().map(Evidence::from).collect(),
        }
    }
}

/// List a referral's attributions
///
/// Whom it was put down to, oldest first, each with all evidence and what became of it.
#[utoipa::path(get, path = "/v1/referrals/{id}/attributions", tag = "Referrals", operation_id = "list_attributions",
    params(("id" = inline(fields::ReferralId), Path, description = "The referral.")),
    responses((status = 200, description = "The attributions.", body = Paged<Attribution>)))]
pub(crate) async fn list_attributions(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<ReferralId>,
    params: Params,
) -> Result<Json<Paged<Attribution>>, Problem> {
    params.finish()?;
    let rows = app::attribution::of(&app, &caller, id).await?;
    Ok(whole(rows.into_iter().map(Attribution::from).collect()))
}
