//! Clicks on their way to the database. A redirect appends to a buffer; every few milliseconds a thread writes the buffer
//! to the open spill segment, which another one syncs (`sync.rs`); the writer (`write.rs`) takes segments that are closed
//! and deletes them after their commit.
//!
//! Memory is bounded: closed segments beyond the limit are kept on disk only. When the disk is full as well, clicks are
//! dropped and counted; their tokens still attribute.

mod folder;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use uuid::Uuid;

use super::segment::{self, Writing};
use super::sync::Syncer;
use crate::metrics::Metrics;
use crate::random;
use folder::Folder;

/// Clicks gather so long before they are made durable; with the writing itself that is at most 10 ms.
const GATHER: Duration = Duration::from_millis(6);

/// A segment is closed when it is so long, or so old while the writer has nothing to do.
const SEGMENT_BYTES: usize = 8 << 20;
const SEGMENT_AGE: Duration = Duration::from_millis(100);

/// While no more segments than these wait, writing them gives way: ten seconds of all that two cores can answer.
pub(super) const PATIENT_SEGMENTS: usize = 16;

/// A segment is written after this time, whoever else wants the processor.
const LATEST: Duration = Duration::from_secs(10);

/// Clicks that wait for the database.
pub(crate) struct Journal {
    state: Mutex<State>,
    /// Wakes the thread when the buffer is no longer empty.
    filled: Condvar,
    /// Wakes the writer when a segment was closed.
    closed: Notify,
    /// Wakes whoever waits until everything is written.
    settled: Notify,
    pushed: AtomicU64,
    done: AtomicU64,
    is_ended: AtomicBool,
    limit: usize,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// Clicks in the buffer.
    count: u64,
    segments: VecDeque<Segment>,
    /// Bytes of closed segments in memory, and of the open one.
    held: usize,
    /// The writer has a segment that is not finished.
    is_taken: bool,
    /// The writer has nothing to do.
    is_wanted: bool,
    is_stopping: bool,
    /// Held until the writer is done with it.
    folder: Option<Arc<Folder>>,
}

/// A closed segment: in memory, in a file, or both.
pub(crate) struct Segment {
    pub(crate) id: Uuid,
    pub(crate) path: Option<PathBuf>,
    memory: Option<Vec<u8>>,
    /// Clicks in it, as far as this process has counted them.
    pub(crate) count: u64,
    /// When it was begun, or found.
    since: Instant,
}

