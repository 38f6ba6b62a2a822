//! `faena.retry_dead_letters`: bounded, and some are left for a person.

use faena::job::{Event, Status, decide};
use faena::store::{Claim, Committed, Filter};
use serde_json::json;

use crate::house::*;

const SCHEDULE: &str = "maintenance-retry-dead-letters";

fn waiting() -> Filter {
    Filter { status: vec![Status::Queued], ..Filter::default() }
}

#[tokio::test]
async fn dead_letters_are_done_again_a_bounded_number_at_a_time() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(done(&faena, job("fails")).await.id);
    }
    faena.service().pause("fails", true).await.unwrap();
    let none = run(&faena, SCHEDULE, None).await;
    assert_eq!(result(&none), json!({ "seen": 3, "retried": 0 }), "they are not ten minutes old");
    clock.advance(HOUR / 4);
    let other = run(&faena, SCHEDULE, Some(r#"{"subTypes": ["work"]}"#)).await;
    assert_eq!(result(&other)["retried"], 0);
    let two = run(&faena, SCHEDULE, Some(r#"{"max": 2}"#)).await;
    assert_eq!(result(&two)["retried"], 2, "the oldest ones");
    assert_eq!(jobs(&faena, waiting()).await.iter().map(|job| job.id).collect::<Vec<_>>(), ids[..2]);
    let lines = log(&faena, two.id).await;
    assert!(lines[0].ends_with("2 wait again"), "{lines:?}");
    let last = run(&faena, SCHEDULE, Some(r#"{"subTypes": ["fails"], "olderThanSeconds": 0}"#)).await;
    assert_eq!(result(&last), json!({ "seen": 1, "retried": 1 }));
    for bad in [r#"{"max": 0}"#, r#"{"startsMax": 0}"#, r#"{"tries": 1}"#] {
        assert!(faena.service().run_schedule(SCHEDULE, Some(bad.into())).await.is_err(), "{bad}");
    }
}

#[tokio::test]
async fn one_that_was_started_often_is_left_for_a_person() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    let letter = done(&faena, job("fails")).await.id;
    let asked = Some(r#"{"olderThanSeconds": 0, "startsMax": 2}"#);
    assert_eq!(result(&*run(&faena, SCHEDULE, asked).await)["retried"], 1);
    let again = ended(&faena, letter).await;
    assert_eq!((again.life.epoch, again.end().unwrap().dead), (2, true));
    assert_eq!(result(&*run(&faena, SCHEDULE, asked).await)["retried"], 0);
}

#[tokio::test]
async fn rule_03_one_that_took_its_process_down_is_left_for_a_person() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let faena = start(settings(folder.path()), &clock).await;
    let (service, now) = (faena.service(), clock.now());
    // Nobody here does jobs of this subtype: the test claims it, and says that its process died.
    let poison = job("poison");
    let id = poison.id;
    service.store().insert(vec![poison.into()], faena::store::Group::Each, now).await.unwrap();
    let mut found = service.job(id).await.unwrap();
    while !found.is_finished() {
        let at = found.run_at().unwrap().max(now);
        let claim = Claim {
            holder: service.node().clone(),
            sub_types: [faena::job::Name::new("poison").unwrap()].into(),
            max: 1,
            lease: None,
        };
        let claimed = service.store().claim(claim, at).await.unwrap().jobs.remove(0);
        let step = decide(&claimed, Event::Crashed { epoch: claimed.life.epoch }, at).unwrap();
        match service.store().commit(vec![step], at).await.unwrap().remove(0) {
            Committed::Applied { job, .. } => found = job,
            other => panic!("{other:?}"),
        }
    }
    assert!(found.end().unwrap().dead, "it is quarantined");
    clock.advance(DAY);
    let asked = run(&faena, SCHEDULE, Some(r#"{"olderThanSeconds": 0}"#)).await;
    assert_eq!(result(&asked), json!({ "seen": 1, "retried": 0 }));
}
