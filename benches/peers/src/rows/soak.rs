//! Half of what it can, for minutes: what is dead in the tables must not pile up, and a claim must cost in the end what it
//! cost in the beginning.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::support::answer;
use crate::support::cluster::{Cluster, Database};
use crate::support::exchange::Exchange;
use crate::support::faena::Faena;
use crate::support::pairs::quantile;
use crate::support::report::{Goal, Row, Unit};
use crate::support::settings::Settings;

/// Connections that post.
const CONNECTIONS: u32 = 64;
/// Looks at the tables, and the parts of the time whose claims are compared.
const WINDOWS: usize = 10;

/// Longest wait for the server to be in its stride.
const WARM_UP_MAX: Duration = Duration::from_secs(900);

const DEAD: &str =
    "SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables WHERE schemaname = 'faena' AND relname = 'live'";
const CHECKPOINTS: &str = "SELECT checkpoints_timed + checkpoints_req FROM pg_stat_bgwriter";
const PAGES: &str = "SELECT pg_total_relation_size('faena.live') / 1048576.0";

/// The row.
pub fn soak(settings: &Settings, cluster: &Cluster) -> Result<Vec<Row>> {
    let full = {
        let database = cluster.database()?;
        Faena::start(&database.url(), &[])?.complete(settings.run)?
    };
    let rate = full / 2.0;
    eprintln!("  half of {full:.0}/s for {} s", settings.soak.as_secs());
    let database = cluster.database()?;
    let faena = Faena::start(&database.url(), &[])?;
    let enough = Arc::new(AtomicBool::new(false));
    let before = faena.completed()?;
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (addr, every) = (faena.addr(), Duration::from_secs_f64(f64::from(CONNECTIONS) / rate));
            let first = Instant::now() + every.mul_f64(f64::from(number) / f64::from(CONNECTIONS));
            let enough = enough.clone();
            std::thread::spawn(move || post_at(Exchange::new(addr)?, first, every, &enough))
        })
        .collect();
    let windows =
        warm_up(&database).and_then(|()| look_now_and_then(&faena, &database, settings.soak / WINDOWS as u32));
    enough.store(true, Ordering::Relaxed);
    let mut posted = 0;
    for client in clients {
        posted += client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
    }
    let windows = windows?;
    let done = faena.completed()? - before;
    ensure!(done + 2_000 > posted, "{done} of {posted} jobs are completed: it does not keep up");

    let dead: Vec<f64> = windows.iter().map(|window| window.dead).collect();
    let (early, late) = (&windows[0], &windows[WINDOWS - 1]);
    let details = json!({ "windows": windows.iter().map(Window::json).collect::<Vec<_>>(), "posted": posted });
    let beside = format!(
        "{:.0}/s for {} s; the table with its indexes {:.0} MiB at the first look, {:.0} at the last",
        rate,
        settings.soak.as_secs(),
        early.mebibytes,
        late.mebibytes
    );
    Ok(vec![
        Row {
            name: "soak",
            what: "half load: most dead rows in the live table, in seconds of the load".to_owned(),
            measured: Ok(quantile(&dead, 1.0) / rate),
            unit: Unit::Seconds,
            // A claim and an end leave a dead row each, and the launcher of autovacuum looks once a minute.
            goal: Goal { reach: Some(150.0), dream: None, less_is_better: true },
            beside,
            details: details.clone(),
        },
        Row {
            name: "soak",
            what: "half load: p99 of a claim in the last tenth: against the first".to_owned(),
            measured: Ok(late.claim_p99_ms / early.claim_p99_ms),
            unit: Unit::Ratio,
            goal: Goal { reach: Some(1.5), dream: Some(1.0), less_is_better: true },
            beside: format!("{:.2} ms and {:.2} ms", late.claim_p99_ms, early.claim_p99_ms),
            details,
        },
    ])
}

/// What was seen at a look.
struct Window {
    dead: f64,
    mebibytes: f64,
    claim_p99_ms: f64,
}

impl Window {
    fn json(&self) -> Value {
        json!({ "dead": self.dead, "mebibytes": self.mebibytes, "claimP99Ms": self.claim_p99_ms })
    }
}

/// Waits until the server writes checkpoints at the pace that the load asks for: it then goes on doing so, and what a claim costs
/// before the first of them is no measure of anything. The second begins when the first is done.
fn warm_up(database: &Database<'_>) -> Result<()> {
    let (began, before) = (Instant::now(), database.number(CHECKPOINTS)?);
    while database.number(CHECKPOINTS)? < before + 2.0 {
        ensure!(began.elapsed() < WARM_UP_MAX, "no checkpoint came in {} s", WARM_UP_MAX.as_secs());
        std::thread::sleep(Duration::from_secs(1));
    }
    eprintln!("  warm after {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn look_now_and_then(faena: &Faena, database: &Database<'_>, every: Duration) -> Result<Vec<Window>> {
    let mut claims = Buckets::of(&faena.metrics()?);
    let mut windows = Vec::new();
    for _ in 0..WINDOWS {
        std::thread::sleep(every);
        let now = Buckets::of(&faena.metrics()?);
        let window = Window {
            dead: database.number(DEAD)?,
            mebibytes: database.number(PAGES)?,
            claim_p99_ms: 1e3 * now.since(&claims).quantile(0.99),
        };
        eprintln!(
            "  {:.0} dead rows, {:.1} MiB, claim p99 {:.2} ms",
            window.dead, window.mebibytes, window.claim_p99_ms
        );
        windows.push(window);
        claims = now;
    }
    Ok(windows)
}

/// Posts at a steady pace. What is late is caught up with.
fn post_at(mut exchange: Exchange, first: Instant, every: Duration, enough: &AtomicBool) -> Result<u64> {
    let request = answer::post("/jobs", &crate::support::jobs::noop());
    let (mut next, mut posted) = (first, 0);
    while !enough.load(Ordering::Relaxed) {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        let (status, _) = exchange.ask(&request)?;
        ensure!(status == 202, "status {status}");
        posted += 1;
        next += every;
    }
    Ok(posted)
}

/// The histogram of claims: how many took no longer than each bound, in microseconds.
#[derive(Default)]
struct Buckets(BTreeMap<u64, u64>);

impl Buckets {
    fn of(metrics: &str) -> Self {
        let mut buckets = Self::default();
        let claims = |line: &&str| line.contains("_bucket{") && line.contains(r#"operation="claim""#);
        for line in metrics.lines().filter(claims) {
            let bound = line.split(r#"le=""#).nth(1).and_then(|rest| rest.split('"').next()?.parse::<f64>().ok());
            let count = line.rsplit(' ').next().and_then(|count| count.parse().ok());
            if let (Some(bound), Some(count)) = (bound, count) {
                buckets.0.insert((1e6 * bound).min(1e15) as u64, count);
            }
        }
        buckets
    }

    fn since(&self, before: &Self) -> Self {
        let since = |(bound, count): (&u64, &u64)| (*bound, count - before.0.get(bound).copied().unwrap_or_default());
        Self(self.0.iter().map(since).collect())
    }

    /// In seconds, within its bucket as if all in it were spread evenly.
    fn quantile(&self, part: f64) -> f64 {
        let all = self.0.values().copied().max().unwrap_or_default() as f64;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in &self.0 {
            let (high, count) = (*bound as f64 / 1e6, *count as f64);
            if count >= part * all && count > below {
                return low + (high - low) * (part * all - below) / (count - below);
            }
            (low, below) = (high, count);
        }
        f64::NAN
    }
}
