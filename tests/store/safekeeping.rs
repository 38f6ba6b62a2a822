//! Checks and copies of what is on disk. An engine without such a side says so; the rest is for those with one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use faena::job::{JobId, Outcome};
use faena::store::safekeeping::{Checked, Hear, Phase, Step};
use faena::store::{Group, Inserted, Store, StoreError};
use parking_lot::Mutex;

use crate::bed::*;

/// Whoever never says stop.
fn on() -> Hear {
    Arc::new(|_| true)
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder with a copy in it, put where a store looks for its database.
async fn copy_of(bed: &Bed) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = bed.store();
    let copied = store.safekeeping().unwrap().back_up(database(folder.path()), on()).await.unwrap().unwrap();
    assert_eq!(copied.bytes, std::fs::metadata(&copied.path).unwrap().len());
    assert_eq!(names(folder.path()), ["faena.db"], "one file, and nothing beside it");
    folder
}

pub async fn a_store_with_nothing_on_disk_says_so(bed: Bed) {
    assert_eq!(bed.store().safekeeping().is_some(), bed.is_on_disk());
}

pub async fn a_copy_opens_as_a_store_with_everything_that_was_there(bed: Bed) {
    let waiting = bed.accept(new_job().user("ana"), at(0)).await;
    let ended = bed.ended(job_of("other"), Outcome::Failed, at(1)).await;
    bed.store().pause(name("work"), true).await.unwrap();
    let folder = copy_of(&bed).await;
    let copy = open(folder.path(), at(2)).unwrap();
    for job in [waiting, ended] {
        assert_same(&copy.get(job.id).await.unwrap().unwrap(), &job);
        assert_eq!(copy.payload(job.id).await.unwrap(), bed.store().payload(job.id).await.unwrap());
    }
    assert_eq!(copy.paused().await.unwrap(), [name("work")]);
    assert_eq!(copy.tally(at(2)).await.unwrap().dead, 1);
}

