//! What is asked for the sake of rules, and what they see in the answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Sentinel;
use crate::alert::{Alert, Kind, Rule, Seen, Subject};
use crate::clock::Timestamp;
use crate::event::delivery::Off;
use crate::job::{Job, Name};
use crate::limits;
use crate::schedule::{Schedule, ScheduleId};
use crate::store::StoreError;
use crate::store::alerts::{Ask, Suspect, Suspects};

/// What a look has seen.
pub(super) struct Looked<'a> {
    /// Of each rule and subject what it has seen, the worst of it.
    pub(super) seen: Vec<(&'a Rule, Seen)>,
    /// More jobs run than were looked at.
    pub(super) is_cut: bool,
    /// When to look again; none when time alone breaks nothing.
    pub(super) next: Option<Timestamp>,
}

/// Schedules by their ids.
type Makers = BTreeMap<ScheduleId, Arc<Schedule>>;

impl Sentinel {
    /// Looks at what the enabled ones of these rules watch. What fires already is looked at in any case.
    pub(super) async fn look_at<'a>(
        &self,
        rules: &'a [Rule],
        firing: &[Arc<Alert>],
        now: Timestamp,
    ) -> Result<Looked<'a>, StoreError> {
        let rules: Vec<&Rule> = rules.iter().filter(|rule| rule.enabled).collect();
        let period = period(&rules);
        let ask = ask(&rules, period.unwrap_or_default(), now);
        let Suspects { failing, silent, running, queues, endpoints } =
            self.store.alerts().suspects(ask.clone(), now).await?;

        let mut suspects: Makers = failing.into_iter().chain(silent).map(|schedule| (schedule.id, schedule)).collect();
        let of_schedules = |alert: &&Arc<Alert>| alert.kind.is_of_schedules();
        let known = firing.iter().filter(of_schedules).filter_map(|alert| alert.subject.schedule());
        self.add(known, &mut suspects).await?;
        let mut makers = Makers::new();
        self.add(running.iter().filter_map(|job| maker(job)), &mut makers).await?;

        let mut seen = Worst::default();
        let mut moments = Vec::new();
        for rule in &rules {
            for schedule in suspects.values() {
                seen.note(rule, Seen::of_schedule(rule, schedule, now));
            }
            for job in &running {
                let sight =
                    Seen::of_job(rule, job, maker(job).and_then(|id| makers.get(&id)).map(|maker| &**maker), now);
                let began = job.run().filter(|_| sight.is_some()).map(|run| run.started_at);
                moments.extend(began.map(|began| breaks_at(rule, began)));
                seen.note(rule, sight);
            }
        }
        for (rule, queue) in rules.iter().filter(|rule| rule.kind.is_of_queues()).zip(queues) {
            seen.note(rule, Seen::of_queue(rule, queue.ready, queue.oldest, now));
            let waits = queue.oldest.filter(|_| rule.kind == Kind::QueueWait);
            moments.extend(waits.map(|oldest| breaks_at(rule, oldest)));
        }
        for rule in &rules {
            for suspect in &endpoints {
                seen.note(rule, endpoint(rule, suspect, now));
            }
        }
        // What is broken already is looked at in the usual time, what will be soon is looked at when it is.
        let next =
            period.map(|period| moments.into_iter().filter(|at| *at > now).fold(now.plus(period), Timestamp::min));
        Ok(Looked { seen: seen.0.into_values().collect(), is_cut: running.len() >= ask.limit, next })
    }

    /// Adds the schedules with these ids that still exist.
    async fn add(&self, ids: impl Iterator<Item = ScheduleId>, to: &mut Makers) -> Result<(), StoreError> {
        for id in ids {
            if !to.contains_key(&id)
                && let Some(schedule) = self.schedules.schedule(id.into()).await?
            {
                to.insert(id, schedule);
            }
        }
        Ok(())
    }
}

/// The worst that each rule has seen of each subject.
#[derive(Default)]
struct Worst<'a>(BTreeMap<(&'a Name, String), (&'a Rule, Seen)>);

impl<'a> Worst<'a> {
    fn note(&mut self, rule: &'a Rule, seen: Option<Seen>) {
        let Some(seen) = seen else { return };
        let known = self.0.entry((&rule.name, seen.subject.to_string()));
        let known = known.or_insert_with(|| (rule, seen.clone()));
        if seen.value > known.1.value {
            known.1 = seen;
        }
    }
}

/// The schedule that made a job.
fn maker(job: &Job) -> Option<ScheduleId> {
    job.spec.schedule_id()?.parse().ok()
}

/// What a rule sees in an endpoint.
fn endpoint(rule: &Rule, suspect: &Suspect, now: Timestamp) -> Option<Seen> {
    let Suspect { subscription, name, endpoint } = suspect;
    let own = subscription.own_name();
    let off = match own {
        Some(_) => endpoint.takes_nothing(now)?,
        None => endpoint.off?,
    };
    let tries = endpoint.failures_in_a_row;
    let since = endpoint.failing_since.map(|since| format!(" since {since}, in {tries} tries")).unwrap_or_default();
    let what = match (own, off) {
        (Some(_), _) => format!("has taken nothing{since}; events wait for it as long as the log reaches back"),
        (None, Off::Gone) => "is switched off, because it answered that it is gone (410)".to_owned(),
        (None, Off::Failing) => format!("is switched off, because it has taken nothing{since}"),
        (None, Off::ByHand) => "is switched off by hand".to_owned(),
    };
    let subscription = own.map_or_else(|| subscription.to_string(), str::to_owned).into();
    Seen::of_endpoint(rule, Subject::Endpoint { subscription, name: (&**name).into(), what: what.into() }, tries)
}

/// When something that goes on since a moment breaks a rule of time.
const fn breaks_at(rule: &Rule, since: Timestamp) -> Timestamp {
    since.plus(Duration::from_secs(rule.bound))
}

/// How often to look by the clock: nothing that goes on for as long as a bound is missed. None when time alone breaks
/// nothing.
fn period(rules: &[&Rule]) -> Option<Duration> {
    let looks = rules.iter().filter(|rule| rule.kind.needs_looks());
    let longest = looks.map(|rule| match rule.kind {
        Kind::QueueDepth | Kind::FailuresInARow | Kind::EndpointOff => limits::ALERT_LOOK_EVERY,
        _ => Duration::from_secs(rule.bound),
    });
    longest.min().map(|shortest| shortest.clamp(limits::ALERT_LOOK_MIN, limits::ALERT_LOOK_EVERY))
}

/// What these rules want to know.
fn ask(rules: &[&Rule], period: Duration, now: Timestamp) -> Ask {
    let least = |kind| rules.iter().filter(|rule| rule.kind == kind).map(|rule| rule.bound).min();
    let soon = |bound| Duration::from_secs(bound).saturating_sub(period);
    Ask {
        failing: least(Kind::FailuresInARow).map(|times| u32::try_from(times).unwrap_or(u32::MAX)),
        silent_ms: least(Kind::NoExecution).map(|seconds| seconds.saturating_mul(1_000)),
        // Also those that break a rule before the next look: then that comes sooner.
        running_since: least(Kind::ExecutionLonger).map(|seconds| now.minus(soon(seconds))),
        endpoints: rules.iter().any(|rule| rule.kind == Kind::EndpointOff),
        queues: rules.iter().filter(|rule| rule.kind.is_of_queues()).map(|rule| rule.sub_type.clone()).collect(),
        limit: limits::ALERTS_FIRING_MAX,
    }
}
