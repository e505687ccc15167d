//! Brands: what counts the deposits and withdrawals of each (money.md §6). Said once, because no setting changes an
//! existing commission.

use std::collections::BTreeMap;

use domain::fold::{Source, Truth};
use serde_json::json;
use store::Tx;

use crate::error::{Error, Result};
use crate::{App, Caller};

/// Every brand of the program.
pub async fn list(app: &App, caller: &Caller) -> Result<BTreeMap<String, Truth>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::brand::list(&mut connection, caller.program).await?)
}

/// Says what counts the deposits and withdrawals of a brand; the same again changes nothing.
pub async fn put(app: &App, caller: &Caller, name: &str, truth: Truth) -> Result<()> {
    caller.require_operator()?;
    check(name).map_err(|message| Error::invalid("name", message))?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let caller = &caller.decides(app);
    match store::brand::list(tx.read(), caller.program).await?.get(name) {
        Some(known) if *known == truth => return Ok(tx.rollback().await?),
        Some(_) => {
            return Err(Error::Conflict {
                code: "fixed",
                message: format!(
                    "what counts the deposits and withdrawals of {name:?} is said and cannot change"
                ),
            });
        }
        None => {}
    }
    store::brand::append(&mut tx, caller.program, name, truth, caller.now).await?;
    let word = |source| if source == Source::Rows { "rows" } else { "events" };
    let body =
        json!({ "brand": name, "deposits": word(truth.deposits), "withdrawals": word(truth.withdrawals) });
    crate::key::log(app, &mut tx, caller, "brand.created", body).await?;
    store::program::bump_version(&mut tx, caller.program).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    Ok(())
}

/// Whether a text may name a brand.
pub fn check(name: &str) -> std::result::Result<(), String> {
    let length = name.chars().count();
    if !(1..=64).contains(&length) || name.trim() != name || name.chars().any(char::is_control) {
        let shown: String = name.chars().take(64).collect();
        return Err(format!("{shown:?} is no name of a brand; expected 1 to 64 characters on one line"));
    }
    Ok(())
}
