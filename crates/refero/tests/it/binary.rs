//! Runs the binary: commands that end, and servers that are ended by their own process id.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A folder that is removed when the test passes. Its path is short, and open to the user PostgreSQL runs as.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("refero-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).expect("a folder is made");
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The data folder in it.
    pub(crate) fn data(&self) -> String {
        self.0.join("data").display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::fs::remove_dir_all(&self.0).expect("the folder is removed");
        }
    }
}

/// The binary with arguments, untouched by what the environment says about Refero.
pub(crate) fn refero(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refero"));
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        let is_ours = name.to_string_lossy().starts_with("REFERO_");
        if is_ours && name != "REFERO_POSTGRES_BIN" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    refero(arguments).output().expect("the binary runs")
}

/// Runs a command that must succeed and returns what it printed.
pub(crate) fn print(arguments: &[&str]) -> String {
    let output = run(arguments);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "refero {arguments:?} failed\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// A server that is told to stop when the test is over, and waited for.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Server {
    /// Starts a command that serves.
    pub(crate) fn start(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Server { child, stdout }
    }

    /// The next line it prints, as JSON.
    pub(crate) fn line(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the server prints");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?} is no JSON: {error}"))
    }

    /// Tells the server to stop and waits for its end, which must be a success.
    pub(crate) fn stop(mut self) {
        assert_eq!(self.end(), Some(true), "the server did not end well");
    }

    /// Ends the server and says whether it ended well; nothing when it had ended before.
    fn end(&mut self) -> Option<bool> {
        if self.child.try_wait().ok()?.is_some() {
            return None;
        }
        let pid = Pid::from_raw(i32::try_from(self.child.id()).ok()?)?;
        kill_process(pid, Signal::TERM).ok()?;
        Some(self.child.wait().ok()?.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// An address of this machine on which nobody listens.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// Runs a line as a shell does. Lines of the demo and the README say `curl`.
pub(crate) fn shell(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().expect("there is a shell");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}\n{stderr}\n(the package curl is needed)");
    String::from_utf8(output.stdout).expect("the answer is text")
}
