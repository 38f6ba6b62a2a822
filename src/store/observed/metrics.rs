//! What is counted, without globals: a program may hold several. The hot path touches counters that are looked up by
//! subtype once and then shared, so that no label is spelled for each job.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use rustc_hash::FxBuildHasher;

use crate::clock::Timestamp;
use crate::job::{End, Job, Name, Outcome, Status};
use crate::store::Tally;

/// What is counted.
pub struct Metrics {
    pools: OnceLock<Probe>,
    slots_total: Family<Pool, Gauge>,
    slots_busy: Family<Pool, Gauge>,
    threads_abandoned: Gauge,
    registry: Registry,
    begun: Instant,
    jobs: JobMetrics,
    operations: Family<Operation, Histogram, fn() -> Histogram>,
    failures: Family<Operation, Counter>,
    states: Family<State, Gauge>,
    oldest_ready: Gauge<f64, AtomicU64>,
    uptime: Gauge<f64, AtomicU64>,
    alerts_firing: Gauge,
}

/// How a pool of workers stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolFigures {
    /// `blocking` or `async`.
    pub pool: &'static str,
    /// Slots in all.
    pub total: usize,
    /// Slots that are taken.
    pub busy: usize,
    /// Threads that were given up because their processor did not stop.
    pub abandoned: usize,
}

/// Asks the pools how they stand; none when they are gone.
type Probe = Box<dyn Fn() -> Option<Vec<PoolFigures>> + Send + Sync>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Pool {
    pool: &'static str,
}

struct JobMetrics {
    accepted: Family<SubType, Counter>,
    ended: Family<Ended, Counter>,
    wait: Family<SubType, Histogram, fn() -> Histogram>,
    run: Family<SubType, Histogram, fn() -> Histogram>,
    by_sub_type: DashMap<Name, Arc<Counted>, FxBuildHasher>,
}

