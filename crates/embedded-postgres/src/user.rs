//! Who PostgreSQL runs as, and whether that user can get at a path.
//!
//! PostgreSQL refuses to run as root. Names come from the system's user list, because peer authentication
//! compares names.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{During, Error};

/// A user of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// The user of this process.
    pub(crate) fn current() -> Result<User, Error> {
        let uid = rustix::process::geteuid().as_raw();
        User::by_uid(uid).ok_or(Error::Nameless(uid))
    }

    pub(crate) fn by_uid(uid: u32) -> Option<User> {
        find(|user| user.uid == uid, &uid.to_string())
    }

    fn by_name(name: &str) -> Option<User> {
        find(|user| user.name == name, name)
    }

    /// The user that PostgreSQL runs as: this process's own, or, as root, the owner of `data` where that
    /// exists (only its owner can run it), else `refero`, else `nobody`.
    pub(crate) fn for_postgres(data: Option<&Path>) -> Result<User, Error> {
        if !is_root() {
            return User::current();
        }
        let dropped = || User::by_name("refero").or_else(|| User::by_name("nobody")).ok_or(Error::NoUser);
        let Some(data) = data else { return dropped() };
        match fs::symlink_metadata(data).during("look at", data)?.uid() {
            0 => Err(Error::DataOfRoot { data: data.to_owned(), user: dropped()?.name }),
            uid => User::by_uid(uid).ok_or(Error::Nameless(uid)),
        }
    }

    /// Succeeds when this user can pass every folder on the way to `path`, or to the part of it that exists.
    /// Judged by owner, group and mode; the process gets no other groups.
    pub(crate) fn must_reach(&self, path: &Path) -> Result<(), Error> {
        match self.closed_on_the_way(path) {
            None => Ok(()),
            Some(closed) => {
                Err(Error::Unreachable { path: path.to_owned(), closed, user: self.name.clone() })
            }
        }
    }

    /// The first folder on the way to `path` that this user cannot pass.
    pub(crate) fn closed_on_the_way(&self, path: &Path) -> Option<PathBuf> {
        let real = path.ancestors().find_map(|part| part.canonicalize().ok())?;
        let mut parts: Vec<&Path> = real.ancestors().collect();
        parts.reverse();
        parts.into_iter().find(|part| !self.may_pass(part)).map(Path::to_owned)
    }

    /// Whether the execute (for folders: search) bit is set for this user.
    fn may_pass(&self, path: &Path) -> bool {
        let Ok(metadata) = fs::metadata(path) else { return false };
        if !metadata.is_dir() && !metadata.is_file() {
            return false;
        }
        let mode = metadata.mode();
        let bit = if metadata.uid() == self.uid {
            0o100
        } else if metadata.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        self.uid == 0 || mode & bit != 0
    }
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The name of a user id, or the number where it has none. For messages.
pub(crate) fn name_of(uid: u32) -> String {
    User::by_uid(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

/// Looks into `/etc/passwd`, then asks `getent`, which also knows users of a directory service.
fn find(matches: impl Fn(&User) -> bool, key: &str) -> Option<User> {
    let local = fs::read_to_string("/etc/passwd").unwrap_or_default();
    if let Some(user) = local.lines().filter_map(parse).find(&matches) {
        return Some(user);
    }
    let output = Command::new("getent").args(["passwd", key]).stderr(Stdio::null()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().filter_map(parse).find(matches)
}

/// One line of the user list: `name:password:uid:gid:...`.
fn parse(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User { name, uid, gid })
}
