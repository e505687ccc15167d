//! `GET /v1/commissions/{id}`.

use app::App;
use app::commission::{CommissionView, EntryView};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::ids::CommissionId;
use domain::ledger::{Cause, Entry as LedgerEntry};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Commission, amount_in};
use crate::api::extract::{Anyone, Id, Params};
use crate::api::fields::{self, Amount, schema, words};
use crate::api::problem::Problem;

schema! {
    EntryType = words(
        "`earned`: first booked. `corrected`: brought to a new standing. `reversed`: taken back. `reinstated`: given \
         back.",
        LedgerEntry::ALL.map(LedgerEntry::as_str),
    );
}

/// A commission with its entries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommissionWithEntries {
    #[serde(flatten)]
    commission: Commission,
    /// Its entries in the order in which they were booked; their sum is its amount.
    entries: Vec<Entry>,
}

/// A signed booking of a commission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    /// The sort of entry.
    #[serde(rename = "type")]
    #[schema(value_type = EntryType)]
    kind: &'static str,
    /// How much, signed.
    #[schema(value_type = Amount)]
    amount: String,
    /// When it takes effect.
    effective_at: DateTime<Utc>,
    /// What made it necessary: `fact`, `decision`, …
    cause: Option<&'static str>,
    /// Which one: the id of the event or decision without its prefix.
    cause_id: Uuid,
}

/// Show a commission
#[utoipa::path(get, path = "/v1/commissions/{id}", tag = "Commissions", operation_id = "show_commission",
    params(("id" = inline(fields::CommissionId), Path, description = "The commission.")),
    responses((status = 200, description = "The commission with its entries.", body = CommissionWithEntries)))]
pub(crate) async fn show_commission(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<CommissionId>,
    params: Params,
) -> Result<Json<CommissionWithEntries>, Problem> {
    params.finish()?;
    let (view, entries) = app::commission::show(&app, &caller, id).await?;
    Ok(Json(with_entries(view, &entries)))
}

/// A commission as it is shown alone.
pub(super) fn with_entries(view: CommissionView, entries: &[EntryView]) -> CommissionWithEntries {
    let entry = |entry: &EntryView| Entry {
        kind: entry.entry.as_str(),
        amount: amount_in(entry.amount_micros, &view.currency),
        effective_at: entry.effective_at,
        cause: Cause::from_code(entry.cause).map(Cause::as_str),
        cause_id: entry.cause_id,
    };
    let entries = entries.iter().map(entry).collect();
    CommissionWithEntries { commission: view.into(), entries }
}
