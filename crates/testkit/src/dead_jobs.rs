//! Jobs that have died, for tests of jobs that must.

use sqlx::Row as _;

use crate::TestApp;

impl TestApp {
    /// Takes the dead jobs away, so that the audit finds none left, and gives the kind, the attempts and the last error
    /// of each.
    pub async fn take_dead_jobs(&self) -> Vec<(String, i32, String)> {
        sqlx::query("delete from job where state = 'dead' returning kind, attempts, coalesce(last_error, '')")
            .fetch_all(self.app.pool())
            .await
            .expect("the jobs can be deleted")
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect()
    }
}
