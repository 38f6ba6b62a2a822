//! The whole without its edges: store, workers, upkeep and the service on top of them, started in order and stopped in
//! the reverse order. An application embeds this; the server puts HTTP in front.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::maintenance::Maintenance;
use super::opening::{self, Opened};
use super::outgoing;
use super::settings::Settings;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::job::{Holder, NewJob};
use crate::limits;
use crate::processors::maintenance;
use crate::service::keys::admit_operator;
use crate::service::{self, Service};
use crate::store::observed::{Metrics, Observed, PoolFigures};
use crate::store::results::Results;
use crate::store::{Schedules, Store};
use crate::upkeep::{self, Ages, Scheduler, Sentinel, Upkeep};
use crate::watch::Hub;
use crate::work::{Registry, Workers, workers};

/// A running faena, ready to be asked.
///
/// It has a runtime of its own, so it works inside any host: an actix-web application, a tokio program, a test.
pub struct Faena {
    service: Arc<Service>,
    workers: Option<Arc<Workers>>,
    upkeep: Option<Upkeep>,
    store: Arc<dyn Store>,
    grace: Duration,
    runtime: Option<Runtime>,
}

impl Faena {
    /// Opens the store, recovers what it holds, and starts the workers.
    ///
    /// # Errors
    /// When the settings are not valid, or the store cannot be opened.
    pub async fn start(settings: Settings, registry: Registry) -> Result<Self> {
        Self::start_at(settings, registry, Clock::System).await
    }

    /// The same with a clock of the caller's, for tests.
    ///
    /// # Errors
    /// When the settings are not valid, or the store cannot be opened.
    pub async fn start_at(settings: Settings, registry: Registry, clock: Clock) -> Result<Self> {
        settings.validate()?;
        let runtime = Builder::new_multi_thread().thread_name("faena").enable_all().build().map_err(Error::internal)?;
        let hub = Arc::new(Hub::default());
        let node = node();
        let opened = opening::open(&runtime, &settings, &node, clock, hub.clone()).await;
        let Opened { engine, schedules, results, clock } = match opened {
            Ok(opened) => opened,
            Err(error) => {
                // Dropping it here, in somebody's task, would panic.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let keyed = match keyed(&*engine, &settings, &clock).await {
            Ok(keyed) => keyed,
            Err(error) => {
                let closed = engine.close().await;
                runtime.shutdown_background();
                return Err(closed.err().map_or(error, Into::into));
            }
        };
        let (metrics, histories) = (Arc::new(Metrics::new()), Arc::default());
        let observed = Observed::new(engine, hub.clone(), metrics.clone(), Arc::clone(&histories));
        let schedules: Arc<dyn Schedules> = Arc::new(observed.schedules(schedules));
        let store: Arc<dyn Store> = Arc::new(observed);
        let ages = Ages { ended: settings.retention.completed, failed: settings.retention.failed };
        let maintained = Maintenance::is_done_by(&settings);
        let registry =
            if maintained { maintaining(registry, &settings, &store, &results, &clock, ages) } else { registry };
        registry.learn(store.roster().known().await?);
        let workers = (!settings.no_jobs).then(|| {
            let parts = workers::Parts {
                store: store.clone(),
                hub: hub.clone(),
                registry: registry.clone(),
                results: results.clone(),
                clock: clock.clone(),
                node: node.clone(),
                threads: settings.threads,
                io_slots: settings.io_slots,
            };
            Arc::new(Workers::start(parts, runtime.handle().clone()))
        });
        if let Some(workers) = &workers {
            // Not to keep them alive: they hold the store, and it holds the metrics.
            let workers = Arc::downgrade(workers);
            metrics.probe_pools(move || Some(pool_figures(&*workers.upgrade()?)));
        }
        let kept = upkeep::Parts {
            store: store.clone(),
            results: results.clone(),
            clock: clock.clone(),
            // One of the two forgets, the schedule or the timer.
            ages: (!maintained).then_some(ages),
            events: settings.retention.events,
        };
        let scheduler = (!settings.no_jobs).then(|| scheduler(&schedules, &clock, &hub, &registry));
        let sentinel = Sentinel::new(store.clone(), schedules.clone(), clock.clone(), hub.doubted().clone());
        let mut upkeep = Upkeep::start(kept, sentinel, scheduler, runtime.handle());
        super::mail::start(&mut upkeep, &settings, (&store, &schedules), &clock, &node, runtime.handle())?;
        // Where no jobs run another process on the same store sends.
        if !settings.no_jobs || settings.outbox.is_served {
            let relayer = outgoing::relayer(&settings, &store, &clock, &hub, &node.node);
            upkeep.with_relayer(relayer, runtime.handle());
        }
        let service = Arc::new(Service::new(service::Parts {
            store: store.clone(),
            schedules,
            hub,
            registry,
            results,
            clock,
            metrics,
            histories,
            node,
            settings: service::Settings {
                queue_depth_max: settings.queue_depth,
                quota: settings.edge.quota,
                runs_jobs: !settings.no_jobs,
                lease: settings.lease,
                publishers: outgoing::publishers(&settings),
                webhook_policy: settings.webhook_policy(),
                publishes: settings.outbox.publisher.is_some(),
                own_schedules: if maintained { super::maintenance::NAMES.to_vec() } else { Vec::new() },
                ..service::Settings::default()
            },
        }));
        if keyed {
            service.note_keyed();
        }
        if maintained && let Err(error) = super::maintenance::make(&service, &settings.maintenance).await {
            tracing::warn!(%error, "a schedule of maintenance could not be made; the next start tries again");
        }
        Ok(Self { service, workers, upkeep: Some(upkeep), store, grace: settings.grace, runtime: Some(runtime) })
    }

    /// The use cases: enqueue, look, wait, cancel and the rest.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The workers, if jobs run in this process.
    pub fn workers(&self) -> Option<&Arc<Workers>> {
        self.workers.as_ref()
    }

    /// Drains and closes: running jobs may finish within the grace time, the rest goes back to the queue.
    ///
    /// # Errors
    /// When the store cannot be closed.
    pub async fn stop(self) -> Result<()> {
        self.stop_unless(&CancellationToken::new()).await
    }

    /// Takes no more jobs to run, lets running ones finish within the grace time or until `at_once` trips, and gives
    /// the rest back. The use cases still answer.
    pub async fn drain(&self, at_once: &CancellationToken) {
        self.service.closing().cancel();
        if let Some(workers) = &self.workers {
            workers.drain(self.grace, at_once).await;
        }
    }

    /// The same, and without grace once `at_once` trips.
    ///
    /// # Errors
    /// When the store cannot be closed.
    pub async fn stop_unless(mut self, at_once: &CancellationToken) -> Result<()> {
        self.drain(at_once).await;
        if let Some(upkeep) = self.upkeep.take() {
            upkeep.stop().await;
        }
        Ok(self.store.close().await?)
    }
}

impl Drop for Faena {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be dropped where blocking is forbidden; its threads end by themselves.
            runtime.shutdown_background();
        }
    }
}