impl Journal {
    pub(crate) fn new(limit: usize) -> Journal {
        Journal {
            state: Mutex::default(),
            filled: Condvar::new(),
            closed: Notify::new(),
            settled: Notify::new(),
            pushed: AtomicU64::new(0),
            done: AtomicU64::new(0),
            is_ended: AtomicBool::new(false),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds this")
    }

    /// Appends a click; `write` appends its bytes. Nothing here waits for a disk or the database. False means that there
    /// was no room.
    pub(crate) fn push(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut state = self.lock();
        if state.held + state.buffer.len() >= self.limit {
            return false;
        }
        let was_empty = state.buffer.is_empty();
        write(&mut state.buffer);
        state.count += 1;
        drop(state);
        self.pushed.fetch_add(1, Ordering::Relaxed);
        if was_empty {
            self.filled.notify_one();
        }
        true
    }

    /// Starts the thread that makes clicks durable, below a folder if there is one, and finds what earlier processes have
    /// left there.
    pub(crate) fn start(self: &Arc<Self>, spill: Option<&Path>, metrics: Spilled) -> std::io::Result<()> {
        let folder = match spill {
            None => None,
            Some(below) => {
                let (folder, found) = Folder::open(below)?;
                let segment = |(id, path)| Segment {
                    id,
                    path: Some(path),
                    memory: None,
                    count: 0,
                    since: Instant::now(),
                };
                self.lock().segments.extend(found.into_iter().map(segment));
                let folder = Arc::new(folder);
                self.lock().folder = Some(Arc::clone(&folder));
                Some(folder)
            }
        };
        let journal = Arc::clone(self);
        let thread = std::thread::Builder::new().name("clicks".to_owned());
        let syncer = folder.is_some().then(|| Syncer::start(metrics.failures.clone())).transpose()?;
        thread.spawn(move || Durable { journal, folder, syncer, metrics, open: None }.run())?;
        Ok(())
    }

    /// Tells the thread to close what is open and to end.
    pub(crate) fn stop(&self) {
        self.lock().is_stopping = true;
        self.filled.notify_one();
    }

    /// The oldest closed segment; waits for one. `None` when the thread has ended and nothing is left.
    pub(crate) async fn next(&self) -> Option<Segment> {
        loop {
            let closed = self.closed.notified();
            {
                let mut state = self.lock();
                if let Some(segment) = state.segments.pop_front() {
                    state.is_taken = true;
                    return Some(segment);
                }
                if self.is_ended.load(Ordering::Acquire) {
                    return None;
                }
                state.is_wanted = true;
            }
            closed.await;
        }
    }

    /// A segment was written, or its clicks are lost: it takes no memory any more.
    pub(crate) fn finish(&self, segment: &Segment) {
        let bytes = segment.memory.as_ref().map_or(0, Vec::len);
        {
            let mut state = self.lock();
            state.held -= bytes;
            state.is_taken = false;
        }
        self.done.fetch_add(segment.count, Ordering::Release);
        self.settled.notify_waiters();
    }

    /// Waits until every click that was appended so far is written.
    pub(crate) async fn settle(&self) {
        let pushed = self.pushed.load(Ordering::Acquire);
        loop {
            let settled = self.settled.notified();
            if self.done.load(Ordering::Acquire) >= pushed {
                return;
            }
            settled.await;
        }
    }

    /// How many clicks were appended so far.
    pub(crate) fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    /// Whether what waits may wait on: it is not much, there is room for more, and the product goes on. Without a disk that
    /// takes segments memory is soon short of room.
    pub(crate) fn can_wait(&self) -> bool {
        let state = self.lock();
        let has_room = state.held + state.buffer.len() <= self.limit / 4 * 3;
        has_room && !state.is_stopping && state.segments.len() <= PATIENT_SEGMENTS
    }

    /// How many segments wait or are being written, and what clicks take in memory.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let state = self.lock();
        (state.segments.len() + usize::from(state.is_taken), state.held + state.buffer.len())
    }
}

impl Segment {
    /// Whether it may wait on.
    pub(crate) fn is_young(&self) -> bool {
        self.since.elapsed() < LATEST
    }

    /// Its records, from memory or from its file, whose torn tail is cut.
    pub(crate) fn records(&self) -> std::io::Result<Cow<'_, [u8]>> {
        match (&self.memory, &self.path) {
            (Some(bytes), _) => Ok(bytes.into()),
            (None, None) => Ok(Cow::default()),
            (None, Some(path)) => {
                let (_, records, cut) = segment::read(path)?;
                if cut > 0 {
                    tracing::warn!(path = %path.display(), bytes = cut, "the torn end of a spill segment was cut");
                }
                Ok(records.into())
            }
        }
    }

    /// Deletes its file, once its clicks are committed.
    pub(crate) fn delete(&self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "a written spill segment stays; its clicks are known when it is read again");
        }
    }
}

/// What the thread counts.
pub(crate) struct Spilled {
    pub(crate) bytes: prometheus_client::metrics::counter::Counter,
    pub(crate) failures: prometheus_client::metrics::counter::Counter,
}

impl Spilled {
    pub(crate) fn of(metrics: &Metrics) -> Spilled {
        Spilled { bytes: metrics.click_spill_bytes.clone(), failures: metrics.click_spill_failures.clone() }
    }
}

/// The thread: it makes clicks durable.
struct Durable {
    journal: Arc<Journal>,
    folder: Option<Arc<Folder>>,
    syncer: Option<Syncer>,
    metrics: Spilled,
    open: Option<Open>,
}

