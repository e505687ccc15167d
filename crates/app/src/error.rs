//! Why a verb refuses. Few kinds, each with a stable code; `web` maps them to the statuses of each dialect.

use domain::command::Refused;
use store::{Fault, StoreError};

use crate::random;

/// A result of a verb.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a verb refuses. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value is not acceptable.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, as the native API spells it.
        field: String,
        /// What is wrong with it, and what would be right.
        message: String,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The request contradicts what is there.
    #[error("{message}")]
    Conflict {
        /// A stable code.
        code: &'static str,
        /// What contradicts.
        message: String,
    },
    /// The caller may not.
    #[error("{0}")]
    Forbidden(String),
    /// A command was refused by ingest.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// More requests than one caller may make.
    #[error("more requests than one caller may make; try again in a moment")]
    Limited,
    /// No database, or too much to do.
    #[error("the service is busy; try again in a moment")]
    Unavailable,
    /// Something broke on our side; the reference finds it in the log.
    #[error("something went wrong on our side (reference {0})")]
    Internal(String),
}

impl Error {
    /// A value that is not acceptable.
    pub fn invalid(field: &str, message: impl ToString) -> Error {
        Error::Invalid { field: field.to_owned(), message: message.to_string() }
    }

    /// A stable code for programs to read.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Invalid { .. } => "invalid",
            Error::NotFound(_) => "not_found",
            Error::Conflict { code, .. } => code,
            Error::Forbidden(_) => "forbidden",
            Error::Refused(refused) => refused.code(),
            Error::Limited => "rate_limited",
            Error::Unavailable => "unavailable",
            Error::Internal(_) => "internal",
        }
    }
}

impl From<StoreError> for Error {
    /// A failure of the store is logged here, once, and answered with a reference.
    fn from(error: StoreError) -> Error {
        if error.fault() == Fault::Retry {
            tracing::warn!(%error, "the database cannot be used right now");
            return Error::Unavailable;
        }
        Error::Internal(logged(&error))
    }
}

/// Logs an internal error and returns the reference under which it can be found.
pub(crate) fn logged(error: &dyn std::fmt::Display) -> String {
    let reference = random::hex(&random::bytes::<6>());
    tracing::error!(reference, %error, "internal error");
    reference
}
