//! When the three jobs are done; and trying them out.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use faena::error::Error as Refused;
use faena::job::{Name, Status};
use faena::schedule::{Cron, NewSchedule, Spec, Timetable, Zone};
use faena::service::Service;
use faena::service::look::ResultBody;
use faena::watch::Changes;

use crate::{cleanup, consistency, sync};

/// Name, job and times of each.
const SCHEDULES: [(&str, &str, &str); 3] = [
    ("Re-sync Blockchain", sync::SYNC, "* * * * *"),
    ("Expired orders", cleanup::CLEANUP, "0 * * * *"),
    ("Inconsistencies", consistency::CHECK, "*/30 * * * *"),
];

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sees to it that the schedules are there. One that is there already stays as people have changed it, unless all are
/// to fire by one expression. While jobs are run by hand, none fires by itself.
pub async fn register(service: &Service, cron: Option<&Cron>, by_hand: bool) -> Result<(), Box<dyn Error>> {
    for (name, sub_type, own) in SCHEDULES {
        let times = cron.cloned().map_or_else(|| own.parse(), Ok)?;
        let spec =
            Spec { singleton: true, ..Spec::new(name, Name::new(sub_type)?, Timetable::new(times, Zone::utc())) };
        match service.create_schedule(NewSchedule { enabled: !by_hand, ..NewSchedule::new(spec.clone()) }).await {
            Err(Refused::Taken { .. }) if cron.is_some() => {
                service.replace_schedule(name, spec, Some(true), None).await?;
            }
            Err(Refused::Taken { .. }) if by_hand => drop(service.switch_schedule(name, false).await?),
            Err(Refused::Taken { .. }) => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// Runs each by hand, one after the other, and prints what it came to.
pub async fn run_by_hand(service: &Service, rounds: u64) -> Result<(), Box<dyn Error>> {
    for _ in 0..rounds {
        for (name, ..) in SCHEDULES {
            let job = service.run_schedule(name, None).await?;
            let job = service.wait_for_end(job.id, PATIENCE).await?;
            let ResultBody::Inline { bytes, .. } = service.result(job.id).await? else {
                return Err(format!("{name} has no small result").into());
            };
            println!("{name}: {} {}", job.status(), String::from_utf8_lossy(&bytes));
        }
    }
    for (name, ..) in SCHEDULES {
        service.switch_schedule(name, true).await?;
    }
    Ok(())
}

/// Waits until each was fired by its own times and has completed so often. `changes` were asked for before there were
/// schedules.
pub async fn wait_for_firings(service: &Service, mut changes: Changes, rounds: u64) -> Result<(), Box<dyn Error>> {
    let mut completed: BTreeMap<String, u64> = BTreeMap::new();
    while completed.len() < SCHEDULES.len() || completed.values().any(|times| *times < rounds) {
        let job = changes.next().await?.job;
        let Some(schedule) = job.spec.schedule_id().filter(|_| job.is_finished()) else { continue };
        if job.status() != Status::Completed {
            return Err(format!("a job of schedule {schedule} is {}", job.status()).into());
        }
        *completed.entry(schedule.to_owned()).or_default() += 1;
    }
    for (name, ..) in SCHEDULES {
        service.switch_schedule(name, false).await?;
        println!("{name}: fired");
    }
    Ok(())
}
