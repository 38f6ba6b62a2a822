//! `faena.backup`: copies the store into a file while the queue goes on, checks the copy, and keeps the latest few. A
//! payload may name a folder below the one that the server is set to, and no other: whoever may enqueue a job may not
//! thereby write wherever the server can.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use validator::{Validate, ValidationError};

use super::{Parts, described, failed, mebibytes};
use crate::clock::Timestamp;
use crate::limits;
use crate::store::safekeeping::{Hear, Phase};
use crate::work::{AsyncProcessor, Completion, Context, Description, Failure};

/// Share of the work that copying is; the rest is checking, which does not say how far it is.
const COPYING_PERCENT: u64 = 80;

/// Copies the store.
pub struct Backup {
    parts: Parts,
    /// Held while one is made: two in one folder would take each other's halves for leavings.
    alone: tokio::sync::Mutex<()>,
}

impl Backup {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, alone: tokio::sync::Mutex::default() }
    }
}

/// Where to, and how many are kept.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payload {
    /// So many of the latest backups stay in the folder; the server's `maintenance.backups_kept` when left out.
    #[serde(default)]
    #[validate(range(min = 1, max = limits::BACKUPS_KEPT_MAX))]
    keep: Option<usize>,
    /// A folder below the server's folder of backups; that folder itself when left out.
    #[serde(default)]
    #[validate(custom(function = "plain_folder"))]
    folder: Option<String>,
}

/// A relative path without tricks.
fn plain_folder(path: &str) -> Result<(), ValidationError> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if plain && !path.is_empty() && !path.contains(['\0', '\\']) {
        return Ok(());
    }
    let complaint = "must be the path of a folder below the folder of backups, without a leading `/` and without `..`";
    Err(ValidationError::new("path").with_message(complaint.into()))
}

impl AsyncProcessor for Backup {
    type Payload = Payload;

    fn describe(&self) -> Description {
        described("Copies the store into a file, checks it, and keeps the latest few.", 24)
    }

    async fn run(&self, payload: Payload, ctx: Context) -> Result<Completion, Failure> {
        let parts = &self.parts;
        let Some(keeper) = parts.store.safekeeping() else {
            return Err(Failure::permanent("this store has nothing to back up").kind("unsupported"));
        };
        let _alone = self.alone.lock().await;
        let began = parts.clock.now();
        let folder = folder(&parts.backups, payload.folder.as_deref())?;
        forget_halves(&folder).map_err(|error| Failure::new(format!("cannot tidy up the folder: {error}")))?;
        let to = folder.join(name(began));
        let copied = keeper.back_up(to, heard(&ctx)).await.map_err(failed)?.ok_or_else(Failure::stopped)?;
        let took_ms = parts.clock.now().millis_since(began);
        let path = copied.path.display().to_string();
        ctx.log(format!(
            "copied {} pages ({}) to {path} in {took_ms} ms; integrity_check says ok",
            copied.pages,
            mebibytes(copied.bytes)
        ));
        let keep = payload.keep.unwrap_or(parts.backups_kept as usize);
        let removed = forget_older(&folder, keep).map_err(|error| {
            Failure::permanent(format!("{path} is there, but older backups could not be removed: {error}"))
                .kind("not_removed")
        })?;
        ctx.log(format!("removed {} older backups; {keep} are kept", removed.len()));
        ctx.complete_json(&json!({
            "path": path,
            "bytes": copied.bytes,
            "pages": copied.pages,
            "tookMs": took_ms,
            "removed": removed,
        }))
    }
}

/// Tells the job's watchers how far the copy is, and the copy when the job must stop.
fn heard(ctx: &Context) -> Hear {
    let ctx = ctx.clone();
    Arc::new(move |step| {
        match step.phase {
            Phase::Copying => {
                let percent = (step.pages * COPYING_PERCENT / step.of.max(1)) as u32;
                ctx.progress(percent, format!("copied {} of {} pages", step.pages, step.of));
            }
            Phase::Checking => ctx.progress(COPYING_PERCENT as u32, format!("checking the copy's {} pages", step.of)),
        }
        !ctx.is_cancelled()
    })
}

