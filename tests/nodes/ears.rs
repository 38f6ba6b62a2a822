//! The connection that hears of other nodes, cut, and swallowed by the network: hints are lost, work is not, and it is made anew.

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::job::{Job, Status};
use faena::work::Registry;
use tokio::time::timeout;

use crate::house::{Does, House, PATIENCE, task, until};
use crate::line::Line;

#[tokio::test(flavor = "multi_thread")]
async fn rule_25_without_hints_work_goes_on_and_the_ear_comes_back() {
    let Some(house) = House::new() else { return };
    let line = Line::to(&house.database.url);
    let store = StoreChoice::Postgres(format!("{}?lease_ms=3000", line.url).as_str().into());
    let registry = Registry::new().blocking("task", Does(|_: &faena::work::Context| Ok(().into())));
    let worker = Faena::start(Settings { store, ..house.settings() }, registry).await.unwrap();
    let desk = house.desk().await;
    let listens = async || timeout(PATIENCE, line.listened.acquire()).await.expect("it listens").unwrap().forget();
    for lose in [Line::cut_ears, Line::mute_ears, Line::cut_ears] {
        listens().await;
        lose(&line);
        let id = desk.service().enqueue(task()).await.unwrap().id;
        let job = until(&desk, id, Job::is_finished).await;
        assert_eq!((job.status(), job.life.epoch), (Status::Completed, 1));
    }
    listens().await;
    worker.stop().await.unwrap();
    desk.stop().await.unwrap();
}
