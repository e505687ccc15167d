//! What can go wrong between the product and its database.

use sqlx::postgres::PgDatabaseError;

/// A result of the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A failure of the store. Absence is no failure: it is an `Option`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused a statement or is out of reach.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database could not be brought to this binary's schema.
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Stored data that does not parse.
    #[error("corrupt data: {table}.{column} of {id}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
    },
    /// A transaction tried to take locks against the one order of the product.
    #[error("lock order: {to:?} after {from:?}")]
    LockOrder {
        /// The step the transaction is in.
        from: super::Step,
        /// The step it wanted.
        to: super::Step,
    },
    /// The database belongs to a newer version of the product.
    #[error("the database is at schema version {database}, this binary knows {binary}; use the newer binary")]
    NewerDatabase {
        /// The newest migration in the database.
        database: i64,
        /// The newest migration in this binary.
        binary: i64,
    },
}

/// What to do about a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The same transaction may succeed when tried again: serialisation, deadlock, a lost or refused connection.
    Retry,
    /// The values were at fault (SQLSTATE classes 22 and 23): trying again with the same ones is of no use.
    Values,
    /// Anything else.
    Other,
}

impl StoreError {
    /// What to do about this failure.
    pub fn fault(&self) -> Fault {
        let StoreError::Database(error) = self else { return Fault::Other };
        match error {
            sqlx::Error::Database(error) => {
                let code = error
                    .try_downcast_ref::<PgDatabaseError>()
                    .map(|error| error.code().to_owned())
                    .unwrap_or_default();
                match (code.as_str(), code.get(..2)) {
                    ("40001" | "40P01" | "57P01" | "57P02" | "57P03" | "53300", _) | (_, Some("08")) => {
                        Fault::Retry
                    }
                    (_, Some("22" | "23")) => Fault::Values,
                    _ => Fault::Other,
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            | sqlx::Error::Protocol(_) => Fault::Retry,
            _ => Fault::Other,
        }
    }

    /// The name of the constraint that refused the row, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            StoreError::Database(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }
}

/// Data of a column that does not parse.
pub(crate) fn corrupt(table: &'static str, column: &'static str, id: impl ToString) -> StoreError {
    StoreError::Corrupt { table, column, id: id.to_string() }
}

/// A numeric that came as text.
pub(crate) fn numeric(
    text: &str,
    table: &'static str,
    column: &'static str,
    id: impl ToString,
) -> Result<i128> {
    text.parse().map_err(|_| corrupt(table, column, id))
}
