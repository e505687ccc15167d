//! A `postmaster.pid` of an earlier run: its process may still be ending (after kill -9 of ours it takes up
//! to two seconds), or its number may be another program's by now.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{During, Error};

const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until no earlier PostgreSQL uses the database folder.
pub(crate) fn wait_until_gone(data: &Path) -> Result<(), Error> {
    let file = data.join("postmaster.pid");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Ok(text) = fs::read_to_string(&file) else { return Ok(()) };
        let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else {
            return Ok(());
        };
        let process = Path::new("/proc").join(pid.to_string());
        if !process.exists() {
            // PostgreSQL itself sees that the process is gone, and checks its shared memory too.
            return Ok(());
        }
        if !is_postgres_on(&process, data) {
            // PostgreSQL would take the stranger for itself and refuse to start.
            return fs::remove_file(&file).during("remove the left-over", &file);
        }
        if Instant::now() > deadline {
            return Err(Error::InUse { data: data.to_owned(), pid });
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Judged by the command line, which is readable where the process belongs to another user, and which is
/// empty for a process that has ended but was not waited for.
fn is_postgres_on(process: &Path, data: &Path) -> bool {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    let arguments: Vec<String> = line
        .split(|byte| *byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect();
    let program = Path::new(&arguments[0]).file_name().unwrap_or_default();
    if program != "postgres" && program != "postmaster" {
        return false;
    }
    let named =
        arguments.iter().zip(arguments.iter().skip(1)).find_map(|(option, value)| match option.as_str() {
            "-D" => Some(value.as_str()),
            joined => joined.strip_prefix("-D"),
        });
    // One that names no folder may be any: better to wait and say so than to have two on the same data.
    named.is_none_or(|named| {
        Path::new(named) == data || Path::new(named).canonicalize().is_ok_and(|real| real == data)
    })
}