/// The copy's thread waits in the middle of its work until the queue has answered: if they were in each other's way, this
/// would not end.
pub async fn the_queue_goes_on_and_what_comes_meanwhile_is_not_in_the_copy(bed: Bed) {
    let filling = "x".repeat(200_000);
    for _ in 0..20 {
        bed.accept(faena::job::NewJob::new(name("work"), format!(r#"{{"x":"{filling}"}}"#)), at(0)).await;
    }
    let (store, late) = (bed.store(), Arc::new(Mutex::new(Vec::new())));
    let (asked, found) = (store.clone(), late.clone());
    let hear: Hear = Arc::new(move |step| {
        let mut late = found.lock();
        if late.is_empty() && step.phase == Phase::Copying {
            assert!(step.pages < step.of, "it is not at its end: {step:?}");
            let answers = block_on(asked.insert(vec![new_job().into(), new_job().into()], Group::Each, at(1)));
            late.extend(answers.unwrap().into_iter().map(|answer| match answer {
                Inserted::Accepted(job) => job.id,
                other => panic!("{other:?}"),
            }));
        }
        true
    });
    let folder = tempfile::tempdir().unwrap();
    store.safekeeping().unwrap().back_up(database(folder.path()), hear).await.unwrap().unwrap();
    let copy = open(folder.path(), at(2)).unwrap();
    let late = std::mem::take(&mut *late.lock());
    assert_eq!(late.len(), 2);
    for id in late {
        assert!(store.get(id).await.unwrap().is_some());
        assert!(copy.get(id).await.unwrap().is_none(), "the copy is of one moment");
    }
    assert_eq!(copy.tally(at(2)).await.unwrap().ready, 20);
}

/// Copies taken while others write: each has all that was acknowledged before it was asked for, and is whole.
pub async fn rule_08_what_was_acknowledged_before_is_in_a_copy_taken_under_load(bed: Bed) {
    let acknowledged: Arc<Mutex<Vec<JobId>>> = Arc::default();
    let (store, done) = (bed.store(), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (store, acknowledged, done) = (store.clone(), acknowledged.clone(), done.clone());
            std::thread::spawn(move || {
                while done.load(Ordering::SeqCst) < 3 {
                    let batch = vec![new_job().into(), job_of("other").into()];
                    for answer in block_on(store.insert(batch, Group::Whole, at(0))).unwrap() {
                        let Inserted::Accepted(job) = answer else { panic!("{answer:?}") };
                        acknowledged.lock().push(job.id);
                    }
                }
            })
        })
        .collect();
    let mut copies = Vec::new();
    while copies.len() < 3 {
        let before = acknowledged.lock().clone();
        if before.len() > copies.len() * 50 {
            copies.push((before, copy_of(&bed).await));
            done.fetch_add(1, Ordering::SeqCst);
        }
        tokio::task::yield_now().await;
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    for (before, folder) in copies {
        let copy = open(folder.path(), at(1)).unwrap();
        for id in &before {
            assert!(copy.get(*id).await.unwrap().is_some(), "{id} was acknowledged before");
        }
        let tally = copy.tally(at(1)).await.unwrap();
        assert_eq!(tally.ready % 2, 0, "pairs came in one commit: {}", tally.ready);
        assert_eq!(whole(&copy).await.faults, Vec::<String>::new());
    }
}

async fn whole(store: &(impl Store + ?Sized)) -> Checked {
    store.safekeeping().unwrap().check(on()).await.unwrap().unwrap()
}

pub async fn a_copy_that_is_stopped_leaves_nothing(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    for phase in [Phase::Copying, Phase::Checking] {
        let folder = tempfile::tempdir().unwrap();
        let stop: Hear = Arc::new(move |step: Step| step.phase != phase);
        let to = folder.path().join("below/copy.db");
        let stopped = bed.store().safekeeping().unwrap().back_up(to, stop.clone()).await.unwrap();
        assert_eq!((stopped, names(&folder.path().join("below"))), (None, vec![]));
    }
    let stopped = bed.store().safekeeping().unwrap().check(Arc::new(|_| false)).await.unwrap();
    assert_eq!(stopped, None);
}

pub async fn a_file_that_exists_is_left_alone_and_a_half_one_is_not_taken_for_a_whole(bed: Bed) {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("copy.db");
    std::fs::write(&to, "mine").unwrap();
    let refused = bed.store().safekeeping().unwrap().back_up(to.clone(), on()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(reason) if reason.contains("a file of this name")), "{refused}");
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
    // A process that died in the middle left this.
    std::fs::remove_file(&to).unwrap();
    std::fs::write(folder.path().join("copy.db.part"), "half of an older one").unwrap();
    bed.store().safekeeping().unwrap().back_up(to, on()).await.unwrap().unwrap();
    assert_eq!(names(folder.path()), ["copy.db"]);
    let nowhere = folder.path().join("copy.db/below/copy.db");
    let refused = bed.store().safekeeping().unwrap().back_up(nowhere, on()).await.unwrap_err();
    assert!(refused.to_string().starts_with("cannot write the backup "), "{refused}");
}

pub async fn a_check_says_what_is_wrong(bed: Bed) {
    for _ in 0..40 {
        bed.accept(faena::job::NewJob::new(name("work"), format!("{{\"x\":\"{}\"}}", "x".repeat(9_000))), at(0)).await;
    }
    bed.ended(job_of("other"), Outcome::Success, at(0)).await;
    let bed = bed.reopened(at(1));
    let checked = whole(&*bed.store()).await;
    assert_eq!(checked.faults, Vec::<String>::new());
    assert_eq!(checked.bytes, std::fs::metadata(database(bed.folder())).unwrap().len());
    // Somebody tampers with a count, and then with a page.
    let conn = rusqlite::Connection::open(database(bed.folder())).unwrap();
    conn.execute("UPDATE tally SET jobs = jobs + 2", []).unwrap();
    drop(conn);
    let faults = whole(&*bed.store()).await.faults;
    assert_eq!(faults, ["there are 1 completed jobs of other (normal), and 3 are counted"]);
    let bed = bed.reopened(at(2));
    let mut file = std::fs::read(database(bed.folder())).unwrap();
    let last = file.len() - 4_096;
    file[last..].fill(0xff);
    std::fs::write(database(bed.folder()), file).unwrap();
    let faults = whole(&*bed.store()).await.faults;
    assert!(!faults.is_empty() && faults.len() <= 101, "{faults:?}");
    // What is not whole is not kept as a backup.
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("copy.db");
    let refused = bed.store().safekeeping().unwrap().back_up(to, on()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Broken(reason) if reason.contains("not whole")), "{refused}");
    assert!(names(folder.path()).is_empty());
}

pub async fn nothing_is_copied_after_the_close(bed: Bed) {
    let store = bed.store();
    store.close().await.unwrap();
    let Some(keeper) = store.safekeeping() else { return assert!(!bed.is_on_disk()) };
    let folder = tempfile::tempdir().unwrap();
    let refused = keeper.back_up(folder.path().join("copy.db"), on()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(matches!(keeper.check(on()).await, Err(StoreError::Unavailable(_))));
    assert!(names(folder.path()).is_empty());
}
