//! Writing clicks gives way to answering them: both share the machine, and a redirect is waited for while a click in its
//! segment is not. While redirects come by the thousand and want all of the processor, segments wait on disk, some seconds
//! at most; otherwise they are written at a lower priority, those of many clicks after a moment's look at the load.

use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, setpriority_process};
use store::Pool;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::journal::{Journal, Segment};

/// Where 0 is what other processes have, and 19 what runs when nothing else wants to.
const NICE: i32 = 10;

/// Fewer clicks a second leave enough of any machine.
const MANY: f64 = 5_000.0;

/// With less than this part of the processor idle, all of it is wanted.
const IDLE: f64 = 0.25;

/// How long load is measured.
const MEASURED: Duration = Duration::from_millis(100);

/// So many times in a row something is left of the processor where it is not only chance.
const LEFT: usize = 3;

/// What was measured longer ago says nothing of now.
const STALE: Duration = Duration::from_secs(3);

/// A segment of fewer clicks is written in a moment, and came of no burst. One that an earlier process has left has no
/// count and is written at once.
const FEW: u64 = 500;

/// What was asked of the machine lately.
pub(super) struct Load {
    at: Instant,
    clicks: u64,
    processor: Option<Processor>,
    /// How many times in a row something was left of the processor.
    left: usize,
}

impl Load {
    pub(super) fn new(journal: &Journal) -> Load {
        Load { at: Instant::now(), clicks: journal.pushed(), processor: Processor::read(), left: 0 }
    }

    /// Waits while redirects want all of the processor, and a segment and what waits behind it may wait on.
    pub(super) async fn wait(&mut self, journal: &Journal, segment: &Segment) {
        if segment.count < FEW {
            return;
        }
        if self.at.elapsed() > STALE {
            *self = Load::new(journal);
        } else {
            self.measure(journal);
        }
        while self.left < LEFT && segment.is_young() && journal.can_wait() {
            sleep(MEASURED).await;
            self.measure(journal);
        }
    }

    /// Looks whether redirects wanted all of the processor since it was looked at last.
    fn measure(&mut self, journal: &Journal) {
        let now = Load::new(journal);
        let before = std::mem::replace(self, now);
        let clicks = (self.clicks - before.clicks) as f64 / (self.at - before.at).as_secs_f64().max(1e-3);
        let idle = before.processor.zip(self.processor).map_or(1.0, |(before, now)| now.idle_since(before));
        let is_full = clicks > MANY && idle < IDLE;
        self.left = if is_full { 0 } else { before.left + 1 };
    }
}

/// Time of all processors since the machine was started, in ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Processor {
    idle: u64,
    all: u64,
}

impl Processor {
    /// As Linux counts it.
    fn read() -> Option<Processor> {
        Processor::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line is of all processors: user, nice, system, idle, waiting for disks, and more (`proc_stat(5)`).
    fn parse(text: &str) -> Option<Processor> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        // Time of guests, the last two, is in that of users already.
        let all = ticks.get(..8)?.iter().sum();
        Some(Processor { idle: ticks[3] + ticks[4], all })
    }

    /// The part of the time in which nothing was to be done; all of it where no time has gone by.
    fn idle_since(self, before: Processor) -> f64 {
        match self.all.saturating_sub(before.all) {
            0 => 1.0,
            all => self.idle.saturating_sub(before.idle) as f64 / all as f64,
        }
    }
}

/// Runs to the end on a thread of its own that gives way. Fails where there can be no such thread.
pub(super) async fn run(work: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let runtime = Handle::current();
    let (done, is_done) = oneshot::channel();
    std::thread::Builder::new().name("clicks-write".to_owned()).spawn(move || {
        yield_process(None);
        runtime.block_on(work);
        // Nobody waits where the product was dropped instead of stopped.
        let _ = done.send(());
    })?;
    // It is dropped unsent where the work has panicked, which is told by the thread itself.
    let _ = is_done.await;
    Ok(())
}

/// A connection to the same PostgreSQL, whose backends give way where they share the machine.
pub(super) fn connect(pool: &Pool, shares_machine: bool) -> Pool {
    store::connect_apart(pool, move |backend| {
        if let Some(backend) = Pid::from_raw(backend).filter(|_| shares_machine) {
            yield_process(Some(backend));
        }
    })
}

/// Gives way with a process, or with this thread.
fn yield_process(process: Option<Pid>) {
    let given = setpriority_process(process, NICE).map_err(io::Error::from);
    if let Err(error) = given.and_then(|()| process.map_or(Ok(()), yield_session)) {
        tracing::debug!(%error, "clicks are written with the priority of redirects");
    }
}

/// Gives way with a session: each backend of PostgreSQL leads one, and Linux may share out the processor among sessions
/// first (`sched_autogroup_enabled`), where a process's own priority counts within its session only.
fn yield_session(leader: Pid) -> io::Result<()> {
    let group = Path::new("/proc").join(leader.as_raw_nonzero().to_string()).join("autogroup");
    match std::fs::write(group, NICE.to_string()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_idle_part_is_read_from_what_linux_counts() {
        let before = Processor::parse("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1 2\n").expect("a line");
        assert_eq!(before, Processor { idle: 80, all: 100 });
        let now = Processor::parse("cpu  60 0 40 120 30 0 0 50 5 0\n").expect("a line");
        assert_eq!(now.idle_since(before), 0.35);
        assert_eq!(before.idle_since(before), 1.0);
        assert_eq!(Processor::parse("cpu 1 2 3"), None);
        assert_eq!(Processor::parse(""), None);
    }
}
