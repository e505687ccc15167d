//! `GET /v1/log`: every accepted write of the program, numbered without gaps.

use app::App;
use app::event::NumberedRow;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::ids::FactId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::{Operator, Params};
use crate::api::fields;
use crate::api::page::Page;
use crate::api::problem::Problem;

/// Rows of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Log {
    /// The rows, in the order of their numbers.
    data: Vec<LogEntry>,
    /// What to ask `after` next; the same again where nothing is new.
    next_after: i64,
}

/// One accepted write.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogEntry {
    /// Its number: 1, 2, 3, … without gaps.
    number: i64,
    /// Its id.
    #[schema(value_type = fields::LogId)]
    id: String,
    /// What was written.
    #[serde(rename = "type")]
    #[schema(example = "payment.recorded")]
    kind: String,
    /// The event that was recorded, if it was one.
    #[schema(value_type = Option<fields::EventId>)]
    event_id: Option<String>,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
    /// What the row says beyond what it names; amounts in millionths.
    #[schema(value_type = Option<Object>)]
    body: Option<serde_json::Value>,
}

impl From<NumberedRow> for LogEntry {
    fn from(row: NumberedRow) -> LogEntry {
        LogEntry {
            number: row.number,
            id: row.id.to_string(),
            event_id: is_event(&row.kind).then(|| FactId(row.id.0).to_string()),
            kind: row.kind,
            recorded_at: row.recorded_at,
            body: row.body,
        }
    }
}

/// A fact is recorded by the log row of the same id.
fn is_event(kind: &str) -> bool {
    let of_others = ["dispute.recorded", "withdrawal.recorded", "activity.recorded"];
    matches!(kind, "referral.created" | "payment.recorded" | "refund.recorded" | "referral.churned")
        || of_others.contains(&kind)
}

/// Read the log
///
/// Every accepted write in the order of its number. A number is given shortly after the write; there are never gaps,
/// so whoever asks `after` the last number seen misses nothing.
#[utoipa::path(get, path = "/v1/log", tag = "Log", operation_id = "read_log",
    params(
        ("after" = Option<i64>, Query, minimum = 0, description = "Only rows after this number; 0 for all."),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200, description = "Rows at most; 50 if left out."),
    ),
    responses((status = 200, description = "Rows of the log.", body = Log)))]
pub(crate) async fn read_log(
    State(app): State<App>,
    Operator(caller): Operator,
    mut params: Params,
) -> Result<Json<Log>, Problem> {
    let after = params.read("after", |text| {
        text.parse::<i64>().ok().filter(|number| *number >= 0).ok_or("expected a number of the log, from 0")
    })?;
    let Page { limit, .. } = params.page()?;
    params.finish()?;
    let after = after.unwrap_or(0);
    let rows = app::event::log_after(&app, &caller, after, limit).await?;
    let next_after = rows.last().map_or(after, |row| row.number);
    Ok(Json(Log { data: rows.into_iter().map(LogEntry::from).collect(), next_after }))
}
