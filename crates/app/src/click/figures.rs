//! Figures of large batches wait until they are added up: a figure that many batches change is changed once for all of them.
//! What a process leaves waiting when it is killed, the upkeep of clicks adds up.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use domain::ids::ProgramId;
use store::Pool;
use store::click::daily;

use crate::App;

/// So many batches wait at most: whoever reads figures meanwhile adds them up for itself.
const BATCHES: usize = 48;

/// Batches of this process whose figures wait, by program.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<BTreeMap<ProgramId, usize>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProgramId, usize>> {
        self.0.lock().expect("nothing panics while it holds this")
    }

    /// A batch that changed so many figures was written.
    pub(super) fn written(&self, program: ProgramId, figures: usize) {
        if figures >= daily::MANY {
            *self.lock().entry(program).or_default() += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

/// Adds up what waits of a program, once it is enough.
pub(super) async fn add_up_many(app: &App, pool: &Pool, program: ProgramId) {
    if app.0.clicks.figures.lock().get(&program).is_some_and(|batches| *batches >= BATCHES) {
        add_up(app, pool, program).await;
    }
}

/// Adds up all that waits.
pub(super) async fn add_up_all(app: &App) {
    let programs: Vec<ProgramId> = app.0.clicks.figures.lock().keys().copied().collect();
    for program in programs {
        add_up(app, &app.0.clicks.pool, program).await;
    }
}

/// What fails waits for the next time; nothing is wrong meanwhile.
async fn add_up(app: &App, pool: &Pool, program: ProgramId) {
    app.0.clicks.figures.lock().remove(&program);
    if let Err(error) = daily::add_up(pool, program).await {
        tracing::warn!(%error, %program, "figures of clicks cannot be added up right now");
        app.metrics().job_failures.inc();
    }
}