/// Whether there are keys, with the one of the settings. What other machines can reach needs some.
async fn keyed(store: &dyn Store, settings: &Settings, clock: &Clock) -> Result<bool> {
    let keyed = admit_operator(store, settings.admin_key.as_ref(), clock.now()).await?;
    if keyed || settings.bind.ip().is_loopback() {
        return Ok(keyed);
    }
    Err(Error::field(
        "bind",
        format!(
            "{} can be reached from other machines, and there is no key yet; name one in FAENA_ADMIN_KEY, or start on \
             127.0.0.1:{} and make one with `faena keys create --scope admin`",
            settings.bind,
            settings.bind.port()
        ),
    ))
}

/// The processors, and besides them those that keep the whole well.
fn maintaining(
    registry: Registry,
    settings: &Settings,
    store: &Arc<dyn Store>,
    results: &Arc<dyn Results>,
    clock: &Clock,
    ages: Ages,
) -> Registry {
    let parts = maintenance::Parts {
        store: store.clone(),
        results: results.clone(),
        clock: clock.clone(),
        ages,
        backups: settings.backups_folder(),
        backups_kept: settings.backups_kept(),
    };
    maintenance::with(registry, &parts)
}

/// Who fires schedules. What their terms leave out their processors fill in.
fn scheduler(schedules: &Arc<dyn Schedules>, clock: &Clock, hub: &Hub, registry: &Registry) -> Scheduler {
    let registry = registry.clone();
    let complete = Arc::new(move |job: NewJob| registry.complete(job.clone()).unwrap_or(job));
    Scheduler::new(schedules.clone(), clock.clone(), hub.planned().clone(), complete)
}

/// How the pools stand, in the words of the metrics.
fn pool_figures(workers: &Workers) -> Vec<PoolFigures> {
    let (blocking, waiting) = workers.figures();
    let of = |pool, figures: workers::Figures| PoolFigures {
        pool,
        total: figures.total,
        busy: figures.busy,
        abandoned: figures.abandoned,
    };
    vec![of("blocking", blocking), of("async", waiting)]
}

/// Who this process is: a random identity of its boot (rule 21), and what a person knows it by.
fn node() -> Holder {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine = match machine.trim() {
        "" => "localhost",
        name => name,
    };
    Holder {
        node: Uuid::now_v7().to_string().into(),
        machine: machine[..machine.floor_char_boundary(limits::KEY_BYTES_MAX)].into(),
        process: std::process::id(),
    }
}
