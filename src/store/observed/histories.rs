//! How long jobs of each subtype take, learned from those that completed.

use std::time::Duration;

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;

use crate::job::estimate::History;
use crate::job::{Job, Name, Outcome};

/// How long jobs of each subtype take.
#[derive(Debug, Default)]
pub struct Histories {
    by_sub_type: DashMap<Name, History, FxBuildHasher>,
}

impl Histories {
    /// What is known of a subtype; nothing yet is a history too.
    pub fn of(&self, sub_type: &Name) -> History {
        self.by_sub_type.get(sub_type).map(|history| *history).unwrap_or_default()
    }

    /// Learns from a job that completed; others teach nothing about how long success takes.
    pub(super) fn learn(&self, job: &Job) {
        let Some(end) = job.end().filter(|end| end.outcome == Outcome::Success) else { return };
        let Some(started_at) = end.started_at else { return };
        let took = Duration::from_millis(end.at.millis_since(started_at));
        if let Some(mut history) = self.by_sub_type.get_mut(&job.spec.sub_type) {
            history.learn(took);
            return;
        }
        self.by_sub_type.entry(job.spec.sub_type.clone()).or_default().learn(took);
    }
}
