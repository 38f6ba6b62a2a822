//! 100,000 schedules: how late those fire that are due, what the others cost, and whether finding the next one depends on
//! how many there are.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use faena::app::Faena;
use faena::app::settings::Settings as FaenaSettings;
use faena::clock::{Clock, Timestamp};
use faena::job::Name;
use faena::processors::noop::Noop;
use faena::schedule::{NewSchedule, Spec, Timetable, Zone};
use faena::service::Service;
use faena::store::embedded::{Durability, Embedded, Open};
use faena::store::schedules::Schedules;
use faena::store::{Store, Tally};
use faena::work::Registry;

use crate::support::pairs::{median, quantile};
use crate::support::report::{Goal, Row, Unit};
use crate::support::server::Server;
use crate::support::settings::Settings;
use crate::support::{disk, jobs};

/// Schedules in the store.
const COUNT: u64 = 100_000;
/// Schedules of the store that stands beside it.
const FEW: u64 = 100;
/// Schedules that are made at once.
const AT_ONCE: u64 = 1_000;
/// How long ticks are watched, and a server that has none.
const LOOK: Duration = Duration::from_secs(10);
/// Time after a start that does not count.
const SETTLE: Duration = Duration::from_secs(2);
/// Looks at an index.
const LOOKS: u32 = 100_000;

/// The rows.
pub fn schedules(_: &Settings) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let spread = runtime.block_on(spread())?;
    let together = runtime.block_on(together())?;
    let (many, few) = (disk::folder()?, disk::folder()?);
    let look_at_many = runtime.block_on(fill_with_yearly(many.path(), COUNT))?;
    let look_at_few = runtime.block_on(fill_with_yearly(few.path(), FEW))?;
    let (percent, bytes, started) = idle(many.path(), few.path())?;
    let row = |what: String, measured, unit, goal, beside: String, details| Row {
        name: "schedules",
        what,
        measured: Ok(measured),
        unit,
        goal,
        beside,
        details,
    };
    Ok(vec![
        row(
            format!("{COUNT} schedules, one tick an hour each: the latest of those due in {} s", LOOK.as_secs()),
            quantile(&spread, 1.0),
            Unit::Millis,
            Goal::at_most(1_000.0, 10.0),
            format!("{} ticks, p50 {:.1} ms, until their jobs are told of", spread.len(), median(&spread)),
            json!({ "lateMs": spread }),
        ),
        row(
            format!("{COUNT} schedules, all due at one moment: until the last of their jobs is on disk"),
            together,
            Unit::Millis,
            Goal { less_is_better: true, ..Goal::default() },
            format!("{:.0} jobs/s", 1e3 * COUNT as f64 / together),
            json!({ "lateMs": together }),
        ),
        row(
            format!("{COUNT} schedules, none due: time of one core"),
            percent,
            Unit::Percent,
            Goal::at_most(0.2, 0.05),
            format!("over {} s; {bytes:.0} B of memory a schedule; started in {started:.2} s", LOOK.as_secs()),
            json!({ "bytesEach": bytes, "startSeconds": started }),
        ),
        row(
            format!("a look for what is due among {COUNT} schedules: against {FEW}"),
            look_at_many / look_at_few,
            Unit::Ratio,
            Goal::at_most(2.0, 1.0),
            format!("{look_at_many:.0} ns and {look_at_few:.0} ns"),
            json!({ "manyNs": look_at_many, "fewNs": look_at_few }),
        ),
    ])
}

/// How late each tick is told of, in milliseconds, when there are some every second.
async fn spread() -> Result<Vec<f64>> {
    let folder = disk::folder()?;
    let faena = start(folder.path()).await?;
    make(faena.service(), |number| format!("{} {} * * * *", number % 60, number / 60 % 60)).await?;
    let mut changes = faena.service().hub().changes(None)?;
    let began = Clock::System.now();
    let until = began.plus(LOOK);
    let mut late = Vec::new();
    while Clock::System.now() < until {
        let Ok(Ok(change)) = tokio::time::timeout(LOOK, changes.next()).await else { break };
        let (job, now) = (change.job, Clock::System.now());
        // Each job is told of as it is accepted, and again as it runs and ends. What was due while the others were made
        // says nothing.
        if let Some(tick) = job.spec.scheduled_for().filter(|tick| job.life.epoch == 0 && *tick > began) {
            late.push(now.millis_since(tick) as f64);
        }
    }
    faena.stop().await?;
    ensure!(!late.is_empty(), "no schedule fired");
    Ok(late)
}

