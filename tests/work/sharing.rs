//! What jobs share with others: locks that renew themselves, and states that outlive their jobs.

use std::sync::Arc;
use std::time::Duration;

use faena::app::Faena;
use faena::app::settings::{Settings, StoreChoice};
use faena::clock::{Clock, Timestamp};
use faena::job::{Name, NewJob, Status};
use faena::limits;
use faena::store::{Grant, Hold, Take};
use faena::work::{Completion, Context, Failure, Registry};
use parking_lot::Mutex;

use crate::house::{
    Computes, Waits, computes, done, ended, job, numbered, running, settings, sooner_or_later, start, start_at, waits,
};

const TTL: Duration = Duration::from_secs(60);

/// What each job saw of the lock, in order.
type Seen = Arc<Mutex<Vec<Option<u64>>>>;

fn token(lock: Option<&Hold>) -> Option<u64> {
    lock.map(Hold::fencing_token)
}

async fn held(faena: &Faena) -> bool {
    faena.service().lock_holder("sync").await.is_ok()
}

#[tokio::test]
async fn of_two_jobs_one_has_the_lock_and_the_next_a_larger_token() {
    let seen = Seen::default();
    let goes_on = Arc::new(tokio::sync::Notify::new());
    let (first, other, gate) = (seen.clone(), seen.clone(), goes_on.clone());
    let registry = Registry::new()
        .asynchronous(
            "task",
            Waits(move |_, ctx: Context| {
                let (seen, gate) = (first.clone(), gate.clone());
                async move {
                    let lock = ctx.lock("sync", TTL).await?;
                    seen.lock().push(token(lock.as_ref()));
                    ctx.progress(50, "it is mine");
                    gate.notified().await;
                    Ok(Completion::Done)
                }
            }),
        )
        .blocking(
            "other",
            Computes(move |_, ctx: &Context| {
                let lock = ctx.lock_blocking("sync", TTL)?;
                other.lock().push(token(lock.as_ref()));
                let again = ctx.lock_blocking("sync", TTL)?;
                assert!(again.is_none(), "not even the same job has it twice");
                Ok(Completion::Done)
            }),
        );
    let faena = start(registry).await;
    let long = faena.service().enqueue(job("task")).await.unwrap().id;
    crate::house::until(&faena, long, |job| job.status() == Status::Progress).await;
    let holder = faena.service().lock_holder("sync").await.unwrap();
    assert_eq!(*holder.owner, *format!("job {long}, try 1"));
    assert_eq!(done(&faena, job("other")).await.status(), Status::Completed);
    goes_on.notify_one();
    ended(&faena, long).await;
    assert_eq!(done(&faena, job("other")).await.status(), Status::Completed);
    assert_eq!(*seen.lock(), [Some(1), None, Some(2)]);
    assert!(!held(&faena).await, "given up with the end of the job");
}

#[tokio::test]
async fn a_job_that_follows_finds_the_lock_free() {
    let registry = waits(|_, ctx| async move {
        let lock = ctx.lock("sync", TTL).await?;
        lock.map(|_| Completion::Done).ok_or_else(|| Failure::permanent("the one before me still has it"))
    });
    let registry = registry.blocking(
        "other",
        Computes(|_, ctx: &Context| {
            let lock = ctx.lock_blocking("sync", TTL)?;
            lock.map(|_| Completion::Done).ok_or_else(|| Failure::permanent("the one before me still has it"))
        }),
    );
    let folder = tempfile::tempdir().unwrap();
    let faena = Faena::start(on_disk(folder.path()), registry).await.unwrap();
    for _ in 0..20 {
        for sub_type in ["task", "other"] {
            let job = done(&faena, job(sub_type)).await;
            assert_eq!(job.status(), Status::Completed, "{job:?}");
        }
    }
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_job_gives_its_lock_up() {
    let faena = start(waits(|_, ctx| async move {
        let _lock = ctx.lock("sync", TTL).await?;
        ctx.progress(1, "");
        std::future::pending().await
    }))
    .await;
    let id = running(&faena).await;
    crate::house::until(&faena, id, |job| job.status() == Status::Progress).await;
    assert!(held(&faena).await);
    faena.service().cancel(id, "ana").await.unwrap();
    assert_eq!(ended(&faena, id).await.status(), Status::Cancelled);
    assert!(!held(&faena).await);
}

#[tokio::test]
async fn a_lock_renews_itself_for_as_long_as_it_is_held() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let faena = start_at(Registry::new(), clock.clone()).await;
    // The pause between two renewals is real, and the term is counted by a clock that a test moves.
    let ttl = Duration::from_millis(60);
    let hold = faena.service().lock("sync", ttl).await.unwrap().unwrap();
    let token = hold.fencing_token();
    for _ in 0..5 {
        clock.advance(ttl * 2 / 3);
        sooner_or_later(|| hold.until() == clock.now().plus(ttl)).await;
        assert!(!hold.is_lost());
        assert!(faena.service().lock("sync", ttl).await.unwrap().is_none(), "it is held all the time");
    }
    assert_eq!((hold.fencing_token(), hold.name().as_str()), (token, "sync"));
    drop(hold);
    assert!(!held(&faena).await);
    let next = faena.service().lock("sync", ttl).await.unwrap().unwrap();
    assert!(next.fencing_token() > token);
}

