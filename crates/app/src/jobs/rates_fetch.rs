//! Fetches exchange rates for the installation again and again, where an address is configured. The rates of a program
//! are everybody's, so this is a loop of the process and no row of a program's jobs.

use std::time::Duration;

use crate::App;
use crate::jobs::stopped;

/// The European Central Bank publishes once a day, in the afternoon; what was fetched counts from the next day on.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// The wait after a failure.
const AGAIN: Duration = Duration::from_secs(15 * 60);

/// Fetches until the product stops. A failure is told and the fetch tried again; facts that need the rates wait.
pub(super) async fn keep_fetching(app: &App) {
    let Some(url) = app.0.config.rates_url.clone() else { return };
    let mut stopping = app.0.tasks.stopping();
    loop {
        let wait = tokio::select! {
            () = stopped(&mut stopping) => return,
            fetched = crate::rates::fetch(app, app.now(), &url) => match fetched {
                Ok(imported) => {
                    tracing::info!(new = imported.new, known = imported.known, "exchange rates fetched");
                    EVERY
                }
                Err(error) => {
                    app.metrics().job_failures.inc();
                    tracing::warn!(%error, "exchange rates cannot be fetched; foreign amounts may have to wait");
                    AGAIN
                }
            },
        };
        tokio::select! {
            () = stopped(&mut stopping) => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