/// The folder to write to. Links are followed first and judged by where they lead.
fn folder(root: &Path, below: Option<&str>) -> Result<PathBuf, Failure> {
    let made = |path: &Path| -> io::Result<PathBuf> {
        std::fs::create_dir_all(path)?;
        path.canonicalize()
    };
    let cannot = |path: &Path, error: &io::Error| {
        Failure::new(format!("cannot use the folder {} for backups: {error}", path.display())).kind("no_folder")
    };
    let root = made(root).map_err(|error| cannot(root, &error))?;
    let Some(below) = below else { return Ok(root) };
    let outside = || Failure::permanent(format!("`{below}` leads out of the folder of backups")).kind("forbidden_path");
    plain_folder(below).map_err(|_| outside())?;
    let mut folder = root.clone();
    // Step by step, so that nothing is made behind a link that leads elsewhere.
    for part in Path::new(below).components() {
        let next = folder.join(part);
        folder = made(&next).map_err(|error| cannot(&next, &error))?;
        if !folder.starts_with(&root) {
            return Err(outside());
        }
    }
    Ok(folder)
}

/// A name that sorts by time: `faena-20261124T023000123Z.db`.
fn name(at: Timestamp) -> String {
    let digits: String = at.to_string().chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    format!("faena-{digits}.db")
}

/// Whether it is one that [`name`] gave. Other files in the folder are somebody else's.
fn is_ours(name: &str) -> bool {
    let digits = name.strip_prefix("faena-").and_then(|rest| rest.strip_suffix("Z.db"));
    let digits = digits.and_then(|rest| rest.split_once('T'));
    let all = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.is_some_and(|(date, time)| all(date, 8) && all(time, 9))
}

/// The files of a folder that are ours, halves apart.
fn ours(folder: &Path) -> io::Result<(Vec<String>, Vec<String>)> {
    let (mut whole, mut halves) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if is_ours(&name) {
            whole.push(name);
        } else if name.strip_suffix(".part").is_some_and(is_ours) {
            halves.push(name);
        }
    }
    Ok((whole, halves))
}

/// Removes what a process left half done that died here: it takes up the room that the next one needs.
fn forget_halves(folder: &Path) -> io::Result<()> {
    ours(folder)?.1.iter().try_for_each(|name| match std::fs::remove_file(folder.join(name)) {
        // Its thread has only now come to remove it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    })
}

/// Removes all but the latest backups. The answer names them.
fn forget_older(folder: &Path, keep: usize) -> io::Result<Vec<String>> {
    let (mut backups, _) = ours(folder)?;
    backups.sort();
    backups.truncate(backups.len().saturating_sub(keep));
    backups.iter().try_for_each(|name| std::fs::remove_file(folder.join(name)))?;
    Ok(backups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_are_known_again() {
        let (early, late) =
            (name(Timestamp::from_millis(1_764_000_000_123)), name(Timestamp::from_millis(1_764_000_000_124)));
        assert_eq!(early, "faena-20251124T160000123Z.db");
        assert!(early < late && is_ours(&early));
        for other in ["faena.db", "faena-20251124T160000123Z.db.gz", "faena-2025T1Z.db", "orders.db", "faena-x.db"] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn no_folder_outside_is_written_to() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = inside.path().join("backups");
        assert_eq!(folder(&root, Some("weekly/full")).unwrap(), root.canonicalize().unwrap().join("weekly/full"));
        for bad in ["/tmp", "../x", "a/../../x", "", "a\\b"] {
            assert_eq!(folder(&root, Some(bad)).unwrap_err().error.kind.as_ref(), "forbidden_path", "{bad}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path(), root.join("link")).unwrap();
            assert!(folder(&root, Some("link/below")).is_err());
            assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0, "nothing was made behind the link");
        }
    }

    #[test]
    fn the_latest_are_kept_and_strangers_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<_> = (0..5).map(|n| name(Timestamp::from_millis(n * 1_000))).collect();
        let strangers = ["faena.db".to_owned(), "notes.txt".to_owned(), "faena-0.db".to_owned()];
        let half = format!("{}.part", names[4]);
        for name in names.iter().chain(&strangers).chain([&half]) {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        assert_eq!(forget_older(folder.path(), 2).unwrap(), names[..3]);
        assert!(forget_older(folder.path(), 2).unwrap().is_empty());
        for name in names[3..].iter().chain(&strangers) {
            assert!(folder.path().join(name).exists(), "{name}");
        }
        forget_halves(folder.path()).unwrap();
        assert!(!folder.path().join(half).exists());
        assert!(folder.path().join(&names[4]).exists());
    }
}
