//! The one place where the product reads the time of day.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use domain::time::{Timestamp, to_micros_precision};

/// Where the time comes from.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// A clock that stands where it is put, for tests: microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at an instant.
    pub fn fixed(at: Timestamp) -> Clock {
        Clock::Fixed(Arc::new(AtomicI64::new(at.timestamp_micros())))
    }

    /// Puts a fixed clock to an instant; the system's clock stays as it is.
    pub fn set(&self, at: Timestamp) {
        if let Clock::Fixed(micros) = self {
            micros.store(at.timestamp_micros(), Ordering::SeqCst);
        }
    }

    /// The time now, in whole microseconds.
    #[allow(clippy::disallowed_methods, reason = "this is the one place where the time of day is read")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => to_micros_precision(chrono::Utc::now()),
            Clock::Fixed(micros) => DateTime::from_timestamp_micros(micros.load(Ordering::SeqCst))
                .unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}
