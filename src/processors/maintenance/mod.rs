//! What keeps a server well, as ordinary jobs: seen, changed, run by hand and watched like all others. They come with
//! the program; a schedule for each is made by [`app::maintenance`](crate::app::maintenance).
//!
//! | file | subtype | does |
//! | --- | --- | --- |
//! | [`cleanup`] | `faena.cleanup` | forgets jobs that ended long ago, with their logs and results |
//! | [`retry_dead_letters`] | `faena.retry_dead_letters` | has dead letters done again |
//! | [`check`] | `faena.check` | reads the whole store and says whether it is sound |
//! | [`backup`] | `faena.backup` | copies the store into a file, checks it, and keeps the latest few |

pub mod backup;
pub mod check;
pub mod cleanup;
pub mod retry_dead_letters;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::job::RetryPolicy;
use crate::store::results::Results;
use crate::store::{Store, StoreError};
use crate::upkeep::Ages;
use crate::work::{Description, Failure, Registry};

/// The subtype of jobs that forget.
pub const CLEANUP: &str = "faena.cleanup";
/// The subtype of jobs that have dead letters done again.
pub const RETRY_DEAD_LETTERS: &str = "faena.retry_dead_letters";
/// The subtype of jobs that check the store.
pub const CHECK: &str = "faena.check";
/// The subtype of jobs that copy the store.
pub const BACKUP: &str = "faena.backup";

/// What they work on, and what holds where a payload does not say.
#[derive(Clone)]
pub struct Parts {
    /// Where jobs are; one that tells the hub of changes.
    pub store: Arc<dyn Store>,
    /// Where large results are.
    pub results: Arc<dyn Results>,
    /// Where the time comes from.
    pub clock: Clock,
    /// How long ended jobs are remembered.
    pub ages: Ages,
    /// The only folder that backups are written to.
    pub backups: PathBuf,
    /// How many of them are kept.
    pub backups_kept: u32,
}

/// A registry with all of them besides. An application that has one of its own under the same name keeps its own.
#[must_use]
pub fn with(registry: Registry, parts: &Parts) -> Registry {
    let missing = |sub_type: &str| registry.get(sub_type).is_none();
    let (cleanup, retry, check, backup) =
        (missing(CLEANUP), missing(RETRY_DEAD_LETTERS), missing(CHECK), missing(BACKUP));
    let mut registry = registry;
    if cleanup {
        registry = registry.asynchronous(CLEANUP, cleanup::Cleanup(parts.clone()));
    }
    if retry {
        registry = registry.asynchronous(RETRY_DEAD_LETTERS, retry_dead_letters::RetryDeadLetters(parts.clone()));
    }
    // Where the store has nothing to look after there is nothing to register.
    if parts.store.safekeeping().is_none() {
        return registry;
    }
    if check {
        registry = registry.asynchronous(CHECK, check::Check(parts.clone()));
    }
    if backup {
        registry = registry.asynchronous(BACKUP, backup::Backup::new(parts.clone()));
    }
    registry
}

/// How one of them is registered. The next tick is its next try, so it is tried again once and not much later.
fn described(summary: &'static str, hours: u64) -> Description {
    let retry = RetryPolicy { max_retries: 1, delay_ms: 60_000, max_delay_ms: 60_000, jitter: 0.1, exponential: false };
    Description {
        kind: Some("maintenance"),
        summary,
        timeout: Some(Duration::from_secs(hours * 3_600)),
        retry: Some(retry),
    }
}

/// A store that could not do its part: what is broken stays so, what was in the way may go.
fn failed(error: StoreError) -> Failure {
    match error {
        StoreError::Unavailable(_) => Failure::new(error).kind("unavailable"),
        StoreError::Unreadable(_) => Failure::new(error).kind("unreadable"),
        StoreError::Broken(_) => Failure::permanent(error).kind("broken"),
    }
}

/// Bytes for a person.
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
