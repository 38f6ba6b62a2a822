//! `faena.backup`: under load, in a folder of its own, and only the latest few are kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::job::{JobId, Status};
use faena::processors::maintenance::BACKUP;

use crate::house::*;

const SCHEDULE: &str = "maintenance-backup";

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Starts another faena on a backup, as somebody does who restores it.
async fn restored(backup: &Path) -> (tempfile::TempDir, Faena) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("faena.db");
    std::fs::copy(backup, &place).unwrap();
    let settings = Settings { store: StoreChoice::Sqlite(Some(place)), no_jobs: true, ..settings(folder.path()) };
    (folder, start(settings, &clock()).await)
}

#[tokio::test]
async fn rule_08_a_backup_under_load_has_every_job_that_was_acknowledged_before() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = Arc::new(start(settings(folder.path()), &clock).await);
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::<parking_lot::Mutex<Vec<JobId>>>::default());
    let posting = tokio::spawn({
        let (faena, stop, acknowledged) = (faena.clone(), stop.clone(), acknowledged.clone());
        async move {
            while !stop.load(Ordering::SeqCst) {
                for sub_type in ["work", "fails"] {
                    let id = faena.service().enqueue(job(sub_type)).await.unwrap().id;
                    acknowledged.lock().push(id);
                }
            }
        }
    });
    let mut backups = Vec::new();
    while backups.len() < 2 {
        let before = acknowledged.lock().clone();
        if before.len() >= 20 * (backups.len() + 1) {
            let backup = run(&faena, SCHEDULE, None).await;
            backups.push((before, PathBuf::from(result(&backup)["path"].as_str().unwrap())));
            clock.advance(Duration::from_secs(1));
        }
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::SeqCst);
    posting.await.unwrap();
    for (before, path) in backups {
        let (_folder, copy) = restored(&path).await;
        for id in before {
            assert!(copy.service().job(id).await.is_ok(), "{id} was acknowledged before");
        }
        assert!(copy.service().readiness().is_ready());
    }
}

#[tokio::test]
async fn the_latest_few_are_kept_and_the_job_says_what_it_did() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    let place = folder.path().join("backups");
    let mut last = None;
    for _ in 0..4 {
        last = Some(run(&faena, SCHEDULE, None).await);
        clock.advance(Duration::from_secs(1));
    }
    let kept = ["faena-20261124T120001000Z.db", "faena-20261124T120002000Z.db", "faena-20261124T120003000Z.db"];
    assert_eq!(files(&place), kept, "three, when nobody says");
    let last = last.unwrap();
    let said = result(&last);
    assert_eq!(said["removed"], serde_json::json!(["faena-20261124T120000000Z.db"]));
    assert_eq!(Path::new(said["path"].as_str().unwrap()), place.canonicalize().unwrap().join(kept[2]));
    assert_eq!(said["bytes"].as_u64().unwrap(), std::fs::metadata(place.join(kept[2])).unwrap().len());
    let lines = log(&faena, last.id).await;
    assert!(lines[0].starts_with("copied ") && lines[0].ends_with("integrity_check says ok"), "{lines:?}");
    assert_eq!(lines[1], "removed 1 older backups; 3 are kept");

    let one = run(&faena, SCHEDULE, Some(r#"{"keep": 1}"#)).await;
    assert_eq!((result(&one)["removed"].as_array().unwrap().len(), files(&place).len()), (3, 1));
    let weekly = run(&faena, SCHEDULE, Some(r#"{"folder": "weekly/full"}"#)).await;
    assert!(result(&weekly)["path"].as_str().unwrap().contains("backups/weekly/full/faena-"));
    assert_eq!((files(&place.join("weekly/full")).len(), files(&place).len()), (1, 2), "each folder for itself");
}

#[tokio::test]
async fn a_folder_outside_is_refused_before_there_is_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let faena = start(settings(folder.path()), &clock()).await;
    for bad in [r#"{"folder": "/tmp"}"#, r#"{"folder": "../elsewhere"}"#, r#"{"folder": ""}"#] {
        let refused = faena.service().run_schedule(SCHEDULE, Some(bad.into())).await.unwrap_err();
        assert!(refused.to_string().starts_with("payload.folder: must be the path of a folder below"), "{refused}");
    }
    let outside = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    {
        std::fs::create_dir(folder.path().join("backups")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("backups/link")).unwrap();
        let (kind, message) = error(&*run(&faena, SCHEDULE, Some(r#"{"folder": "link"}"#)).await);
        assert_eq!((&*kind, &*message), ("forbidden_path", "`link` leads out of the folder of backups"));
    }
    assert!(files(outside.path()).is_empty());
}

#[tokio::test]
async fn a_place_that_cannot_be_written_to_is_a_failure_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let faena = start(settings(folder.path()), &clock()).await;
    std::fs::write(folder.path().join("backups"), "a file").unwrap();
    let job = faena.service().enqueue(job(BACKUP)).await.unwrap();
    let (kind, message) = error(&*ended(&faena, job.id).await);
    assert_eq!(kind, "no_folder");
    assert!(message.starts_with("cannot use the folder "), "{message}");
}

#[tokio::test]
async fn leavings_of_a_process_that_died_are_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let faena = start(settings(folder.path()), &clock()).await;
    let place = folder.path().join("backups");
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("faena-20200101T000000000Z.db.part"), "half").unwrap();
    run(&faena, SCHEDULE, None).await;
    assert_eq!(files(&place), ["faena-20261124T120000000Z.db"]);
}

#[tokio::test]
async fn two_at_once_are_made_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let clock = faena::clock::Clock::System;
    let faena = start(settings(folder.path()), &clock).await;
    let mut ids = Vec::new();
    for place in ["a", "a", "b"] {
        let mut new = job(BACKUP);
        new.payload = format!(r#"{{"folder": "{place}"}}"#).into();
        ids.push(faena.service().enqueue(new).await.unwrap().id);
    }
    for id in ids {
        let ended = ended(&faena, id).await;
        assert_eq!(ended.status(), Status::Completed, "{:?}", ended.end());
    }
}
