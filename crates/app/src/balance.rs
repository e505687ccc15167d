//! Balances: of one affiliate, or of all, page by page from one state of the database.

use domain::ids::AffiliateId;
use domain::time::Timestamp;
use store::Snapshot;
pub use store::account::AccountRow;
pub use store::balance::BalanceRow;
use store::balance::Filter;
use store::program::ProgramRow;

use crate::error::{Error, Result};
use crate::pages::Cursor;
use crate::{App, Caller};

/// The accounts of an affiliate, by currency.
pub async fn of_affiliate(app: &App, caller: &Caller, affiliate: AffiliateId) -> Result<Vec<AccountRow>> {
    caller.visible_affiliate(Some(affiliate))?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let known = store::affiliate::by_id(&mut connection, caller.program, affiliate).await?;
    known.ok_or_else(|| Error::NotFound(format!("there is no affiliate {affiliate}")))?;
    Ok(store::account::of_affiliate(&mut connection, caller.program, affiliate).await?)
}

/// Which balances to list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Only this affiliate's.
    pub affiliate: Option<AffiliateId>,
    /// Only those above their threshold.
    pub above_threshold: bool,
    /// As they were at this instant.
    pub as_of: Option<Timestamp>,
    /// Rows to skip.
    pub offset: i64,
    /// Rows at most.
    pub limit: Option<i64>,
}

/// A list of balances that is read page by page, so that its memory does not grow with its length.
pub struct Balances {
    snapshot: Snapshot,
    /// The program.
    pub program: ProgramRow,
    filter: Filter,
    cursor: Cursor,
}

/// Begins a list of balances in the program's currency.
pub async fn list(app: &App, caller: &Caller, wanted: Wanted) -> Result<Balances> {
    caller.require_operator()?;
    let mut snapshot = store::snapshot(app.pool()).await?;
    let program = crate::program::by_id(&mut snapshot, caller.program).await?;
    let filter = Filter {
        currency: program.currency,
        zone: program.zone,
        affiliate: wanted.affiliate,
        statuses: Vec::new(),
        above_threshold_micros: wanted.above_threshold.then_some(program.payout_threshold_micros),
        after: None,
        as_of: wanted.as_of,
    };
    let cursor = Cursor::new(wanted.offset, wanted.limit.unwrap_or(i64::MAX));
    Ok(Balances { snapshot, program, filter, cursor })
}

impl Balances {
    /// The same list from behind an affiliate on.
    pub fn after(mut self, affiliate: Option<AffiliateId>) -> Balances {
        self.filter.after = affiliate;
        self
    }

    /// The next rows; empty at the end.
    pub async fn next_page(&mut self) -> Result<Vec<BalanceRow>> {
        let Some((offset, limit)) = self.cursor.next() else { return Ok(Vec::new()) };
        let rows =
            store::balance::list(&mut self.snapshot, self.program.id, &self.filter, offset, limit).await?;
        self.cursor.took(rows.len());
        self.filter.after = rows.last().map(|row| row.affiliate.id);
        Ok(rows)
    }
}
