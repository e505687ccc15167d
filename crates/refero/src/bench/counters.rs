//! What PostgreSQL counts: rows inserted and updated by table, and bytes of its write-ahead log.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep};

use crate::failure::Outcome;

/// A backend tells what it did when it ends, or within ten seconds of idling.
const PATIENCE: Duration = Duration::from_secs(13);

/// A reading.
#[derive(Clone, Default)]
pub(super) struct Reading {
    tables: BTreeMap<String, Rows>,
    wal_bytes: i64,
}

#[derive(Clone, Copy, Default)]
struct Rows {
    inserted: i64,
    updated: i64,
    deleted: i64,
}

/// What a payment costs.
#[derive(Clone, Default)]
pub(super) struct Cost {
    /// Rows inserted, by table.
    pub(super) inserted: BTreeMap<String, f64>,
    /// Rows updated, over all tables.
    pub(super) updated: f64,
    /// Rows deleted, over all tables.
    pub(super) deleted: f64,
    /// Bytes of the write-ahead log.
    pub(super) wal_bytes: f64,
}

impl Cost {
    /// Rows inserted, over all tables.
    pub(super) fn inserted_rows(&self) -> f64 {
        self.inserted.values().sum()
    }

    /// The tables in which another cost inserts another number of rows.
    pub(super) fn differences(&self, other: &Cost) -> Vec<String> {
        let mut tables: Vec<&String> = self.inserted.keys().chain(other.inserted.keys()).collect();
        tables.sort();
        tables.dedup();
        let rows = |cost: &Cost, table: &str| cost.inserted.get(table).copied().unwrap_or(0.0);
        tables
            .into_iter()
            .filter(|table| (rows(self, table) - rows(other, table)).abs() > 0.01)
            .map(|table| format!("{table}: {:.2} and {:.2}", rows(self, table), rows(other, table)))
            .collect()
    }
}

/// Reads the counters.
pub(super) async fn read(connection: &mut PgConnection) -> Outcome<Reading> {
    let wal_bytes: i64 = sqlx::query_scalar("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
        .fetch_one(&mut *connection)
        .await?;
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "select relname::text, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables where schemaname = 'public'",
    )
    .fetch_all(connection)
    .await?;
    let tables = rows
        .into_iter()
        .map(|(table, inserted, updated, deleted)| (table, Rows { inserted, updated, deleted }))
        .collect();
    Ok(Reading { tables, wal_bytes })
}

/// What each of `payments` has cost since a reading, once every backend has told what it did.
pub(super) async fn cost(connection: &mut PgConnection, before: &Reading, payments: u64) -> Outcome<Cost> {
    let wal_bytes = read(&mut *connection).await?.wal_bytes - before.wal_bytes;
    let started = Instant::now();
    let after = loop {
        let now = read(&mut *connection).await?;
        let told = |table: &str| {
            let inserted = |reading: &Reading| reading.tables.get(table).map_or(0, |rows| rows.inserted);
            inserted(&now) - inserted(before)
        };
        let is_complete = told("fact") >= payments as i64 && told("log_number") >= payments as i64;
        if is_complete || started.elapsed() > PATIENCE {
            break now;
        }
        sleep(Duration::from_millis(100)).await;
    };
    let mut cost = Cost { wal_bytes: wal_bytes as f64 / payments as f64, ..Cost::default() };
    for (table, rows) in &after.tables {
        let earlier = before.tables.get(table).copied().unwrap_or_default();
        let per_payment = |now: i64, then: i64| (now - then) as f64 / payments as f64;
        let inserted = per_payment(rows.inserted, earlier.inserted);
        if inserted > 0.0 {
            cost.inserted.insert(table.clone(), inserted);
        }
        cost.updated += per_payment(rows.updated, earlier.updated);
        cost.deleted += per_payment(rows.deleted, earlier.deleted);
    }
    Ok(cost)
}
