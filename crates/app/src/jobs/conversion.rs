//! Converts what waited in a program for exchange rates that have become known.

use domain::time::Timestamp;
use serde_json::json;
use store::job::{ClaimedJob, NewJob};

use crate::ingest::convert_waiting;
use crate::jobs::{Done, Failure};
use crate::{App, random};

/// The kind of this job.
pub(crate) const KIND: &str = "conversion";

/// The job that converts what waits; enqueued in a program where something does, whenever rates were brought in.
pub(crate) fn job(now: Timestamp) -> NewJob {
    NewJob { id: random::id(), kind: KIND, payload: json!({}), run_at: now }
}

/// Converts what has its rates now. A second time it finds nothing to do.
pub(crate) async fn run(app: &App, job: &ClaimedJob, now: Timestamp) -> Result<Done, Failure> {
    let converted = convert_waiting(app, job.program, now)
        .await
        .map_err(|error| Failure::Transient(error.to_string()))?;
    if converted == 0 {
        return Ok(Done::Skipped("nothing that waits has its rates"));
    }
    tracing::info!(program = job.program.0, converted, "what waited for exchange rates is converted");
    Ok(Done::Done)
}
