//! `schedule_figures`: what is kept of all schedules together, against what a look at each of them finds.

use std::sync::Arc;

use faena::clock::Timestamp;
use faena::job::{Outcome, Priority};
use faena::schedule::{Event, Schedule, Standing, decide};
use faena::store::schedules::{ScheduleFigures, ScheduleFilter, SchedulePage, ScheduleSort};

use crate::bed::*;
use crate::dice::Dice;
use crate::schedules::{MINUTE, with};

async fn all(bed: &Bed, now: Timestamp) -> Vec<Arc<Schedule>> {
    let page = SchedulePage { sort: ScheduleSort::NextDue, limit: 1_000, offset: 0 };
    bed.store().schedules(ScheduleFilter::default(), page, now).await.unwrap().items
}

/// What is kept against what is there.
async fn agrees(bed: &Bed, now: Timestamp) {
    let kept = bed.store().schedule_figures(3, now).await.unwrap();
    let there = all(bed, now).await;
    let count = |test: &dyn Fn(&Schedule) -> bool| there.iter().filter(|schedule| test(schedule)).count() as u64;
    let sum = |of: &dyn Fn(&Schedule) -> u64| there.iter().map(|schedule| of(schedule)).sum::<u64>();
    let failed_at = |schedule: &Schedule| {
        let last = schedule.life.tally.last.as_ref()?;
        matches!(last.outcome, Some(Outcome::Failed | Outcome::Timeout | Outcome::Crashed | Outcome::Lost))
            .then_some(last.at)
    };
    let counted = ScheduleFigures {
        enabled: count(&|schedule| schedule.life.enabled),
        disabled: count(&|schedule| schedule.standing(now) == Standing::Disabled),
        paused: count(&|schedule| schedule.standing(now) == Standing::Paused),
        by_priority: Priority::ALL.iter().map(|wanted| (*wanted, count(&|it| it.spec.priority == *wanted))).collect(),
        executions: sum(&|schedule| schedule.life.tally.succeeded + schedule.life.tally.failed),
        failures: sum(&|schedule| schedule.life.tally.failed),
        failing: count(&|schedule| failed_at(schedule).is_some()),
        upcoming: Vec::new(),
        failed: Vec::new(),
    };
    assert_eq!(ScheduleFigures { upcoming: Vec::new(), failed: Vec::new(), ..kept.clone() }, counted);
    let mut due: Vec<_> = there.iter().filter_map(|schedule| schedule.due_at()).collect();
    due.sort();
    due.truncate(3);
    assert_eq!(kept.upcoming.iter().filter_map(|schedule| schedule.due_at()).collect::<Vec<_>>(), due);
    let mut failed: Vec<_> = there.iter().filter_map(|schedule| failed_at(schedule)).collect();
    failed.sort_by(|a, b| b.cmp(a));
    failed.truncate(3);
    assert_eq!(kept.failed.iter().filter_map(|schedule| failed_at(schedule)).collect::<Vec<_>>(), failed);
}

pub async fn rule_28_what_is_kept_of_all_is_what_is_there(mut bed: Bed) {
    let mut dice = Dice::thrown();
    for turn in 0..200_i64 {
        let now = at(turn * MINUTE / 3);
        let there = all(&bed, now).await;
        match dice.below(8) {
            0 | 1 => {
                let priority = dice.one_of(Priority::ALL);
                bed.schedule(with(&format!("s{turn}"), |spec| spec.priority = priority), now).await;
            }
            2 | 3 if !there.is_empty() => {
                let until = Some(now.plus_millis(1 + dice.below(200_000)));
                let mut spec = (*dice.one_of(&there).spec).clone();
                spec.priority = dice.one_of(Priority::ALL);
                let schedule = dice.one_of(&there);
                spec.name = schedule.spec.name.clone();
                let event = dice.one_of(&[
                    Event::Enabled,
                    Event::Disabled,
                    Event::Paused { until },
                    Event::Paused { until: None },
                    Event::Resumed,
                    Event::Edited { spec: spec.into() },
                ]);
                if decide(&schedule, event.clone(), now).is_ok() {
                    bed.moved(&schedule, event, now).await;
                }
            }
            4 if !there.is_empty() => {
                let schedule = dice.one_of(&there);
                bed.moved(&schedule, Event::RunAsked { payload: None }, now).await;
            }
            5 | 6 => {
                for job in bed.claim(2, now).await {
                    let ending = dice.one_of(&[succeeded as fn(u32) -> _, failed_for_good]);
                    bed.applied(&job, ending(job.life.epoch), now).await;
                }
            }
            _ if dice.chance(4) => bed = bed.reopened(now),
            _ if !there.is_empty() && dice.chance(2) => {
                bed.store().remove_schedule(dice.one_of(&there).id, None, None).await.unwrap();
            }
            _ => drop(bed.store().prune(prune(now), now).await.unwrap()),
        }
        agrees(&bed, now).await;
    }
    assert!(!all(&bed, at(0)).await.is_empty());
}
