//! The port, each call of it in a few words: what is written queues up at once, what is read waits until it is awaited.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::claimer::Asked;
use super::queue::Op;
use super::{
    Postgres, alerts, answer, calendar, forget, kept, list, locks, log, look, node, roster, schedules, states,
};
use crate::alert::{self, Alert, AlertId, Rule};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Name, Transition};
use crate::schedule::{self, NewSchedule, Schedule, ScheduleId};
use crate::store::alerts::{
    self as alerts_port, AlertFilter, AlertPage, Alerts, Ask, KeptRule, RuleKept, RuleRemoved, Suspects,
};
use crate::store::nodes::{Nodes, Seen};
use crate::store::schedules::{Added, Due, Removed, ScheduleFigures, ScheduleFilter, SchedulePage, Stepped, Which};
use crate::store::{
    Acquired, Activity, Answer, Claim, Claimed, Committed, Deleted, Entered, Events, Expected, Figures, Filter, Group,
    Health, Insert, Inserted, Kept, Keys, Lock, Locks, LogLine, Outbox, Page, PageOf, Present, Proof, Prune, Pruned,
    Put, Released, Roster, Schedules, Slug, Standing, State, States, Store, StoreError, Take, Tally, Worker, WorkerId,
};

/// Work for a session: what it needs is cloned for every try.
macro_rules! with {
    ($($given:ident),* => |$session:ident| $work:expr) => {
        move |$session| {
            $(let $given = $given.clone();)*
            Box::pin(async move { $work.await })
        }
    };
}

impl Store for Postgres {
    fn insert(&self, jobs: Vec<Insert>, group: Group, now: Timestamp) -> Answer<'_, Vec<Inserted>> {
        self.write(|tell| Op::Insert { jobs, group, now, tell })
    }

    fn claim(&self, claim: Claim, now: Timestamp) -> Answer<'_, Claimed> {
        if self.node.is_adrift() {
            // It may be taken for dead, and what it takes be given to others at once.
            let text = "the database was not reached for long; nothing is handed out until it is";
            return Box::pin(std::future::ready(Err(StoreError::Unavailable(text.into()))));
        }
        let (tell, told) = oneshot::channel();
        if let Some(ways) = &*self.ways.read() {
            // Should nobody take it, its teller is dropped, and that is an answer.
            drop(ways.claims.send(Asked { claim, now, tell }));
        }
        answer(told)
    }

    fn commit(&self, transitions: Vec<Transition>, now: Timestamp) -> Answer<'_, Vec<Committed>> {
        self.write(|tell| Op::Commit { steps: transitions, now, tell })
    }

    fn overdue(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Arc<Job>>> {
        if self.node.is_cut_off() {
            // Leases get new terms first: those who hold them could not be heard.
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        self.read(with!(=> |session| look::overdue(session, now, limit)))
    }

    fn get(&self, id: JobId) -> Answer<'_, Option<Arc<Job>>> {
        self.read(with!(=> |session| look::get(session, id)))
    }

    fn payload(&self, id: JobId) -> Answer<'_, Option<Bytes>> {
        self.read(with!(=> |session| look::payload(session, id)))
    }

    fn list(&self, filter: Filter, page: Page, _now: Timestamp) -> Answer<'_, PageOf<Arc<Job>>> {
        self.read(with!(filter => |session| list::page(session, &filter, page)))
    }

    fn tally(&self, now: Timestamp) -> Answer<'_, Tally> {
        self.read(with!(=> |session| look::tally(session, now)))
    }

    fn standing(&self, id: JobId, now: Timestamp) -> Answer<'_, Option<Standing>> {
        self.read(with!(=> |session| look::standing(session, id, now)))
    }

    fn pause(&self, sub_type: Name, paused: bool) -> Answer<'_, ()> {
        self.errand(with!(sub_type => |session| look::pause(session, &sub_type, paused)))
    }

    fn paused(&self) -> Answer<'_, Vec<Name>> {
        self.read(with!(=> |session| look::paused(session)))
    }

    fn append_log(&self, lines: Vec<(JobId, LogLine)>) -> Answer<'_, ()> {
        self.write(|tell| Op::Log { lines, tell })
    }

    fn log(&self, id: JobId) -> Answer<'_, Vec<LogLine>> {
        self.read(with!(=> |session| log::lines(session, id)))
    }

    fn prune(&self, prune: Prune, now: Timestamp) -> Answer<'_, Pruned> {
        self.chore(with!(=> |session| forget::prune(session, prune, now)))
    }

    fn figures(&self) -> &dyn Figures {
        self
    }

    fn locks(&self) -> &dyn Locks {
        self
    }

    fn states(&self) -> &dyn States {
        self
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        Some(self)
    }

    fn alerts(&self) -> &dyn Alerts {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn roster(&self) -> &dyn Roster {
        self
    }

    fn events(&self) -> &dyn Events {
        self
    }

    fn keys(&self) -> &dyn Keys {
        self
    }

    fn health(&self) -> Health {
        Health { engine: "postgres", degraded: self.node.degraded.lock().clone(), recovered: self.recovered }
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(self.close_all())
    }
}

