//! Makes a call that a postback asked for, and keeps what was answered.

mod silent;

use std::time::Duration;

use domain::ids::ProgramId;
use domain::postback::{Escape, body_escape};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::job::{ClaimedJob, MAX_ATTEMPTS, NewJob};
use store::postback::DeliveryRow;
use uuid::Uuid;

pub(crate) use silent::Silent;

use crate::jobs::{Done, Failure};
use crate::outside::http::{HttpError, Outgoing, Reach, send};
use crate::{App, random};

/// The kind of this job.
pub(crate) const KIND: &str = "postback";

/// How much of an answer is kept, in bytes.
const KEPT: usize = 1_000;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Serialize, Deserialize)]
struct Payload {
    delivery: Uuid,
}

/// The job that makes a call.
pub(crate) fn job(delivery: Uuid, now: Timestamp) -> NewJob {
    let payload = serde_json::to_value(Payload { delivery }).expect("an id is plain data");
    NewJob { id: random::id(), kind: KIND, payload, run_at: now }
}

/// Makes the call and records how it went. One to a server that is away fails as if it had been made.
pub(crate) async fn run(app: &App, job: &ClaimedJob, now: Timestamp) -> Result<Done, Failure> {
    let payload: Payload = serde_json::from_value(job.payload.clone())
        .map_err(|error| Failure::Permanent(format!("payload: {error}")))?;
    let program: ProgramId = job.program;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let row = store::postback::delivery(&mut connection, program, payload.delivery).await?;
    drop(connection);
    let Some(mut row) = row else { return Ok(Done::Skipped("the call is not there")) };
    let server = server_of(&row.url);
    let outcome = if app.0.jobs.silent.is_held(&server, now) {
        Err(Failure::Transient(
            "the server did not answer the last calls and is not asked for a while".to_owned(),
        ))
    } else {
        call(app, &mut row, &server, now).await
    };
    row.updated_at = now;
    (row.state, row.error) = match &outcome {
        Ok(_) => ("delivered".to_owned(), None),
        Err(Failure::Permanent(error)) => ("failed".to_owned(), Some(error.clone())),
        Err(Failure::Transient(error)) if job.attempts >= MAX_ATTEMPTS => {
            ("failed".to_owned(), Some(error.clone()))
        }
        Err(Failure::Transient(error)) => ("waiting".to_owned(), Some(error.clone())),
    };
    store::postback::record(app.pool(), program, &row).await?;
    // The list of calls is where those that failed are found and made again, so the job ends with them.
    if row.state == "failed" { Ok(Done::Skipped("the call failed for good")) } else { outcome }
}

/// Makes a call; an answer of 200 to 299 is taken, one that asks for patience is tried again, any other ends it.
async fn call(app: &App, row: &mut DeliveryRow, server: &str, now: Timestamp) -> Result<Done, Failure> {
    let content_type = |body: &str| match body_escape(body) {
        Escape::Json => "application/json",
        Escape::Percent => "application/x-www-form-urlencoded",
    };
    let body = (row.method == domain::postback::Method::Post).then(|| row.body.as_deref().unwrap_or(""));
    let outgoing = Outgoing {
        url: &row.url,
        body: body.map(|body| (content_type(body), body)),
        reach: if app.0.config.private_postbacks { Reach::Anyone } else { Reach::Public },
    };
    let answered = send(&outgoing, KEPT, PATIENCE).await;
    let is_silent = matches!(answered, Err(HttpError::Unreachable { .. } | HttpError::TooSlow { .. }));
    app.0.jobs.silent.tell(server, is_silent, now);
    row.attempts += 1;
    match answered {
        Ok(reply) => {
            row.status = Some(reply.status.into());
            row.response = Some(reply.beginning.replace('\0', "\u{fffd}"));
            match reply.status {
                200..=299 => Ok(Done::Done),
                408 | 425 | 429 | 500.. => {
                    Err(Failure::Transient(format!("the answer was {}", reply.status)))
                }
                _ => Err(Failure::Permanent(format!("the answer was {}", reply.status))),
            }
        }
        Err(error @ (HttpError::Address(_) | HttpError::Private { .. })) => {
            Err(Failure::Permanent(error.to_string()))
        }
        Err(error) => Err(Failure::Transient(error.to_string())),
    }
}

/// The server of an address, as far as one can be told.
fn server_of(url: &str) -> String {
    let uri: Option<hyper::Uri> = url.parse().ok();
    uri.and_then(|uri| Some(uri.authority()?.as_str().to_ascii_lowercase())).unwrap_or_default()
}
