//! Names: whoever claims first owns, whoever comes second waits and learns what the first made of it.

use std::collections::HashMap;

use domain::ids::{FactId, ProgramId};
use domain::time::Timestamp;
use sqlx::{Connection as _, PgConnection};
use store::name::{Binding, Hash, Kind, Mention};
use store::{Pool, Tx};
use tokio::task::JoinHandle;
use uuid::Uuid;

const PROGRAM: ProgramId = ProgramId(1001);

fn hash(number: u8) -> Hash {
    [number; 16]
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn mention(number: u8, subject: Option<Uuid>) -> Mention {
    Mention { hash: hash(number), kind: Kind::Source, subject }
}

async fn begin(pool: &Pool) -> Tx {
    Tx::begin(pool, PROGRAM).await.expect("a transaction")
}

/// Claims names and locks those that wait, as everybody does before reading what is parked.
async fn claim(tx: &mut Tx, mentions: &[Mention]) -> HashMap<Hash, Binding> {
    let mut found = store::name::claim(tx, PROGRAM, mentions).await.expect("a claim");
    store::name::lock_waiting(tx, PROGRAM, &mut found).await.expect("locks");
    found
}

async fn connect(url: &str) -> Pool {
    store::connect(url, 4).await.expect("the test database answers")
}

/// Claims in a transaction of its own, which is committed; for a claim that has to wait.
fn claimed_beside(pool: &Pool, mentions: Vec<Mention>) -> JoinHandle<HashMap<Hash, Binding>> {
    let pool = pool.clone();
    tokio::spawn(async move {
        let mut tx = begin(&pool).await;
        let found = claim(&mut tx, &mentions).await;
        tx.commit().await.expect("a commit");
        found
    })
}

/// Waits until a session waits for a lock of another.
pub(crate) async fn until_somebody_waits(url: &str) {
    let mut session = PgConnection::connect(url).await.expect("the test database answers");
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let waits = async {
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut session).await.expect("a count") == 0 {}
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), waits).await.expect("somebody waits for a lock");
}

async fn count(pool: &Pool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("a count")
}

#[test]
fn of_two_claims_at_once_the_second_learns_what_the_first_has_bound() {
    testkit::run_on_database(async |database| {
        let pool = connect(&database.url).await;
        let mut first = begin(&pool).await;
        let found = claim(&mut first, &[mention(1, Some(id(1))), mention(2, None)]).await;
        assert_eq!(found, HashMap::from([(hash(1), Binding::Fresh), (hash(2), Binding::Fresh)]));
        let second = claimed_beside(&pool, vec![mention(1, Some(id(10))), mention(3, Some(id(3)))]);
        until_somebody_waits(&database.url).await;
        first.commit().await.expect("a commit");
        let found = second.await.expect("no panic");
        assert_eq!(found, HashMap::from([(hash(1), Binding::Bound(id(1))), (hash(3), Binding::Fresh)]));
        pool.close().await;
    });
}

#[test]
fn a_claim_that_is_undone_leaves_the_name_to_whoever_waits() {
    testkit::run_on_database(async |database| {
        let pool = connect(&database.url).await;
        let mut first = begin(&pool).await;
        claim(&mut first, &[mention(1, Some(id(1)))]).await;
        let second = claimed_beside(&pool, vec![mention(1, Some(id(2)))]);
        until_somebody_waits(&database.url).await;
        first.rollback().await.expect("an end");
        assert_eq!(second.await.expect("no panic"), HashMap::from([(hash(1), Binding::Fresh)]));
        assert_eq!(
            store::name::subject(&mut pool.acquire().await.expect("a connection"), PROGRAM, hash(1))
                .await
                .expect("an answer"),
            Some(id(2))
        );
        pool.close().await;
    });
}

