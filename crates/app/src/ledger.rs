//! How a transaction writes to the ledger: transfers are collected with their effect on the account rows and written
//! together, so that no transfer is ever booked without its balances.

use std::collections::BTreeMap;

use domain::currency::Currency;
use domain::ids::{AffiliateId, CommissionId, LogId, ProgramId, TransferId};
use domain::ledger::{Cause, Entry, Movement};
use domain::time::{Period, Timestamp, Zone};
use store::account::Delta;
use store::transfer::TransferRow;
use store::{Result, Rows, Tx};
use uuid::Uuid;

use crate::random;

/// Transfers to write, and what they do to the account rows.
pub(crate) struct Journal {
    zone: Zone,
    /// The last closed month: nothing is posted in it or before it.
    closed_through: Option<Period>,
    pub(crate) transfers: Vec<TransferRow>,
    pub(crate) accounts: BTreeMap<(AffiliateId, Currency), Delta>,
}

/// What made a movement necessary.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) cause: Cause,
    pub(crate) cause_id: Uuid,
    pub(crate) log: LogId,
}

/// Which commission a movement belongs to, and as what.
#[derive(Clone, Copy, Default)]
pub(crate) struct Part {
    pub(crate) commission: Option<CommissionId>,
    pub(crate) entry: Option<Entry>,
    pub(crate) leg: i16,
    /// How often the cause has booked before.
    pub(crate) revision: i32,
}

impl Journal {
    /// A journal that posts nothing in closed months: what takes effect there is posted in the first open one
    /// (money.md §2).
    pub(crate) fn new(zone: Zone, closed_through: Option<Period>) -> Journal {
        Journal { zone, closed_through, transfers: Vec::new(), accounts: BTreeMap::new() }
    }

    /// Lets a month be posted in by its first close, or closes it again.
    pub(crate) fn set_closed_through(&mut self, closed_through: Option<Period>) {
        self.closed_through = closed_through;
    }

    /// Books a movement between the accounts of an affiliate.
    pub(crate) fn book(
        &mut self,
        (affiliate, currency): (AffiliateId, Currency),
        movement: Movement,
        origin: Origin,
        part: Part,
        effective_at: Timestamp,
    ) {
        let month = self.zone.period_of(effective_at);
        self.account(affiliate, currency).book(&movement, month);
        self.transfers.push(TransferRow {
            id: TransferId(random::id()),
            affiliate,
            currency: currency.code().to_owned(),
            movement,
            cause: origin.cause,
            cause_id: origin.cause_id,
            revision: part.revision,
            commission: part.commission,
            leg: part.leg,
            entry: part.entry,
            effective_at,
            period: self.closed_through.map_or(month, |closed| month.max(closed.next())),
            log: origin.log,
        });
    }

    /// The changes to one account row.
    pub(crate) fn account(&mut self, affiliate: AffiliateId, currency: Currency) -> &mut Delta {
        self.accounts.entry((affiliate, currency)).or_default()
    }

    /// Writes the transfers; the account rows are left for [`Journal::write_accounts`], the last step of all.
    pub(crate) async fn write_transfers(&self, tx: &mut Tx, program: ProgramId) -> Result<()> {
        store::write(tx, program, Rows { transfers: &self.transfers, ..Rows::default() }).await
    }

    /// Writes the account rows.
    pub(crate) async fn write_accounts(&self, tx: &mut Tx, program: ProgramId) -> Result<()> {
        store::account::apply(tx, program, &self.accounts).await
    }
}
