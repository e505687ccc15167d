//! Decisions that move money are made once: their idempotency key is a name, claimed first, that names the decision.

use domain::ids::LogId;
use domain::text::Key;
use store::Tx;
use store::name::{Binding, Kind, Mention};

use crate::{App, Caller};

/// What a key turned out to be.
pub(crate) enum Claim {
    /// It is this decision's from now on; or there is no key.
    Ours,
    /// It names an earlier decision.
    Known(LogId),
}

/// Claims a key within an operation, such as `v1.payout`, for a decision.
pub(crate) async fn claim(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    operation: &str,
    key: Option<&Key>,
    decision: LogId,
) -> store::Result<Claim> {
    let Some(key) = key else { return Ok(Claim::Ours) };
    let hash = app.0.secret.name(Kind::Key, &[operation, key.as_str()]);
    let mention = Mention { hash, kind: Kind::Key, subject: Some(decision.0) };
    let bindings = store::name::claim(tx, caller.program, &[mention]).await?;
    Ok(match bindings.get(&hash) {
        Some(Binding::Bound(known)) if *known != decision.0 => Claim::Known(LogId(*known)),
        _ => Claim::Ours,
    })
}
