//! A copy of the database in a file of its own. It is written under another name, checked, brought to the disk and only
//! then given its name: whoever finds a backup finds a whole one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::disk::DiskError;
use super::safekeeping::{Snapshot, faults};
use crate::store::StoreError;
use crate::store::safekeeping::{Copied, Hear, Phase, Step};

/// Pages copied at once: 1 MiB.
const CHUNK_PAGES: i32 = 256;
/// Chunks after which what was written is brought to the disk: so much at a time, a commit of the queue beside it does not
/// find the disk busy with all of it.
const CHUNKS_BETWEEN_SYNCS: u32 = 16;
/// Room that a copy leaves to the queue on a disk that both share.
const SPARED_BYTES: u64 = 64 * 1024 * 1024;

/// Copies a snapshot; none when it was not to be brought to its end.
pub(super) fn copy(snapshot: Snapshot, to: &Path, hear: &Hear) -> Result<Option<Copied>, StoreError> {
    let cannot = |reason: &dyn std::fmt::Display| unavailable(to, reason);
    let (page_bytes, pages) = snapshot.size()?;
    let bytes = page_bytes * pages;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
    if to.exists() {
        return Err(cannot(&"there is a file of this name; choose another"));
    }
    enough(free_bytes(folder).map_err(|error| cannot(&error))?, bytes).map_err(|reason| cannot(&reason))?;
    let half = Half::beside(to).ok_or_else(|| cannot(&"it has no file name"))?;
    if !copy_pages(&snapshot, &half.0, hear).map_err(|error| explain(to, error))? {
        return Ok(None);
    }
    // The log of the queue may be folded while the copy is checked.
    drop(snapshot);
    match check(&half.0, pages, hear).map_err(|error| explain(to, error))? {
        None => return Ok(None),
        Some(faults) if !faults.is_empty() => {
            let reason = format!("the copy is not whole, and was thrown away: {}", faults.join("; "));
            return Err(StoreError::Broken(reason.into()));
        }
        Some(_) => {}
    }
    let finish = || -> io::Result<()> {
        File::open(&half.0)?.sync_all()?;
        std::fs::rename(&half.0, to)?;
        // Its name too is on disk when it is told.
        File::open(folder)?.sync_all()
    };
    finish().map_err(|error| cannot(&error))?;
    Ok(Some(Copied { path: to.to_owned(), bytes, pages }))
}

/// Copies page by page. The answer is whether it came to the end.
fn copy_pages(snapshot: &Snapshot, half: &Path, hear: &Hear) -> Result<bool, DiskError> {
    let mut target = Connection::open(half)?;
    // Nobody reads it before it is whole: it needs no journal, and it is synced here.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let file = File::open(half).map_err(refused)?;
    let backup = Backup::new(&snapshot.conn, &mut target)?;
    let mut chunks = 0;
    loop {
        let step = backup.step(CHUNK_PAGES)?;
        let far = backup.progress();
        let of = far.pagecount.max(0) as u64;
        let is_done = matches!(step, StepResult::Done);
        if !hear(Step { phase: Phase::Copying, pages: of - far.remaining.max(0) as u64, of }) {
            return Ok(false);
        }
        chunks += 1;
        if is_done || chunks % CHUNKS_BETWEEN_SYNCS == 0 {
            file.sync_data().map_err(refused)?;
        }
        if is_done {
            return Ok(true);
        }
    }
}

/// What is wrong with the copy. It leaves one file, without a log beside it, that can be carried anywhere.
fn check(half: &Path, pages: u64, hear: &Hear) -> Result<Option<Vec<String>>, DiskError> {
    let mut conn = Connection::open_with_flags(half, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.pragma_update(None, "journal_mode", "DELETE")?;
    faults(&mut conn, pages, hear).map_err(|error| DiskError::Lost(error.to_string().into()))
}

/// A file that is not whole yet; it goes away with this, unless it has got another name.
struct Half(PathBuf);

impl Half {
    fn beside(to: &Path) -> Option<Self> {
        let mut name = to.file_name()?.to_owned();
        name.push(".part");
        let half = Self(to.with_file_name(name));
        // What a process left that died here.
        half.remove();
        Some(half)
    }

    fn remove(&self) {
        for end in ["", "-journal", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            // Most of them are not there.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Whether a copy fits, with room left for the queue.
fn enough(free: Option<u64>, bytes: u64) -> Result<(), String> {
    let needed = bytes + SPARED_BYTES;
    match free {
        Some(free) if free < needed => Err(format!(
            "there are {} MiB free and it takes {}; make room, keep fewer, or choose another disk",
            free >> 20,
            needed.div_ceil(1 << 20)
        )),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> io::Result<Option<u64>> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(Some(stat.f_bavail.saturating_mul(stat.f_frsize)))
}

/// Where nobody knows how much room there is, the copy itself will tell.
#[cfg(not(unix))]
fn free_bytes(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

fn refused(error: io::Error) -> DiskError {
    DiskError::Refused(error.to_string().into())
}

fn explain(to: &Path, error: DiskError) -> StoreError {
    match error {
        DiskError::Refused(reason) => unavailable(to, &reason),
        DiskError::Lost(reason) => StoreError::Broken(format!("cannot copy to {}: {reason}", to.display()).into()),
    }
}

fn unavailable(to: &Path, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("cannot write the backup {}: {reason}", to.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_leaves_room_for_the_queue() {
        assert_eq!(enough(Some(SPARED_BYTES + 10), 10), Ok(()));
        assert_eq!(enough(None, 10), Ok(()));
        let refusal = enough(Some(SPARED_BYTES), 10 << 20).unwrap_err();
        assert!(refusal.starts_with("there are 64 MiB free and it takes 74;"), "{refusal}");
    }
}