impl Figures for Postgres {
    fn activity(&self, now: Timestamp) -> Answer<'_, Activity> {
        self.read(with!(=> |session| kept::activity(session, now)))
    }

    fn upcoming(&self, limit: usize, now: Timestamp) -> Answer<'_, Vec<Arc<Job>>> {
        self.read(with!(=> |session| look::upcoming(session, limit, now)))
    }
}

impl Locks for Postgres {
    fn acquire(&self, take: Take, now: Timestamp) -> Answer<'_, Acquired> {
        let bounds = self.locks.clone();
        self.errand(with!(take, bounds => |session| locks::acquire(session, take, now, &bounds)))
    }

    fn release(&self, name: Slug, by: Proof, now: Timestamp) -> Answer<'_, Released> {
        let bounds = self.locks.clone();
        self.errand(with!(name, by, bounds => |session| async move {
            bounds.forget();
            locks::release(session, name, by, now).await
        }))
    }

    fn holder(&self, name: &Slug, now: Timestamp) -> Answer<'_, Option<Arc<Lock>>> {
        let name = name.clone();
        self.read(with!(name => |session| locks::holder(session, &name, now)))
    }

    fn prune_locks(&self, now: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.errand(with!(=> |session| locks::expire(session, now, limit as i64)))
    }
}

impl States for Postgres {
    fn put_state(&self, put: Put, now: Timestamp) -> Answer<'_, Kept> {
        let bounds = self.states.clone();
        self.errand(with!(put, bounds => |session| states::keep(session, put, now, &bounds)))
    }

    fn state(&self, name: &Slug, now: Timestamp) -> Answer<'_, Option<Arc<State>>> {
        let name = name.clone();
        self.read(with!(name => |session| states::read(session, &name, now)))
    }

    fn delete_state(&self, name: Slug, expected: Expected, now: Timestamp) -> Answer<'_, Deleted> {
        self.errand(with!(name => |session| states::delete(session, name, expected, now)))
    }

    fn prune_states(&self, now: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.errand(with!(=> |session| states::expire(session, now, limit as i64)))
    }
}

impl Nodes for Postgres {
    fn nodes(&self) -> Answer<'_, Vec<Seen>> {
        self.read(with!(=> |session| node::all(session)))
    }
}

impl Roster for Postgres {
    fn enter(&self, worker: Worker, now: Timestamp) -> Answer<'_, Entered> {
        let bounds = self.crew.clone();
        self.errand(with!(worker, bounds => |session| async move {
            roster::enter(session, &worker, now, &bounds).await
        }))
    }

    fn heard(&self, id: WorkerId, now: Timestamp) -> Answer<'_, Option<Arc<Worker>>> {
        if self.node.is_cut_off() {
            // Leases get new terms first: by the old ones it would be told that it has lost its jobs.
            let text = "the database was not reached for a while; workers are heard when it is";
            return Box::pin(std::future::ready(Err(StoreError::Unavailable(text.into()))));
        }
        if let Some(worker) = self.speakers.heard(id, now) {
            return Box::pin(std::future::ready(Ok(Some(worker))));
        }
        let speakers = self.speakers.clone();
        self.read(with!(speakers => |session| async move { roster::find(session, &speakers, id, now).await }))
    }

    fn leave(&self, id: WorkerId) -> Answer<'_, bool> {
        let left = self.errand(with!(=> |session| roster::leave(session, id)));
        Box::pin(async move {
            let left = left.await?;
            self.crew.forget();
            self.speakers.forget(id);
            self.hints.tell_left(id);
            Ok(left)
        })
    }

    fn workers(&self) -> Answer<'_, Vec<Present>> {
        let speakers = self.speakers.clone();
        self.read(with!(speakers => |session| async move { roster::all(session, &speakers).await }))
    }

    fn leased(&self, id: WorkerId, limit: usize) -> Answer<'_, Vec<Arc<Job>>> {
        self.read(with!(=> |session| roster::leased(session, id, limit)))
    }

    fn knows(&self, sub_type: &Name) -> Answer<'_, bool> {
        let sub_type = sub_type.clone();
        self.read(with!(sub_type => |session| async move { roster::knows(session, &sub_type).await }))
    }

    fn known(&self) -> Answer<'_, Vec<Name>> {
        self.read(with!(=> |session| roster::known(session)))
    }

    fn forget_workers(&self, heard_before: Timestamp, limit: usize) -> Answer<'_, u64> {
        self.crew.forget();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.errand(with!(=> |session| roster::forget(session, heard_before, limit)))
    }
}

