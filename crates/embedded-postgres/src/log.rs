//! PostgreSQL's log lines go to ours, and the last ones are kept for error messages.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const KEPT: usize = 20;

/// The reader of one run's log. It ends with the last process of that run.
pub(crate) struct Log {
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: JoinHandle<()>,
}

impl Log {
    pub(crate) fn read(stderr: ChildStderr) -> std::io::Result<Log> {
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&lines);
        let reader = thread::Builder::new().name("postgres-log".to_owned()).spawn(move || {
            let mut stderr = BufReader::new(stderr);
            let mut line = Vec::new();
            while stderr.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                report(&text);
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_back(text);
                if kept.len() > KEPT {
                    kept.pop_front();
                }
            }
        })?;
        Ok(Log { lines, reader })
    }

    /// The last lines of a run that has ended. Waits a moment for the reader to get them.
    pub(crate) fn last_lines(&self) -> String {
        let deadline = Instant::now() + Duration::from_millis(500);
        while !self.reader.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// Errors of a statement are the caller's to report, and refusals while starting or stopping are expected. Whoever gives a
/// transaction up closes its connection.
fn report(line: &str) {
    let has = |word: &str| line.contains(word);
    let given_up = has("connection to client lost");
    let expected = has("the database system is") || has("due to administrator command") || given_up;
    if (has("PANIC:  ") || has("FATAL:  ")) && !expected {
        tracing::error!(target: "postgres", "{line}");
    } else if has("WARNING:  ") {
        tracing::warn!(target: "postgres", "{line}");
    } else {
        tracing::debug!(target: "postgres", "{line}");
    }
}
