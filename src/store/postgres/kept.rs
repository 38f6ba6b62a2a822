//! What is kept beside the jobs and never counted (rule 28): how many there are of each sort, and what came to an end in each
//! minute. A transaction adds rows with what it changed; now and then they are summed up.

use std::collections::BTreeMap;

use tokio_postgres::types::Type;

use super::place::Fault;
use super::rows::number_of;
use super::session::{Asks, Session};
use crate::clock::Timestamp;
use crate::job::{Job, Name, Outcome, Priority, Spec, Status};
use crate::store::activity::{Activity, Durations, Ended, MINUTE_MS, MINUTES};
use crate::store::query::{Sort4, Tally};

/// What a transaction changes in the kept counts.
#[derive(Default)]
pub(super) struct Kept {
    jobs: BTreeMap<(Name, Name, i16, i16), i64>,
    minutes: BTreeMap<i64, (Ended, Durations)>,
}

/// Stands for dead letters among the statuses.
const DEAD: i16 = 6;
/// Stands for all that was before the minutes that are told apart.
const BEFORE: i64 = i64::MIN;

const ADD_JOBS: &str = "INSERT INTO faena.tally (kind, sub_type, priority, status, jobs) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::smallint[], $5::bigint[])";
const ADD_MINUTES: &str = "INSERT INTO faena.minute (minute, completed, failed, cancelled, retried, took_ms, durations) \
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[])";
const FOLD_JOBS: &str = "WITH gone AS (DELETE FROM faena.tally RETURNING *) \
     INSERT INTO faena.tally SELECT kind, sub_type, priority, status, sum(jobs) FROM gone \
     GROUP BY 1, 2, 3, 4 HAVING sum(jobs) <> 0";
const JOBS: &str = "SELECT kind, sub_type, priority, status, sum(jobs)::bigint FROM faena.tally \
     GROUP BY 1, 2, 3, 4 HAVING sum(jobs) > 0";
const TAKE_MINUTES: &str =
    "DELETE FROM faena.minute RETURNING minute, completed, failed, cancelled, retried, took_ms, durations";
const READ_MINUTES: &str = "SELECT minute, completed, failed, cancelled, retried, took_ms, durations FROM faena.minute";

impl Kept {
    /// A job is there that was not.
    pub(super) fn enter(&mut self, job: &Job) {
        self.count(&job.spec, number_of(job.status()), 1);
        self.count(&job.spec, DEAD, dead(job));
    }

    /// A job is there no more.
    pub(super) fn leave(&mut self, job: &Job) {
        self.count(&job.spec, number_of(job.status()), -1);
        self.count(&job.spec, DEAD, -dead(job));
    }

    /// A job that has not ended stands otherwise.
    pub(super) fn step(&mut self, before: Status, job: &Job, after: Status) {
        if before != after {
            self.count(&job.spec, number_of(before), -1);
            self.count(&job.spec, number_of(after), 1);
        }
        self.count(&job.spec, DEAD, dead(job));
    }

    /// Jobs that had ended are forgotten: a row with their family, subtype, priority and status, whether they were dead letters, and
    /// how many there are.
    pub(super) fn forget(&mut self, row: &tokio_postgres::Row) -> Result<u64, Fault> {
        let name = |index| Name::new(row.try_get::<_, &str>(index)?).map_err(Fault::broken);
        let (kind, sub_type, priority, count) = (name(0)?, name(1)?, row.try_get(2)?, row.try_get::<_, i64>(5)?);
        if row.try_get(4)? {
            *self.jobs.entry((kind.clone(), sub_type.clone(), priority, DEAD)).or_default() -= count;
        }
        *self.jobs.entry((kind, sub_type, priority, row.try_get(3)?)).or_default() -= count;
        Ok(count as u64)
    }

    fn count(&mut self, spec: &Spec, status: i16, by: i64) {
        if by != 0 {
            let sort = (spec.kind.clone(), spec.sub_type.clone(), spec.priority as i16, status);
            *self.jobs.entry(sort).or_default() += by;
        }
    }

    /// A job that lived has come to its end.
    pub(super) fn finished(&mut self, job: &Job) {
        let Some(end) = job.end() else { return };
        let (ended, durations) = self.minutes.entry(minute_of(end.at)).or_default();
        match job.status() {
            Status::Completed => {
                let took_ms = end.started_at.map_or(0, |started| end.at.millis_since(started));
                ended.completed += 1;
                ended.took_ms = ended.took_ms.saturating_add(took_ms);
                durations.note(took_ms);
            }
            Status::Cancelled => ended.cancelled += 1,
            _ => ended.failed += 1,
        }
    }

    /// A try is over, and another one follows.
    pub(super) fn again(&mut self, job: &Job) {
        if let Some(last) = job.attempts().last().filter(|last| last.outcome != Outcome::Released) {
            self.minutes.entry(minute_of(last.ended_at)).or_default().0.retried += 1;
        }
    }

    /// Makes sure that [`write`](Self::write) leaves in its turn.
    pub(super) async fn prepare(session: &Session) -> Result<(), Fault> {
        let jobs = [Type::TEXT_ARRAY, Type::TEXT_ARRAY, Type::INT2_ARRAY, Type::INT2_ARRAY, Type::INT8_ARRAY];
        let mut minutes = vec![Type::INT8_ARRAY; 6];
        minutes.push(Type::BYTEA_ARRAY);
        session.prepare(ADD_JOBS, &jobs).await?;
        session.prepare(ADD_MINUTES, &minutes).await
    }

