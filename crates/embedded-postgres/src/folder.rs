//! The data folder and the socket's folder: made with the right owner and mode, refused when they are not
//! ours.

use std::env;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::cluster;
use crate::connection;
use crate::error::{During, Error};
use crate::user::{self, User};

/// The path of a socket must be shorter than this, in bytes. The system's limit is 107.
const SOCKET_PATH_BYTES: usize = 100;

/// A data folder that exists, is ours, and can be reached by the user PostgreSQL runs as.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// The real path.
    pub(crate) path: PathBuf,
    /// Whose the folder is.
    pub(crate) owner_uid: u32,
    owner_gid: u32,
    /// Who PostgreSQL runs as.
    pub(crate) user: User,
}

impl Folder {
    /// Makes the folder where it is missing. What is wrong with it is said before anything is made.
    pub(crate) fn prepare(dir: &Path) -> Result<Folder, Error> {
        let dir = std::path::absolute(dir).during("use the folder", dir)?;
        if let Ok(metadata) = fs::metadata(&dir) {
            must_be_ours(&dir, metadata.uid())?;
        }
        let data = cluster::existing(&dir)?;
        let user = User::for_postgres(data.as_ref().map(|(path, _)| path.as_path()))?;
        user.must_reach(&dir)?;
        if !dir.is_dir() {
            make(&dir, &user)?;
        }
        let path = dir.canonicalize().during("open the folder", &dir)?;
        if path.to_str().is_none() {
            return Err(Error::NotText(path));
        }
        user.must_reach(&path)?;
        let metadata = fs::metadata(&path).during("look at", &path)?;
        must_be_ours(&path, metadata.uid())?;
        Ok(Folder { path, owner_uid: metadata.uid(), owner_gid: metadata.gid(), user })
    }

    /// Opens, or makes, a file that only the folder's owner and root may use.
    pub(crate) fn open_file(&self, name: &str) -> Result<File, Error> {
        let path = self.path.join(name);
        // Root follows no link that another user may have put into a folder of theirs.
        let flags = OFlags::NOFOLLOW.bits() as i32;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let file = options.open(&path).during("open", &path)?;
        self.give_to_owner(&file).during("give to its owner", &path)?;
        Ok(file)
    }

    /// Writes a whole file at once, replacing what was there.
    pub(crate) fn write_file(&self, name: &str, contents: &str, mode: u32) -> Result<(), Error> {
        let path = self.path.join(name);
        let new = self.path.join(format!(".{name}.new-{}", std::process::id()));
        let _ = fs::remove_file(&new);
        let write = || -> io::Result<()> {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(contents.as_bytes())?;
            self.give_to_owner(&file)?;
            file.set_permissions(Permissions::from_mode(mode))?;
            fs::rename(&new, &path)
        };
        write().during("write", &path)
    }

    /// The folder for the socket: `run` in the data folder, or where that path is too long, a short one in
    /// the temporary folder. It belongs to the user PostgreSQL runs as and is closed to all others but root.
    pub(crate) fn socket_dir(&self) -> Result<PathBuf, Error> {
        let inside = self.path.join("run");
        let short = format!("refero-{:016x}", crate::fnv(self.path.as_os_str().as_encoded_bytes()));
        let outside = [env::temp_dir(), PathBuf::from("/tmp")].map(|temporary| temporary.join(&short));
        let fits = |path: &&PathBuf| {
            connection::socket_in(path).as_os_str().len() < SOCKET_PATH_BYTES
                && path.parent().is_some_and(|parent| self.user.closed_on_the_way(parent).is_none())
                && path.to_str().is_some()
        };
        let path = [&inside].into_iter().chain(&outside).find(fits);
        let path = path.ok_or_else(|| Error::SocketPathTooLong(inside.clone()))?;
        private_folder(path, &self.user)?;
        Ok(path.clone())
    }

    /// Whether a socket folder is the one outside, which is removed when it is no longer used.
    pub(crate) fn is_outside(&self, socket_dir: &Path) -> bool {
        !socket_dir.starts_with(&self.path)
    }

    fn give_to_owner(&self, file: &File) -> io::Result<()> {
        if user::is_root() && file.metadata()?.uid() != self.owner_uid {
            fchown(file, Some(self.owner_uid), Some(self.owner_gid))?;
        }
        Ok(())
    }
}

/// Makes a folder that nobody but `user` (and root) can enter, or accepts one that is so already.
pub(crate) fn private_folder(path: &Path, user: &User) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result.during("create the folder", path)?,
    }
    let refuse =
        |found: String| Error::BadSocketFolder { path: path.to_owned(), user: user.name.clone(), found };
    // Everything below works on the opened folder, so that it cannot be exchanged for another meanwhile.
    let flags = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits() as i32;
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let folder = match (opened, fs::symlink_metadata(path)) {
        (Ok(folder), _) => folder,
        (Err(_), Ok(found)) if found.is_symlink() => return Err(refuse("is a symbolic link".to_owned())),
        (Err(_), Ok(found)) if !found.is_dir() => return Err(refuse("is not a folder".to_owned())),
        (Err(_), Ok(found)) if found.uid() != user.uid => {
            return Err(refuse(format!("belongs to user '{}'", user::name_of(found.uid()))));
        }
        (Err(error), _) => return Err(error).during("open the folder", path),
    };
    let owner = folder.metadata().during("look at", path)?.uid();
    if owner != user.uid {
        if !(user::is_root() && owner == 0) {
            return Err(refuse(format!("belongs to user '{}'", user::name_of(owner))));
        }
        fchown(&folder, Some(user.uid), Some(user.gid)).during("give away", path)?;
    }
    folder.set_permissions(Permissions::from_mode(0o700)).during("close to others", path)
}

/// Others than root may use only a folder of their own; PostgreSQL would not admit them anyway.
fn must_be_ours(dir: &Path, owner: u32) -> Result<(), Error> {
    let me = rustix::process::geteuid().as_raw();
    if user::is_root() || owner == me {
        return Ok(());
    }
    Err(Error::NotOurs { dir: dir.to_owned(), owner: user::name_of(owner), user: user::name_of(me) })
}

/// Makes the data folder and what is missing above it. As root the modes are set whatever the umask is: the
/// folder must let the user PostgreSQL runs as pass, and belongs to `refero` where PostgreSQL runs as that.
fn make(dir: &Path, user: &User) -> Result<(), Error> {
    let mut missing: Vec<&Path> = dir.ancestors().skip(1).take_while(|part| !part.exists()).collect();
    missing.reverse();
    for parent in missing {
        create_folder(parent, 0o755)?;
    }
    let shared = user::is_root() && user.name == "nobody";
    create_folder(dir, if shared { 0o711 } else { 0o700 })?;
    if user::is_root() && !shared {
        std::os::unix::fs::lchown(dir, Some(user.uid), Some(user.gid)).during("give away", dir)?;
    }
    Ok(())
}

fn create_folder(path: &Path, mode: u32) -> Result<(), Error> {
    match DirBuilder::new().mode(mode).create(path) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => return Ok(()),
        result => result.during("create the folder", path)?,
    }
    if user::is_root() {
        fs::set_permissions(path, Permissions::from_mode(mode)).during("open up", path)?;
    }
    Ok(())
}
