//! `POST /v1/activity`: many rows, each with its own answer.

use app::App;
use app::activity::record;
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::row::NewActivityRow;
use super::{BODY_LIMIT, LIMIT, csv};
use crate::api::events::bulk::{EventAnswers, render};
use crate::api::extract::{Operator, OptionalKey, Params};
use crate::api::fields::Object;
use crate::api::problem::Problem;
use crate::body;

/// Daily figures of players.
#[derive(Debug, ToSchema)]
#[schema(as = NewActivity)]
#[allow(dead_code, reason = "read in place, by `List`; this one is for the document")]
pub(crate) struct NewActivity {
    /// The rows.
    #[schema(min_items = 1, max_items = 10_000)]
    rows: Vec<NewActivityRow>,
}

/// The rows of a body: each is a row, or why it could not be read.
pub(crate) struct Rows(Vec<Result<NewActivityRow, Problem>>);

impl FromRequest<App> for Rows {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Rows, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|text| text.split(';').next()).map(str::trim);
        let is_csv = media_type.is_some_and(|text| text.eq_ignore_ascii_case("text/csv"));
        let bytes = body::read_up_to(request.into_body(), BODY_LIMIT).await?;
        if is_csv { csv::read(&bytes).map(Rows) } else { parse(&bytes).map(Rows) }
    }
}

/// Record daily figures of players
///
/// Up to 10,000 rows in a body of at most 8 MiB, as JSON, or as `text/csv` under a line that names the columns: the
/// names of the fields, those of a section as in `casino_pnl`. A row is named by brand, player and day. A report with a
/// higher revision takes the place of the one before; a lower one is refused as `stale`; the same one again gets the
/// first answer, and with other figures it is a conflict. A row of a player who is not known yet waits for the
/// registration. Each row is recorded or refused by itself; the answer lists what each came to, in the order of the
/// request.
#[utoipa::path(post, path = "/v1/activity", tag = "Activity", operation_id = "create_activity",
    request_body(content((NewActivity = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "The answer to each row.", body = EventAnswers)))]
pub(crate) async fn create_activity(
    State(app): State<App>,
    Operator(caller): Operator,
    OptionalKey(key): OptionalKey,
    params: Params,
    Rows(rows): Rows,
) -> Result<Json<EventAnswers>, Problem> {
    params.finish()?;
    if key.is_some() {
        let message = "a row is named by brand, player and day, and told apart by its revision";
        return Err(Problem::invalid("Idempotency-Key", message));
    }
    let mut asked = Vec::with_capacity(rows.len());
    let mut waiting = Vec::with_capacity(rows.len());
    for row in rows {
        waiting.push(row.and_then(NewActivityRow::into_row).map(|row| {
            asked.push(row);
            None
        }));
    }
    let answers = record(&app, &caller, asked).await?;
    Ok(Json(render(waiting, answers)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct List<T> {
    rows: Vec<T>,
}

/// Reads a list. Only where a row is wrong is each read by itself, so that the others are recorded all the same.
fn parse(bytes: &[u8]) -> Result<Vec<Result<NewActivityRow, Problem>>, Problem> {
    if let Ok(Object(list)) = serde_json::from_slice::<Object<List<Object<NewActivityRow>>>>(bytes) {
        check_length(list.rows.len())?;
        return Ok(list.rows.into_iter().map(|Object(row)| Ok(row)).collect());
    }
    let Object(list): Object<List<&RawValue>> = body::parse(bytes)?;
    check_length(list.rows.len())?;
    let each = |raw: &RawValue| {
        let Object(row) = body::parse(raw.get().as_bytes())?;
        Ok(row)
    };
    Ok(list.rows.into_iter().map(each).collect())
}

fn check_length(length: usize) -> Result<(), Problem> {
    if (1..=LIMIT).contains(&length) {
        return Ok(());
    }
    Err(Problem::invalid("rows", format!("expected 1 to {LIMIT} rows, not {length}")))
}
