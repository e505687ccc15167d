//! What can go wrong, told to the person at the keyboard: what was wrong, the value, and what would be right.

use std::path::{Path, PathBuf};

/// Why the embedded PostgreSQL cannot be used. The message is meant to be printed as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something; `what` names the action and the file.
    #[error("{what}: {source}")]
    Io {
        /// The action and the file, as in "cannot create the folder /x".
        what: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Neither the XDG variables nor `HOME` say where an ordinary user's data belong.
    #[error("no home folder: neither HOME nor XDG_DATA_HOME is set; set one, or name a data folder")]
    NoHome,
    /// A folder on the way to a path keeps out the user that PostgreSQL has to run as.
    #[error(
        "{path} cannot be reached by user '{user}', whom PostgreSQL runs as because it refuses to run as \
         root: {closed} is closed to that user. Choose a path outside of it (such as /var/lib/refero), or \
         open it with: chmod o+x {closed}"
    )]
    Unreachable {
        /// What has to be reached.
        path: PathBuf,
        /// The folder or file that is closed.
        closed: PathBuf,
        /// The user PostgreSQL runs as.
        user: String,
    },
    /// The data folder belongs to somebody else.
    #[error(
        "{dir} belongs to user '{owner}', and this process runs as '{user}': run as '{owner}' or root, or \
         name another data folder"
    )]
    NotOurs {
        /// The data folder.
        dir: PathBuf,
        /// Its owner.
        owner: String,
        /// The user of this process.
        user: String,
    },
    /// A database folder belongs to root, as whom PostgreSQL refuses to run.
    #[error(
        "{data} belongs to root, and PostgreSQL refuses to run as root. \
         Give it to the user it shall run as: chown -R {user} {data}"
    )]
    DataOfRoot {
        /// The database folder.
        data: PathBuf,
        /// The user PostgreSQL would run as.
        user: String,
    },
    /// A user id without a name; PostgreSQL and its peer authentication need one.
    #[error(
        "user id {0} has no name in the system's user list, and PostgreSQL needs one: add a user with this \
         id, or run as another"
    )]
    Nameless(u32),
    /// The system has neither the user `refero` nor `nobody`.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user 'refero' nor 'nobody': add one \
         with: useradd --system refero"
    )]
    NoUser,
    /// The path is not text, so no address can be made of it.
    #[error("{0:?} is not valid UTF-8; name a data folder that is")]
    NotText(PathBuf),
    /// `REFERO_POSTGRES_BIN` is set to a folder that cannot be used.
    #[error(
        "REFERO_POSTGRES_BIN is {path}, but {reason}; set it to the folder that holds 'postgres' and \
         'initdb', or unset it"
    )]
    BadBinaryFolder {
        /// The value of the variable.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No usable PostgreSQL was found.
    #[error("{}", no_binaries(.wanted, .looked))]
    NoBinaries {
        /// The version needed and why, or nothing when any from 15 on would do.
        wanted: Option<(u32, String)>,
        /// One line for each place: where, and what was there.
        looked: Vec<String>,
    },
    /// The version asked for is not the one of the data.
    #[error(
        "PostgreSQL {asked} was asked for, but {data} was made by PostgreSQL {found}: ask for {found}, or \
         name another data folder"
    )]
    OtherVersion {
        /// The version asked for.
        asked: u32,
        /// The version of the data.
        found: u32,
        /// The database folder.
        data: PathBuf,
    },
    /// A database folder whose name and contents disagree.
    #[error(
        "{data} should hold a PostgreSQL {named} database, but its file PG_VERSION says {found:?}; restore \
         the folder from a backup, or move it away"
    )]
    BadData {
        /// The database folder.
        data: PathBuf,
        /// The version in its name.
        named: u32,
        /// What PG_VERSION says; empty when it is missing.
        found: String,
    },
    /// The archive inside the program cannot be unpacked.
    #[error("the PostgreSQL archive inside this program is damaged: {0}; install the program again")]
    BadArchive(String),
    /// A setting that cannot be written.
    #[error("the PostgreSQL setting {name:?} = {value:?} cannot be written: {reason}")]
    BadSetting {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// What would be right.
        reason: &'static str,
    },
    /// The socket folder is a link, a file, or somebody else's.
    #[error(
        "{path} should be a folder of user '{user}' for PostgreSQL's socket, but it {found}; remove it and \
         start again"
    )]
    BadSocketFolder {
        /// The folder.
        path: PathBuf,
        /// Whose it should be.
        user: String,
        /// What is there instead.
        found: String,
    },
    /// No folder short enough for a socket.
    #[error(
        "no place for PostgreSQL's socket: {0} is longer than a socket's path may be (100 bytes); name a \
         shorter data folder or set TMPDIR"
    )]
    SocketPathTooLong(PathBuf),
    /// `initdb` or the making of the database failed.
    #[error("{program} failed ({status}): {output}")]
    Program {
        /// What was run.
        program: String,
        /// How it ended.
        status: String,
        /// What it said, last lines.
        output: String,
    },
    /// PostgreSQL does not start.
    #[error("PostgreSQL does not start in {data}: {reason}")]
    Start {
        /// The database folder.
        data: PathBuf,
        /// What it said, last lines.
        reason: String,
    },
    /// A PostgreSQL that nobody supervises is using the data.
    #[error("another PostgreSQL (process {pid}) is using {data}; end it with: kill -INT {pid}")]
    InUse {
        /// The database folder.
        data: PathBuf,
        /// The process.
        pid: u32,
    },
    /// The owner of the data folder is there, but its PostgreSQL does not answer.
    #[error(
        "process {owner} holds {dir}, but its PostgreSQL has not answered for {seconds} seconds: {last}; \
         look into its log, or end it and try again"
    )]
    OwnerSilent {
        /// The data folder.
        dir: PathBuf,
        /// The process id of the owner as it wrote it, or "?".
        owner: String,
        /// How long was waited.
        seconds: u64,
        /// What the last attempt met.
        last: String,
    },
    /// PostgreSQL refused the connection for good.
    #[error(
        "PostgreSQL of {dir} refuses user '{user}': {reason}; it admits root and the owner of the folder only"
    )]
    Refused {
        /// The data folder.
        dir: PathBuf,
        /// The user of this process.
        user: String,
        /// What it said.
        reason: String,
    },
    /// PostgreSQL did not end when asked to, and was killed.
    #[error(
        "PostgreSQL (process {pid}) did not stop within {seconds} seconds and was killed; it will recover \
         at the next start"
    )]
    Killed {
        /// The process.
        pid: u32,
        /// How long was waited.
        seconds: u64,
    },
}

