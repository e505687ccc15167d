//! A transaction that keeps the one lock order of the product (engineering.md §1) and the fence of a program.

use std::sync::{Arc, Mutex, MutexGuard};

use domain::ids::ProgramId;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _, Transaction, raw_sql};

use crate::Pool;
use crate::error::{Result, StoreError};

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
    /// Daily figures, then account rows, the hottest.
    Accounts,
}

/// A transaction on one program.
///
/// Every transaction that has to do with decisions holds the program's fence: *shared* where it only reads decisions
/// (affiliate statuses, deals, settings), *exclusive* where it changes one. So whoever decides about facts sees decisions
/// that cannot change before its commit, without a row lock that all facts of a program would share.
///
/// One that is dropped before its end takes its connection with it, and PostgreSQL undoes what it did.
pub struct Tx {
    /// There until the end.
    connection: Option<PoolConnection<Postgres>>,
    /// Where the connection goes at the end instead of the pool.
    warm: Option<Warm>,
    version: Option<i64>,
    step: Step,
}

/// The class of the advisory locks that are fences.
const FENCE: i32 = 7301;
/// The class of those that the staff's answers wait for.
const ANSWERS: i32 = 7302;
const SHARED: &str = "pg_advisory_xact_lock_shared";
const EXCLUSIVE: &str = "pg_advisory_xact_lock";

/// Connections that one transaction leaves to the next, the last first: the pool would ask each of them whether it lives,
/// one more message a transaction, and hand out another one, whose caches are cold.
#[derive(Clone, Default)]
pub struct Warm(Arc<Kept>);

#[derive(Default)]
struct Kept(Mutex<Vec<PoolConnection<Postgres>>>);

/// How many connections are kept from the pool.
const WARM: usize = 2;

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Vec<PoolConnection<Postgres>>> {
        self.0.lock().expect("nothing panics while it holds this")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Giving one back to the pool takes a runtime, which may be gone by now.
        for connection in self.lock().drain(..) {
            drop(connection.detach());
        }
    }
}

impl Warm {
    fn take(&self) -> Option<PoolConnection<Postgres>> {
        self.0.lock().pop()
    }

    fn keep(&self, connection: PoolConnection<Postgres>) {
        let mut kept = self.0.lock();
        if kept.len() < WARM {
            kept.push(connection);
        }
    }

    /// Gives all of them back to the pool, which can be closed then.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

impl Tx {
    /// Begins a transaction that reads decisions.
    pub async fn begin(pool: &Pool, program: ProgramId) -> Result<Tx> {
        Tx::fenced(pool.acquire().await?, program, SHARED).await
    }

    /// Begins a transaction that reads no decision, so it waits for none and holds none up, however long it takes.
    pub async fn begin_apart(pool: &Pool) -> Result<Tx> {
        let mut tx =
            Tx { connection: Some(pool.acquire().await?), warm: None, version: None, step: Step::Begun };
        raw_sql("begin isolation level read committed").execute(tx.read()).await?;
        Ok(tx)
    }

    /// Begins one like [`Tx::begin_apart`] in which the staff answers a question of a program, one at a time: the answer and
    /// what it decides are several transactions.
    pub async fn begin_answer(pool: &Pool, program: ProgramId) -> Result<Tx> {
        let mut tx = Tx::begin_apart(pool).await?;
        let statement = format!("select {EXCLUSIVE}({ANSWERS}, {})", program.0 as i32);
        raw_sql(AssertSqlSafe(statement)).execute(tx.read()).await?;
        Ok(tx)
    }

    /// Begins one like [`Tx::begin`] on a connection that the last one left behind.
    pub async fn begin_warm(pool: &Pool, warm: &Warm, program: ProgramId) -> Result<Tx> {
        let connection = match warm.take() {
            Some(connection) => connection,
            None => pool.acquire().await?,
        };
        let mut tx = Tx::fenced(connection, program, SHARED).await?;
        tx.warm = Some(warm.clone());
        Ok(tx)
    }

    /// Begins a transaction that changes a decision: it waits for those that read decisions, and they for it.
    pub async fn begin_decision(pool: &Pool, program: ProgramId) -> Result<Tx> {
        Tx::fenced(pool.acquire().await?, program, EXCLUSIVE).await
    }

    /// Begins, waits for the fence, and reads behind it which decisions are in force: one message to PostgreSQL, whose
    /// numbers are ours.
    async fn fenced(connection: PoolConnection<Postgres>, program: ProgramId, lock: &str) -> Result<Tx> {
        let ProgramId(id) = program;
        let fence = id as i32;
        let statements = format!(
            "begin isolation level read committed; select {lock}({FENCE}, {fence}); \
             select version from program where program_id = {id}"
        );
        // From here on the connection is ours to end, whatever becomes of the statements.
        let mut tx = Tx { connection: Some(connection), warm: None, version: None, step: Step::Begun };
        let rows = raw_sql(AssertSqlSafe(statements)).fetch_all(tx.read()).await?;
        if let [_, version] = rows.as_slice() {
            tx.version = Some(version.try_get(0)?);
        }
        Ok(tx)
    }

    /// The version of the program's decisions, which cannot change before the end of this transaction; `None` for an
    /// unknown program.
    pub fn decisions_version(&self) -> Option<i64> {
        self.version
    }

    /// Moves on to a step. Going back is refused, and panics in builds with debug assertions, so that no test misses it.
    pub(crate) fn enter(&mut self, to: Step) -> Result<&mut PgConnection> {
        debug_assert!(self.step <= to, "lock order: {to:?} after {:?}", self.step);
        if to < self.step {
            return Err(StoreError::LockOrder { from: self.step, to });
        }
        self.step = to;
        Ok(self.read())
    }

    /// The connection, for reads that lock nothing.
    pub fn read(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("only the end takes the connection")
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        self.end("commit").await
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<()> {
        self.end("rollback").await
    }

    async fn end(mut self, how: &'static str) -> Result<()> {
        raw_sql(how).execute(self.read()).await?;
        // The transaction is over: the connection goes on to the next, or back to the pool.
        let connection = self.connection.take();
        if let (Some(warm), Some(connection)) = (&self.warm, connection) {
            warm.keep(connection);
        }
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// A read-only transaction that sees one state of the database throughout.
pub type Snapshot = Transaction<'static, Postgres>;

/// Begins a [`Snapshot`].
pub async fn snapshot(pool: &Pool) -> Result<Snapshot> {
    Ok(pool.begin_with("begin isolation level repeatable read, read only").await?)
}
