//! Reviews: registrations that a person should look at. While one is open, its referral's commissions are not released.

use serde_json::json;
use store::Tx;
pub use store::review::{Filter, ReviewRow};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::{App, Caller};

/// What a person found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolution {
    /// There is nothing to it: commissions are released as if it had never been raised.
    Dismissed,
    /// There is: the referral is rejected, and what it earned is taken back.
    Confirmed,
}

impl Resolution {
    /// Both.
    pub const ALL: [Resolution; 2] = [Resolution::Dismissed, Resolution::Confirmed];

    /// The word of this resolution.
    pub fn as_str(self) -> &'static str {
        match self {
            Resolution::Dismissed => "dismissed",
            Resolution::Confirmed => "confirmed",
        }
    }
}

/// A list of reviews, oldest first.
pub async fn list(app: &App, caller: &Caller, filter: &Filter, limit: i64) -> Result<Vec<ReviewRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::review::list(&mut connection, caller.program, filter, limit).await?)
}

/// Resolves an open review. Resolved the same way again it answers as before.
pub async fn resolve(
    app: &App,
    caller: &Caller,
    id: Uuid,
    resolution: Resolution,
    note: Option<&str>,
) -> Result<ReviewRow> {
    caller.require_operator()?;
    if let Some(note) = note {
        domain::text::check(note, 1000).map_err(|error| Error::invalid("note", error))?;
    }
    in_turn(app, caller, async |caller| resolve_in_turn(app, caller, id, resolution, note).await).await
}

/// Answers a question as of the time when its turn comes, while nobody else answers one of the program.
pub(crate) async fn in_turn<T>(
    app: &App,
    caller: &Caller,
    answer: impl AsyncFnOnce(&Caller) -> Result<T>,
) -> Result<T> {
    let _here = app.0.answers.lock().await;
    let turn = Tx::begin_answer(app.pool(), caller.program).await?;
    let answered = answer(&caller.decides(app)).await;
    if let Err(error) = turn.rollback().await {
        tracing::warn!(%error, "the turn to answer was lost with its connection");
    }
    answered
}

async fn resolve_in_turn(
    app: &App,
    caller: &Caller,
    id: Uuid,
    resolution: Resolution,
    note: Option<&str>,
) -> Result<ReviewRow> {
    let known = by_id(app, caller, id).await?;
    match known.resolution.as_deref() {
        Some(word) if word == resolution.as_str() => return Ok(known),
        Some(word) => {
            let message = format!("the review is {word} already");
            return Err(Error::Conflict { code: "resolved", message });
        }
        None => {}
    }
    // First what takes money back, so that nothing is released in between.
    if resolution == Resolution::Confirmed {
        crate::referral::reject(app, caller, known.referral(), &known.reason).await?;
    }
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let done =
        store::review::resolve(&mut tx, caller.program, id, caller.now, resolution.as_str(), note).await?;
    if done {
        let body = json!({ "review": id, "referral": known.referral(), "resolution": resolution.as_str(), "note": note });
        crate::key::log(app, &mut tx, caller, "review.resolved", body).await?;
        tx.commit().await?;
        app.0.sequencer.notify(caller.program);
    } else {
        tx.rollback().await?;
    }
    by_id(app, caller, id).await
}

async fn by_id(app: &App, caller: &Caller, id: Uuid) -> Result<ReviewRow> {
    let filter = Filter { id: Some(id), ..Filter::default() };
    let found = list(app, caller, &filter, 1).await?.pop();
    found.ok_or_else(|| Error::NotFound(format!("there is no review {}", id.simple())))
}
