//! Large results are in the database unless somebody chose another place: whoever is asked has them.

use bytes::Bytes;
use faena::app::Faena;
use faena::app::settings::{ResultPlace, Settings};
use faena::error::Error;
use faena::job::{Job, ResultRef};
use faena::service::look::ResultBody;
use faena::store::Prune;
use faena::work::{Completion, Context, Registry};

use crate::house::{Does, House, task, until};

const BYTES: usize = 3 << 20;

fn large() -> Bytes {
    (0..BYTES).map(|at| (at / 251 + at) as u8).collect()
}

#[tokio::test]
async fn a_result_made_on_one_node_is_downloaded_from_another_until_its_job_is_forgotten() {
    let Some(house) = House::new() else { return };
    let worker = house.node(|_| Ok(Completion::bytes("application/x-pattern", large()))).await;
    let desk = house.desk().await;
    let id = desk.service().enqueue(task()).await.unwrap().id;
    let job = until(&desk, id, Job::is_finished).await;
    let kept = job.end().and_then(|end| end.result.clone());
    assert!(matches!(&kept, Some(ResultRef::Stored { size, .. }) if *size == BYTES as u64), "{kept:?}");
    // The one that made it is no longer there.
    worker.stop().await.unwrap();
    let ResultBody::Stored { content_type, found } = desk.service().result(id).await.unwrap() else {
        panic!("kept elsewhere")
    };
    assert_eq!((&*content_type, found.size), ("application/x-pattern", BYTES as u64));
    assert!(found.bytes().await.unwrap() == large());
    assert!(!house.settings().data.join("results").exists());

    let later = desk.service().now().plus(std::time::Duration::from_secs(60));
    let all = Prune { ended_before: later, failed_before: later, limit: 10 };
    let pruned = desk.service().store().prune(all, later).await.unwrap();
    assert_eq!((pruned.jobs, pruned.results.len()), (1, 1));
    assert!(matches!(desk.service().result(id).await, Err(Error::NotFound { .. })));
    desk.stop().await.unwrap();
}

#[tokio::test]
async fn a_place_that_was_chosen_wins() {
    let Some(house) = House::new() else { return };
    let place = tempfile::tempdir().unwrap();
    let settings = Settings { results: ResultPlace::Folder(Some(place.path().to_owned())), ..house.settings() };
    let registry = Registry::new().blocking("task", Does(|_: &Context| Ok(Completion::bytes("text/plain", large()))));
    let node = Faena::start(settings, registry).await.unwrap();
    let id = node.service().enqueue(task()).await.unwrap().id;
    let job = until(&node, id, Job::is_finished).await;
    assert!(matches!(job.end().and_then(|end| end.result.as_ref()), Some(ResultRef::Stored { .. })));
    // Its folder and the one of what is half written.
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
    house.database.tell("DO $$ BEGIN ASSERT (SELECT count(*) FROM faena.result) = 0; END $$");
    assert!(matches!(node.service().result(id).await, Ok(ResultBody::Stored { .. })));
    node.stop().await.unwrap();
}
