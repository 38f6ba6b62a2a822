//! The end of the program: what runs may finish, the rest goes back to the queue with what it saved.

use std::time::Duration;

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::job::{Outcome, Status};
use faena::work::{Completion, Registry};
use tokio_util::sync::CancellationToken;

use crate::house::{Door, PATIENCE, computes, ended, job, running, settings, start, until, waits};

/// On disk, to be started again.
async fn start_in(folder: &std::path::Path, registry: Registry) -> Faena {
    let settings = Settings { store: StoreChoice::Sqlite(None), data: folder.to_owned(), ..settings() };
    Faena::start(settings, registry).await.unwrap()
}

#[tokio::test]
async fn rule_19_what_runs_may_finish_and_nothing_new_begins() {
    let door = Door::default();
    let at = door.clone();
    let registry = computes(move |_, _| {
        at.wait();
        Ok(Completion::Done)
    });
    let settings = Settings { grace: PATIENCE, ..settings() };
    let faena = Faena::start(settings, registry).await.unwrap();
    let first = running(&faena).await;
    let service = faena.service().clone();
    let waiting = service.enqueue(job("task")).await.unwrap().id;
    let draining = tokio::spawn(async move {
        faena.drain(&CancellationToken::new()).await;
        faena
    });
    service.closing().cancelled().await;
    door.open();
    draining.await.unwrap();
    assert_eq!(service.job(first).await.unwrap().status(), Status::Completed);
    let waiting = service.job(waiting).await.unwrap();
    assert_eq!((waiting.status(), waiting.life.epoch), (Status::Queued, 0), "though there was room again");
}

#[tokio::test]
async fn rule_04_what_is_given_back_goes_on_with_its_state_and_all_its_tries() {
    let folder = tempfile::tempdir().unwrap();
    let work = || {
        computes(|_, ctx| {
            let starts: u32 = ctx.state()?.unwrap_or(0);
            ctx.save_state(&(starts + 1))?;
            ctx.progress(starts, format!("start {starts}"));
            ctx.sleep(Duration::from_secs(86_400))?;
            Ok(Completion::Done)
        })
    };
    let mut faena = start_in(folder.path(), work()).await;
    let id = faena.service().enqueue(job("task")).await.unwrap().id;
    for start in 0..5 {
        let expected = format!("start {start}");
        until(&faena, id, |job| job.life.progress.message() == Some(&*expected)).await;
        faena.stop().await.unwrap();
        faena = start_in(folder.path(), work()).await;
    }
    let job = until(&faena, id, |job| job.run().is_some()).await;
    assert_eq!((job.life.attempt, job.life.failures, job.life.crashes), (1, 0, 0), "no try was burnt");
    let outcomes: Vec<_> = job.attempts().iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Released; 5]);
    faena.service().cancel(id, "ana").await.unwrap();
    assert_eq!(ended(&faena, id).await.status(), Status::Cancelled);
}

#[tokio::test]
async fn a_processor_that_waits_is_given_back_too() {
    let faena = start(waits(|_, _| std::future::pending())).await;
    let id = running(&faena).await;
    let service = faena.service().clone();
    faena.drain(&CancellationToken::new()).await;
    let job = service.job(id).await.unwrap();
    assert_eq!((job.status(), job.life.failures), (Status::Queued, 0));
    let last = job.attempts().last().unwrap();
    assert_eq!((last.outcome, &*last.error.as_ref().unwrap().message), (Outcome::Released, "the program was stopped"));
}

#[tokio::test]
async fn whoever_is_in_a_hurry_does_not_wait_for_the_grace() {
    let settings = Settings { grace: Duration::from_secs(86_400), ..settings() };
    let faena = Faena::start(settings, waits(|_, _| std::future::pending())).await.unwrap();
    let id = running(&faena).await;
    let (service, at_once) = (faena.service().clone(), CancellationToken::new());
    at_once.cancel();
    faena.drain(&at_once).await;
    assert_eq!(service.job(id).await.unwrap().status(), Status::Queued);
}

/// A job that is being claimed while the drain begins is finished or given back, and never left behind as running.
#[tokio::test]
async fn a_claim_under_way_does_not_escape_the_drain() {
    for round in 0..200 {
        let faena = start(waits(|_, _| std::future::pending())).await;
        let jobs = (0..3).map(|_| job("task")).collect();
        let accepted = faena.service().accept_all(jobs, None).await.unwrap();
        let service = faena.service().clone();
        faena.stop().await.unwrap();
        for acceptance in accepted {
            let job = service.job(acceptance.id()).await.unwrap();
            assert_eq!((job.status(), job.life.crashes), (Status::Queued, 0), "round {round}: {job:?}");
        }
    }
}
