//! The folder of spill segments of one process, below the one of all. Its lock is freed by the system when the process is
//! gone, however it went; the next process takes over what it has left.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::click::segment;
use crate::random;

const LOCK: &str = "lock";

/// An own folder, held by its lock.
pub(super) struct Folder {
    path: PathBuf,
    file: Arc<File>,
    _lock: File,
}

impl Folder {
    /// Makes an own folder below another one, and moves the segments of processes that are gone there.
    pub(super) fn open(below: &Path) -> io::Result<(Folder, Vec<(Uuid, PathBuf)>)> {
        fs::create_dir_all(below)?;
        // One process at a time: a folder is never seen before its lock is held.
        let turn = File::create(below.join(LOCK))?;
        turn.lock()?;
        let path = below.join(random::id().to_string());
        fs::create_dir(&path)?;
        let lock = File::create(path.join(LOCK))?;
        lock.lock()?;
        let file = Arc::new(File::open(&path)?);
        let folder = Folder { path, file, _lock: lock };
        let found = folder.adopt(below)?;
        Ok((folder, found))
    }

    /// Where its segments are.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself, to be synced.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// One whose beginning is torn holds nothing.
    fn adopt(&self, below: &Path) -> io::Result<Vec<(Uuid, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(below)? {
            let folder = entry?.path();
            if folder == self.path || !folder.is_dir() {
                continue;
            }
            if File::create(folder.join(LOCK))?.try_lock().is_err() {
                continue;
            }
            for path in segment::list(&folder)? {
                let moved = self.path.join(path.file_name().expect("a segment has a name"));
                fs::rename(&path, &moved)?;
                match segment::read(&moved)?.0 {
                    Some(id) => found.push((id, moved)),
                    None => fs::remove_file(&moved)?,
                }
            }
            fs::remove_dir_all(&folder)?;
        }
        found.sort_unstable();
        if !found.is_empty() {
            tracing::info!(segments = found.len(), "clicks of an earlier process are written now");
        }
        Ok(found)
    }
}

impl Drop for Folder {
    /// An empty folder goes with its process; what is left in it is found by the next one.
    fn drop(&mut self) {
        let is_empty = segment::list(&self.path).is_ok_and(|segments| segments.is_empty());
        if is_empty && fs::remove_file(self.path.join(LOCK)).is_ok() {
            // A folder that stays is no harm.
            let _ = fs::remove_dir(&self.path);
        }
    }
}
