//! `list`: every filter, alone and mixed, against a reference that looks at each job; pages by offset and by cursor.

use std::sync::Arc;

use faena::job::{Event, Job, NewJob, Outcome, Priority, Status};
use faena::store::query::{Sort, Start};
use faena::store::{Filter, Page, PageOf};

use crate::bed::*;
use crate::dice::Dice;

const NOW: i64 = 1_000_000;

/// Jobs of many sorts in every status, created a second apart.
async fn crowd(bed: &Bed, dice: &mut Dice, count: i64) {
    for n in 0..count {
        let created = at(n * 1_000);
        let job = bed.accept(some_job(dice, n), created).await;
        match dice.below(8) {
            0 => drop(bed.applied(&job, cancel_asked(), created).await),
            1 => {}
            turn => {
                let asked = faena::store::Claim { sub_types: [job.spec.sub_type.clone()].into(), ..claim(1_000) };
                for job in bed.store().claim(asked, created).await.unwrap().jobs {
                    let event = match turn {
                        2 => continue,
                        3 => succeeded(job.life.epoch),
                        4 => failed_for_good(job.life.epoch),
                        5 => failed(job.life.epoch),
                        _ => Event::Progressed {
                            epoch: job.life.epoch,
                            percent: 10,
                            message: Some("Lesen der Übersicht".into()),
                        },
                    };
                    bed.applied(&job, event, created).await;
                }
            }
        }
    }
}

pub fn some_job(dice: &mut Dice, n: i64) -> NewJob {
    let mut job = job_of(dice.one_of(&["work", "report", "train"])).priority(dice.one_of(Priority::ALL));
    job.kind = dice.chance(2).then(|| name(dice.one_of(&["data", "ml"])));
    if dice.chance(2) {
        job = job.user(dice.one_of(&["ana", "Bob", "ana_maria"]));
    }
    if dice.chance(3) {
        job = job.tag(dice.one_of(&["monthly", "north"])).tag("all");
    }
    if dice.chance(4) {
        job = job.run_at(at((n + 50_000) * 1_000));
    }
    job.options.schedule_id = dice.chance(5).then(|| dice.one_of(&["nightly", "weekly"]).into());
    job
}

pub fn some_filter(dice: &mut Dice, count: i64) -> Filter {
    let mut filter = Filter::default();
    for _ in 0..dice.below(3) {
        filter.status.push(dice.one_of(Status::ALL));
    }
    filter.kind = dice.chance(4).then(|| name(dice.one_of(&["data", "ml", "work"])));
    filter.sub_type = dice.chance(4).then(|| name(dice.one_of(&["work", "report", "nobody"])));
    filter.priority = dice.chance(5).then(|| dice.one_of(Priority::ALL));
    filter.user_id = dice.chance(5).then(|| (dice.one_of(&["ana", "Bob", "nobody"])).into());
    filter.tag = dice.chance(5).then(|| (dice.one_of(&["monthly", "all"])).into());
    filter.schedule_id = dice.chance(8).then(|| "nightly".into());
    filter.fired = dice.chance(6);
    filter.created_after = dice.chance(5).then(|| at(dice.below(count as u64) as i64 * 1_000));
    filter.created_before = dice.chance(5).then(|| at(dice.below(count as u64) as i64 * 1_000));
    filter.text = dice.chance(5).then(|| (dice.one_of(&["ANA", "übersicht", "luck", "rep", "%", "_"])).into());
    filter.dead = dice.chance(8);
    filter
}

/// What the port says that a filter means, read off each job anew.
fn names(filter: &Filter, job: &Job) -> bool {
    let spec = &job.spec;
    let said = |wanted: &Option<Box<str>>, has: Option<&str>| wanted.is_none() || wanted.as_deref() == has;
    let tags: Vec<&str> = spec.tags().iter().map(|tag| &**tag).collect();
    let mut text = vec![job.id.to_string(), spec.sub_type.to_string()];
    text.extend(spec.user_id.as_ref().map(|user| user.to_string()));
    text.extend(tags.iter().map(|tag| (*tag).to_owned()));
    text.extend(job.life.progress.message().map(str::to_owned));
    text.extend(job.latest_error().map(|error| error.message.to_string()));
    (filter.status.is_empty() || filter.status.contains(&job.status()))
        && (filter.kind.is_none() || filter.kind.as_ref() == Some(&spec.kind))
        && (filter.sub_type.is_none() || filter.sub_type.as_ref() == Some(&spec.sub_type))
        && (filter.priority.is_none() || filter.priority == Some(spec.priority))
        && said(&filter.user_id, spec.user_id.as_deref())
        && said(&filter.schedule_id, spec.schedule_id())
        && (!filter.fired || spec.schedule_id().is_some())
        && filter.tag.as_ref().is_none_or(|tag| tags.contains(&&**tag))
        && filter.created_after.is_none_or(|from| job.created_at >= from)
        && filter.created_before.is_none_or(|before| job.created_at < before)
        && (!filter.dead || job.end().is_some_and(|end| end.dead))
        && filter
            .text
            .as_ref()
            .is_none_or(|wanted| text.iter().any(|part| part.to_lowercase().contains(&wanted.to_lowercase())))
}

