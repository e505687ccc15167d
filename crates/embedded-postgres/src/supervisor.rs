//! Runs PostgreSQL on one dedicated thread: starts it, restarts it when it ends, stops it.
//!
//! The thread lives as long as the server process, because the death signal follows the thread that spawned.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::connection::{Connection, Probe};
use crate::error::Error;
use crate::leftover;
use crate::log::Log;
use crate::spawn;
use crate::user::User;

/// Between looks at a PostgreSQL that is starting.
const POLL: Duration = Duration::from_millis(20);

/// A PostgreSQL that is alive and answers nothing for so long does not start. One that says it is recovering
/// is waited for without a limit.
const SILENCE: Duration = Duration::from_secs(60);

/// For ending sessions and writing out what is in memory, before it is killed.
const STOP: Duration = Duration::from_secs(60);

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Failures after which a first start is given up, of the kind that passes with time.
const FIRST_ATTEMPTS: u32 = 6;

/// What to run.
pub(crate) struct Plan {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) data: PathBuf,
    pub(crate) user: User,
    pub(crate) connection: Connection,
}

/// A PostgreSQL that is kept running.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The server process, as long as it has not been waited for: a signal to it reaches no stranger.
    pid: Option<Pid>,
    up: bool,
    stopping: bool,
    /// Why the first start failed.
    failure: Option<Error>,
    ended: bool,
}

