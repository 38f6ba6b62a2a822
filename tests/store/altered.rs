//! An encrypted value that somebody has altered on disk.

use faena::job::Event;

use crate::bed::block_on;
use crate::sealed::{House, key};

#[test]
fn a_saved_state_that_was_altered_fails_its_job_however_good_its_payload_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = block_on(async {
        let house = House::open(folder.path(), &[key("a", 1)]);
        house.accept(r#"{"n":1}"#).await;
        let job = house.claim().await;
        let save = Event::StateSaved { epoch: job.life.epoch, state: Some(r#"{"page":7}"#.into()) };
        let job = house.step(&job, save).await;
        house.step(&job, Event::Released { epoch: job.life.epoch, reason: "shutdown".into() }).await;
        house.store.close().await.unwrap();
        folder.path().join("faena.db")
    });
    let conn = rusqlite::Connection::open(file).unwrap();
    let life: String = conn.query_row("SELECT life FROM live", [], |row| row.get(0)).unwrap();
    let begins = life.find("sealed:1:").unwrap();
    let middle = begins + life[begins..].find('"').unwrap() - 12;
    let other = if life.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let altered = format!("{}{other}{}", &life[..middle], &life[middle + 1..]);
    conn.execute("UPDATE live SET life = ?", [altered]).unwrap();
    drop(conn);
    block_on(async {
        let house = House::open(folder.path(), &[key("a", 1)]);
        let job = house.claim().await;
        let why = job.unreadable().unwrap();
        assert!(why.starts_with("its saved state"), "{why}");
        assert!(matches!(job.not_read(), Some(Event::Failed { .. })), "no key would mend it");
        house.store.close().await.unwrap();
    });
}
