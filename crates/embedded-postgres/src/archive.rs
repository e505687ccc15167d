//! Unpacks the PostgreSQL compiled into the program, once, into the cache folder.
//!
//! The format is uncompressed POSIX tar (`tar --format=ustar`) with folders and plain files, read here
//! because that needs no dependency.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use crate::error::{During, Error};

const BLOCK: usize = 512;

/// The folder of the unpacked archive, unpacking it first where that has not happened.
pub(crate) fn unpacked(archive: &[u8], cache: &Path) -> Result<PathBuf, Error> {
    let target = cache.join(format!("archive-{:016x}", crate::fnv(archive)));
    if target.is_dir() {
        return Ok(target);
    }
    DirBuilder::new().recursive(true).mode(0o755).create(cache).during("create the folder", cache)?;
    // Unpacked beside its place and renamed, so that nobody sees half a copy; the loser of a race uses the
    // winner's.
    let new = cache.join(format!("new-archive-{}", std::process::id()));
    let _ = fs::remove_dir_all(&new);
    unpack(archive, &new)?;
    match fs::rename(&new, &target) {
        Err(_) if target.is_dir() => fs::remove_dir_all(&new).during("remove", &new)?,
        result => result.during("create the folder", &target)?,
    }
    Ok(target)
}

fn unpack(archive: &[u8], target: &Path) -> Result<(), Error> {
    folder(target)?;
    let mut rest = archive;
    loop {
        let header = rest.get(..BLOCK).ok_or_else(|| bad("it ends early"))?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        let entry = Entry::read(header)?;
        let body = rest.get(BLOCK..BLOCK + entry.size).ok_or_else(|| bad("it ends early"))?;
        let path = target.join(&entry.path);
        match entry.kind {
            b'5' => folder(&path)?,
            b'0' | 0 => file(&path, body, entry.executable)?,
            other => return Err(bad(format!("{} is of kind {other}", entry.path.display()))),
        }
        rest = rest.get(BLOCK + entry.size.next_multiple_of(BLOCK)..).ok_or_else(|| bad("it ends early"))?;
    }
}

struct Entry {
    path: PathBuf,
    size: usize,
    kind: u8,
    executable: bool,
}

impl Entry {
    /// Reads a header block (POSIX.1-1988, "ustar").
    fn read(header: &[u8]) -> Result<Entry, Error> {
        if &header[257..262] != b"ustar" {
            return Err(bad("it is not a ustar archive"));
        }
        let (prefix, name) = (text(&header[345..500])?, text(&header[..100])?);
        let path = Path::new(prefix).join(name);
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(bad(format!("{} leads out of it", path.display())));
        }
        let size = usize::try_from(octal(&header[124..136])?).map_err(|_| bad("a file is too large"))?;
        Ok(Entry { path, size, kind: header[156], executable: octal(&header[100..108])? & 0o100 != 0 })
    }
}

fn text(field: &[u8]) -> Result<&str, Error> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).map_err(|_| bad("a name is not text"))
}

fn octal(field: &[u8]) -> Result<u64, Error> {
    u64::from_str_radix(text(field)?.trim(), 8).map_err(|_| bad("a number is not octal"))
}

/// Modes are explicit because the user PostgreSQL runs as must get in whatever the umask is.
fn folder(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).create(path).during("create the folder", path)?;
    set_mode(path, 0o755)
}

fn file(path: &Path, body: &[u8], executable: bool) -> Result<(), Error> {
    if let Some(parent) = path.parent()
        && !parent.is_dir()
    {
        folder(parent)?;
    }
    let mut file: File =
        File::options().write(true).create_new(true).mode(0o600).open(path).during("create", path)?;
    file.write_all(body).during("write", path)?;
    set_mode(path, if executable { 0o755 } else { 0o644 })?;
    file.sync_all().during("write", path)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).during("open up", path)
}

fn bad(reason: impl Into<String>) -> Error {
    Error::BadArchive(reason.into())
}