impl Supervisor {
    /// Starts PostgreSQL and waits until it takes sessions.
    pub(crate) fn start(plan: Plan) -> Result<Supervisor, Error> {
        let shared = Arc::new(Shared::default());
        let (theirs, data) = (Arc::clone(&shared), plan.data.clone());
        let thread =
            thread::Builder::new().name("postgres".to_owned()).spawn(move || supervise(&plan, &theirs));
        let thread = thread.map_err(|error| Error::Start { data, reason: error.to_string() })?;
        let supervisor = Supervisor { shared, thread: Some(thread) };
        let mut state = supervisor.shared.lock();
        while !state.up && !state.ended {
            state = supervisor.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let failure = state.failure.take();
        drop(state);
        failure.map_or(Ok(supervisor), Err)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.shared.lock().up
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.shared.lock().pid.map(|pid| pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Ends sessions, writes everything out and ends the process; kills it when that takes too long.
    pub(crate) fn stop(mut self) -> Result<(), Error> {
        let mut killed = None;
        for (signal, patience) in [(Signal::INT, STOP), (Signal::QUIT, STOP / 6), (Signal::KILL, STOP / 6)] {
            let pid = self.shared.signal_to_stop(signal);
            if signal != Signal::INT {
                killed = pid;
            }
            if self.shared.wait_until_ended(patience) {
                break;
            }
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        match killed {
            None => Ok(()),
            Some(pid) => Err(Error::Killed { pid, seconds: STOP.as_secs() }),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the thread not to start again and sends a signal to what runs.
    fn signal_to_stop(&self, signal: Signal) -> Option<u32> {
        let mut state = self.lock();
        state.stopping = true;
        self.changed.notify_all();
        let pid = state.pid?;
        let _ = kill_process(pid, signal);
        Some(pid.as_raw_nonzero().get().unsigned_abs())
    }

    fn wait_until_ended(&self, patience: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |state| !state.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Waits before the next start, unless there shall be none.
    fn pause(&self, pause: Duration) {
        let _ = self.changed.wait_timeout_while(self.lock(), pause, |state| !state.stopping);
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// How one run of the server process ended.
struct Run {
    was_up: bool,
    reason: String,
}

fn supervise(plan: &Plan, shared: &Shared) {
    let (mut ever_up, mut failures) = (false, 0);
    while !shared.lock().stopping {
        let run = run_once(plan, shared);
        if shared.lock().stopping {
            break;
        }
        let (was_up, error, passes) = match run {
            Ok(run) => {
                let passes = passes_with_time(&run.reason);
                (run.was_up, Error::Start { data: plan.data.clone(), reason: run.reason }, passes)
            }
            Err(error) => (false, error, false),
        };
        ever_up |= was_up;
        failures = if was_up { 1 } else { failures + 1 };
        if !ever_up && (!passes || failures >= FIRST_ATTEMPTS) {
            shared.set(|state| state.failure = Some(error));
            break;
        }
        let pause = LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.saturating_pow(failures - 1));
        if was_up {
            tracing::error!(pause_ms = pause.as_millis(), "PostgreSQL ended by itself and is started again");
        } else {
            tracing::error!(pause_ms = pause.as_millis(), "{error}");
        }
        shared.pause(pause);
    }
    shared.set(|state| state.ended = true);
}

/// Sessions of a killed server process hold its shared memory until they notice.
fn passes_with_time(reason: &str) -> bool {
    reason.contains("pre-existing shared memory block") || reason.contains("lock file")
}

fn run_once(plan: &Plan, shared: &Shared) -> Result<Run, Error> {
    leftover::wait_until_gone(&plan.data)?;
    remove_left_over_socket(plan);
    let failed = |error: std::io::Error| Error::Start { data: plan.data.clone(), reason: error.to_string() };
    let mut command = Command::new(&plan.program);
    spawn::prepare(&mut command, &plan.user);
    command.args(&plan.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let pid = Pid::from_child(&child);
    let stderr = child.stderr.take().expect("it was piped above");
    let log = Log::read(stderr).inspect_err(|_| end(&mut child)).map_err(failed)?;
    shared.set(|state| state.pid = Some(pid));
    if shared.lock().stopping {
        shared.signal_to_stop(Signal::INT);
    }

    let (was_up, silent) = match wait_until_ready(pid, &plan.connection) {
        Start::Ready => {
            shared.set(|state| state.up = true);
            (true, None)
        }
        Start::Ended => (false, None),
        Start::Failed(reason) => {
            let _ = kill_process(pid, Signal::QUIT);
            (false, Some(reason))
        }
    };
    wait_until_over(pid, WaitIdOptions::empty());
    shared.set(|state| (state.pid, state.up) = (None, false));
    let status = child.wait().map_err(failed)?;
    let reason = silent.unwrap_or_else(|| match log.last_lines() {
        lines if lines.is_empty() => format!("it ended with {status}"),
        lines => lines,
    });
    Ok(Run { was_up, reason })
}

/// Nobody else uses the folder, so files in it that PostgreSQL would take for another one's are left over.
fn remove_left_over_socket(plan: &Plan) {
    let socket = plan.connection.socket();
    let mut lock = socket.clone().into_os_string();
    lock.push(".lock");
    let _ = fs::remove_file(socket);
    let _ = fs::remove_file(lock);
}

enum Start {
    Ready,
    Ended,
    Failed(String),
}

fn wait_until_ready(pid: Pid, connection: &Connection) -> Start {
    let mut deadline = Instant::now() + SILENCE;
    loop {
        if wait_until_over(pid, WaitIdOptions::NOHANG) {
            return Start::Ended;
        }
        match connection.probe() {
            Probe::Ready => return Start::Ready,
            Probe::Refused(reason) => return Start::Failed(reason),
            Probe::Busy(_) => deadline = Instant::now() + SILENCE,
            Probe::Silent(reason) if Instant::now() > deadline => {
                let seconds = SILENCE.as_secs();
                return Start::Failed(format!("it did not answer for {seconds} seconds ({reason})"));
            }
            Probe::Silent(_) => {}
        }
        thread::sleep(POLL);
    }
}

/// Waits for the end of the process without collecting it, so that its number stays its own until the shared
/// state has forgotten it. Says whether it has ended.
fn wait_until_over(pid: Pid, extra: WaitIdOptions) -> bool {
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | extra) {
            Err(Errno::INTR) => {}
            Ok(None) => return false,
            Ok(Some(_)) | Err(_) => return true,
        }
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