impl Alerts for Postgres {
    fn put_rule(&self, rule: Rule, expected: Expected) -> Answer<'_, RuleKept> {
        self.errand(with!(rule => |session| alerts::put_rule(session, rule, expected)))
    }

    fn rules(&self) -> Answer<'_, Vec<Arc<KeptRule>>> {
        self.read(with!(=> |session| alerts::rules(session)))
    }

    fn remove_rule(&self, name: Name, expected: Expected) -> Answer<'_, RuleRemoved> {
        self.errand(with!(name => |session| alerts::remove_rule(session, name, expected)))
    }

    fn suspects(&self, ask: Ask, now: Timestamp) -> Answer<'_, Suspects> {
        let calendar = self.calendar.clone();
        self.read(with!(ask, calendar => |session| async move {
            alerts::suspects(session, &calendar, &ask, now).await
        }))
    }

    fn step_alerts(&self, steps: Vec<alert::Step>, now: Timestamp) -> Answer<'_, Vec<alerts_port::Stepped>> {
        self.telling(self.errand(with!(steps => |session| alerts::step_all(session, steps, now))))
    }

    fn alert(&self, id: AlertId) -> Answer<'_, Option<Arc<Alert>>> {
        self.read(with!(=> |session| alerts::find(session, id)))
    }

    fn list_alerts(&self, filter: AlertFilter, page: AlertPage) -> Answer<'_, PageOf<Arc<Alert>>> {
        self.read(with!(filter => |session| async move { alerts::page(session, &filter, page).await }))
    }

    fn prune_alerts(&self, cleared_before: Timestamp, keep: usize, limit: usize) -> Answer<'_, u64> {
        self.chore(with!(=> |session| alerts::prune(session, cleared_before, keep, limit)))
    }
}

impl Schedules for Postgres {
    fn add_schedule(&self, schedule: NewSchedule, now: Timestamp) -> Answer<'_, Added> {
        let added = self.errand(with!(schedule => |session| schedules::add(session, schedule, now)));
        Box::pin(async move {
            let added = added.await?;
            self.hints.tell_planned();
            Ok(added)
        })
    }

    fn step_schedules(&self, steps: Vec<schedule::Transition>, now: Timestamp) -> Answer<'_, Vec<Stepped>> {
        let stepped =
            self.errand(with!(steps => |session| async move { schedules::step_all(session, &steps, now).await }));
        Box::pin(async move {
            let (answers, has_new_work) = stepped.await?;
            if has_new_work {
                self.hub.ready().notify_one();
            }
            let jobs = answers.iter().flat_map(|answer| match answer {
                Stepped::Applied { jobs, cancelled, .. } => jobs.iter().chain(cancelled),
                _ => [].iter().chain(&[]),
            });
            self.hints.tell(has_new_work, jobs);
            self.hints.tell_planned();
            Ok(answers)
        })
    }

    fn schedule(&self, which: Which) -> Answer<'_, Option<Arc<Schedule>>> {
        self.read(with!(which => |session| async move { calendar::find(session, &which).await }))
    }

    fn schedules(
        &self,
        filter: ScheduleFilter,
        page: SchedulePage,
        now: Timestamp,
    ) -> Answer<'_, PageOf<Arc<Schedule>>> {
        let calendar = self.calendar.clone();
        self.read(with!(filter, calendar => |session| async move {
            let _turn = calendar.refresh(session).await?;
            Ok(calendar.agenda.page(&filter, page, now))
        }))
    }

    fn remove_schedule(&self, id: ScheduleId, revision: Option<u32>, by: Option<Arc<str>>) -> Answer<'_, Removed> {
        let now = self.clock.now();
        self.errand(with!(by => |session| schedules::remove(session, id, revision, by, now)))
    }

    fn schedule_figures(&self, limit: usize, now: Timestamp) -> Answer<'_, ScheduleFigures> {
        let calendar = self.calendar.clone();
        self.read(with!(calendar => |session| async move {
            let _turn = calendar.refresh(session).await?;
            Ok(calendar.agenda.figures(limit, now))
        }))
    }

    fn due_schedules(&self, now: Timestamp, limit: usize) -> Answer<'_, Vec<Due>> {
        self.read(with!(=> |session| calendar::due(session, now, limit)))
    }

    fn next_due_schedule(&self) -> Answer<'_, Option<Timestamp>> {
        self.read(with!(=> |session| calendar::next_due(session)))
    }

    fn schedules_ahead(
        &self,
        now: Timestamp,
        after: Option<ScheduleId>,
        limit: usize,
    ) -> Answer<'_, Vec<Arc<Schedule>>> {
        self.read(with!(=> |session| calendar::ahead(session, now, after, limit)))
    }
}
