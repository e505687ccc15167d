//! Gives log rows their numbers, a moment after the commits of this process and, for whatever another process left,
//! every 250 ms.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use domain::ids::ProgramId;
use tokio::sync::Notify;

use crate::App;

/// How long commits are gathered before their rows are numbered together, because numbering is a commit of its own
/// (docs/decisions/numbering.md).
const GATHERING: Duration = Duration::from_millis(5);

/// Programs whose log rows wait for their numbers.
#[derive(Default)]
pub(crate) struct Sequencer {
    waiting: Mutex<BTreeSet<ProgramId>>,
    wake: Notify,
}

impl Sequencer {
    /// Tells that a program has new log rows.
    pub(crate) fn notify(&self, program: ProgramId) {
        if self.waiting.lock().expect("nothing panics while it holds this").insert(program) {
            self.wake.notify_one();
        }
    }

    /// Lets the task look around once more and end.
    pub(crate) fn close(&self) {
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeSet<ProgramId> {
        std::mem::take(&mut *self.waiting.lock().expect("nothing panics while it holds this"))
    }
}

/// Numbers until the product stops.
pub(crate) async fn run(app: App) {
    let stopping = app.0.tasks.stopping();
    loop {
        let woken = tokio::time::timeout(Duration::from_millis(250), app.0.sequencer.wake.notified()).await;
        if woken.is_ok() && !*stopping.borrow() {
            tokio::time::sleep(GATHERING).await;
        }
        let mut programs = app.0.sequencer.take();
        if woken.is_err() {
            match store::log::programs_waiting(&app.0.pool).await {
                Ok(waiting) => programs.extend(waiting),
                Err(error) => tracing::debug!(%error, "the log cannot be numbered right now"),
            }
        }
        for program in programs {
            number_all(&app, program).await;
        }
        if *stopping.borrow() && woken.is_err() {
            return;
        }
    }
}

/// Numbers what waits in a program.
pub(crate) async fn number_all(app: &App, program: ProgramId) {
    loop {
        match store::log::number(&app.0.pool, program).await {
            Ok(5_000) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(%error, program = program.0, "the log cannot be numbered right now");
                return;
            }
        }
    }
}
