//! How many jobs are shown of each sort. A job that moves on stays of its kind, subtype and priority, so a step is one look
//! and two numbers.

use rustc_hash::FxHashMap;

use crate::job::{Job, Name, Priority, Spec, Status};
use crate::store::query::Sort4;

/// The kept counts.
#[derive(Default)]
pub(super) struct Sorts {
    index: FxHashMap<Name, usize>,
    /// By subtype.
    rows: Vec<Vec<Row>>,
}

/// The jobs of one kind and priority within a subtype.
struct Row {
    kind: Name,
    priority: Priority,
    /// By status, in the order of [`Status::ALL`].
    jobs: [u64; Status::ALL.len()],
}

impl Sorts {
    /// Counts a job as it is shown now, and no more as it was shown before.
    pub(super) fn step(&mut self, before: Option<Status>, job: &Job) {
        let after = job.status();
        if before == Some(after) {
            return;
        }
        let row = self.row(&job.spec);
        if let Some(before) = before {
            row.jobs[before as usize] = row.jobs[before as usize].saturating_sub(1);
        }
        row.jobs[after as usize] += 1;
    }

    /// Counts a job no more.
    pub(super) fn leave(&mut self, status: Status, spec: &Spec) {
        let jobs = &mut self.row(spec).jobs[status as usize];
        *jobs = jobs.saturating_sub(1);
    }

    /// Counts many jobs.
    pub(super) fn add(&mut self, sort: &Sort4, jobs: u64) {
        self.place(&sort.sub_type, &sort.kind, sort.priority).jobs[sort.status as usize] += jobs;
    }

    /// Counts jobs of a sort no more.
    pub(super) fn subtract(&mut self, sort: &Sort4, jobs: u64) {
        let count = &mut self.place(&sort.sub_type, &sort.kind, sort.priority).jobs[sort.status as usize];
        *count = count.saturating_sub(jobs);
    }

    /// The sorts that have jobs.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Sort4, u64)> + '_ {
        self.index.iter().flat_map(|(sub_type, index)| {
            self.rows[*index].iter().flat_map(move |row| {
                let sort = move |status: Status| Sort4 {
                    status,
                    kind: row.kind.clone(),
                    sub_type: sub_type.clone(),
                    priority: row.priority,
                };
                Status::ALL.iter().zip(row.jobs).filter(|(_, jobs)| *jobs > 0).map(move |(s, jobs)| (sort(*s), jobs))
            })
        })
    }

    fn row(&mut self, spec: &Spec) -> &mut Row {
        self.place(&spec.sub_type, &spec.kind, spec.priority)
    }

    fn place(&mut self, sub_type: &Name, kind: &Name, priority: Priority) -> &mut Row {
        let index = match self.index.get(sub_type) {
            Some(index) => *index,
            None => {
                self.index.insert(sub_type.clone(), self.rows.len());
                self.rows.push(Vec::new());
                self.rows.len() - 1
            }
        };
        let rows = &mut self.rows[index];
        let found = rows.iter().position(|row| row.priority == priority && row.kind == *kind);
        let index = found.unwrap_or_else(|| {
            rows.push(Row { kind: kind.clone(), priority, jobs: [0; Status::ALL.len()] });
            rows.len() - 1
        });
        &mut rows[index]
    }
}
