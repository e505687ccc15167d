//! `POST /v1/events/bulk`: a list of independent events, each with its own key and answer.

use app::App;
use app::ingest::{Answer, Ask, submit_many};
use axum::Json;
use axum::extract::State;
use domain::command::Refused;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::parse::Body;
use super::schema::NewEvents;
use super::{Event, answered, source_of};
use crate::api::extract::{Bytes, Operator, OptionalKey, Params};
use crate::api::fields::Object;
use crate::api::problem::{Details, Problem};
use crate::body;

/// Events in one request at most.
pub(super) const LIMIT: usize = 1000;

/// The answers to a list of events, in its order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventAnswers {
    /// One answer per event.
    results: Vec<EventAnswer>,
}

/// What a single event would have been answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventAnswer {
    /// 201 for a new event, 200 for one that was recorded before, else the status of the problem.
    #[schema(minimum = 200, maximum = 599)]
    status: u16,
    /// The event, or the problem.
    body: EventOrProblem,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum EventOrProblem {
    Event(Box<Event>),
    Problem(Box<Details>),
}

/// Record many events
///
/// Up to 1,000 in a body of at most 1 MiB. Each is recorded or refused by itself, with its own `idempotency_key`; the
/// answer lists what each would have been answered alone, in the order of the request.
#[utoipa::path(post, path = "/v1/events/bulk", tag = "Events", operation_id = "create_events",
    request_body = NewEvents,
    responses((status = 200, description = "The answer to each event.", body = EventAnswers)))]
pub(crate) async fn create_events(
    State(app): State<App>,
    Operator(caller): Operator,
    OptionalKey(key): OptionalKey,
    params: Params,
    Bytes(bytes): Bytes,
) -> Result<Json<EventAnswers>, Problem> {
    params.finish()?;
    if key.is_some() {
        let message = "each event of a list has its own key, in its field idempotency_key";
        return Err(Problem::invalid("Idempotency-Key", message));
    }
    let read = parse(&bytes)?;
    drop(bytes);
    let mut asks = Vec::with_capacity(read.len());
    let waiting: Vec<Waiting> = read
        .into_iter()
        .map(|ask| {
            let ask = ask?;
            let source_id = source_of(&ask.command);
            asks.push(ask);
            Ok(source_id)
        })
        .collect();
    let answers = submit_many(&app, caller.program, caller.now, asks).await;
    Ok(Json(render(waiting, answers)))
}

/// An event that was read, by what it calls its money, or why it could not be.
pub(in crate::api) type Waiting = Result<Option<String>, Problem>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct List<T> {
    events: Vec<T>,
}

/// Reads a list. Only where an event is wrong is each read by itself, so that the others are recorded all the same.
fn parse(bytes: &[u8]) -> Result<Vec<Result<Ask, Problem>>, Problem> {
    let ask = |Object(body): Object<Body<'_>>| {
        let key = body.own_key()?;
        body.into_ask(key)
    };
    if let Ok(Object(list)) = serde_json::from_slice::<Object<List<Object<Body<'_>>>>>(bytes) {
        check_length(list.events.len())?;
        return Ok(list.events.into_iter().map(ask).collect());
    }
    let Object(list): Object<List<&RawValue>> = body::parse(bytes)?;
    check_length(list.events.len())?;
    let each = |raw: &RawValue| ask(body::parse(raw.get().as_bytes())?);
    Ok(list.events.into_iter().map(each).collect())
}

fn check_length(length: usize) -> Result<(), Problem> {
    if (1..=LIMIT).contains(&length) {
        return Ok(());
    }
    Err(Problem::invalid("events", format!("expected 1 to {LIMIT} events, not {length}")))
}

/// Puts the answers into the order of the request; `answers` are those of the events that could be read.
pub(in crate::api) fn render(waiting: Vec<Waiting>, answers: Vec<Answer>) -> EventAnswers {
    let mut answers = answers.into_iter();
    let refused = |problem: Problem| EventAnswer {
        status: problem.status(),
        body: EventOrProblem::Problem(problem.into_details()),
    };
    let result = |waiting: Waiting| match waiting {
        Err(problem) => refused(problem),
        Ok(source_id) => match answers.next().unwrap_or(Err(Refused::Unavailable)) {
            Err(why) => refused(why.into()),
            Ok(recorded) => {
                let status = if recorded.replayed { 200 } else { 201 };
                EventAnswer { status, body: EventOrProblem::Event(Box::new(answered(source_id, recorded))) }
            }
        },
    };
    EventAnswers { results: waiting.into_iter().map(result).collect() }
}
