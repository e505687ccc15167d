//! Starting PostgreSQL's programs as the right user, in a clean environment, so that they cannot outlive us.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Pid, Signal};

use crate::user::{self, User};

/// Sets user, process group, environment and death signal.
///
/// The death signal follows the *thread* that spawns: it must live as long as the child shall.
pub(crate) fn prepare(command: &mut Command, user: &User) {
    // The working folder may be closed to that user, and PostgreSQL's own variables would change what it
    // does.
    command.current_dir("/").process_group(0).env("LC_ALL", "C");
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    if user::is_root() {
        // Without groups of its own given, the standard library also drops root's other groups.
        command.uid(user.uid).gid(user.gid);
    }
    end_with_parent(command);
}

/// SIGQUIT makes PostgreSQL end at once, as after a power cut, which is what happened to us.
#[allow(unsafe_code)]
fn end_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let ask = move || -> io::Result<()> {
        rustix::process::set_parent_process_death_signal(Some(Signal::QUIT))?;
        // The parent may have died before that call; then nobody would ever send the signal.
        let alive = rustix::process::getppid().map(Pid::as_raw_nonzero) == Some(parent.as_raw_nonzero());
        if alive { Ok(()) } else { Err(Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `ask` makes two system calls
    // (prctl, getppid) directly, takes no lock and allocates nothing, not even for its errors.
    unsafe { command.pre_exec(ask) };
}
