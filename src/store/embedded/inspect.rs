//! A look at a store from outside, for whoever wants to know whether it could be opened here.

use std::fs::File;
use std::path::Path;

use super::recover::beside;
use super::schema::{self, Mark};

/// What a look at a store's file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspected {
    /// There is none yet; it is made at the first start.
    Missing,
    /// It is a store that this program can open.
    Ours {
        /// The version of its form.
        version: i64,
        /// Whether a process has it open.
        in_use: bool,
    },
    /// It is a store of a newer version of this program.
    Newer {
        /// The version of its form.
        version: i64,
    },
    /// It is something else.
    Foreign,
    /// It cannot be read, and why.
    Unreadable(String),
}

/// Looks at the store at `path` without opening it as one. It may be in use.
pub fn inspect(path: &Path) -> Inspected {
    if !path.exists() {
        return Inspected::Missing;
    }
    match schema::mark(path) {
        Err(error) => Inspected::Unreadable(error.to_string()),
        Ok(Mark::Empty) => Inspected::Missing,
        Ok(Mark::Foreign) => Inspected::Foreign,
        Ok(Mark::Version(version)) if version > schema::SCHEMA_VERSION => Inspected::Newer { version },
        Ok(Mark::Version(version)) => Inspected::Ours { version, in_use: in_use(path) },
    }
}

/// Whether somebody holds the lock. It is taken for a moment to see, and let go.
fn in_use(path: &Path) -> bool {
    let lock = File::open(beside(path, "lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}