/// Adds to an I/O error what was attempted on which path.
pub(crate) trait During<T> {
    /// `action` reads as in "cannot ACTION PATH".
    fn during(self, action: &str, path: &Path) -> Result<T, Error>;
}

impl<T, E: Into<std::io::Error>> During<T> for Result<T, E> {
    fn during(self, action: &str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io {
            what: format!("cannot {action} {}", path.display()),
            source: source.into(),
        })
    }
}

fn no_binaries(wanted: &Option<(u32, String)>, looked: &[String]) -> String {
    let (what, package) = match wanted {
        Some((major, why)) => {
            (format!("PostgreSQL {major} was not found ({why})"), format!("postgresql-{major}"))
        }
        None => ("no PostgreSQL 15 or newer was found".to_owned(), "postgresql".to_owned()),
    };
    let mut text = format!("{what}. Looked for:\n");
    for place in looked {
        text.push_str("  ");
        text.push_str(place);
        text.push('\n');
    }
    text.push_str("To get it, do one of these:\n");
    if wanted.as_ref().is_none_or(|(major, _)| *major == 18) {
        text.push_str(
            "  run scripts/fetch-postgres (or: make postgres), which puts 18 into the cache folder\n",
        );
    }
    text.push_str(&format!("  install it with the system's packages, as root: apt-get install {package}\n"));
    text.push_str("  set REFERO_POSTGRES_BIN to the folder that holds 'postgres' and 'initdb'");
    text
}
