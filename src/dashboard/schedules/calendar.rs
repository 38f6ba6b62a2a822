//! The executions of a schedule as a calendar: one square a day, the deeper the more there were, red where one failed. It knows as
//! many days as the latest executions reach back.

use std::sync::Arc;

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::dashboard::visit::Visit;
use crate::dashboard::words::fill;
use crate::job::{Job, Status};

/// Weeks that are shown.
const WEEKS: i64 = 20;
const DAY_MS: i64 = 86_400_000;
/// A square with the gap after it.
const STEP: i64 = 15;

/// What happened on one day of UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Day {
    runs: u64,
    failed: u64,
}

pub(super) fn calendar(visit: &Visit, latest: &[Arc<Job>], now: Timestamp) -> Markup {
    let words = visit.words();
    let today = now.as_millis().div_euclid(DAY_MS);
    // 1970-01-01 was a Thursday; weeks begin on Monday.
    let weekday = |day: i64| (day + 3).rem_euclid(7);
    let first = today - weekday(today) - 7 * (WEEKS - 1);
    let days = days(latest, first, today);
    let most = days.iter().map(|day| day.runs).max().unwrap_or(0).max(1);
    let class = |day: &Day| match (day.runs, day.failed) {
        (0, _) => "none",
        (_, failed) if failed > 0 => "bad",
        (runs, _) if runs * 3 <= most => "low",
        (runs, _) if runs * 3 <= most * 2 => "middle",
        _ => "high",
    };
    let (runs, failed): (u64, u64) = days.iter().fold((0, 0), |sum, day| (sum.0 + day.runs, sum.1 + day.failed));
    let told = fill(words.marks_told, &[&visit.lang.number(runs), &visit.lang.number(failed)]);
    html! {
        svg class="calendar" viewBox={ "0 0 " (WEEKS * STEP) " " (7 * STEP) } role="img" aria-label=(told) {
            @for (place, day) in (0_i64..).zip(&days) {
                rect class=(class(day)) x=(place / 7 * STEP) y=(place % 7 * STEP) width=(STEP - 3) height=(STEP - 3) rx="2" {
                    title {
                        (date(first + place)) " · " (fill(words.marks_told, &[&day.runs.to_string(), &day.failed.to_string()]))
                    }
                }
            }
        }
        p class="quiet" { (told) }
    }
}

/// The days from the first one on.
fn days(latest: &[Arc<Job>], first: i64, today: i64) -> Vec<Day> {
    let count = usize::try_from(today - first + 1).unwrap_or(0);
    let mut days = vec![Day::default(); count];
    for job in latest {
        let at = job.spec.options().and_then(|options| options.scheduled_for).unwrap_or(job.created_at);
        let place = usize::try_from(at.as_millis().div_euclid(DAY_MS) - first).ok();
        if let Some(day) = place.and_then(|place| days.get_mut(place)) {
            day.runs += 1;
            day.failed += u64::from(job.status() == Status::Failed);
        }
    }
    days
}

fn date(day: i64) -> String {
    Timestamp::from_millis(day * DAY_MS).to_string().chars().take(10).collect()
}