/// The counters of one subtype.
pub(super) struct Counted {
    sub_type: Name,
    accepted: Counter,
    ended: Vec<Counter>,
    wait: Histogram,
    run: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SubType {
    sub_type: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    sub_type: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Operation {
    pub(super) operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Counters at zero, and an uptime that begins now.
    pub fn new() -> Self {
        let jobs = JobMetrics {
            accepted: Family::default(),
            ended: Family::default(),
            wait: Family::new_with_constructor(job_durations),
            run: Family::new_with_constructor(job_durations),
            by_sub_type: DashMap::default(),
        };
        let mut metrics = Self {
            pools: OnceLock::new(),
            slots_total: Family::default(),
            slots_busy: Family::default(),
            threads_abandoned: Gauge::default(),
            registry: Registry::with_prefix("faena"),
            begun: Instant::now(),
            jobs,
            operations: Family::new_with_constructor(store_durations),
            failures: Family::default(),
            states: Family::default(),
            oldest_ready: Gauge::default(),
            uptime: Gauge::default(),
            alerts_firing: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let (registry, jobs) = (&mut self.registry, &self.jobs);
        registry.register("jobs_accepted", "Jobs accepted", jobs.accepted.clone());
        registry.register("jobs_ended", "Jobs ended, by the outcome of their last attempt", jobs.ended.clone());
        let help = "Time from acceptance to the first start, an asked-for delay included";
        registry.register_with_unit("job_wait", help, Unit::Seconds, jobs.wait.clone());
        registry.register_with_unit("job_run", "Time of the last attempt of jobs", Unit::Seconds, jobs.run.clone());
        let help = "Time of calls to the store, until their effect was durable";
        registry.register_with_unit("store_operation", help, Unit::Seconds, self.operations.clone());
        registry.register("store_failures", "Calls to the store that failed", self.failures.clone());
        registry.register("jobs", "Jobs in the store: ready, delayed, running, dead", self.states.clone());
        let help = "How long the job that is ready for longest has been so";
        registry.register_with_unit("oldest_ready", help, Unit::Seconds, self.oldest_ready.clone());
        registry.register("slots_total", "Slots of each pool", self.slots_total.clone());
        registry.register("slots_busy", "Slots that are taken", self.slots_busy.clone());
        let help = "Threads given up because their processor did not stop";
        registry.register("threads_abandoned", help, self.threads_abandoned.clone());
        registry.register_with_unit("uptime", "Time since this process began", Unit::Seconds, self.uptime.clone());
        registry.register("alerts_firing", "Alerts that fire", self.alerts_firing.clone());
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What this is", build);
    }

    /// Says how to ask the pools of this process; only the first answer to that counts. They are asked at each scrape,
    /// so they need not keep a gauge up to date.
    pub fn probe_pools(&self, probe: impl Fn() -> Option<Vec<PoolFigures>> + Send + Sync + 'static) {
        // A second probe would tell of the same pools.
        let _ = self.pools.set(Box::new(probe));
    }

    /// Everything as OpenMetrics text. The figures of the store are those of `tally`.
    pub fn encode(&self, tally: &Tally, now: Timestamp) -> String {
        for (state, count) in [
            ("ready", tally.ready),
            ("delayed", tally.delayed),
            ("running", Status::RUNNING.iter().map(|status| tally.of(*status)).sum()),
            ("dead", tally.dead),
        ] {
            self.states.get_or_create(&State { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.oldest_ready.set(tally.oldest_ready.map_or(0.0, |since| now.millis_since(since) as f64 / 1e3));
        self.uptime.set(self.begun.elapsed().as_secs_f64());
        self.look_at_pools();
        let mut text = String::with_capacity(16 * 1024);
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            // Writing to a string cannot fail; an encoder that does has nothing to say.
            text.clear();
        }
        text
    }

    /// Says how many alerts fire, for the next scrape.
    pub fn set_alerts_firing(&self, alerts: u64) {
        self.alerts_firing.set(i64::try_from(alerts).unwrap_or(i64::MAX));
    }

    fn look_at_pools(&self) {
        let figures = self.pools.get().and_then(|probe| probe()).unwrap_or_default();
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for PoolFigures { pool, total, busy, .. } in figures.iter().copied() {
            self.slots_total.get_or_create(&Pool { pool }).set(gauge(total));
            self.slots_busy.get_or_create(&Pool { pool }).set(gauge(busy));
        }
        self.threads_abandoned.set(gauge(figures.iter().map(|figures| figures.abandoned).sum()));
    }

    /// How long this process has been up.
    pub fn uptime(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn operation(&self, operation: &'static str, began: Instant) {
        self.operations.get_or_create(&Operation { operation }).observe(began.elapsed().as_secs_f64());
    }

    pub(super) fn operation_failed(&self, operation: &'static str) {
        self.failures.get_or_create(&Operation { operation }).inc();
    }

    /// The counters of a job's subtype. Whoever has many jobs passes the counters of the one before, which are often the
    /// same.
    pub(super) fn of(&self, job: &Job, before: Option<Arc<Counted>>) -> Arc<Counted> {
        let sub_type = &job.spec.sub_type;
        before.filter(|counted| counted.sub_type == *sub_type).unwrap_or_else(|| self.jobs.of(sub_type))
    }
}

impl Counted {
    pub(super) fn accepted(&self) {
        self.accepted.inc();
    }

    /// A claim was granted. Only the first one tells how long the job waited for its turn.
    pub(super) fn claimed(&self, job: &Job) {
        if job.life.epoch == 1
            && let Some(run) = job.run()
        {
            let waited = run.started_at.millis_since(job.created_at);
            self.wait.observe(waited as f64 / 1e3);
        }
    }

    /// A step was applied; if it ended the job, that counts.
    pub(super) fn stepped(&self, job: &Job) {
        let Some(end) = job.end().filter(|end| !is_discarded(end)) else { return };
        if let Some(counter) = self.ended.get(end.outcome as usize) {
            counter.inc();
        }
        if let Some(started_at) = end.started_at {
            self.run.observe(end.at.millis_since(started_at) as f64 / 1e3);
        }
    }
}

impl JobMetrics {
    fn of(&self, sub_type: &Name) -> Arc<Counted> {
        if let Some(counted) = self.by_sub_type.get(sub_type) {
            return counted.clone();
        }
        let label = SubType { sub_type: sub_type.to_string() };
        let ended = |outcome: &Outcome| {
            self.ended.get_or_create_owned(&Ended { sub_type: sub_type.to_string(), outcome: outcome.as_str() })
        };
        let counted = Counted {
            sub_type: sub_type.clone(),
            accepted: self.accepted.get_or_create_owned(&label),
            ended: Outcome::ALL.iter().map(ended).collect(),
            wait: self.wait.get_or_create_owned(&label),
            run: self.run.get_or_create_owned(&label),
        };
        self.by_sub_type.entry(sub_type.clone()).or_insert_with(|| Arc::new(counted)).clone()
    }
}

/// Whether an ending is that of a dead letter somebody discarded: it was counted when it ended.
fn is_discarded(end: &End) -> bool {
    let failed = !matches!(end.outcome, Outcome::Success | Outcome::Cancelled);
    failed && !end.dead && end.started_at.is_some()
}

/// A millisecond to over an hour, each bucket four times the one before.
fn job_durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 12))
}

/// 50 µs to over a second, each bucket twice the one before.
fn store_durations() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.0, 16))
}