#[test]
fn what_is_given_up_leaves_no_trace() {
    testkit::run_on_database(async |database| {
        let pool = connect(&database.url).await;
        let mut first = begin(&pool).await;
        claim(&mut first, &[mention(1, Some(id(1))), mention(2, Some(id(1)))]).await;
        store::name::give_up(&mut first, PROGRAM, &[hash(1)]).await.expect("it is ours to give up");
        let second = claimed_beside(&pool, vec![mention(1, Some(id(2)))]);
        until_somebody_waits(&database.url).await;
        first.commit().await.expect("a commit");
        assert_eq!(second.await.expect("no panic"), HashMap::from([(hash(1), Binding::Fresh)]));
        assert_eq!(count(&pool, "select count(*) from name").await, 2);

        let mut third = begin(&pool).await;
        claim(&mut third, &[mention(3, None), mention(4, Some(id(4)))]).await;
        store::name::give_up(&mut third, PROGRAM, &[hash(3), hash(4)])
            .await
            .expect("they are ours to give up");
        third.commit().await.expect("a commit");
        assert_eq!(count(&pool, "select count(*) from name").await, 2);
        pool.close().await;
    });
}

/// A refund that waits for its payment and the payment, in two transactions at once, must not miss each other.
#[test]
fn whoever_comes_second_finds_what_the_first_has_parked() {
    testkit::run_on_database(async |database| {
        let pool = connect(&database.url).await;
        let mut refund = begin(&pool).await;
        claim(&mut refund, &[mention(1, None)]).await;
        let payment = tokio::spawn({
            let pool = pool.clone();
            async move {
                let mut tx = begin(&pool).await;
                let found = claim(&mut tx, &[mention(1, Some(id(7)))]).await;
                let parked = store::parked::under(&mut tx, PROGRAM, &[hash(1)], time("2026-06-01T00:00:00Z"))
                    .await
                    .expect("what is parked");
                store::name::bind(&mut tx, PROGRAM, &[(hash(1), id(7))]).await.expect("a binding");
                tx.commit().await.expect("a commit");
                (found[&hash(1)], parked)
            }
        });
        until_somebody_waits(&database.url).await;
        let until = time("2026-09-01T00:00:00Z");
        store::parked::park(&mut refund, PROGRAM, &[(hash(1), FactId(id(5)), until)])
            .await
            .expect("it is parked");
        refund.commit().await.expect("a commit");
        let (binding, parked) = payment.await.expect("no panic");
        assert_eq!((binding, parked), (Binding::Waiting, vec![(hash(1), FactId(id(5)))]));
        let found = claimed_beside(&pool, vec![mention(1, None)]).await.expect("no panic");
        assert_eq!(found[&hash(1)], Binding::Bound(id(7)));
        pool.close().await;
    });
}

#[test]
fn a_waiting_name_belongs_to_one_claim_at_a_time() {
    testkit::run_on_database(async |database| {
        let pool = connect(&database.url).await;
        claimed_beside(&pool, vec![mention(1, None), mention(2, None)]).await.expect("no panic");
        let mut first = begin(&pool).await;
        let found = claim(&mut first, &[mention(2, Some(id(2)))]).await;
        assert_eq!(found[&hash(2)], Binding::Waiting);
        let second = claimed_beside(&pool, vec![mention(1, Some(id(1))), mention(2, Some(id(3)))]);
        until_somebody_waits(&database.url).await;
        store::name::bind(&mut first, PROGRAM, &[(hash(2), id(2))]).await.expect("a binding");
        first.commit().await.expect("a commit");
        let found = second.await.expect("no panic");
        assert_eq!(found, HashMap::from([(hash(1), Binding::Waiting), (hash(2), Binding::Bound(id(2)))]));
        pool.close().await;
    });
}

#[test]
fn the_same_name_in_two_programs_is_two_names() {
    testkit::run_on_database(async |database| {
        let pool = connect(&database.url).await;
        let mut first = begin(&pool).await;
        claim(&mut first, &[mention(1, Some(id(1)))]).await;
        let mut second = Tx::begin(&pool, ProgramId(1002)).await.expect("a transaction");
        let found = store::name::claim(&mut second, ProgramId(1002), &[mention(1, Some(id(2)))])
            .await
            .expect("a claim");
        assert_eq!(found[&hash(1)], Binding::Fresh);
        first.commit().await.expect("a commit");
        second.commit().await.expect("a commit");
        pool.close().await;
    });
}
