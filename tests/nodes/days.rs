//! The days of the history: what ended today is dropped with the day, once it may be forgotten.

use std::time::Duration;

use faena::job::{Event, ResultRef, Status, decide};
use faena::store::{Group, LogLine, Prune, Store};

use crate::faults::open;
use crate::house::claim;
use crate::house::{House, task};

#[tokio::test]
async fn a_day_that_is_past_is_dropped_whole() {
    let Some(house) = House::new() else { return };
    let store = open(&house).await;
    let now = store.clock().now();
    let jobs = (0..4).map(|_| task().into()).collect();
    store.insert(jobs, Group::Each, now).await.unwrap();
    let claimed = store.claim(claim(3), now).await.unwrap().jobs;
    let stored = ResultRef::Stored { content_type: "text/csv".into(), size: 9, key: "r/1".into() };
    let endings = [
        Event::Succeeded { epoch: 1, result: Some(stored), follow_ups: Vec::new() },
        Event::Succeeded { epoch: 1, result: None, follow_ups: Vec::new() },
        Event::TimedOut { epoch: 1 },
    ];
    let steps = claimed.iter().zip(endings).map(|(job, event)| decide(job, event, now).unwrap()).collect();
    store.commit(steps, now).await.unwrap();
    let line = LogLine { at: now, epoch: 1, text: "a line".into() };
    store.append_log(vec![(claimed[0].id, line)]).await.unwrap();

    let later = now.plus(Duration::from_secs(3 * 24 * 3600));
    let prune = |ended_before, failed_before| Prune { ended_before, failed_before, limit: 1 };
    let pruned = store.prune(prune(later, now), later).await.unwrap();
    let results: Vec<&str> = pruned.results.iter().map(|key| &**key).collect();
    assert_eq!((pruned.jobs, results), (2, vec!["r/1"]), "those that went well, in one step");
    let tally = store.tally(later).await.unwrap();
    let left = [Status::Completed, Status::Failed, Status::Queued].map(|status| tally.of(status));
    assert_eq!((left, tally.dead), ([0, 1, 1], 1));
    assert!(store.get(claimed[0].id).await.unwrap().is_none());
    assert!(store.log(claimed[0].id).await.unwrap().is_empty());
    assert_eq!(store.get(claimed[2].id).await.unwrap().unwrap().status(), Status::Failed);
    house.database.tell(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_class WHERE relname ~ '^done_d') THEN RAISE EXCEPTION 'it is there'; END IF; END $$",
    );
    let pruned = store.prune(prune(later, later), later).await.unwrap();
    assert_eq!(pruned.jobs, 1, "and the failed one");
    assert_eq!(store.tally(later).await.unwrap().dead, 0);
}
