//! Faults of the database that tests bring about, and faults that it has counted.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use crate::TestApp;

/// How long sessions may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

impl TestApp {
    /// A session that is none of the product's.
    async fn session(&self) -> PgConnection {
        PgConnection::connect(&self.database.url).await.expect("the test database answers")
    }

    /// Ends every session that the product has on this database, in whatever it is doing (57P01); says how many.
    pub async fn terminate_sessions(&self) -> i64 {
        let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                   where datname = current_database() and application_name = 'refero'";
        sqlx::query_scalar(sql).fetch_one(&mut self.session().await).await.expect("sessions can be ended")
    }

    /// Lets the leases of unfinished jobs end and their next attempts be due, as if the time had passed that they wait after
    /// a crash; says how many there are.
    pub async fn free_jobs(&self) -> u64 {
        let sql =
            "update job set leased_until = null, run_at = least(run_at, created_at) where state = 'waiting'";
        let freed = sqlx::query(sql).execute(&mut self.session().await).await.expect("jobs can be freed");
        freed.rows_affected()
    }

    /// From now on the database refuses facts whose source is `culprit`, and clicks whose sub id is (class 23).
    pub async fn refuse_culprit(&self) {
        let sql = "alter table fact add constraint culprit check (source <> 'culprit');
                   alter table click add constraint culprit check (traffic ->> 'sub_id' is distinct from 'culprit')";
        sqlx::raw_sql(sql).execute(&mut self.session().await).await.expect("constraints can be added");
    }

    /// Takes [`TestApp::refuse_culprit`] back.
    pub async fn accept_culprit(&self) {
        let sql = "alter table fact drop constraint culprit; alter table click drop constraint culprit";
        sqlx::raw_sql(sql).execute(&mut self.session().await).await.expect("constraints can be dropped");
    }

    /// Holds up whoever writes clicks until that is released.
    pub async fn hold_clicks(&self) -> Held {
        self.hold("click_batch in exclusive mode").await
    }

    /// Holds up whoever reads links until that is released.
    pub async fn hold_links(&self) -> Held {
        self.hold("link in access exclusive mode").await
    }

    async fn hold(&self, lock: &str) -> Held {
        let mut session = self.session().await;
        let sql = sqlx::AssertSqlSafe(format!("begin; lock table {lock}"));
        sqlx::raw_sql(sql).execute(&mut session).await.expect("a table can be locked");
        Held(session)
    }

    /// Forgets every click, as if none had been written.
    pub async fn forget_clicks(&self) {
        let sql = "truncate click, click_batch, click_batch_figures, click_daily, click_visitor";
        sqlx::query(sql).execute(&mut self.session().await).await.expect("tables can be emptied");
    }

    /// How many deadlocks this database has met. A session tells of them at its end at the latest, so all of the
    /// product's but `sessions` must have been closed, and are waited for.
    pub async fn deadlocks(&self, sessions: i64) -> i64 {
        let mut session = self.session().await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let open: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and application_name = 'refero'",
            )
            .fetch_one(&mut session)
            .await
            .expect("an answer");
            if open <= sessions {
                break;
            }
            assert!(Instant::now() < deadline, "{open} sessions are open; expected at most {sessions}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sqlx::query_scalar("select deadlocks from pg_stat_database where datname = current_database()")
            .fetch_one(&mut session)
            .await
            .expect("an answer")
    }
}

/// A session that holds something up.
pub struct Held(PgConnection);

impl Held {
    /// Waits until so many are held up.
    pub async fn until_met(&mut self, count: i64) {
        let sql = "select count(*) from pg_locks join pg_database d on d.oid = database
                   where datname = current_database() and relation = 'click_batch'::regclass and not granted";
        let deadline = Instant::now() + PATIENCE;
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut self.0).await.expect("an answer") < count {
            assert!(Instant::now() < deadline, "fewer than {count} are held up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets go.
    pub async fn release(self) {
        self.0.close().await.expect("a session can be ended");
    }
}