    /// Adds it up with what is there, within the transaction of the caller.
    pub(super) async fn write(mut self, session: &impl Asks) -> Result<(), Fault> {
        self.jobs.retain(|_, count| *count != 0);
        let jobs = async {
            if self.jobs.is_empty() {
                return Ok(());
            }
            let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for ((kind, sub_type, priority, status), count) in &self.jobs {
                columns.0.push(kind.as_str());
                columns.1.push(sub_type.as_str());
                columns.2.push(*priority);
                columns.3.push(*status);
                columns.4.push(*count);
            }
            let params = [
                (&columns.0 as _, Type::TEXT_ARRAY),
                (&columns.1 as _, Type::TEXT_ARRAY),
                (&columns.2 as _, Type::INT2_ARRAY),
                (&columns.3 as _, Type::INT2_ARRAY),
                (&columns.4 as _, Type::INT8_ARRAY),
            ];
            session.query(ADD_JOBS, &params).await.map(drop)
        };
        let (jobs, minutes) = futures_util::future::join(jobs, add_minutes(session, &self.minutes)).await;
        jobs.and(minutes)
    }
}

async fn add_minutes(session: &impl Asks, minutes: &BTreeMap<i64, (Ended, Durations)>) -> Result<(), Fault> {
    if minutes.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = minutes.keys().copied().collect();
    let of = |number: fn(&Ended) -> u64| minutes.values().map(|(ended, _)| number(ended) as i64).collect::<Vec<_>>();
    let (completed, failed, cancelled) = (of(|it| it.completed), of(|it| it.failed), of(|it| it.cancelled));
    let (retried, took_ms) = (of(|it| it.retried), of(|it| it.took_ms));
    let durations: Vec<_> = minutes.values().map(|(_, durations)| durations.to_bytes()).collect();
    let params = [
        (&numbers as _, Type::INT8_ARRAY),
        (&completed as _, Type::INT8_ARRAY),
        (&failed as _, Type::INT8_ARRAY),
        (&cancelled as _, Type::INT8_ARRAY),
        (&retried as _, Type::INT8_ARRAY),
        (&took_ms as _, Type::INT8_ARRAY),
        (&durations as _, Type::BYTEA_ARRAY),
    ];
    session.query(ADD_MINUTES, &params).await.map(drop)
}

/// Sums up what the transactions added. Two that do it at once take different rows.
pub(super) async fn fold(session: &Session) -> Result<(), Fault> {
    session.query(FOLD_JOBS, &[]).await?;
    let mut minutes: BTreeMap<i64, (Ended, Durations)> = BTreeMap::new();
    let rows = session.query(TAKE_MINUTES, &[]).await?;
    let latest = rows.iter().filter_map(|row| row.try_get::<_, i64>(0).ok()).max().unwrap_or_default();
    for row in &rows {
        let (mut number, ended, durations) = minute(row)?;
        // A day is told apart, and one more for clocks that were set back.
        let told = latest.saturating_sub(2 * MINUTES as i64);
        let durations = if number < told { Durations::default() } else { durations };
        if number < told {
            number = BEFORE;
        }
        let sum = minutes.entry(number).or_default();
        sum.0 += ended;
        sum.1.merge(&durations);
    }
    add_minutes(session, &minutes).await
}

/// How many jobs there are of each sort, and how many dead letters.
pub(super) async fn jobs(session: &Session) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    for row in session.query(JOBS, &[]).await? {
        let name = |index| Name::new(row.try_get::<_, &str>(index)?).map_err(Fault::broken);
        let jobs = row.try_get::<_, i64>(4)? as u64;
        let status: i16 = row.try_get(3)?;
        if status == DEAD {
            tally.dead += jobs;
            continue;
        }
        let priority = Priority::ALL.get(row.try_get::<_, i16>(2)? as usize).copied().unwrap_or_default();
        let status = Status::ALL.get(status as usize).copied().ok_or_else(|| Fault::broken("no such status"))?;
        tally.rows.push((Sort4 { status, kind: name(0)?, sub_type: name(1)?, priority }, jobs));
    }
    Ok(tally)
}

/// What came to an end in the day before `now`, and ever.
pub(super) async fn activity(session: &Session, now: Timestamp) -> Result<Activity, Fault> {
    let last = minute_of(now);
    let first = last.saturating_sub(MINUTES as i64 - 1);
    let mut told = Activity {
        ever: Ended::default(),
        since: Timestamp::from_millis(first.saturating_mul(MINUTE_MS)),
        minutes: vec![Ended::default(); MINUTES],
        durations: Durations::default(),
    };
    for row in session.query(READ_MINUTES, &[]).await? {
        let (number, ended, durations) = minute(&row)?;
        told.ever += ended;
        if (first..=last).contains(&number) {
            told.minutes[(number - first) as usize] += ended;
            told.durations.merge(&durations);
        }
    }
    Ok(told)
}

fn minute(row: &tokio_postgres::Row) -> Result<(i64, Ended, Durations), Fault> {
    let number = |index| row.try_get::<_, i64>(index).map(|number| number as u64);
    let (completed, failed, cancelled) = (number(1)?, number(2)?, number(3)?);
    let ended = Ended { completed, failed, cancelled, retried: number(4)?, took_ms: number(5)? };
    Ok((row.try_get(0)?, ended, Durations::of_bytes(row.try_get(6)?)))
}

fn minute_of(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(MINUTE_MS)
}

fn dead(job: &Job) -> i64 {
    i64::from(job.end().is_some_and(|end| end.dead))
}
