//! What a caller decides, and the defaults.

use std::env;
use std::path::PathBuf;

use crate::error::Error;
use crate::user;

/// Where the database lives and how it is found and run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder. Made when it is missing.
    pub dir: PathBuf,
    /// The folder of unpacked PostgreSQL copies.
    pub cache: PathBuf,
    /// A PostgreSQL compiled into the program: an uncompressed `ustar` archive holding `bin/`, `lib/` and
    /// `share/`, unpacked into the cache folder at first use.
    pub archive: Option<&'static [u8]>,
    /// Settings beyond ours, as in `("fsync", "off")`. They win over ours, except for those that decide where
    /// PostgreSQL listens and whom it admits.
    pub settings: Vec<(String, String)>,
    /// The major version wanted for a new database; nothing means the newest found.
    pub major: Option<u32>,
}

impl Options {
    /// The defaults for a data folder.
    pub fn new(dir: impl Into<PathBuf>) -> Options {
        let dir = dir.into();
        let cache = default_cache().unwrap_or_else(|| dir.join("cache"));
        Options { dir, cache, archive: None, settings: Vec::new(), major: None }
    }
}

/// The data folder of somebody who names none: `/var/lib/refero` as root, because root's home is closed to
/// the user PostgreSQL runs as; else `refero` in the XDG data folder.
///
/// # Errors
/// [`Error::NoHome`] when an ordinary user has no home folder.
pub fn default_dir() -> Result<PathBuf, Error> {
    if user::is_root() {
        return Ok(PathBuf::from("/var/lib/refero"));
    }
    xdg("XDG_DATA_HOME", ".local/share").ok_or(Error::NoHome)
}

fn default_cache() -> Option<PathBuf> {
    if user::is_root() {
        return Some(PathBuf::from("/var/cache/refero"));
    }
    xdg("XDG_CACHE_HOME", ".cache")
}

/// `refero` in the folder a variable names, else in that folder of the home. The XDG specification has
/// relative values ignored.
fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))?;
    Some(base.join("refero"))
}
