//! `test-postgres -- COMMAND ...` runs a command with a PostgreSQL of each version wanted, made for it and
//! ended after it, and exits as the command does.
//!
//! `REFERO_TEST_POSTGRES=15,18` names the versions; without it the newest found is taken. The command finds
//! `REFERO_TEST_URLS` (as in `15=postgres://...,18=postgres://...`) and `REFERO_TEST_URL` (of the newest) in
//! its environment. Databases are the tests' own affair (`testkit`).

#[path = "environment/cargo.rs"]
mod environment;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::thread;
use std::time::Duration;

use embedded_postgres::{Access, Options, Server, find_binaries, open};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

const VERSIONS: &str = "REFERO_TEST_POSTGRES";

/// Followed by the process id.
const FOLDER: &str = "refero-test-";

/// What a test run loses in a power cut is of no value, and `autovacuum` would make plans depend on chance.
const SETTINGS: [(&str, &str); 4] =
    [("fsync", "off"), ("full_page_writes", "off"), ("autovacuum", "off"), ("max_connections", "300")];

/// How long the command may take to end when it is interrupted.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let mut command: Vec<String> = std::env::args().skip(1).collect();
    // `cargo run` keeps the first `--` to itself.
    if command.first().is_some_and(|first| first == "--") {
        command.remove(0);
    }
    if command.is_empty() {
        eprintln!("usage: [{VERSIONS}=15,18] test-postgres -- COMMAND [ARGUMENT ...]");
        return ExitCode::from(2);
    }
    run(&command).unwrap_or_else(|message| {
        eprintln!("test-postgres: {message}");
        ExitCode::FAILURE
    })
}

fn run(command: &[String]) -> Result<ExitCode, String> {
    let wanted = wanted(&std::env::var(VERSIONS).unwrap_or_default())?;
    let folder = Folder::new()?;
    let clusters = start(&folder.0, &wanted)?;
    let status = with_addresses(command, &clusters);
    for (_, server) in clusters {
        server.stop().map_err(|error| error.to_string())?;
    }
    drop(folder);
    let status = status?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

/// Reads "15,18" into ascending versions; nothing where the newest found shall be taken.
fn wanted(text: &str) -> Result<Vec<u32>, String> {
    let parse = |version: &str| {
        let refused =
            format!("{VERSIONS} is {text:?}, but {version:?} is no major version; write it as in 15,18");
        version.parse::<u32>().map_err(|_| refused)
    };
    let versions = text.split(',').map(str::trim).filter(|version| !version.is_empty());
    let mut versions = versions.map(parse).collect::<Result<Vec<u32>, String>>()?;
    versions.sort_unstable();
    versions.dedup();
    Ok(versions)
}

/// Starts a cluster per version, all at once. Those already started end when another fails.
fn start(folder: &Path, wanted: &[u32]) -> Result<Vec<(u32, Server)>, String> {
    let versions = match wanted {
        [] => vec![
            find_binaries(&Options::new(folder.join("newest"))).map_err(|error| error.to_string())?.major,
        ],
        some => some.to_vec(),
    };
    thread::scope(|scope| {
        let starting: Vec<_> =
            versions.iter().map(|major| (*major, scope.spawn(|| cluster(folder, *major)))).collect();
        let started = starting.into_iter().map(|(major, thread)| {
            let server = thread.join().map_err(|_| format!("starting PostgreSQL {major} panicked"))??;
            Ok((major, server))
        });
        started.collect()
    })
}

fn cluster(folder: &Path, major: u32) -> Result<Server, String> {
    let mut options = Options::new(folder.join(major.to_string()));
    options.major = Some(major);
    options.settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    match open(&options) {
        Ok(Access::Owner(server)) => Ok(server),
        Ok(Access::Guest(_)) => Err(format!("{} is in use by another process", options.dir.display())),
        Err(error) => Err(error.to_string()),
    }
}

fn with_addresses(command: &[String], clusters: &[(u32, Server)]) -> Result<ExitStatus, String> {
    let urls: Vec<(u32, String)> =
        clusters.iter().map(|(major, server)| (*major, server.connection().url())).collect();
    let newest = urls.last().map(|(_, url)| url.clone()).unwrap_or_default();
    let urls: Vec<String> = urls.into_iter().map(|(major, url)| format!("{major}={url}")).collect();
    let mut process = Command::new(&command[0]);
    environment::forget_package(process.as_std_mut());
    process.args(&command[1..]).env("REFERO_TEST_URLS", urls.join(",")).env("REFERO_TEST_URL", newest);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(supervise(process)).map_err(|error| format!("{}: {error}", command[0]))
}

/// Runs the command to its end. What would end us ends the command, and all it started, first: it has a
/// process group of its own, to which signals are passed on.
async fn supervise(mut command: Command) -> std::io::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut child = command.process_group(0).spawn()?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let passed_on = tokio::select! {
        status = child.wait() => return status,
        _ = interrupt.recv() => Signal::INT,
        _ = terminate.recv() => Signal::TERM,
        _ = hang_up.recv() => Signal::HUP,
    };
    // An error means that the group is gone already.
    let send = |signal| group.map(|group| kill_process_group(group, signal));
    let _ = send(passed_on);
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
    let _ = send(Signal::KILL);
    match ended {
        Ok(status) => status,
        Err(_) => child.wait().await,
    }
}

/// The temporary folder of the clusters, removed with this value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, String> {
        remove_left_over();
        let path = std::env::temp_dir().join(format!("{FOLDER}{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        // As root the clusters run as another user, who must get in whatever the umask is.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, open)
            .map_err(|error| format!("cannot open up {}: {error}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("test-postgres: cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Removes the folders of runs that were killed. Others' cannot be removed, and need not be.
fn remove_left_over() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.parse::<u32>().ok());
        if process.is_some_and(|id| !Path::new("/proc").join(id.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