/// The open segment.
struct Open {
    id: Uuid,
    since: Instant,
    /// The file; gone where the disk refused it.
    file: Option<Writing>,
    /// Whether the file has everything that memory has.
    is_whole: bool,
    memory: Vec<u8>,
    count: u64,
}

impl Durable {
    fn run(mut self) {
        loop {
            let (bytes, count, is_stopping) = self.gather();
            if count > 0 {
                self.append(bytes, count);
            }
            let is_due = self.open.as_ref().is_some_and(|open| {
                let wanted = self.journal.lock().is_wanted;
                open.memory.len() >= SEGMENT_BYTES
                    || is_stopping
                    || (wanted && open.since.elapsed() >= SEGMENT_AGE)
            });
            if is_due {
                self.close();
            }
            if is_stopping && self.journal.lock().buffer.is_empty() {
                break;
            }
        }
        self.journal.is_ended.store(true, Ordering::Release);
        self.journal.closed.notify_one();
    }

    /// Waits for clicks, lets a few more come, and takes them.
    fn gather(&self) -> (Vec<u8>, u64, bool) {
        let mut state = self.journal.lock();
        while state.buffer.is_empty() && !state.is_stopping {
            if self.open.is_none() {
                state = self.journal.filled.wait(state).expect("nothing panics while it holds this");
            } else {
                let waited = self.journal.filled.wait_timeout(state, SEGMENT_AGE / 2);
                state = waited.expect("nothing panics while it holds this").0;
                if state.buffer.is_empty() {
                    return (Vec::new(), 0, state.is_stopping);
                }
            }
        }
        if !state.is_stopping {
            drop(state);
            std::thread::sleep(GATHER);
            state = self.journal.lock();
        }
        let room = Vec::with_capacity(state.buffer.len());
        let bytes = std::mem::replace(&mut state.buffer, room);
        state.held += bytes.len();
        (bytes, std::mem::take(&mut state.count), state.is_stopping)
    }

    fn append(&mut self, bytes: Vec<u8>, count: u64) {
        if self.open.is_none() {
            self.open = Some(self.begin());
        }
        let open = self.open.as_mut().expect("it was just made");
        if let Some(file) = &mut open.file {
            match file.append(&bytes) {
                Ok(()) => {
                    self.metrics.bytes.inc_by(bytes.len() as u64);
                    if let Some(syncer) = &self.syncer {
                        syncer.sync(file.file());
                    }
                }
                Err(error) => {
                    self.metrics.failures.inc();
                    if open.is_whole {
                        tracing::error!(%error, "clicks cannot be spilled; they wait in memory");
                    }
                    open.is_whole = false;
                }
            }
        }
        open.memory.extend_from_slice(&bytes);
        open.count += count;
    }

    fn begin(&self) -> Open {
        let id = random::id();
        let made = self.folder.as_ref().map(|folder| Writing::create(folder.path(), id));
        let file = made.and_then(|made| {
            let refuse = |error: &std::io::Error| {
                self.metrics.failures.inc();
                tracing::error!(%error, "no spill segment can be made; clicks wait in memory");
            };
            made.inspect_err(refuse).ok()
        });
        // The name shall survive a power cut as the content does.
        if let (Some(_), Some(syncer), Some(folder)) = (&file, &self.syncer, &self.folder) {
            syncer.sync(folder.file());
        }
        Open { id, since: Instant::now(), is_whole: file.is_some(), file, memory: Vec::new(), count: 0 }
    }

    /// Hands the open segment over; beyond the limit it stays on disk only.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let mut state = self.journal.lock();
        let path = open.file.map(|file| file.path().to_owned());
        // Half of the memory is for what comes next.
        let is_spilled = open.is_whole && state.held > self.journal.limit / 2 && !state.segments.is_empty();
        let memory = if is_spilled {
            state.held -= open.memory.len();
            None
        } else {
            Some(open.memory)
        };
        state.segments.push_back(Segment { id: open.id, path, memory, count: open.count, since: open.since });
        state.is_wanted = false;
        drop(state);
        self.journal.closed.notify_one();
    }
}
