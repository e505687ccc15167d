//! Temporary folders, waiting, and facts about processes.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use embedded_postgres::{Access, Options, Server, open};

/// A folder that goes with the test. Open to all, as a system's folders are.
pub(crate) struct Temporary(pub(crate) PathBuf);

impl Temporary {
    pub(crate) fn new() -> Temporary {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ep-{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o755).create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Temporary(path.canonicalize().unwrap())
    }

    /// A data folder that does not exist yet.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Options that make a database quickly.
pub(crate) fn quick(dir: &Path) -> Options {
    let mut options = Options::new(dir);
    options.settings.push(("fsync".to_owned(), "off".to_owned()));
    options
}

pub(crate) fn own(options: &Options) -> Server {
    match open(options).unwrap() {
        Access::Owner(server) => server,
        Access::Guest(_) => panic!("another process owns {}", options.dir.display()),
    }
}

/// The message of a refusal.
pub(crate) fn refusal(options: &Options) -> String {
    open(options).map(|access| format!("{access:?}")).unwrap_err().to_string()
}

/// Waits for something to become true.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a process runs. One that ended but was not waited for does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

pub(crate) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// The database folder in a data folder.
pub(crate) fn database_folder(dir: &Path) -> PathBuf {
    let mut folders: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("postgres-"))
        .collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders.remove(0)
}
