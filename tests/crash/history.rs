//! What was asked, acknowledged and seen, written down outside the server: an append-only file, on disk before the next
//! step is taken. The checker reads it back and believes nothing else.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of the history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    /// A client is about to send this request.
    Asked { number: u64, jobs: usize, key: Option<String>, unique: Option<String> },
    /// The server answered 202 to it, with these jobs.
    Acknowledged { number: u64, jobs: Vec<String> },
    /// The server refused it.
    Refused { number: u64, status: u16 },
    /// The server answered 204 to the cancel of this job.
    Cancelled { job: String },
    /// A job was acknowledged under a unique key after an earlier one of the same key: that one looked like this then.
    Succeeded { before: String, after: String, status: String },
    /// This job was seen finished, with so many effects outside.
    Seen { job: Value, effects: usize },
}

/// The file.
pub struct History {
    path: PathBuf,
    file: Mutex<Written>,
    grown: Condvar,
}

struct Written {
    file: File,
    acknowledged: u64,
    numbers: u64,
}

impl History {
    pub fn at(path: &Path) -> Self {
        let file = File::options().append(true).create_new(true).open(path).unwrap();
        let file = Mutex::new(Written { file, acknowledged: 0, numbers: 0 });
        Self { path: path.to_owned(), file, grown: Condvar::new() }
    }

    /// A number for a request, of its own in all rounds.
    pub fn number(&self) -> u64 {
        let mut file = self.file.lock();
        file.numbers += 1;
        file.numbers
    }

    /// Writes entries down; they are on disk when this returns.
    pub fn note(&self, entries: &[Entry]) {
        let mut lines = String::new();
        for entry in entries {
            lines += &serde_json::to_string(entry).unwrap();
            lines.push('\n');
        }
        let mut written = self.file.lock();
        written.file.write_all(lines.as_bytes()).unwrap();
        written.file.sync_data().unwrap();
        let is_acknowledged = |entry: &&Entry| matches!(entry, Entry::Acknowledged { .. });
        written.acknowledged += entries.iter().filter(is_acknowledged).count() as u64;
        self.grown.notify_all();
    }

    /// Waits until so many more requests are acknowledged.
    pub fn wait_for_acknowledged(&self, more: u64) {
        let mut written = self.file.lock();
        let until = written.acknowledged + more;
        while written.acknowledged < until {
            let late = self.grown.wait_for(&mut written, Duration::from_secs(60)).timed_out();
            assert!(!late, "nothing was acknowledged for a minute");
        }
    }

    /// All of it, read back from the disk.
    pub fn read(&self) -> Vec<Entry> {
        let text = std::fs::read_to_string(&self.path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
    }
}