/// Until the last of all jobs of one moment is on disk, in milliseconds.
async fn together() -> Result<f64> {
    let folder = disk::folder()?;
    let faena = start(folder.path()).await?;
    // They are made within the first half of an hour that is not the one in which they are due.
    let minute = Clock::System.now().plus(Duration::from_secs(120)).as_millis() / 60_000;
    let due = Timestamp::from_millis(60_000 * minute);
    make(faena.service(), |_| format!("{} * * * *", minute % 60)).await?;
    ensure!(Clock::System.now() < due, "the schedules were not made in time");
    let took = loop {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let now = Clock::System.now();
        if now > due && accepted(faena.service()) >= COUNT {
            break now.millis_since(due) as f64;
        }
        ensure!(now < due.plus(Duration::from_secs(120)), "the schedules did not fire");
    };
    faena.stop().await?;
    Ok(took)
}

async fn start(folder: &Path) -> Result<Faena> {
    Ok(Faena::start(FaenaSettings::in_folder(folder), Registry::new().asynchronous("noop", Noop)).await?)
}

/// Makes all schedules; the expression of each is made of its number.
async fn make(service: &Arc<Service>, expression: impl Fn(u64) -> String) -> Result<()> {
    for first in (0..COUNT).step_by(AT_ONCE as usize) {
        let made =
            (first..first + AT_ONCE).map(|number| Ok(service.create_schedule(new(number, &expression(number))?)));
        for made in futures_util::future::join_all(made.collect::<Result<Vec<_>>>()?).await {
            made?;
        }
    }
    Ok(())
}

fn new(number: u64, expression: &str) -> Result<NewSchedule> {
    let timetable = Timetable::new(expression.parse()?, Zone::utc());
    let mut spec = Spec::new(format!("schedule {number}"), Name::new("noop").map_err(anyhow::Error::msg)?, timetable);
    spec.payload = jobs::PAYLOAD.into();
    Ok(NewSchedule::new(spec))
}

/// Jobs accepted so far.
fn accepted(service: &Service) -> u64 {
    let text = service.metrics().encode(&Tally::default(), service.now());
    let counts = text.lines().filter(|line| line.starts_with("faena_jobs_accepted_total"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// Fills a store with schedules that are due next year. The answer is what a look for due ones takes, in nanoseconds.
async fn fill_with_yearly(folder: &Path, count: u64) -> Result<f64> {
    let open = Open { path: folder.join("faena.db"), durability: Durability::Full };
    let now = Clock::System.now();
    let store = tokio::task::spawn_blocking(move || Embedded::open(&open, now)).await??;
    for first in (0..count).step_by(AT_ONCE as usize) {
        let made =
            (first..count.min(first + AT_ONCE)).map(|number| Ok(store.add_schedule(new(number, "@yearly")?, now)));
        for made in futures_util::future::join_all(made.collect::<Result<Vec<_>>>()?).await {
            made?;
        }
    }
    let began = Instant::now();
    for _ in 0..LOOKS {
        ensure!(store.due_schedules(now, 1_000).await?.is_empty(), "one was due");
        ensure!(store.next_due_schedule().await?.is_some(), "none is due ever");
    }
    let nanos = began.elapsed().as_nanos() as f64 / f64::from(LOOKS);
    store.close().await?;
    Ok(nanos)
}

/// What a server with many schedules computes while none is due, in hundredths of one core; the memory of each; and how
/// long it took to start.
fn idle(many: &Path, few: &Path) -> Result<(f64, f64, f64)> {
    let began = Instant::now();
    let server = Server::faena(many, &[])?;
    let started = began.elapsed().as_secs_f64();
    let other = Server::faena(few, &[])?;
    std::thread::sleep(SETTLE);
    let (began, before) = (Instant::now(), server.computed()?);
    std::thread::sleep(LOOK);
    let computed = server.computed()?.saturating_sub(before);
    let percent = 100.0 * computed.as_secs_f64() / began.elapsed().as_secs_f64();
    let bytes = server.memory()?.saturating_sub(other.memory()?) as f64 / (COUNT - FEW) as f64;
    Ok((percent, bytes, started))
}
