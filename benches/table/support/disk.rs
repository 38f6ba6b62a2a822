//! A folder on a disk for a run, and what it costs to be sure of an append there.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// Bytes of an append: what a job of the usual size takes in a journal.
const APPEND_BYTES: usize = 512;

/// A folder that is gone after the run. It is below the build's own folder: `/tmp` is memory on many systems, and
/// durability costs nothing there.
pub fn folder() -> Result<TempDir> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(root)?;
    tempfile::tempdir_in(root).context("cannot make a folder for the run")
}

/// The kind of file system that the folders are on.
pub fn kind() -> String {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let under = |place: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).starts_with(place);
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?)).filter(|(place, _)| under(place))
    });
    mounted.max_by_key(|(place, _)| place.len()).map_or("unknown", |(_, kind)| kind).to_owned()
}

/// A file that is appended to.
pub struct Journal {
    file: File,
}

impl Journal {
    /// A new file in a folder.
    pub fn new(folder: &Path) -> Result<Self> {
        Ok(Self { file: File::create(folder.join("appended"))? })
    }

    /// Appends, and waits until it is on disk.
    pub fn append(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.file.write_all(&[b'x'; APPEND_BYTES])?;
        self.file.sync_data()?;
        Ok(began.elapsed())
    }
}
