//! `tally` and `standing`: counts that are kept and not counted, and why a job is not running.

use std::collections::BTreeMap;

use faena::job::{Event, Outcome, Priority, Status};
use faena::store::query::Sort4;
use faena::store::{Filter, Group, Insert, Standing};

use crate::bed::*;
use crate::dice::Dice;

/// What is kept against what is there.
async fn assert_kept_is_counted(bed: &Bed, now: i64) {
    let tally = bed.store().tally(at(now)).await.unwrap();
    let jobs = bed.all(Filter::default(), at(now)).await;
    let mut rows: BTreeMap<Sort4, u64> = BTreeMap::new();
    for job in &jobs {
        let spec = &job.spec;
        let sort = Sort4 {
            status: job.status(),
            kind: spec.kind.clone(),
            sub_type: spec.sub_type.clone(),
            priority: spec.priority,
        };
        *rows.entry(sort).or_default() += 1;
    }
    assert_eq!(tally.rows.iter().cloned().collect::<BTreeMap<_, _>>(), rows);
    let ready: Vec<_> = jobs.iter().filter_map(|job| job.run_at()).filter(|since| *since <= at(now)).collect();
    let delayed = jobs.iter().filter_map(|job| job.run_at()).filter(|since| *since > at(now)).count();
    assert_eq!((tally.ready, tally.delayed), (ready.len() as u64, delayed as u64));
    // A job that waits for its concurrency key does not count as waiting for a worker: perhaps none does.
    assert!(tally.oldest_ready.is_none_or(|oldest| Some(oldest) >= ready.iter().min().copied()));
    let dead = jobs.iter().filter(|job| job.end().is_some_and(|end| end.dead)).count();
    assert_eq!(tally.dead, dead as u64);
}

pub async fn rule_28_what_is_kept_is_what_is_there(mut bed: Bed) {
    let mut dice = Dice::thrown();
    for turn in 0..160 {
        let now = turn * 700;
        match dice.below(9) {
            0..=2 => {
                let mut job = job_of(dice.one_of(&["work", "report"])).priority(dice.one_of(Priority::ALL));
                if dice.chance(3) {
                    job = job.run_at(at(now + 2_000));
                }
                if dice.chance(4) {
                    job = job.concurrency("disk", 1);
                }
                bed.accept(job, at(now)).await;
            }
            3 | 4 => drop(bed.claim(2, at(now)).await),
            5 => {
                let jobs = bed.all(Filter::default(), at(now)).await;
                let running: Vec<_> = jobs.iter().filter(|job| job.run().is_some()).collect();
                if !running.is_empty() {
                    let job = dice.one_of(&running);
                    let endings: [fn(u32) -> Event; 5] =
                        [succeeded, failed, failed_for_good, released, |epoch| progressed(epoch, 5)];
                    bed.applied(job, dice.one_of(&endings)(job.life.epoch), at(now)).await;
                }
            }
            6 => {
                let waiting = bed.all(Filter { status: vec![Status::Queued], ..Filter::default() }, at(now)).await;
                if !waiting.is_empty() {
                    let job = dice.one_of(&waiting);
                    bed.applied(&job, cancel_asked(), at(now)).await;
                }
            }
            7 => {
                let dead = bed.all(Filter { dead: true, ..Filter::default() }, at(now)).await;
                if !dead.is_empty() {
                    let event = dice.one_of(&[retry_asked(), Event::Discarded]);
                    let job = dice.one_of(&dead);
                    bed.applied(&job, event, at(now)).await;
                }
            }
            _ if dice.chance(4) => bed = bed.reopened(at(now)),
            _ => drop(bed.store().prune(prune(at(now - 20_000)), at(now)).await.unwrap()),
        }
        assert_kept_is_counted(&bed, now).await;
    }
}

pub async fn the_oldest_ready_job_is_known(bed: Bed) {
    assert_eq!(bed.store().tally(at(0)).await.unwrap().oldest_ready, None);
    bed.accept(new_job().run_at(at(40)), at(0)).await;
    bed.accept(new_job().priority(Priority::Low), at(10)).await;
    bed.accept(new_job().priority(Priority::High), at(20)).await;
    let tally = bed.store().tally(at(30)).await.unwrap();
    assert_eq!(tally.oldest_ready, Some(at(10)));
    assert_eq!(tally.oldest.map(|job| job.spec.priority), Some(Priority::Low));
    bed.claim(2, at(50)).await;
    assert_eq!(bed.store().tally(at(50)).await.unwrap().oldest_ready, Some(at(10)), "the low one is still there");
    bed.accept(new_job().run_at(at(60)), at(55)).await;
    bed.claim(1, at(58)).await;
    assert_eq!(bed.store().tally(at(59)).await.unwrap().oldest_ready, None);
    assert_eq!(bed.store().tally(at(70)).await.unwrap().oldest_ready, Some(at(60)));
}

pub async fn a_job_whose_time_has_not_come_stands_so(bed: Bed) {
    let job = bed.accept(new_job().run_at(at(9_000)), at(0)).await;
    assert_eq!(standing(&bed, &job, 10).await, Standing::NotDue(at(9_000)));
    assert_eq!(standing(&bed, &job, 9_000).await, Standing::Behind(0));
}

pub async fn a_job_stands_behind_those_that_go_first(bed: Bed) {
    let jobs = (0..3).map(|_| Insert::from(new_job())).collect();
    bed.store().insert(jobs, Group::Each, at(0)).await.unwrap();
    let job = bed.accept(new_job(), at(0)).await;
    bed.accept(new_job(), at(0)).await;
    bed.accept(new_job().priority(Priority::High), at(0)).await;
    bed.accept(new_job().priority(Priority::Low), at(0)).await;
    bed.accept(job_of("other").priority(Priority::High), at(0)).await;
    assert_eq!(standing(&bed, &job, 1).await, Standing::Behind(4));
    bed.claim(2, at(2)).await;
    assert_eq!(standing(&bed, &job, 2).await, Standing::Behind(2));
}

pub async fn a_paused_subtype_is_the_reason(bed: Bed) {
    let job = bed.accept(new_job(), at(0)).await;
    bed.store().pause(name("work"), true).await.unwrap();
    assert_eq!(standing(&bed, &job, 1).await, Standing::Paused);
    bed.store().pause(name("work"), false).await.unwrap();
    assert_eq!(standing(&bed, &job, 1).await, Standing::Behind(0));
}

pub async fn a_taken_concurrency_key_is_the_reason_and_says_by_whom(bed: Bed) {
    bed.accept(new_job().concurrency("disk", 1), at(0)).await;
    let job = bed.accept(new_job().concurrency("disk", 1), at(0)).await;
    let running = bed.claim_one(at(1)).await;
    let gated = Standing::Gated { key: "disk".into(), by: vec![running.id] };
    assert_eq!(standing(&bed, &job, 2).await, gated);
    bed.applied(&running, succeeded(1), at(3)).await;
    assert_eq!(standing(&bed, &job, 4).await, Standing::Behind(0));
}

pub async fn a_job_that_does_not_wait_says_so(bed: Bed) {
    let ended = bed.ended(new_job(), Outcome::Success, at(0)).await;
    assert_eq!(standing(&bed, &ended, 1).await, Standing::NotWaiting);
    bed.accept(new_job(), at(0)).await;
    let running = bed.claim_one(at(0)).await;
    assert_eq!(standing(&bed, &running, 1).await, Standing::NotWaiting);
}

async fn standing(bed: &Bed, job: &faena::job::Job, now: i64) -> Standing {
    bed.store().standing(job.id, at(now)).await.unwrap().unwrap()
}
