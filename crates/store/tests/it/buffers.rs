//! What the hot statements cost when their plans are old (engineering.md §2): each is run seven times by a connection
//! that keeps its plans, while there are no rows; then there are 300,000, and the same connection may still touch no
//! more than twenty pages a row. Nor may connections that plan anew, before the rows are analyzed and after it.

mod attributed;
mod clicked;
mod fill;
mod hot;
mod lists;

use std::collections::BTreeMap;
use std::pin::Pin;

use sqlx::Row as _;
use store::Pool;

use attributed::Attributed;
use clicked::Clicked;
use hot::Hot;
use lists::List;

/// Pages of tables and indexes that one row may cost.
const PAGES_A_ROW: i64 = 20;

/// How often each statement runs before there are rows.
const EARLY_RUNS: u128 = 7;

#[test]
fn plans_that_were_made_without_rows_are_still_good_with_many() {
    testkit::run_on_database(async |database| {
        let kept = store::connect(&database.url, 1).await.expect("the test database answers");
        let beside = store::connect(&database.url, 1).await.expect("the test database answers");
        for round in 0..EARLY_RUNS {
            run_all(&kept, round, async |_, run| {
                run.await;
            })
            .await;
        }
        fill::fill(&beside).await;
        let mut problems = Vec::new();
        let measured =
            async |name: String, run: Run<'_>| problems.extend(measure(&name, run, &kept, &beside).await);
        run_all(&kept, EARLY_RUNS, measured).await;
        // A connection that plans anew, before anything is known of the rows.
        let new = store::connect(&database.url, 1).await.expect("the test database answers");
        let measured = async |name: String, run: Run<'_>| {
            problems.extend(measure(&format!("not analyzed, {name}"), run, &new, &beside).await);
        };
        run_all(&new, EARLY_RUNS + 1, measured).await;
        // A connection that plans anew, with statistics; what was undone above shall not weigh on it.
        sqlx::query("vacuum").execute(&beside).await.expect("a vacuum");
        store::node::analyze(&beside).await.expect("an analysis");
        let fresh = store::connect(&database.url, 1).await.expect("the test database answers");
        let measured = async |name: String, run: Run<'_>| {
            problems.extend(measure(&format!("analyzed, {name}"), run, &fresh, &beside).await);
        };
        run_all(&fresh, EARLY_RUNS + 2, measured).await;
        assert!(problems.is_empty(), "more than {PAGES_A_ROW} pages a row:\n{}", problems.join("\n"));
        for pool in [kept, new, beside, fresh] {
            pool.close().await;
        }
    });
}

/// A run of a statement, which says how many rows it was about.
type Run<'a> = Pin<Box<dyn Future<Output = i64> + 'a>>;

/// Hands every statement to something that runs it.
async fn run_all(pool: &Pool, round: u128, mut hand_over: impl AsyncFnMut(String, Run<'_>)) {
    for list in List::ALL {
        hand_over(format!("{list:?}"), Box::pin(list.run(pool))).await;
    }
    for attributed in Attributed::ALL {
        hand_over(format!("{attributed:?}"), Box::pin(attributed.run(pool, round))).await;
    }
    for clicked in Clicked::ALL {
        hand_over(format!("{clicked:?}"), Box::pin(clicked.run(pool, round))).await;
    }
    for hot in Hot::ALL {
        hand_over(format!("{hot:?}"), Box::pin(hot.run(pool, round))).await;
    }
}

/// Runs a statement and says what it touched, if that was too much. Catalogues are not counted.
async fn measure(name: &str, run: Run<'_>, pool: &Pool, beside: &Pool) -> Option<String> {
    // What filled and analyzed the tables is counted now, and not while the statement runs.
    flush(beside).await;
    flush(pool).await;
    let before = pages(beside).await;
    let rows = run.await;
    assert!(rows > 0, "{name} has found nothing to do");
    flush(pool).await;
    let after = pages(beside).await;
    let touched: BTreeMap<&String, i64> = after
        .iter()
        .map(|(table, pages)| (table, pages - before.get(table).unwrap_or(&0)))
        .filter(|(_, pages)| *pages > 0)
        .collect();
    let sum: i64 = touched.values().sum();
    (sum > PAGES_A_ROW * rows).then(|| format!("{name}: {sum} pages for {rows} rows: {touched:?}"))
}

/// Makes the only connection of a pool tell what it has counted.
async fn flush(pool: &Pool) {
    sqlx::query("select pg_stat_force_next_flush()").execute(pool).await.expect("a flush");
}

/// Pages touched so far, in memory or not, by table; with those of its indexes.
async fn pages(pool: &Pool) -> BTreeMap<String, i64> {
    let sql = "select relname::text, (heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)
                       + coalesce(toast_blks_read + toast_blks_hit, 0) + coalesce(tidx_blks_read + tidx_blks_hit, 0))::bigint
               from pg_statio_user_tables";
    let rows = sqlx::query(sql).fetch_all(pool).await.expect("the counters");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
