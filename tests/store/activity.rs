//! `activity` and `upcoming`: what came to an end, minute by minute, kept and not counted; and what comes next.

use std::collections::BTreeMap;
use std::time::Duration;

use faena::job::{Event, Job, Outcome, Priority, decide};
use faena::store::activity::{Activity, Ended, MINUTE_MS, MINUTES};
use faena::store::{Claim, Filter, Group, Insert};

use crate::bed::*;
use crate::dice::Dice;

/// What ended, noted one by one.
#[derive(Default)]
struct Noted {
    minutes: BTreeMap<i64, Ended>,
    /// When each completed job ended, and what it took.
    took: Vec<(i64, u64)>,
}

impl Noted {
    fn at(&mut self, now: i64) -> &mut Ended {
        self.minutes.entry(now.div_euclid(MINUTE_MS)).or_default()
    }

    /// Notes what a step did to a running job.
    fn note(&mut self, before: &Job, after: &Job, now: i64) {
        let Some(end) = after.end() else {
            if before.run().is_some() && after.run_at().is_some() && after.life.failures > before.life.failures {
                self.at(now).retried += 1;
            }
            return;
        };
        match end.outcome {
            Outcome::Success => {
                let took = end.at.millis_since(before.run().unwrap().started_at);
                self.at(now).completed += 1;
                self.at(now).took_ms += took;
                self.took.push((now, took));
            }
            Outcome::Cancelled => self.at(now).cancelled += 1,
            _ => self.at(now).failed += 1,
        }
    }

    /// What is kept is what was noted.
    #[track_caller]
    fn agrees(&self, kept: &Activity, now: i64) {
        let last = now.div_euclid(MINUTE_MS);
        let first = last - (MINUTES as i64 - 1);
        let minutes: Vec<_> =
            (first..=last).map(|minute| self.minutes.get(&minute).copied().unwrap_or_default()).collect();
        assert_eq!(kept.minutes, minutes);
        assert_eq!(kept.since, at(first * MINUTE_MS));
        let mut ever = Ended::default();
        self.minutes.values().for_each(|minute| ever += *minute);
        assert_eq!(kept.ever, ever);
        let of_day = |ended: i64| (first..=last).contains(&ended.div_euclid(MINUTE_MS));
        let mut took: Vec<u64> = self.took.iter().filter(|(at, _)| of_day(*at)).map(|(_, took)| *took).collect();
        took.sort_unstable();
        assert_eq!(
            kept.day().mean(),
            took.iter().sum::<u64>().checked_div(took.len() as u64).map(Duration::from_millis)
        );
        for percent in [50, 90, 95, 99] {
            let exact = took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied();
            let said = kept.durations.percentile(percent as u32).map(|took| took.as_millis() as u64);
            assert_eq!(said.is_some(), exact.is_some());
            let (said, exact) = (said.unwrap_or(0), exact.unwrap_or(0));
            assert!((exact..=exact + exact / 16).contains(&said), "p{percent} is {exact}, and {said} was said");
        }
    }
}

async fn activity(bed: &Bed, now: i64) -> Activity {
    bed.store().figures().activity(at(now)).await.unwrap()
}

pub async fn rule_28_what_ended_is_kept_by_the_minute(mut bed: Bed) {
    let mut dice = Dice::thrown();
    let (mut noted, mut now) = (Noted::default(), 0);
    for _ in 0..200 {
        // From milliseconds to hours, now and then back.
        now += [7, 900, 31_000, 3_600_000, -45_000][dice.below(5) as usize];
        match dice.below(8) {
            0..=2 => drop(bed.accept(new_job(), at(now)).await),
            3 => drop(bed.claim(2, at(now)).await),
            4 | 5 => {
                let jobs = bed.all(Filter::default(), at(now)).await;
                let live: Vec<_> = jobs.iter().filter(|job| !job.is_finished()).collect();
                if !live.is_empty() {
                    let job = dice.one_of(&live);
                    let endings: [fn(u32) -> Event; 4] = [succeeded, failed, failed_for_good, released];
                    let event = match job.run() {
                        Some(_) => dice.one_of(&endings)(job.life.epoch),
                        None => cancel_asked(),
                    };
                    let after = bed.applied(job, event, at(now)).await;
                    noted.note(job, &after, now);
                }
            }
            6 => {
                // A letter that is retried counts again when it ends again, one that is discarded does not.
                let dead = bed.all(Filter { dead: true, ..Filter::default() }, at(now)).await;
                if !dead.is_empty() {
                    let event = dice.one_of(&[retry_asked(), Event::Discarded]);
                    let job = dice.one_of(&dead);
                    bed.applied(&job, event, at(now)).await;
                }
            }
            _ if dice.chance(3) => {
                let running = bed.all(Filter::default(), at(now)).await;
                let running = running.iter().filter(|job| job.run().is_some()).count() as u64;
                let in_a_process_that_died = bed.is_durable();
                bed = bed.reopened(at(now));
                if in_a_process_that_died && running > 0 {
                    let jobs = bed.all(Filter::default(), at(now)).await;
                    let crashed = jobs.iter().filter(|job| {
                        // The one that a job was set aside with is part of its ending.
                        let last = job.last_attempt().filter(|_| job.is_finished());
                        last.or_else(|| job.attempts().last().cloned())
                            .is_some_and(|last| last.outcome == Outcome::Crashed && last.ended_at == at(now))
                    });
                    let (ended, waiting): (Vec<_>, Vec<_>) = crashed.partition(|job| job.is_finished());
                    assert_eq!((ended.len() + waiting.len()) as u64, running);
                    noted.at(now).retried += waiting.len() as u64;
                    noted.at(now).failed += ended.len() as u64;
                }
            }
            _ => drop(bed.store().prune(prune(at(now - 20_000)), at(now)).await.unwrap()),
        }
        noted.agrees(&activity(&bed, now).await, now);
    }
}

