//! Who runs PostgreSQL and who only uses it, when several processes share a data folder.
//!
//! `owner.lock`: whoever holds it exclusively runs PostgreSQL. `server.json`: where it listens, there only
//! while it may be used. `guests.lock`: held shared by all others, and exclusively by an owner that stops
//! PostgreSQL. The kernel frees the locks of a process that is gone.

use std::fs::{self, File, TryLockError};
use std::io::{Seek, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::binaries::find_binaries;
use crate::cluster;
use crate::connection::{Connection, Probe};
use crate::error::{During, Error};
use crate::folder::Folder;
use crate::options::Options;
use crate::supervisor::{Plan, Supervisor};
use crate::user;

const OWNER_LOCK: &str = "owner.lock";
const GUESTS_LOCK: &str = "guests.lock";
const SERVER_FILE: &str = "server.json";

/// How long to wait for an owner that is starting, restarting or stopping.
const WAIT_FOR_OWNER: Duration = Duration::from_secs(60);

/// How long an ending server waits for guests.
const WAIT_FOR_GUESTS: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(20);

/// A PostgreSQL that can be used as long as this value lives.
#[derive(Debug)]
pub enum Access {
    /// This process runs it.
    Owner(Server),
    /// Another process runs it, and waits for us a while before it stops it.
    Guest(Guest),
}

impl Access {
    /// What a client needs to connect.
    pub fn connection(&self) -> &Connection {
        match self {
            Access::Owner(server) => &server.connection,
            Access::Guest(guest) => &guest.connection,
        }
    }
}

/// Makes the data folder's PostgreSQL usable: runs it (making the database first where there is none), or
/// uses the one that another process runs. Blocks until it takes sessions.
///
/// # Errors
/// Whatever keeps PostgreSQL from running, as a message for the person at the keyboard; before anything is
/// made where possible.
pub fn open(options: &Options) -> Result<Access, Error> {
    let folder = Folder::prepare(&options.dir)?;
    let deadline = Instant::now() + WAIT_FOR_OWNER;
    loop {
        if let Some(lock) = lock_as_owner(&folder)? {
            return Server::start(options, lock).map(Access::Owner);
        }
        let last = match Guest::enter(&folder)? {
            Entrance::Open(guest) => return Ok(Access::Guest(guest)),
            Entrance::Closed(reason) => reason,
        };
        if Instant::now() > deadline {
            let owner = fs::read_to_string(folder.path.join(OWNER_LOCK)).unwrap_or_default();
            let owner = if owner.is_empty() { "?".to_owned() } else { owner.trim().to_owned() };
            return Err(Error::OwnerSilent {
                dir: folder.path,
                owner,
                seconds: WAIT_FOR_OWNER.as_secs(),
                last,
            });
        }
        thread::sleep(POLL);
    }
}

/// A PostgreSQL run by this process. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    connection: Connection,
    folder: Folder,
    guests: File,
    running: Option<Running>,
}

/// The parts that end with PostgreSQL. The lock is released last.
struct Running {
    supervisor: Supervisor,
    _owner: File,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Running").field("pid", &self.supervisor.pid()).finish_non_exhaustive()
    }
}

impl Server {
    fn start(options: &Options, owner: File) -> Result<Server, Error> {
        // Another process may have made the database while this one waited; its owner decides who runs it.
        let folder = Folder::prepare(&options.dir)?;
        // A killed owner left it; nobody shall follow it to a PostgreSQL that is ending.
        let _ = fs::remove_file(folder.path.join(SERVER_FILE));
        let binaries = find_binaries(options)?;
        let socket_dir = folder.socket_dir()?;
        let connection = Connection::at(socket_dir);
        let guests = folder.open_file(GUESTS_LOCK)?;
        if user::is_root() && folder.user.name == "nobody" {
            tracing::warn!(
                "PostgreSQL runs as user 'nobody', which other programs may run as too; a user of its own is \
                 safer: useradd --system refero"
            );
        }
        cluster::configure(&folder, &options.settings)?;
        let data = match cluster::existing(&folder.path)? {
            Some((data, _)) => data,
            None => cluster::create(&folder, &binaries, &options.settings)?,
        };
        let plan = Plan {
            program: binaries.postgres(),
            arguments: cluster::arguments(&folder, &data, &connection.socket_dir),
            data,
            user: folder.user.clone(),
            connection: connection.clone(),
        };
        let supervisor = Supervisor::start(plan)?;
        tracing::debug!(version = binaries.version, pid = supervisor.pid(), "PostgreSQL is up");
        let server =
            Server { connection, folder, guests, running: Some(Running { supervisor, _owner: owner }) };
        let text = serde_json::to_string(&server.connection).expect("a connection is plain text");
        server.folder.write_file(SERVER_FILE, &text, 0o600)?;
        Ok(server)
    }

