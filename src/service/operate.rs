//! For whoever runs the program: processors, pause and resume, health, metrics.

use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::error::Error;
use crate::job::{Name, Status};
use crate::store::Health;
use crate::store::nodes::Seen;
use crate::upkeep::{self, Ages};
use crate::work::registry::Registered;

/// A subtype that is done here or elsewhere, and how its jobs stand.
pub struct Standing {
    /// Which.
    pub sub_type: Name,
    /// The processor of this process that does it.
    pub processor: Option<Arc<Registered>>,
    /// Workers of other processes that live and do it.
    pub workers: u64,
    /// Whether its jobs are not handed out.
    pub paused: bool,
    /// Jobs of it that wait.
    pub queued: u64,
    /// Jobs of it that run.
    pub running: u64,
}

/// Whether the program can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The state of the store.
    pub store: Health,
    /// It is about to stop.
    pub closing: bool,
}

impl Readiness {
    /// Whether everything is well.
    pub fn is_ready(&self) -> bool {
        self.store.degraded.is_none() && !self.closing
    }
}

impl Service {
    /// What is registered, by subtype: processors of this process, and what workers of others have ever done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn processors(&self) -> Result<Vec<Standing>, Error> {
        let tally = self.store().tally(self.now()).await?;
        let paused = self.store().paused().await?;
        self.registry().learn(self.store().roster().known().await?);
        let workers = self.live_workers().await?;
        let count = |status, name: &Name| tally.sum(|sort| sort.status == status && sort.sub_type == *name);
        let here = self.registry().iter().map(|processor| (processor.sub_type.clone(), Some(processor.clone())));
        let elsewhere = self.registry().elsewhere().into_iter().map(|sub_type| (sub_type, None));
        let mut standings: Vec<_> = here
            .chain(elsewhere)
            .map(|(sub_type, processor)| Standing {
                processor,
                workers: workers.iter().filter(|worker| worker.does(&sub_type)).count() as u64,
                paused: paused.contains(&sub_type),
                queued: count(Status::Queued, &sub_type),
                running: Status::RUNNING.iter().map(|status| count(*status, &sub_type)).sum(),
                sub_type,
            })
            .collect();
        standings.sort_by(|one, other| one.sub_type.cmp(&other.sub_type));
        Ok(standings)
    }

    /// Those who share the store and live, this process among them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn nodes(&self) -> Result<Vec<Seen>, Error> {
        if let Some(nodes) = self.store().nodes() {
            return Ok(nodes.nodes().await?);
        }
        let now = self.now();
        let tally = self.store().tally(now).await?;
        Ok(vec![Seen {
            holder: self.node().clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            since: now.minus(self.metrics().uptime()),
            seen_at: now,
            running: Status::RUNNING.iter().map(|status| tally.of(*status)).sum(),
        }])
    }

    /// Stops or starts handing out the jobs of a subtype; what runs goes on. It survives restarts.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no such processor is registered.
    pub async fn pause(&self, sub_type: &str, paused: bool) -> Result<Standing, Error> {
        let missing = || Error::NotFound { what: "processor", id: sub_type.to_owned() };
        let name = Name::new(sub_type).map_err(|_| missing())?;
        self.learn(&name).await?;
        if !self.registry().knows(name.as_str()) {
            return Err(missing());
        }
        self.store().pause(name.clone(), paused).await?;
        let standings = self.processors().await?;
        standings.into_iter().find(|standing| standing.sub_type == name).ok_or_else(missing)
    }

    /// Whether the program can do its work.
    pub fn readiness(&self) -> Readiness {
        Readiness { store: self.store().health(), closing: self.closing().is_cancelled() }
    }

    /// Everything that is counted, as OpenMetrics text.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn metrics_text(&self) -> Result<String, Error> {
        let tally = self.store().tally(self.now()).await?;
        self.metrics().set_alerts_firing(self.alerts_firing().await?);
        Ok(self.metrics().encode(&tally, self.now()))
    }

    /// Forgets jobs that ended longer ago than this, with their logs and results, before their retention does it. The
    /// answer counts them.
    ///
    /// # Errors
    /// When the store fails; what was forgotten before stays so.
    pub async fn cleanup(&self, older_than: Duration) -> Result<u64, Error> {
        let ages = Some(Ages { ended: older_than, failed: older_than });
        let (results, clock) = (&*self.parts.results, &self.parts.clock);
        Ok(upkeep::forget(&**self.store(), results, clock, ages, |_| {}).await?.jobs)
    }
}
