//! A transaction takes its locks in the one order of the product, and never goes back.

use std::collections::BTreeMap;

use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId, ReferralId};
use domain::ledger::{Kind, Movement};
use domain::time::Period;
use store::account::Delta;
use store::name::{Kind as NameKind, Mention};
use store::{Pool, Tx};
use uuid::Uuid;

const PROGRAM: ProgramId = ProgramId(1001);

/// Runs a transaction that must be stopped, and says by which words.
async fn stopped(pool: &Pool, steps: impl AsyncFnOnce(Tx) + Send + 'static) -> String {
    let tx = Tx::begin(pool, PROGRAM).await.expect("a transaction");
    let runtime = tokio::runtime::Handle::current();
    let ended = std::thread::spawn(move || runtime.block_on(steps(tx))).join();
    let panic = ended.expect_err("the transaction goes on");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

async fn book(tx: &mut Tx) {
    let mut delta = Delta::default();
    let month = Period::from_number(202_606).expect("a month");
    delta.book(&Movement::earned_due(Kind::Share, 5).expect("a movement"), month);
    let deltas = BTreeMap::from([((AffiliateId(1), Currency::EUR), delta)]);
    store::account::apply(tx, PROGRAM, &deltas).await.expect("a booking");
}

#[test]
fn a_transaction_that_goes_back_is_stopped() {
    testkit::run_on_database(async |database| {
        let pool = store::connect(&database.url, 2).await.expect("the test database answers");
        let after_accounts = stopped(&pool, async |mut tx| {
            book(&mut tx).await;
            let mention = Mention { hash: [1; 16], kind: NameKind::Uid, subject: None };
            let _ = store::name::claim(&mut tx, PROGRAM, &[mention]).await;
        });
        assert_eq!(after_accounts.await, "lock order: Names after Accounts");
        let after_roll_ups = stopped(&pool, async |mut tx| {
            let days = BTreeMap::from([(
                store::roll_up::Day {
                    affiliate: AffiliateId(1),
                    day: "2026-06-01".parse().expect("a day"),
                    deal: domain::ids::DealId(0),
                },
                store::roll_up::Figures::default(),
            )]);
            store::write(&mut tx, PROGRAM, store::Rows { days: Some(&days), ..store::Rows::default() })
                .await
                .expect("figures");
            let referral = [ReferralId(Uuid::from_u128(1))].into();
            let _ = store::referral::lock(&mut tx, PROGRAM, &referral).await;
        });
        assert_eq!(after_roll_ups.await, "lock order: Referrals after Accounts");
        // What was stopped has left nothing.
        let rows: i64 =
            sqlx::query_scalar("select (select count(*) from account) + (select count(*) from fact_daily)")
                .fetch_one(&pool)
                .await
                .expect("a count");
        assert_eq!(rows, 0);
        pool.close().await;
    });
}

#[test]
fn a_step_may_be_taken_again_and_steps_may_be_left_out() {
    testkit::run_on_database(async |database| {
        let pool = store::connect(&database.url, 2).await.expect("the test database answers");
        let mut tx = Tx::begin(&pool, PROGRAM).await.expect("a transaction");
        for hash in [[1; 16], [2; 16]] {
            let mention = Mention { hash, kind: NameKind::Uid, subject: Some(Uuid::from_u128(1)) };
            store::name::claim(&mut tx, PROGRAM, &[mention]).await.expect("a claim");
        }
        book(&mut tx).await;
        book(&mut tx).await;
        tx.commit().await.expect("a commit");
        pool.close().await;
    });
}

#[test]
fn whoever_changes_a_decision_is_alone_in_the_program() {
    testkit::run_on_database(async |database| {
        let pool = store::connect(&database.url, 4).await.expect("the test database answers");
        let readers = [Tx::begin(&pool, PROGRAM).await, Tx::begin(&pool, PROGRAM).await];
        let other =
            Tx::begin_decision(&pool, ProgramId(1002)).await.expect("another program is not concerned");
        let begun = tokio::spawn({
            let pool = pool.clone();
            async move { Tx::begin_decision(&pool, PROGRAM).await }
        });
        crate::names::until_somebody_waits(&database.url).await;
        assert!(!begun.is_finished(), "a decision waits for those who read decisions");
        for reader in readers {
            reader.expect("readers share the fence").commit().await.expect("a commit");
        }
        begun.await.expect("no panic").expect("then it begins").rollback().await.expect("an end");
        other.rollback().await.expect("an end");
        pool.close().await;
    });
}
