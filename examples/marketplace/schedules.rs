//! When the eight jobs are done, by the clocks of the marketplace; and trying them out.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use faena::error::Error as Refused;
use faena::job::{Job, Name, Status};
use faena::schedule::{Cron, NewSchedule, Spec, Timetable, Zone};
use faena::service::Service;
use faena::service::look::ResultBody;
use faena::store::query::Start;
use faena::store::{Filter, Page, Sort};
use faena::watch::Changes;

use crate::{backup, days, health, listings, logs, prices, reminders, reports, tokens};

/// Name, job and times of each.
const SCHEDULES: [(&str, &str, &str); 8] = [
    ("Expired tokens", tokens::CLEANUP, "0 3 * * *"),
    ("Daily reports", reports::DAILY, "0 8 * * *"),
    ("Reminders", reminders::SEND, "0 9 * * *"),
    ("Old logs", logs::CLEANUP, "0 1 * * SUN"),
    ("Expired listings", listings::UPDATE, "0 4 * * *"),
    ("Suggested prices", prices::SYNC, "0 2 * * MON"),
    ("Backup Database", backup::BACKUP, "0 2 * * *"),
    ("Health of services", health::CHECK, "*/5 * * * *"),
];

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sees to it that the schedules are there. One that is there already stays as people have changed it, unless all are
/// to fire by one expression. While jobs are run by hand, none fires by itself.
pub async fn register(service: &Service, cron: Option<&Cron>, by_hand: bool) -> Result<(), Box<dyn Error>> {
    for (name, sub_type, own) in SCHEDULES {
        let times = cron.cloned().map_or_else(|| own.parse(), Ok)?;
        let spec = Spec {
            singleton: true,
            notify_on_failure: true,
            notification_emails: vec!["admin@okla.example".into()],
            ..Spec::new(name, Name::new(sub_type)?, Timetable::new(times, Zone::new(days::ZONE)?))
        };
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
    for round in 1..=rounds {
        for (name, ..) in SCHEDULES {
            let job = service.run_schedule(name, None).await?;
            let job = service.wait_for_end(job.id, PATIENCE).await?;
            println!("{round} {name}: {} {}", job.status(), result_of(service, &job).await?);
        }
        for job in follow_ups(service).await? {
            service.wait_for_end(job.id, PATIENCE).await?;
        }
    }
    for (name, ..) in SCHEDULES {
        service.switch_schedule(name, true).await?;
    }
    Ok(())
}

/// Waits until each was fired by its own times and has ended so often; prints how often. `changes` were asked for before
/// there were schedules.
pub async fn wait_for_firings(service: &Service, mut changes: Changes, rounds: u64) -> Result<(), Box<dyn Error>> {
    let mut ended: BTreeMap<Arc<str>, Vec<Arc<Job>>> = BTreeMap::new();
    while ended.len() < SCHEDULES.len() || ended.values().any(|jobs| (jobs.len() as u64) < rounds) {
        let job = changes.next().await?.job;
        if let (Some(schedule), true) = (job.spec.schedule_id(), job.is_finished()) {
            ended.entry(schedule.into()).or_default().push(job);
        }
    }
    for (name, ..) in SCHEDULES {
        let schedule = service.switch_schedule(name, false).await?;
        let fired = ended.remove(schedule.id.to_string().as_str()).unwrap_or_default();
        let ticks: BTreeSet<_> = fired.iter().filter_map(|job| job.spec.scheduled_for()).collect();
        let completed = fired.iter().filter(|job| job.status() == Status::Completed).count();
        let (all, twice) = (fired.len(), fired.len() - ticks.len());
        println!("{name}: fired: {}; failed: {}; fired twice: {twice}", all > 0, all - completed);
    }
    Ok(())
}

/// A result in one line.
async fn result_of(service: &Service, job: &Job) -> Result<String, Box<dyn Error>> {
    Ok(match service.result(job.id).await? {
        ResultBody::Inline { content_type, bytes } if content_type == "application/json" => {
            String::from_utf8_lossy(&bytes).into_owned()
        }
        ResultBody::Inline { content_type, .. } => content_type,
        ResultBody::Stored { content_type, .. } => format!("{content_type}, in the result store"),
        ResultBody::Elsewhere(url) => url.to_string(),
    })
}

/// The jobs that others have asked for.
async fn follow_ups(service: &Service) -> Result<Vec<Arc<Job>>, Box<dyn Error>> {
    let filter = Filter { sub_type: Some(Name::new(logs::DELETE)?), ..Filter::default() };
    let page = Page { sort: Sort::CreatedAscending, limit: 100, start: Start::Offset(0) };
    Ok(service.jobs(filter, page).await?.items)
}