pub async fn a_minute_begins_with_the_minute_of_utc(bed: Bed) {
    for end in [59_999, 60_000, 119_999, 120_000] {
        bed.ended(new_job(), Outcome::Success, at(end)).await;
    }
    let kept = activity(&bed, 120_000).await;
    let completed: Vec<_> = kept.minutes.iter().map(|minute| minute.completed).collect();
    assert_eq!(completed[MINUTES - 3..], [1, 2, 1]);
    assert_eq!(completed[..MINUTES - 3].iter().sum::<u64>(), 0);
    assert_eq!(kept.since, at((2 - MINUTES as i64 + 1) * MINUTE_MS));
    let day = MINUTES as i64 * MINUTE_MS;
    for (now, completed) in [(day - 1, 4), (day, 3), (day + 59_999, 3), (day + 60_000, 1), (day + 120_000, 0), (0, 1)] {
        let kept = activity(&bed, now).await;
        assert_eq!((kept.day().completed, kept.ever.completed), (completed, 4), "at {now}");
    }
}

pub async fn a_try_that_is_given_back_has_not_gone_wrong(bed: Bed) {
    bed.accept(new_job(), at(0)).await;
    let job = bed.claim_one(at(10)).await;
    bed.applied(&job, released(1), at(20)).await;
    let job = bed.claim_one(at(30)).await;
    bed.applied(&job, failed(job.life.epoch), at(40)).await;
    // Run at once what waits for its next try: nothing has ended by that.
    let waiting = bed.get(job.id).await;
    bed.applied(&waiting, retry_asked(), at(45)).await;
    let job = bed.claim_one(at(50)).await;
    bed.applied(&job, succeeded(job.life.epoch), at(57)).await;
    let ended = Ended { completed: 1, retried: 1, took_ms: 7, ..Ended::default() };
    assert_eq!(activity(&bed, 60).await.ever, ended);
}

pub async fn what_is_older_than_its_window_is_added_up(bed: Bed) {
    // A job in each minute of three days, and a restart: more minutes than are told apart.
    let count = 3 * MINUTES as i64;
    let jobs = (0..count).map(|_| Insert::from(new_job())).collect();
    bed.store().insert(jobs, Group::Each, at(0)).await.unwrap();
    let jobs = bed.store().claim(claim(count as usize), at(0)).await.unwrap().jobs;
    for chunk in jobs.chunks(500) {
        let end = |job: &Job| at(job.seq as i64 * MINUTE_MS);
        let steps = chunk.iter().map(|job| decide(job, succeeded(1), end(job)).unwrap()).collect();
        bed.store().commit(steps, at(0)).await.unwrap();
    }
    let now = count * MINUTE_MS;
    let kept = activity(&bed, now).await;
    assert_eq!((kept.ever.completed, kept.day().completed), (count as u64, MINUTES as u64));
    assert_eq!(kept.ever.took_ms, (1..=count as u64).sum::<u64>() * MINUTE_MS as u64);
    let bed = bed.reopened(at(now));
    assert_eq!(activity(&bed, now).await, kept);
}

pub async fn the_next_jobs_come_by_urgency_and_then_by_their_time(bed: Bed) {
    let mut ids = Vec::new();
    for job in [
        new_job().run_at(at(90_000)),
        job_of("report").run_at(at(80_000)),
        new_job().priority(Priority::Low),
        job_of("report"),
        new_job().priority(Priority::High),
        new_job(),
    ] {
        ids.push(bed.accept(job, at(0)).await.id);
    }
    let upcoming = async |limit, now| {
        let jobs = bed.store().figures().upcoming(limit, at(now)).await.unwrap();
        jobs.iter().map(|job| ids.iter().position(|id| *id == job.id).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(upcoming(10, 1).await, [4, 3, 5, 2, 1, 0]);
    assert_eq!(upcoming(3, 1).await, [4, 3, 5]);
    let gone = bed.get(ids[3]).await;
    bed.applied(&gone, cancel_asked(), at(2)).await;
    bed.store().claim(Claim { max: 1, ..claim(1) }, at(2)).await.unwrap();
    assert_eq!(upcoming(10, 3).await, [5, 2, 1, 0]);
    assert_eq!(upcoming(0, 3).await, Vec::<usize>::new());
}

#[test]
fn a_store_without_these_counts_has_its_endings_all_the_same() {
    run(Engine::Sqlite, |bed| async move {
        for outcome in [Outcome::Success, Outcome::Success, Outcome::Failed, Outcome::Cancelled] {
            bed.ended(new_job(), outcome, at(0)).await;
        }
        bed.store().close().await.unwrap();
        let conn = rusqlite::Connection::open(database(bed.folder())).unwrap();
        conn.execute_batch("DROP TABLE minute; DROP TABLE ended_before; PRAGMA user_version = 2;").unwrap();
        drop(conn);
        let mut bed = bed.reopened(at(1));
        for turn in 1..3 {
            bed.ended(new_job(), Outcome::Success, at(2)).await;
            bed = bed.reopened(at(3));
            let kept = activity(&bed, 3).await;
            let ever = Ended { completed: 2 + turn, failed: 1, cancelled: 1, ..Ended::default() };
            assert_eq!((kept.ever, kept.day().completed), (ever, turn));
        }
    });
}
