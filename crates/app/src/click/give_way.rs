//! Writing clicks gives way to answering them: both share the machine, and a redirect is waited for while a click in its
//! segment is not. While redirects want all of the processor, the writer gets what is left, and segments wait on disk.

use std::future::Future;
use std::io;
use std::path::Path;

use rustix::process::{Pid, setpriority_process};
use store::Pool;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Where 0 is what other processes have, and 19 what runs when nothing else wants to.
const NICE: i32 = 10;

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
        if shares_machine {
            yield_process(Pid::from_raw(backend));
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

/// Gives way with a session: each backend of PostgreSQL leads one, and Linux may share out the processor among sessions first
/// (`sched_autogroup_enabled`), where a process's own priority counts within its session only.
fn yield_session(leader: Pid) -> io::Result<()> {
    let group = Path::new("/proc").join(leader.as_raw_nonzero().to_string()).join("autogroup");
    match std::fs::write(group, NICE.to_string()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        written => written,
    }
}
