//! Makes files durable behind whoever writes them, so that a disk that takes its time does not hold up the writing: what is
//! written outlives the process at once, and a power cut as soon as the disk is done.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use prometheus_client::metrics::counter::Counter;

/// Files that wait for the disk.
#[derive(Default)]
struct State {
    files: Vec<Arc<File>>,
    is_stopping: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    filled: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this")
    }
}

/// A thread that syncs what it is given, until it is dropped.
pub(crate) struct Syncer(Arc<Shared>);

impl Syncer {
    /// Starts the thread; it counts what the disk refuses.
    pub(crate) fn start(failures: Counter) -> io::Result<Syncer> {
        let shared = Arc::new(Shared::default());
        let syncer = Syncer(Arc::clone(&shared));
        std::thread::Builder::new().name("clicks-sync".to_owned()).spawn(move || run(&shared, &failures))?;
        Ok(syncer)
    }

    /// Lets a file be synced; one that waits already waits once.
    pub(crate) fn sync(&self, file: &Arc<File>) {
        let mut state = self.0.lock();
        if !state.files.iter().any(|waiting| Arc::ptr_eq(waiting, file)) {
            state.files.push(Arc::clone(file));
            self.0.filled.notify_one();
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.0.lock().is_stopping = true;
        self.0.filled.notify_one();
    }
}

fn run(shared: &Shared, failures: &Counter) {
    loop {
        let files = {
            let mut state = shared.lock();
            while state.files.is_empty() && !state.is_stopping {
                state = shared.filled.wait(state).expect("nothing panics while it holds this");
            }
            std::mem::take(&mut state.files)
        };
        if files.is_empty() {
            return;
        }
        for file in files {
            if let Err(error) = file.sync_data() {
                failures.inc();
                tracing::error!(%error, "clicks are written to disk and cannot be made durable");
            }
        }
    }
}
