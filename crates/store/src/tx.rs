//! A transaction that keeps the one lock order of the product (engineering.md §1) and the fence of a program.

use domain::ids::ProgramId;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};

use crate::error::{Result, StoreError};
use crate::Pool;

/// The steps of a transaction, in the only order in which it may take locks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// Begun, nothing locked but the program's fence.
    Begun,
    /// Names: idempotency keys, source ids, uids, e-mail addresses.
    Names,
    /// Referrals.
    Referrals,
    /// Affiliates with their parents, and what belongs to them: payouts.
    Affiliates,
    /// Commissions, and the lines of payouts.
    Commissions,
    /// Rows that meet no conflict.
    Appends,
    /// Daily figures.
    RollUps,
    /// Account rows, the hottest.
    Accounts,
}

/// A transaction on one program.
///
/// Every transaction holds the program's fence: *shared* where it only reads decisions (affiliate statuses, deals,
/// settings), *exclusive* where it changes one. So whoever decides about facts sees decisions that cannot change
/// before its commit, without a row lock that all facts of a program would share.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    step: Step,
}

/// The class of the advisory locks that are fences.
const FENCE: i32 = 7301;

impl Tx {
    /// Begins a transaction that reads decisions.
    pub async fn begin(pool: &Pool, program: ProgramId) -> Result<Tx> {
        Tx::fenced(pool, program, "pg_advisory_xact_lock_shared").await
    }

    /// Begins a transaction that changes a decision: it waits for those that read decisions, and they for it.
    pub async fn begin_decision(pool: &Pool, program: ProgramId) -> Result<Tx> {
        Tx::fenced(pool, program, "pg_advisory_xact_lock").await
    }

    async fn fenced(pool: &Pool, program: ProgramId, lock: &str) -> Result<Tx> {
        let begin = format!("begin isolation level read committed; select {lock}({FENCE}, {})", program.0 as i32);
        let inner = pool.begin_with(AssertSqlSafe(begin)).await?;
        Ok(Tx { inner, step: Step::Begun })
    }

    /// Moves on to a step. Going back is refused, and panics in builds with debug assertions, so that no test misses it.
    pub(crate) fn enter(&mut self, to: Step) -> Result<&mut PgConnection> {
        debug_assert!(self.step <= to, "lock order: {to:?} after {:?}", self.step);
        if to < self.step {
            return Err(StoreError::LockOrder { from: self.step, to });
        }
        self.step = to;
        Ok(&mut self.inner)
    }

    /// The connection, for reads that lock nothing.
    pub fn read(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<()> {
        Ok(self.inner.rollback().await?)
    }
}

/// A read-only transaction that sees one state of the database throughout.
pub type Snapshot = Transaction<'static, Postgres>;

/// Begins a [`Snapshot`].
pub async fn snapshot(pool: &Pool) -> Result<Snapshot> {
    Ok(pool.begin_with("begin isolation level repeatable read, read only").await?)
}
