//! `faena schedules next`: when a schedule fires, worked out here from its terms.

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use faena::client::schedules::ScheduleView;
use faena::clock::{Clock, Timestamp};
use faena::job::Name;
use faena::limits;
use faena::schedule::{DstPolicy, Spec, Standing, Tick, Timetable};

use crate::cli::args::Connection;
use crate::cli::ending::{Ending, Trouble};
use crate::cli::{cron, output};

/// Say when a schedule fires next
///
/// The next times, without their jitter: what the clocks of its zone show, and in UTC. A time that a clock change has to
/// do with is marked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena schedules next nightly
  faena schedules next nightly --count 30 --json | jq -r '.nextExecutions[].at'")]
pub struct Next {
    /// The schedule, by its name or its id
    #[arg(value_name = "NAME")]
    which: String,
    /// How many times, at most 1000
    #[arg(long, value_name = "N", default_value_t = limits::FORECAST_DEFAULT)]
    count: usize,
    #[command(flatten)]
    pub connection: Connection,
}

impl Next {
    pub fn run(self) -> Result<Ending, Trouble> {
        if !(1..=limits::FORECAST_MAX).contains(&self.count) {
            return Err(Trouble::usage(format!("--count must be between 1 and {}", limits::FORECAST_MAX)));
        }
        self.connection.run(async |client| {
            let schedule = client.schedule(&self.which).await?;
            let spec = spec(&schedule)?;
            let ticks = ticks(&spec, Clock::System.now(), self.count);
            match self.connection.json {
                true => output::json(&as_json(&schedule, &ticks))?,
                false => print(&schedule, &spec.timetable, &ticks)?,
            }
            Ok(Ending::Done)
        })
    }
}

fn as_json(schedule: &ScheduleView, ticks: &[Tick]) -> serde_json::Value {
    let tick =
        |tick: &Tick| json!({ "at": tick.at.to_string(), "local": tick.local(), "clockChange": tick.clock_change });
    json!({
        "id": schedule.id,
        "name": schedule.name,
        "status": schedule.status,
        "nextExecutions": ticks.iter().map(tick).collect::<Vec<_>>(),
    })
}

fn print(schedule: &ScheduleView, timetable: &Timetable, ticks: &[Tick]) -> Result<(), Trouble> {
    output::paragraph(&timetable.cron.describe())?;
    match schedule.status {
        Standing::Enabled => {}
        status => output::paragraph(&format!("It is {status}: these are the times at which it would fire."))?,
    }
    if ticks.is_empty() {
        output::note("it does not fire again");
        return Ok(());
    }
    output::line("")?;
    cron::times(timetable, ticks)
}

/// The terms that say when it fires.
fn spec(schedule: &ScheduleView) -> Result<Spec, Trouble> {
    let unknown = || format!("schedule {} has terms that this program does not know", schedule.name);
    let cron = schedule.cron_expression.parse().with_context(unknown)?;
    let zone = schedule.timezone.parse().with_context(unknown)?;
    let sub_type = Name::new(&schedule.sub_type).map_err(anyhow::Error::msg).with_context(unknown)?;
    let dst = DstPolicy { gap: schedule.dst_policy.gap, fold: schedule.dst_policy.fold };
    let (start_at, end_at) = (schedule.start_at.map(|at| at.0), schedule.end_at.map(|at| at.0));
    let timetable = Timetable { cron, zone, dst };
    Ok(Spec { start_at, end_at, ..Spec::new(schedule.name.as_str(), sub_type, timetable) })
}

fn ticks(spec: &Spec, now: Timestamp, count: usize) -> Vec<Tick> {
    std::iter::successors(spec.next_after(now), |tick| spec.next_after(tick.at)).take(count).collect()
}
