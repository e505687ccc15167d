//! The queue: bounded over all programs, fair between them, at most two batches of a program in flight, the second only
//! where it is worth a transaction.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use domain::command::Refused;
use domain::ids::ProgramId;
use tokio::sync::{Notify, oneshot};

use super::prepare::Prepared;
use super::{Answer, BATCH, batch};
use crate::App;

/// Batches of one program that may be in flight in this process.
const IN_FLIGHT: usize = 2;

/// Commands that must wait before a second batch begins beside the first. Every batch costs its statements and a commit
/// whatever is in it, so a few commands wait for the first to end rather than for a commit of their own.
const SECOND: usize = 32;

/// A command that waits, and where its answer goes.
pub(crate) struct Pending {
    pub(crate) prepared: Prepared,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// Commands that wait for a batch.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Notify,
    limit: usize,
}

#[derive(Default)]
struct State {
    programs: HashMap<ProgramId, Line>,
    /// Programs that a worker may take, the one that has waited longest first.
    ready: VecDeque<ProgramId>,
    length: usize,
    closed: bool,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Pending>,
    in_flight: usize,
    is_ready: bool,
}

impl State {
    fn offer(&mut self, program: ProgramId) {
        let line = self.programs.entry(program).or_default();
        let enough = if line.in_flight == 0 { 1 } else { SECOND };
        if !line.is_ready && line.in_flight < IN_FLIGHT && line.waiting.len() >= enough {
            line.is_ready = true;
            self.ready.push_back(program);
        }
    }
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Queue {
        Queue { state: Mutex::default(), wake: Notify::new(), limit }
    }

    /// Puts commands into their program's line, one behind the other without another's between them; each is refused
    /// when too many wait or the product stops.
    pub(crate) fn push(
        &self,
        app: &App,
        program: ProgramId,
        commands: Vec<Prepared>,
    ) -> Vec<Result<oneshot::Receiver<Answer>, Refused>> {
        let mut state = self.state.lock().expect("nothing panics while it holds this");
        let room = if state.closed { 0 } else { self.limit.saturating_sub(state.length) };
        let taken = room.min(commands.len());
        state.length += taken;
        app.metrics().queue_depth.set(state.length as i64);
        let mut answers = Vec::with_capacity(commands.len());
        let mut commands = commands.into_iter();
        if taken > 0 {
            let line = state.programs.entry(program).or_default();
            for prepared in commands.by_ref().take(taken) {
                let (reply, answer) = oneshot::channel();
                line.waiting.push_back(Pending { prepared, reply });
                answers.push(Ok(answer));
            }
            state.offer(program);
        }
        drop(state);
        self.wake.notify_one();
        answers.extend(commands.map(|_| Err(Refused::Unavailable)));
        answers
    }

    /// Takes nothing more; what waits is still done.
    pub(crate) fn close(&self) {
        self.state.lock().expect("nothing panics while it holds this").closed = true;
        self.wake.notify_waiters();
    }

    fn take(&self, app: &App) -> Taken {
        let mut state = self.state.lock().expect("nothing panics while it holds this");
        let Some(program) = state.ready.pop_front() else {
            return if state.closed && state.length == 0 { Taken::Closed } else { Taken::Nothing };
        };
        let line = state.programs.entry(program).or_default();
        line.is_ready = false;
        line.in_flight += 1;
        let count = line.waiting.len().min(BATCH);
        let pending: Vec<Pending> = line.waiting.drain(..count).collect();
        state.length -= count;
        app.metrics().queue_depth.set(state.length as i64);
        state.offer(program);
        if !state.ready.is_empty() || state.closed {
            self.wake.notify_one();
        }
        Taken::Batch(program, pending)
    }

    fn done(&self, program: ProgramId) {
        let mut state = self.state.lock().expect("nothing panics while it holds this");
        let line = state.programs.entry(program).or_default();
        line.in_flight -= 1;
        if line.in_flight == 0 && line.waiting.is_empty() {
            state.programs.remove(&program);
            return;
        }
        state.offer(program);
        if !state.ready.is_empty() {
            self.wake.notify_one();
        }
    }
}

enum Taken {
    Batch(ProgramId, Vec<Pending>),
    Nothing,
    Closed,
}

/// One worker: takes batches until the queue is closed and empty.
pub(crate) async fn work(app: App) {
    loop {
        let woken = app.0.queue.wake.notified();
        match app.0.queue.take(&app) {
            Taken::Batch(program, pending) => {
                batch::run(&app, program, pending).await;
                app.0.queue.done(program);
            }
            Taken::Nothing => woken.await,
            Taken::Closed => {
                app.0.queue.wake.notify_one();
                return;
            }
        }
    }
}
