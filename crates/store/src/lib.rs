//! The only crate with SQL. One file a table group; every function takes the program first and touches no other.
//!
//! What must not be here: a rule. Rows come in decided and go out as `…Row` structs or domain types.

pub mod account;
pub mod adjustment;
pub mod affiliate;
pub mod attribution;
pub mod balance;
pub mod brand;
pub mod change;
mod claim;
pub mod click;
pub mod click_key;
pub mod commission;
pub mod counter;
pub mod coupon;
pub mod deal;
mod error;
pub mod exchange_rate;
pub mod fact;
pub mod inquiry;
pub mod job;
pub mod key;
pub mod link;
pub mod log;
pub mod migration;
pub mod name;
pub mod node;
pub mod opening;
pub mod parked;
pub mod payout;
pub mod period;
pub mod person;
pub mod postback;
pub mod program;
pub mod referral;
pub mod replay;
pub mod review;
pub mod roll_up;
pub mod transfer;
mod tx;
pub mod verify;
pub mod widget;
mod write;

pub use claim::{Claimed, claim};
pub use error::{Fault, Result, StoreError};
pub use sqlx::{PgConnection as Connection, PgPool as Pool};
pub use tx::{Snapshot, Step, Tx, Warm, snapshot};
pub use write::{Rows, write};

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// Opens a pool of at most `connections` connections to a PostgreSQL URL.
///
/// Plans are generic from the first execution: the hot statements look rows up by `= any(…)`, and planning them anew
/// for every batch costs more than it brings.
pub async fn connect(url: &str, connections: u32) -> Result<Pool> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("refero")
        .statement_cache_capacity(512)
        .options([("plan_cache_mode", "force_generic_plan"), ("timezone", "UTC")]);
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// A pool of one connection to the same PostgreSQL, for work that gives way to all other: `opened` is told the process of
/// each backend that serves it.
pub fn connect_apart(pool: &Pool, opened: impl Fn(i32) + Clone + Send + Sync + 'static) -> Pool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let opened = opened.clone();
            Box::pin(async move {
                opened(sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection).await?);
                Ok(())
            })
        })
        .connect_lazy_with((*pool.connect_options()).clone())
}