#[tokio::test]
async fn rule_02_a_lost_lock_is_noticed_and_frees_nothing() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let faena = start_at(Registry::new(), clock.clone()).await;
    let ttl = Duration::from_millis(60);
    let hold = faena.service().lock("sync", ttl).await.unwrap().unwrap();
    // As if the process had been suspended for longer than the term.
    clock.advance(ttl);
    assert!(hold.is_lost(), "known at once, before anybody tries to renew it");
    let name = hold.name().clone();
    let take = Take { name, owner: "ana".into(), ttl: TTL, grant: Grant::Any, in_process: false };
    let now = clock.now();
    faena.service().store().locks().acquire(take, now).await.unwrap();
    hold.lost().await;
    assert!(hold.is_lost());
    assert!(!hold.release().await.unwrap(), "there is nothing to give up");
    let holder = faena.service().lock_holder("sync").await.unwrap();
    assert_eq!(&*holder.owner, "ana");
}

#[tokio::test]
async fn a_lock_is_lost_when_the_store_cannot_renew_it() {
    let faena = start(Registry::new()).await;
    let hold = faena.service().lock("sync", Duration::from_millis(60)).await.unwrap().unwrap();
    faena.service().store().close().await.unwrap();
    hold.lost().await;
    assert!(hold.is_lost());
}

#[tokio::test]
async fn rule_07_a_lock_left_behind_is_free_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let faena = Faena::start(on_disk(folder.path()), Registry::new()).await.unwrap();
    let hold = faena.service().lock("sync", TTL).await.unwrap().unwrap();
    let token = hold.fencing_token();
    faena.stop().await.unwrap();
    drop(hold);
    let faena = Faena::start(on_disk(folder.path()), Registry::new()).await.unwrap();
    assert_eq!(faena.service().readiness().store.recovered.orphans, 1);
    let next = faena.service().lock("sync", TTL).await.unwrap().unwrap();
    assert!(next.fencing_token() > token);
    assert!(next.release().await.unwrap());
    faena.stop().await.unwrap();
}

#[tokio::test]
async fn a_state_goes_from_job_to_job() {
    let registry = computes(|number, ctx| {
        let state = ctx.shared_state("block")?;
        let last: u64 = ctx.wait(state.load())?.unwrap_or(0);
        ctx.wait(state.save(&(last + number)))?;
        ctx.complete_json(&last)
    });
    let registry = registry.asynchronous(
        "other",
        Waits(|number, ctx: Context| async move {
            let state = ctx.shared_state("block")?;
            let (last, revision) = state.load_revision::<u64>().await?.unwrap_or_default();
            let saved = state.save_if(&(last + number), Some(revision)).await?;
            saved.map(|_| Completion::Done).ok_or_else(|| Failure::permanent("somebody was faster"))
        }),
    );
    let faena = start(registry).await;
    done(&faena, numbered(5)).await;
    done(&faena, numbered(7)).await;
    let other = NewJob { payload: "{\"number\": 30}".into(), ..job("other") };
    let other = done(&faena, other).await;
    assert_eq!(other.status(), Status::Completed, "{other:?}");
    let state = faena.service().shared_state("block").unwrap();
    assert_eq!(state.load::<u64>().await.unwrap(), Some(42));
}

#[tokio::test]
async fn what_is_out_of_bounds_fails_the_job_for_good() {
    let faena = start(computes(|number, ctx| {
        match number {
            0 => drop(ctx.lock_blocking("a b", TTL)?),
            1 => drop(ctx.lock_blocking("sync", Duration::ZERO)?),
            2 => drop(ctx.lock_blocking("sync", limits::LOCK_TTL_MAX + TTL)?),
            _ => drop(ctx.shared_state("")?),
        }
        Ok(Completion::Done)
    }))
    .await;
    for number in 0..4 {
        let job = done(&faena, numbered(number).retry(crate::house::retries(3))).await;
        assert_eq!((job.status(), job.life.attempt), (Status::Failed, 1), "{job:?}");
    }
    assert!(!held(&faena).await);
}

#[tokio::test]
async fn a_processor_by_itself_has_locks_and_states_of_its_own() {
    let job = NewJob::new(Name::new("task").unwrap(), "{}").accept(1, Timestamp::from_millis(0));
    let ctx = Context::detached(job);
    let lock = ctx.lock("sync", TTL).await.unwrap();
    assert!(lock.is_some() && ctx.lock("sync", TTL).await.unwrap().is_none());
    drop(lock);
    assert!(ctx.lock_blocking("sync", TTL).unwrap().is_some());
    let state = ctx.shared_state("block").unwrap();
    state.save(&7).await.unwrap();
    assert_eq!(ctx.wait(state.load::<u64>()).unwrap(), Some(7));
}

fn on_disk(folder: &std::path::Path) -> Settings {
    Settings { store: StoreChoice::Sqlite(Some(folder.join("faena.db"))), data: folder.to_owned(), ..settings() }
}
