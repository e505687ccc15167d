//! Payouts together with whom they are for, as both were when the payout was asked for.

use std::collections::BTreeMap;

use domain::ids::PersonId;
use domain::text::Key;
use serde_json::Value;
use store::Snapshot;
use store::payout::{Filter, PayoutRow};

use super::request::{NewPayout, create};
use crate::error::Result;
use crate::pages::Cursor;
use crate::{App, Caller};

/// A payout with its payee.
#[derive(Clone, PartialEq, Debug)]
pub struct Receipt {
    /// The payout.
    pub payout: PayoutRow,
    /// The payee's name; empty once the person is erased.
    pub name: String,
    /// Where payouts went, by method.
    pub payment_details: Value,
}

/// Requests a payout as [`create`] does, and returns it with its payee.
pub async fn create_with_receipt(
    app: &App,
    caller: &Caller,
    key: Option<&Key>,
    new: NewPayout,
) -> Result<Receipt> {
    let (payout, _) = create(app, caller, key, new).await?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let mut receipts = with_payees(&mut connection, caller, vec![payout]).await?;
    Ok(receipts.remove(0))
}

async fn with_payees(
    connection: &mut store::Connection,
    caller: &Caller,
    payouts: Vec<PayoutRow>,
) -> store::Result<Vec<Receipt>> {
    let ids: Vec<PersonId> = payouts.iter().filter_map(|payout| payout.details.payee).collect();
    let people = store::person::by_ids(connection, caller.program, &ids).await?;
    let mut people: BTreeMap<PersonId, _> = people.into_iter().map(|person| (person.id, person)).collect();
    let receipt = |payout: PayoutRow| {
        let payee = payout.details.payee.and_then(|id| people.remove(&id));
        let (name, payment_details) =
            payee.map_or((None, Value::Null), |person| (person.name, person.payment_details));
        Receipt { payout, name: name.unwrap_or_default(), payment_details }
    };
    Ok(payouts.into_iter().map(receipt).collect())
}

/// A list of payouts, newest first, read page by page.
pub struct Receipts {
    snapshot: Snapshot,
    caller: Caller,
    filter: Filter,
    cursor: Cursor,
}

/// Begins a list of at most `limit` payouts after the first `offset`.
pub async fn receipts(
    app: &App,
    caller: &Caller,
    filter: Filter,
    offset: i64,
    limit: i64,
) -> Result<Receipts> {
    caller.require_operator()?;
    let snapshot = store::snapshot(app.pool()).await?;
    Ok(Receipts { snapshot, caller: *caller, filter, cursor: Cursor::new(offset, limit) })
}

impl Receipts {
    /// The next payouts; empty at the end.
    pub async fn next_page(&mut self) -> Result<Vec<Receipt>> {
        let Some((offset, limit)) = self.cursor.next() else { return Ok(Vec::new()) };
        let program = self.caller.program;
        let payouts = store::payout::list(&mut self.snapshot, program, &self.filter, offset, limit).await?;
        self.cursor.took(payouts.len());
        self.filter.below = payouts.last().map(|payout| payout.id);
        Ok(with_payees(&mut self.snapshot, &self.caller, payouts).await?)
    }
}