    /// What a client needs to connect.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether PostgreSQL takes sessions. It does not while it is being started again after a crash.
    pub fn is_up(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.supervisor.is_up())
    }

    /// The server process, where there is one now.
    pub fn postmaster_pid(&self) -> Option<u32> {
        self.running.as_ref()?.supervisor.pid()
    }

    /// Stops PostgreSQL, ending sessions in an orderly way, after waiting up to ten seconds for guests.
    ///
    /// # Errors
    /// [`Error::Killed`] when PostgreSQL did not stop and had to be killed.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end(Some(WAIT_FOR_GUESTS))
    }

    /// Like [`stop`](Server::stop), but waits for guests as long as they take: for a command that runs
    /// PostgreSQL only because it came first.
    ///
    /// # Errors
    /// As for [`stop`](Server::stop).
    pub fn stop_after_guests(mut self) -> Result<(), Error> {
        self.end(None)
    }

    fn end(&mut self, patience: Option<Duration>) -> Result<(), Error> {
        let Some(running) = self.running.take() else { return Ok(()) };
        // Those who come now wait until they can run PostgreSQL themselves.
        let _ = fs::remove_file(self.folder.path.join(SERVER_FILE));
        let deadline = patience.map(|patience| Instant::now() + patience);
        while !matches!(self.guests.try_lock(), Ok(()) | Err(TryLockError::Error(_))) {
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                tracing::warn!("PostgreSQL is stopped although other processes use it");
                break;
            }
            thread::sleep(POLL);
        }
        let stopped = running.supervisor.stop();
        if self.folder.is_outside(&self.connection.socket_dir) {
            let _ = fs::remove_dir(&self.connection.socket_dir);
        }
        stopped
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.end(Some(WAIT_FOR_GUESTS)) {
            tracing::error!("{error}");
        }
    }
}

/// The use of a PostgreSQL that another process runs. Drop it when it is no longer used: the owner waits.
#[derive(Debug)]
pub struct Guest {
    connection: Connection,
    _lock: File,
}

enum Entrance {
    Open(Guest),
    Closed(String),
}

impl Guest {
    fn enter(folder: &Folder) -> Result<Entrance, Error> {
        let lock = folder.open_file(GUESTS_LOCK)?;
        match lock.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Entrance::Closed("it is stopping".to_owned())),
            Err(TryLockError::Error(error)) => {
                return Err(error).during("lock", &folder.path.join(GUESTS_LOCK));
            }
        }
        let path = folder.path.join(SERVER_FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Entrance::Closed("it is starting or stopping".to_owned()));
            }
            result => result.during("read", &path)?,
        };
        let connection: Connection =
            serde_json::from_str(&text).map_err(std::io::Error::from).during("read", &path)?;
        match connection.probe() {
            Probe::Ready => Ok(Entrance::Open(Guest { connection, _lock: lock })),
            Probe::Busy(reason) | Probe::Silent(reason) => Ok(Entrance::Closed(reason)),
            Probe::Refused(reason) => Err(Error::Refused {
                dir: folder.path.clone(),
                user: user::name_of(rustix::process::geteuid().as_raw()),
                reason,
            }),
        }
    }

    /// What a client needs to connect.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// The owner's lock, unless another process has it. The file names its holder, for messages.
fn lock_as_owner(folder: &Folder) -> Result<Option<File>, Error> {
    let path = folder.path.join(OWNER_LOCK);
    let mut file = folder.open_file(OWNER_LOCK)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error).during("lock", &path),
    }
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write(&mut file).during("write", &path)?;
    Ok(Some(file))
}
