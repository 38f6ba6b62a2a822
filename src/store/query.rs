//! What a list may ask for, and what it answers.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::job::{Job, JobId, Name, Outcome, Priority, Status};

/// Which jobs. An empty filter names all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In one of these statuses; empty for any.
    pub status: Vec<Status>,
    /// Of this family.
    pub kind: Option<Name>,
    /// Of this subtype.
    pub sub_type: Option<Name>,
    /// Of this priority.
    pub priority: Option<Priority>,
    /// Of this user.
    pub user_id: Option<Box<str>>,
    /// With this tag.
    pub tag: Option<Box<str>>,
    /// Fired by this schedule.
    pub schedule_id: Option<Box<str>>,
    /// Fired by any schedule.
    pub fired: bool,
    /// Accepted at or after.
    pub created_after: Option<Timestamp>,
    /// Accepted before.
    pub created_before: Option<Timestamp>,
    /// With this text in the id, subtype, user, a tag, the progress message or the error; case does not matter. The
    /// whole id of a job that exists names that job alone.
    pub text: Option<Box<str>>,
    /// Dead letters alone.
    pub dead: bool,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Newest first.
    #[default]
    CreatedDescending,
    /// Oldest first.
    CreatedAscending,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// In which order.
    pub sort: Sort,
    /// How many at most.
    pub limit: usize,
    /// From where.
    pub start: Start,
}

/// From where a page starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After so many.
    Offset(usize),
    /// After the job with this sequence number.
    After(u64),
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct PageOf<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many there are in all, or at least how many.
    pub total: u64,
    /// Whether that is all of them. Where no counter is kept they are counted for a few milliseconds, and up to
    /// [`COUNTED_TOTAL_MAX`](crate::limits::COUNTED_TOTAL_MAX).
    pub exact: bool,
    /// Whether there may be more after this part.
    pub more: bool,
    /// Where the search for this part was given up before the part was full: it goes on from there.
    pub reached: Option<u64>,
}

impl PageOf<Arc<Job>> {
    /// The place that the next part starts after, if there may be one.
    pub fn next(&self) -> Option<u64> {
        let last = self.items.last().map(|job| job.seq);
        self.reached.or(last).filter(|_| self.more)
    }
}

/// How many jobs there are of each sort.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// One row for each sort that has jobs.
    pub rows: Vec<(Sort4, u64)>,
    /// Waiting jobs whose time has come.
    pub ready: u64,
    /// Waiting jobs whose time has not come.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the job that has been ready for longest became so.
    pub oldest_ready: Option<Timestamp>,
    /// That job.
    pub oldest: Option<Arc<Job>>,
}

/// What the tally tells apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sort4 {
    /// Where the jobs stand.
    pub status: Status,
    /// Their family.
    pub kind: Name,
    /// Their subtype.
    pub sub_type: Name,
    /// Their priority.
    pub priority: Priority,
}

impl Tally {
    /// Jobs that match a test.
    pub fn sum(&self, matches: impl Fn(&Sort4) -> bool) -> u64 {
        self.rows.iter().filter(|(sort, _)| matches(sort)).map(|(_, count)| count).sum()
    }

    /// Jobs in a status.
    pub fn of(&self, status: Status) -> u64 {
        self.sum(|sort| sort.status == status)
    }
}

impl Filter {
    /// Whether it names this job.
    pub fn matches(&self, job: &Job) -> bool {
        let spec = &*job.spec;
        (self.status.is_empty() || self.status.contains(&job.status()))
            && self.kind.as_ref().is_none_or(|kind| *kind == spec.kind)
            && self.sub_type.as_ref().is_none_or(|sub_type| *sub_type == spec.sub_type)
            && self.priority.is_none_or(|priority| priority == spec.priority)
            && self.user_id.as_deref().is_none_or(|user| spec.user_id.as_deref() == Some(user))
            && self.tag.as_deref().is_none_or(|tag| spec.tags().iter().any(|has| **has == *tag))
            && self.schedule_id.as_deref().is_none_or(|id| spec.schedule_id() == Some(id))
            && (!self.fired || spec.schedule_id().is_some())
            && self.created_after.is_none_or(|at| job.created_at >= at)
            && self.created_before.is_none_or(|at| job.created_at < at)
            && (!self.dead || job.end().is_some_and(|end| end.dead))
            && self.text.as_deref().is_none_or(|text| job.search_text().contains(&text.to_lowercase()))
    }

    /// Whether it names only jobs that have ended.
    pub fn wants_finished_only(&self) -> bool {
        self.dead || (!self.status.is_empty() && self.status.iter().all(|status| status.is_terminal()))
    }

    /// Whether it names only jobs that have not ended.
    pub fn wants_live_only(&self) -> bool {
        !self.dead && !self.status.is_empty() && self.status.iter().all(|status| !status.is_terminal())
    }

    /// Whether jobs of this sort can be among those that it names.
    pub fn names_sort(&self, sort: &Sort4) -> bool {
        (self.status.is_empty() || self.status.contains(&sort.status))
            && self.kind.as_ref().is_none_or(|kind| *kind == sort.kind)
            && self.sub_type.as_ref().is_none_or(|sub_type| *sub_type == sort.sub_type)
            && self.priority.is_none_or(|priority| priority == sort.priority)
            && (!self.dead || sort.status == Status::Failed)
    }

    /// Whether it says nothing but of which sort the jobs are and when they were accepted: then counters are kept for
    /// it, and any part of a list is found at once.
    pub fn is_placed(&self) -> bool {
        self.user_id.is_none()
            && self.tag.is_none()
            && self.schedule_id.is_none()
            && !self.fired
            && self.text.is_none()
            && !self.dead
    }

    /// Whether the kept counters answer its total by themselves.
    pub fn is_kept(&self) -> bool {
        self.is_placed() && self.created_after.is_none() && self.created_before.is_none()
    }

    /// The id that its text is, if it is one.
    pub fn whole_id(&self) -> Option<JobId> {
        self.text.as_deref().filter(|text| text.len() == 36)?.parse().ok()
    }
}

impl Job {
    /// What [`Filter::text`] looks through, in lower case.
    pub(crate) fn search_text(&self) -> String {
        let mut text = format!("{} {}", self.id, self.spec.sub_type);
        let more = [self.spec.user_id.as_deref(), self.life.progress.message()];
        let error = self.latest_error().map(|error| &*error.message);
        for part in more.into_iter().flatten().chain(self.spec.tags().iter().map(|tag| &**tag)).chain(error) {
            text.push(' ');
            text.push_str(part);
        }
        text.to_lowercase()
    }

    /// The error of its ending, or of its latest failed try while it waits for the next.
    pub fn latest_error(&self) -> Option<&Arc<crate::job::JobError>> {
        match self.end() {
            Some(end) => end.error.as_ref(),
            None => self.attempts().last().filter(|last| last.outcome != Outcome::Released)?.error.as_ref(),
        }
    }

    /// The row of the tally that counts it.
    pub(crate) fn sort4(&self) -> Sort4 {
        let spec = &self.spec;
        Sort4 {
            status: self.status(),
            kind: spec.kind.clone(),
            sub_type: spec.sub_type.clone(),
            priority: spec.priority,
        }
    }
}
