//! Figures of large batches wait until they are added up: a figure that many batches change is changed once for all of them.
//! What a process leaves waiting when it is killed, the next one adds up, or the upkeep of clicks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use domain::ids::ProgramId;
use store::Pool;
use store::click::daily;
use tokio::time::Instant;

use crate::App;

/// Figures of a program are added up when so many wait: until then whoever reads figures has to add them up as well.
const FIGURES: usize = 500_000;

/// All are added up when no large batch has come for so long.
const QUIET: Duration = Duration::from_secs(1);

/// Figures of this process that wait.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<State>);

#[derive(Default)]
struct State {
    /// How many they are, by program.
    figures: BTreeMap<ProgramId, usize>,
    /// When the last of them were written.
    last: Option<Instant>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds this")
    }

    /// A batch that changed so many figures was written.
    pub(super) fn written(&self, program: ProgramId, figures: usize) {
        if figures >= daily::MANY {
            let mut state = self.lock();
            *state.figures.entry(program).or_default() += figures;
            state.last = Some(Instant::now());
        }
    }

    /// When they are added up unless more come; `None` where none wait.
    pub(super) fn due(&self) -> Option<Instant> {
        let state = self.lock();
        state.last.filter(|_| !state.figures.is_empty()).map(|last| last + QUIET)
    }
}

/// Adds up what waits of a program, once it is enough.
pub(super) async fn add_up_many(app: &App, pool: &Pool, program: ProgramId) {
    let figures = app.0.clicks.figures.lock().figures.get(&program).copied().unwrap_or_default();
    if figures >= FIGURES {
        add_up(app, pool, program).await;
    }
}

/// Adds up all that waits, unless the database is away.
pub(super) async fn add_up_all(app: &App) {
    let programs: Vec<ProgramId> = app.0.clicks.figures.lock().figures.keys().copied().collect();
    for program in programs {
        if !add_up(app, &app.0.clicks.pool, program).await {
            break;
        }
    }
}

/// What fails waits for the next time; nothing is wrong meanwhile. Says whether it is done.
async fn add_up(app: &App, pool: &Pool, program: ProgramId) -> bool {
    match daily::add_up(pool, program).await {
        Ok(_) => {
            app.0.clicks.figures.lock().figures.remove(&program);
            true
        }
        Err(error) => {
            tracing::warn!(%error, %program, "figures of clicks cannot be added up right now");
            app.metrics().job_failures.inc();
            false
        }
    }
}
