//! Lists over a history of many blocks, on disk: holes where jobs were forgotten, a clock that was set back, jobs that
//! live among those that ended. A page may be shorter than asked for when a search took too long on a busy machine; it
//! must say so, and a walk by cursor must miss nothing.

use std::sync::Arc;

use faena::job::{Event, Job, NewJob, Status, decide};
use faena::store::query::{Sort, Start};
use faena::store::{Claim, Filter, Group};

use crate::bed::*;
use crate::dice::Dice;
use crate::list::{expected, page, seqs, some_filter, some_job};

/// Jobs of the history: several blocks of it.
const JOBS: i64 = 1_500;
/// Jobs accepted at one moment.
const AT_ONCE: i64 = 100;

/// A long history, and all that is left of it.
async fn history(bed: &Bed, dice: &mut Dice) -> Vec<Arc<Job>> {
    let mut now = 0;
    for first in (0..JOBS).step_by(AT_ONCE as usize) {
        // Now and then the clock is set back.
        now = if dice.chance(6) { now / 2 } else { (first + AT_ONCE) * 1_000 };
        let jobs: Vec<NewJob> = (first..first + AT_ONCE)
            .map(|n| {
                let job = NewJob { run_at: None, ..some_job(dice, n) };
                if dice.chance(100) { job.tag("rare") } else { job }
            })
            .collect();
        bed.store().insert(jobs.into_iter().map(Into::into).collect(), Group::Each, at(now)).await.unwrap();
    }
    let later = at(JOBS * 2_000);
    let sub_types = ["work", "report", "train"].map(name).into();
    let claimed = bed.store().claim(Claim { sub_types, ..claim(JOBS as usize) }, later).await.unwrap().jobs;
    assert_eq!(claimed.len() as i64, JOBS);
    end(bed, dice, claimed.iter().filter(|_| true), later).await;
    forget_some(bed, dice).await;
    bed.all(Filter::default(), later).await
}

/// Most have completed, some failed, a few run on.
async fn end<'a>(bed: &Bed, dice: &mut Dice, jobs: impl Iterator<Item = &'a Arc<Job>>, now: faena::clock::Timestamp) {
    let mut steps = Vec::new();
    for job in jobs {
        let event = match dice.below(60) {
            0 => continue,
            1 => failed_for_good(1),
            2 => cancel_asked(),
            3 => Event::Progressed { epoch: 1, percent: 9, message: Some("Lesen der Übersicht".into()) },
            _ => succeeded(1),
        };
        steps.push(decide(job, event, now).unwrap());
    }
    bed.store().commit(steps, now).await.unwrap();
}

/// Whole blocks lose their jobs, others some: those that failed are asked for again, the oldest of them are forgotten.
async fn forget_some(bed: &Bed, dice: &mut Dice) {
    let later = at(JOBS * 2_000 + 1);
    let failed = Filter { status: vec![Status::Failed], ..Filter::default() };
    let failed = bed.all(failed, later).await;
    let again = failed.iter().filter(|_| dice.chance(2));
    let steps: Vec<_> = again.map(|job| decide(job, retry_asked(), later).unwrap()).collect();
    bed.store().commit(steps, later).await.unwrap();
    let forget = faena::store::Prune { limit: 400, ..prune(later) };
    assert_eq!(bed.store().prune(forget, later).await.unwrap().jobs, 400);
}

fn on_disk<F: Future<Output = ()>>(clause: impl FnOnce(Bed) -> F) {
    run(Engine::Sqlite, clause);
}

/// Every page of a filter against the reference.
async fn agrees(bed: &Bed, all: &[Arc<Job>], filter: &Filter, dice: &mut Dice) {
    let sort = dice.one_of(&[Sort::CreatedAscending, Sort::CreatedDescending]);
    let (limit, offset) = (1 + dice.below(60) as usize, dice.below(all.len() as u64) as usize);
    let wanted = expected(all, filter, sort);
    let found = page(bed, filter, sort, limit, Start::Offset(offset)).await;
    let part: Vec<_> = wanted.iter().skip(offset).take(limit).copied().collect();
    let said = format!("{filter:?} {sort:?} limit {limit} offset {offset}");
    assert!(part.starts_with(&seqs(&found.items)), "{said}");
    assert!(found.items.len() == part.len() || found.more, "{said}");
    assert!(found.more || wanted.len() <= offset + limit, "{said}");
    let total = wanted.len() as u64;
    assert!(
        if found.exact { found.total == total } else { found.total <= total },
        "{} of {total}: {said}",
        found.total
    );
    if filter.is_placed() {
        assert!(found.exact, "counters are kept: {said}");
    }
    let (mut walked, mut start) = (Vec::new(), Start::Offset(0));
    loop {
        let page = page(bed, filter, sort, 1 + dice.below(300) as usize, start).await;
        walked.extend(seqs(&page.items));
        let Some(after) = page.next() else { break };
        start = Start::After(after);
    }
    assert_eq!(walked, wanted, "{filter:?} {sort:?}");
}

/// After a restart the same jobs are there; those that ran wait again.
async fn reopened(bed: Bed, before: &[Arc<Job>]) -> (Bed, Vec<Arc<Job>>) {
    let bed = bed.reopened(at(JOBS * 2_000 + 2));
    let all = bed.all(Filter::default(), at(JOBS * 2_000 + 2)).await;
    assert_eq!(seqs(&all), seqs(before));
    (bed, all)
}

#[test]
fn pages_of_a_long_history_agree_with_the_reference() {
    on_disk(|mut bed| async move {
        let mut dice = Dice::thrown();
        let mut all = history(&bed, &mut dice).await;
        assert_eq!(all.len() as i64, JOBS - 400);
        for turn in 0..120 {
            let mut filter = some_filter(&mut dice, JOBS);
            if dice.chance(8) {
                filter.tag = Some("rare".into());
            }
            agrees(&bed, &all, &filter, &mut dice).await;
            if turn == 60 {
                (bed, all) = reopened(bed, &all).await;
            }
        }
    });
}

#[test]
fn a_store_of_the_first_form_is_counted_anew() {
    on_disk(|bed| async move {
        let mut dice = Dice::thrown();
        let all = history(&bed, &mut dice).await;
        bed.store().close().await.unwrap();
        let conn = rusqlite::Connection::open(database(bed.folder())).unwrap();
        conn.execute_batch(
            "DROP TABLE block; DROP TABLE tally; PRAGMA user_version = 1;
             CREATE TABLE tally (
                status TEXT NOT NULL, kind TEXT NOT NULL, sub_type TEXT NOT NULL, priority TEXT NOT NULL,
                jobs INTEGER NOT NULL, PRIMARY KEY (status, kind, sub_type, priority)) WITHOUT ROWID;
             INSERT INTO tally SELECT status, kind, sub_type, priority, count(*) FROM history GROUP BY 1, 2, 3, 4;",
        )
        .unwrap();
        drop(conn);
        let (bed, all) = reopened(bed, &all).await;
        for _ in 0..20 {
            agrees(&bed, &all, &some_filter(&mut dice, JOBS), &mut dice).await;
        }
    });
}
