//! The log's numbers: given after commit, without gaps, whoever gives them, and in the order of each writer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::ids::{LogId, ProgramId};
use store::log::{LogRow, NumberedRow};
use store::{Pool, Tx};
use uuid::Uuid;

const PROGRAM: ProgramId = ProgramId(1001);
const WRITERS: u128 = 6;
const TRANSACTIONS: u128 = 40;
const ROWS: u128 = 3;

/// The id of a row: its writer, and its place among the writer's rows.
fn id(writer: u128, place: u128) -> LogId {
    LogId(Uuid::from_u128(writer << 64 | place))
}

fn writer_and_place(row: &NumberedRow) -> (u128, u128) {
    let number = row.id.0.as_u128();
    (number >> 64, number & u128::from(u64::MAX))
}

/// Commits transactions one after the other, and undoes every fifth.
async fn write(pool: Pool, writer: u128) {
    for transaction in 0..TRANSACTIONS {
        let mut tx = Tx::begin(&pool, PROGRAM).await.expect("a transaction");
        let rows: Vec<LogRow> = (0..ROWS)
            .map(|row| LogRow {
                id: id(writer, transaction * ROWS + row),
                kind: "test",
                scope: None,
                recorded_at: "2026-06-01T00:00:00Z".parse().expect("a time"),
                body: None,
            })
            .collect();
        store::log::append(&mut tx, PROGRAM, &rows).await.expect("rows of the log");
        if transaction % 5 == 4 {
            tx.rollback().await.expect("an end");
        } else {
            tx.commit().await.expect("a commit");
        }
    }
}

/// Gives numbers until nothing is written any more.
async fn number(pool: Pool, written: Arc<AtomicBool>) {
    while !written.load(Ordering::SeqCst) {
        store::log::number(&pool, PROGRAM).await.expect("numbers");
    }
}

/// Reads on from the last number; what is read must follow it without a gap.
async fn read(pool: Pool, written: Arc<AtomicBool>) -> Vec<NumberedRow> {
    let mut rows: Vec<NumberedRow> = Vec::new();
    loop {
        let is_over = written.load(Ordering::SeqCst);
        if is_over {
            while store::log::number(&pool, PROGRAM).await.expect("numbers") > 0 {}
        }
        let mut connection = pool.acquire().await.expect("a connection");
        let last = rows.last().map_or(0, |row| row.number);
        let more = store::log::after(&mut connection, PROGRAM, last, 100).await.expect("a page");
        for (row, expected) in more.iter().zip(last + 1..) {
            assert_eq!(row.number, expected, "a reader who has read up to {last} meets a gap");
        }
        if is_over && more.is_empty() {
            return rows;
        }
        rows.extend(more);
    }
}

#[test]
fn numbers_have_no_gaps_and_keep_the_order_of_each_writer() {
    testkit::run_on_database(async |database| {
        let pool = store::connect(&database.url, 10).await.expect("the test database answers");
        let written = Arc::new(AtomicBool::new(false));
        let numbering: Vec<_> = (0..2).map(|_| tokio::spawn(number(pool.clone(), written.clone()))).collect();
        let reading = tokio::spawn(read(pool.clone(), written.clone()));
        let writing: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(pool.clone(), writer))).collect();
        for writer in writing {
            writer.await.expect("no panic");
        }
        written.store(true, Ordering::SeqCst);
        for numberer in numbering {
            numberer.await.expect("no panic");
        }
        let rows = reading.await.expect("no panic");
        let committed = WRITERS * (TRANSACTIONS - TRANSACTIONS / 5) * ROWS;
        assert_eq!(rows.len() as u128, committed);
        let mut places: BTreeMap<u128, Vec<u128>> = BTreeMap::new();
        for (writer, place) in rows.iter().map(writer_and_place) {
            places.entry(writer).or_default().push(place);
        }
        assert!(places.values().all(|places| places.is_sorted()), "{places:?}");
        assert_eq!(store::log::programs_waiting(&pool).await.expect("programs"), []);
        pool.close().await;
    });
}

#[test]
fn a_program_that_waits_is_named_until_all_has_a_number() {
    testkit::run_on_database(async |database| {
        let pool = store::connect(&database.url, 2).await.expect("the test database answers");
        write(pool.clone(), 1).await;
        assert_eq!(store::log::programs_waiting(&pool).await.expect("programs"), [PROGRAM]);
        assert_eq!(store::log::number(&pool, ProgramId(1002)).await.expect("numbers"), 0);
        assert_eq!(store::log::number(&pool, PROGRAM).await.expect("numbers"), 96);
        assert_eq!(store::log::number(&pool, PROGRAM).await.expect("numbers"), 0);
        assert_eq!(store::log::programs_waiting(&pool).await.expect("programs"), []);
        pool.close().await;
    });
}