pub async fn page(bed: &Bed, filter: &Filter, sort: Sort, limit: usize, start: Start) -> PageOf<Arc<Job>> {
    bed.store().list(filter.clone(), Page { sort, limit, start }, at(NOW)).await.unwrap()
}

pub fn seqs(jobs: &[Arc<Job>]) -> Vec<u64> {
    jobs.iter().map(|job| job.seq).collect()
}

/// What a filter must answer, in order.
pub fn expected(everything: &[Arc<Job>], filter: &Filter, sort: Sort) -> Vec<u64> {
    let mut found: Vec<_> = everything.iter().filter(|job| names(filter, job)).map(|job| job.seq).collect();
    if sort == Sort::CreatedDescending {
        found.reverse();
    }
    found
}

async fn everything(bed: &Bed) -> Vec<Arc<Job>> {
    let all = bed.all(Filter::default(), at(NOW)).await;
    assert!(all.is_sorted_by(|a, b| a.seq < b.seq));
    for job in &all {
        assert_same(&bed.get(job.id).await, job);
    }
    all
}

pub async fn every_filter_alone_names_what_it_says(bed: Bed) {
    let mut dice = Dice::thrown();
    crowd(&bed, &mut dice, 120).await;
    let all = everything(&bed).await;
    assert_eq!(all.len(), 120);
    let mut filters = vec![
        Filter { kind: Some(name("data")), ..Filter::default() },
        Filter { sub_type: Some(name("report")), ..Filter::default() },
        Filter { user_id: Some("ana".into()), ..Filter::default() },
        Filter { tag: Some("monthly".into()), ..Filter::default() },
        Filter { schedule_id: Some("nightly".into()), ..Filter::default() },
        Filter { fired: true, ..Filter::default() },
        Filter { created_after: Some(at(60_000)), ..Filter::default() },
        Filter { created_before: Some(at(60_000)), ..Filter::default() },
        Filter { text: Some("NO LUCK".into()), ..Filter::default() },
        Filter { text: Some("ana".into()), ..Filter::default() },
        Filter { dead: true, ..Filter::default() },
    ];
    filters.extend(Status::ALL.iter().map(|status| Filter { status: vec![*status], ..Filter::default() }));
    filters.extend(Priority::ALL.iter().map(|priority| Filter { priority: Some(*priority), ..Filter::default() }));
    for filter in filters {
        let found = page(&bed, &filter, Sort::CreatedAscending, 500, Start::Offset(0)).await;
        let wanted = expected(&all, &filter, Sort::CreatedAscending);
        assert!(!wanted.is_empty(), "the crowd has some of each: {filter:?}");
        assert_eq!(seqs(&found.items), wanted, "{filter:?}");
        assert_eq!((found.total, found.exact, found.more), (wanted.len() as u64, true, false), "{filter:?}");
    }
}

pub async fn mixed_filters_sorts_and_offsets_agree_with_the_reference(bed: Bed) {
    let mut dice = Dice::thrown();
    crowd(&bed, &mut dice, 150).await;
    let bed = if dice.chance(2) { bed.reopened(at(NOW)) } else { bed };
    let all = everything(&bed).await;
    for _ in 0..300 {
        let filter = some_filter(&mut dice, 150);
        let sort = dice.one_of(&[Sort::CreatedAscending, Sort::CreatedDescending]);
        let (limit, offset) = (1 + dice.below(40) as usize, dice.below(60) as usize);
        let wanted = expected(&all, &filter, sort);
        let found = page(&bed, &filter, sort, limit, Start::Offset(offset)).await;
        let part: Vec<_> = wanted.iter().skip(offset).take(limit).copied().collect();
        assert_eq!(seqs(&found.items), part, "{filter:?} {sort:?} limit {limit} offset {offset}");
        assert_eq!((found.total, found.exact), (wanted.len() as u64, true), "{filter:?}");
        assert_eq!(found.more, wanted.len() > offset + limit, "{filter:?} {sort:?} limit {limit} offset {offset}");
    }
}

