//! Spill segments: files of frames, each with its length and checksum (CRC-32 of IEEE 802.3), so that a torn tail is found
//! and cut. Batches are named after their segment, so that what is tried again is not written twice.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

/// What a segment begins with.
const MAGIC: &[u8; 8] = b"RFRCLK01";

/// The ending of a segment's name.
const ENDING: &str = "segment";

/// Frames are no longer than this; what claims to be is torn.
const LONGEST_FRAME: usize = 256 << 20;

/// A segment that is being written.
#[derive(Debug)]
pub(crate) struct Writing {
    file: Arc<File>,
    path: PathBuf,
    length: u64,
}

impl Writing {
    /// Makes the file of a segment.
    pub(crate) fn create(folder: &Path, id: Uuid) -> io::Result<Writing> {
        let path = folder.join(format!("{id}.{ENDING}"));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        file.write_all(MAGIC)?;
        file.write_all(id.as_bytes())?;
        Ok(Writing { file: Arc::new(file), path, length: MAGIC.len() as u64 + 16 })
    }

    /// Appends a frame. What a failure leaves half written is cut off again.
    pub(crate) fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let length = (payload.len() as u32).to_le_bytes();
        let checksum = crc32fast::hash(payload).to_le_bytes();
        let mut file = &*self.file;
        let written = file.write_all(&[length, checksum].concat()).and_then(|()| file.write_all(payload));
        match written {
            Ok(()) => {
                self.length += payload.len() as u64 + 8;
                Ok(())
            }
            Err(error) => {
                file.set_len(self.length)?;
                file.seek(SeekFrom::Start(self.length))?;
                Err(error)
            }
        }
    }

    /// What is to be synced.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads the frames of a segment up to its end or its torn tail, which is cut off, and says how many bytes were.
pub(crate) fn read(path: &Path) -> io::Result<(Option<Uuid>, Vec<u8>, u64)> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let Some((id, mut rest)) = header(&bytes) else {
        return Ok((None, Vec::new(), bytes.len() as u64));
    };
    let mut records = Vec::with_capacity(rest.len());
    while let Some((payload, behind)) = frame(rest) {
        records.extend_from_slice(payload);
        rest = behind;
    }
    if !rest.is_empty() {
        file.set_len((bytes.len() - rest.len()) as u64)?;
    }
    Ok((Some(id), records, rest.len() as u64))
}

fn header(bytes: &[u8]) -> Option<(Uuid, &[u8])> {
    let (id, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<16>()?;
    Some((Uuid::from_bytes(*id), rest))
}

fn frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (payload, behind) = rest.split_at_checked(length).filter(|_| length <= LONGEST_FRAME)?;
    (crc32fast::hash(payload) == u32::from_le_bytes(*expected)).then_some((payload, behind))
}

/// The segments of a folder in the order in which they were made.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            paths.push(path);
        }
    }
    // Their names are ids that sort by time.
    paths.sort_unstable();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_tail_is_cut_wherever_it_is_torn() {
        let folder = std::env::temp_dir().join(format!("refero-segment-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let id = Uuid::from_u128(7);
        let mut writing = Writing::create(&folder, id).expect("a segment");
        for payload in ["first", "second"] {
            writing.append(payload.as_bytes()).expect("room");
        }
        let path = writing.path().to_owned();
        let whole = fs::read(&path).expect("the segment");
        assert_eq!(read(&path).expect("the segment"), (Some(id), b"firstsecond".to_vec(), 0));
        let second = whole.len() - "second".len() - 8;
        for end in 0..whole.len() {
            fs::write(&path, &whole[..end]).expect("the segment");
            let (found, records, cut) = read(&path).expect("the segment");
            assert_eq!(found.is_some(), end >= 24, "{end}");
            assert_eq!(records, if end >= second { b"first".as_slice() } else { b"" }, "{end}");
            if found.is_some() {
                assert_eq!(fs::metadata(&path).expect("the segment").len(), end as u64 - cut);
            }
        }
        let mut changed = whole.clone();
        *changed.last_mut().expect("a byte") ^= 1;
        fs::write(&path, &changed).expect("the segment");
        assert_eq!(read(&path).expect("the segment").1, b"first");
        assert_eq!(list(&folder).expect("a folder"), [path]);
        fs::remove_dir_all(&folder).expect("our own folder");
    }
}
