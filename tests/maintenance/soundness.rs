//! `faena.check`: a store that is not sound is a failed job that says what is wrong.

use faena::job::Status;

use crate::house::*;

#[tokio::test]
async fn a_sound_store_says_so_and_one_that_is_not_names_its_faults() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    done(&faena, job("work")).await;
    let check = run(&faena, "maintenance-check", None).await;
    let found = result(&check);
    assert!(found["pages"].as_u64() > Some(5) && found["bytes"].as_u64() > Some(20_000), "{found}");
    let lines = log(&faena, check.id).await;
    assert!(lines[0].contains(" pages (") && lines[0].contains(") are sound;"), "{lines:?}");
    assert!(check.life.progress.message().unwrap().starts_with("checking "), "{:?}", check.life.progress);

    let conn = rusqlite::Connection::open(folder.path().join("faena.db")).unwrap();
    conn.execute("UPDATE tally SET jobs = jobs + 1 WHERE sub_type = 'work'", []).unwrap();
    drop(conn);
    let check = run(&faena, "maintenance-check", None).await;
    assert_eq!((check.status(), check.end().unwrap().dead), (Status::Failed, true), "another try finds it so too");
    let (kind, message) = error(&check);
    assert_eq!(kind, "unsound");
    assert!(message.starts_with("the store is not sound (1 faults"), "{message}");
    assert_eq!(log(&faena, check.id).await, ["there are 1 completed jobs of work (normal), and 2 are counted"]);
}
