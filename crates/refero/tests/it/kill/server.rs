//! The processes: `refero serve` on a data folder of its own, its PostgreSQL, and the commands beside it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use domain::ids::ProgramId;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::load::is_ready;
use crate::binary::{free_address, print, refero};

/// How long anything may take to come back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at something that is awaited.
pub(crate) const LOOK: Duration = Duration::from_millis(25);

/// A running `refero serve`.
pub(crate) struct Refero {
    pub(crate) address: SocketAddr,
    data: String,
    child: Child,
}

impl Refero {
    /// Starts it on a free port, which it keeps from restart to restart.
    pub(crate) async fn start(data: &str) -> Refero {
        let address = free_address();
        let child = serve(data, &address);
        let address = address.parse().expect("an address");
        let mut refero = Refero { address, data: data.to_owned(), child };
        refero.ready().await;
        refero
    }

    /// Waits until the product can do its work.
    pub(crate) async fn ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !is_ready(self.address).await {
            let ended = self.child.try_wait().expect("our own process can be asked for");
            assert!(ended.is_none(), "refero has ended: {ended:?}; see {}", log_of(&self.data).display());
            assert!(Instant::now() < deadline, "refero is not ready; see {}", log_of(&self.data).display());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the process as a power cut would, and starts another.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().expect("our own process can be killed");
        self.child.wait().expect("a killed process ends");
        self.child = serve(&self.data, &self.address.to_string());
    }

    /// Ends PostgreSQL's first process as a power cut would; refero starts it again.
    pub(crate) fn kill_postgres(&self) {
        kill_process(self.postmaster(), Signal::KILL).expect("PostgreSQL runs");
    }

    /// The process that PostgreSQL names in its folder, which must be the one that our process has started.
    fn postmaster(&self) -> Pid {
        let file = cluster(&self.data).join("postmaster.pid");
        let text = fs::read_to_string(file).expect("PostgreSQL has written its number");
        let pid: i32 = text.lines().next().and_then(|line| line.parse().ok()).expect("a number");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("PostgreSQL runs");
        let parent = format!("PPid:\t{}", self.child.id());
        assert!(status.lines().any(|line| line == parent), "{pid} was not started by our refero");
        Pid::from_raw(pid).expect("a number above 0")
    }

    /// Tells it to end and waits until it has, in an orderly way.
    pub(crate) fn terminate(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("our own process can be told to end");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }
}

impl Drop for Refero {
    fn drop(&mut self) {
        // It runs only when the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a server writes its log. It stays when the test fails.
fn log_of(data: &str) -> PathBuf {
    Path::new(data).with_file_name("refero.log")
}

fn serve(data: &str, address: &str) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(log_of(data)).expect("a log file");
    let mut command = refero(&["serve", "--data", data, "--listen", address]);
    command.stdout(Stdio::null()).stderr(log).spawn().expect("refero starts")
}

/// The database folder in the data folder.
fn cluster(data: &str) -> PathBuf {
    let mut folders =
        fs::read_dir(data).expect("the data folder").map(|entry| entry.expect("an entry").path());
    let is_cluster =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("postgres-"));
    folders.find(is_cluster).expect("a database folder")
}

/// Lets a recovery ask the system to write out everything at once, instead of a thousand files one by one. What is
/// durable stays durable; on a busy disk it saves seconds a kill.
pub(crate) fn recover_quickly(data: &str) {
    let path = cluster(data).join("postgresql.auto.conf");
    let mut file = OpenOptions::new().append(true).open(path).expect("PostgreSQL's own file of settings");
    writeln!(file, "recovery_init_sync_method = 'syncfs'").expect("room for a line");
}

/// Makes a program that pays 20 % at once, and an operator's key for it.
pub(crate) fn make_program(data: &str) -> (ProgramId, String) {
    let json = |arguments: &[&str]| -> Value {
        let text = print(&[arguments, &["--json", "--data", data]].concat());
        serde_json::from_str(&text).expect("an answer in JSON")
    };
    let made = json(&["program", "create", "--name", "Kill", "--currency", "EUR", "--percent", "20"]);
    let id = made["program_id"].to_string().trim_matches('"').to_owned();
    let key = json(&["key", "create", "--program", &id, "--kind", "operator"]);
    (id.parse().expect("a program's id"), key["key"].as_str().expect("a key").to_owned())
}

/// `refero verify`, beside the running server, must find nothing.
pub(crate) fn verify(data: &str) {
    let text = print(&["verify", "--json", "--data", data]);
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let clean: Vec<bool> = lines.map(|line| line["clean"] == true).collect();
    assert_eq!(clean, [true], "{text}");
}
