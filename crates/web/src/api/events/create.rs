//! `POST /v1/events`.

use app::App;
use app::ingest::submit;
use axum::extract::State;
use axum::response::Response;

use super::parse::Body;
use super::schema::NewEvent;
use super::{Event, answered, source_of};
use crate::api::extract::{Bytes, Operator, OptionalKey, Params};
use crate::api::fields::Object;
use crate::api::once;
use crate::api::problem::Problem;
use crate::body;

/// Record an event
///
/// Registrations, payments, refunds, disputes, withdrawals and churns. The answer comes after the event is on disk. The same
/// event again, by its `Idempotency-Key` or by the `id` of the money, gets the first answer again with status 200 and the
/// header `Idempotent-Replayed: true`; the same key or id with other content is a conflict. Each state of a refund or
/// dispute is an event of its own under the same `id`. A refused event leaves its key free.
#[utoipa::path(post, path = "/v1/events", tag = "Events", operation_id = "create_event",
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255, description =
        "A text of your own that is new for every event; or the field idempotency_key.")),
    request_body = NewEvent,
    responses(
        (status = 201, description = "The event is recorded.", body = Event),
        (status = 200, description = "The event was recorded before: the first answer again.", body = Event,
            headers(("Idempotent-Replayed" = String, description = "`true`"))),
    ))]
pub(crate) async fn create_event(
    State(app): State<App>,
    Operator(caller): Operator,
    OptionalKey(header): OptionalKey,
    params: Params,
    Bytes(bytes): Bytes,
) -> Result<Response, Problem> {
    params.finish()?;
    let Object(body): Object<Body<'_>> = body::parse(&bytes)?;
    let key = match (header, body.own_key()?) {
        (Some(header), Some(own)) if header != own => {
            let message = "the header Idempotency-Key is another; send one of them";
            return Err(Problem::invalid("idempotency_key", message));
        }
        (header, own) => header.or(own),
    };
    let ask = body.into_ask(key)?;
    let source_id = source_of(&ask.command);
    let recorded = submit(&app, caller.program, caller.now, ask).await?;
    let replayed = recorded.replayed;
    Ok(once::answer(answered(source_id, recorded), replayed))
}