pub async fn rule_32_cursor_pages_are_complete_and_without_duplicates(bed: Bed) {
    let mut dice = Dice::thrown();
    crowd(&bed, &mut dice, 120).await;
    let all = everything(&bed).await;
    for sort in [Sort::CreatedAscending, Sort::CreatedDescending] {
        for _ in 0..20 {
            let filter = some_filter(&mut dice, 120);
            let limit = 1 + dice.below(17) as usize;
            let mut start = Start::Offset(0);
            let mut found = Vec::new();
            loop {
                let page = page(&bed, &filter, sort, limit, start).await;
                found.extend(seqs(&page.items));
                let Some(after) = page.next() else { break };
                start = Start::After(after);
            }
            assert_eq!(found, expected(&all, &filter, sort), "{filter:?} {sort:?} limit {limit}");
        }
    }
}

pub async fn rule_32_what_comes_and_ends_meanwhile_does_not_shift_a_cursor(bed: Bed) {
    for n in 0..40 {
        bed.accept(new_job(), at(n)).await;
    }
    let before = seqs(&everything(&bed).await);
    let mut found = Vec::new();
    let mut start = Start::Offset(0);
    loop {
        let page = page(&bed, &Filter::default(), Sort::CreatedDescending, 7, start).await;
        found.extend(seqs(&page.items));
        let Some(last) = page.items.last().filter(|_| page.more) else { break };
        start = Start::After(last.seq);
        bed.accept(new_job(), at(500)).await;
        for job in bed.claim(3, at(500)).await {
            bed.applied(&job, succeeded(1), at(500)).await;
        }
    }
    found.reverse();
    assert_eq!(found, before, "newer jobs come on an earlier page, and ended ones stay where they were");
}

pub async fn a_page_past_the_end_is_empty_and_knows_the_total(bed: Bed) {
    for _ in 0..3 {
        bed.accept(new_job(), at(0)).await;
    }
    let found = page(&bed, &Filter::default(), Sort::default(), 10, Start::Offset(3)).await;
    assert_eq!((found.items.len(), found.total, found.more), (0, 3, false));
    let first = page(&bed, &Filter::default(), Sort::default(), 3, Start::Offset(0)).await;
    assert_eq!((first.items.len(), first.more), (3, false));
}

pub async fn the_whole_id_of_a_job_names_it_alone(bed: Bed) {
    let (ended, waiting) = (bed.ended(new_job(), Outcome::Success, at(0)).await, bed.accept(new_job(), at(1)).await);
    let talks_of_it = bed.accept(new_job().tag(ended.id.to_string()), at(2)).await;
    let list = async |text: &str, start| {
        let filter = Filter { text: Some(text.into()), ..Filter::default() };
        let found = page(&bed, &filter, Sort::default(), 10, start).await;
        (seqs(&found.items), found.total)
    };
    for job in [&ended, &waiting] {
        assert_eq!(list(&job.id.to_string().to_uppercase(), Start::Offset(0)).await, (vec![job.seq], 1));
        assert_eq!(list(&job.id.to_string(), Start::Offset(1)).await, (vec![], 1));
        assert_eq!(list(&job.id.to_string(), Start::After(job.seq)).await, (vec![], 1));
    }
    assert_eq!(list(&ended.id.to_string()[1..], Start::Offset(0)).await.0, [talks_of_it.seq, ended.seq]);
    assert_eq!(list(&faena::job::JobId::new().to_string(), Start::Offset(0)).await, (vec![], 0));
    let filter = Filter { text: Some(ended.id.to_string().into()), tag: Some("none".into()), ..Filter::default() };
    assert_eq!(page(&bed, &filter, Sort::default(), 10, Start::Offset(0)).await.total, 0);
}

pub async fn a_job_is_listed_once_whatever_happened_to_it(bed: Bed) {
    let dead = bed.ended(new_job(), Outcome::Failed, at(0)).await;
    let waiting = bed.applied(&dead, retry_asked(), at(1)).await;
    let all = everything(&bed).await;
    assert_eq!(seqs(&all), [waiting.seq]);
    let bed = bed.reopened(at(2));
    assert_eq!(seqs(&everything(&bed).await), [waiting.seq]);
}
