//! How long is left, learned from this try's own rate and from how long its subtype took before.

use std::time::Duration;

use super::Job;
use crate::clock::Timestamp;

/// What is known of the durations of one subtype: an exponentially weighted mean of those that completed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct History {
    mean_ms: f64,
    seen: u64,
}

/// Weight of the newest duration, once there are enough of them; the mean forgets within some dozen jobs.
const NEWEST: f64 = 0.1;

impl History {
    /// Takes one more duration into account.
    pub fn learn(&mut self, took: Duration) {
        self.seen += 1;
        let weight = NEWEST.max(1.0 / self.seen as f64);
        self.mean_ms += weight * (took.as_secs_f64() * 1e3 - self.mean_ms);
    }

    /// The mean, if anything was seen.
    pub fn mean(&self) -> Option<Duration> {
        (self.seen > 0).then(|| Duration::from_secs_f64(self.mean_ms.max(0.0) / 1e3))
    }
}

/// The time left until `job` ends, or none when nothing supports a guess.
///
/// A running job that reports progress is extrapolated from its own rate, and the more of it is done the more
/// that counts against the history: with progress `p` the answer is `p · own + (1 - p) · history`. A job that
/// waits for its time has that to wait first.
pub fn remaining(job: &Job, history: History, now: Timestamp) -> Option<Duration> {
    if job.is_finished() {
        return None;
    }
    let usual_ms = history.mean().map(|mean| mean.as_secs_f64() * 1e3);
    let Some(run) = job.run() else {
        let wait = job.run_at().map_or(0, |at| at.millis_since(now));
        return usual_ms.map(|ms| Duration::from_millis(wait) + Duration::from_secs_f64(ms / 1e3));
    };
    let elapsed = now.millis_since(run.started_at) as f64;
    let left_of_usual = usual_ms.map(|ms| (ms - elapsed).max(0.0));
    let progress = &job.life.progress;
    let own = progress.at().filter(|_| progress.percent > 0).map(|at| {
        let until_report = at.millis_since(run.started_at) as f64;
        let share = f64::from(progress.percent) / 100.0;
        (until_report / share - elapsed).max(0.0)
    });
    let share = f64::from(progress.percent) / 100.0;
    let left_ms = match (own, left_of_usual) {
        (Some(own), Some(usual)) => share * own + (1.0 - share) * usual,
        (Some(own), None) => own,
        (None, usual) => usual?,
    };
    Some(Duration::from_secs_f64(left_ms / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Event, Holder, Name, NewJob, decide};

    fn running(percent: u8, report_at: i64) -> Job {
        let at = Timestamp::from_millis;
        let mut job = NewJob::new(Name::new("t").unwrap(), "{}").accept(1, at(0));
        let holder = Holder { node: "n".into(), machine: "m".into(), process: 1 };
        job.life = decide(&job, Event::Claimed { holder, lease_until: None }, at(0)).unwrap().next;
        if percent > 0 {
            let event = Event::Progressed { epoch: 1, percent, message: None };
            job.life = decide(&job, event, at(report_at)).unwrap().next;
        }
        job
    }

    #[test]
    fn extrapolates_from_its_own_rate() {
        let left = remaining(&running(25, 1_000), History::default(), Timestamp::from_millis(1_000));
        assert_eq!(left, Some(Duration::from_secs(3)));
    }

    #[test]
    fn knows_nothing_without_history_or_progress() {
        assert_eq!(remaining(&running(0, 0), History::default(), Timestamp::from_millis(50)), None);
    }

    #[test]
    fn blends_history_by_progress() {
        let mut history = History::default();
        history.learn(Duration::from_secs(2));
        let left = remaining(&running(50, 2_000), history, Timestamp::from_millis(2_000)).unwrap();
        assert_eq!(left, Duration::from_secs(1), "half of own 2 s, half of history's 0 s");
        assert_eq!(remaining(&running(0, 0), history, Timestamp::from_millis(500)), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn history_follows_a_change() {
        let mut history = History::default();
        (0..10).for_each(|_| history.learn(Duration::from_secs(1)));
        (0..60).for_each(|_| history.learn(Duration::from_secs(5)));
        assert!(history.mean().unwrap() > Duration::from_millis(4_900));
    }
}
