//! The tries of a job as a timeline: waiting, running, the pauses between. A drawing gives the proportions, a list says the rest.

use std::time::Duration;

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::dashboard::part::{self, Told};
use crate::dashboard::visit::Visit;
use crate::dashboard::words::Words;
use crate::job::{Job, Outcome};
use crate::service::look::Try;

/// Width of the drawing; it is scaled to its place.
const WIDTH: f64 = 1_000.0;
/// A span that is there at all is seen.
const WIDTH_MIN: f64 = 3.0;

/// A stretch of the life of a job.
struct Stretch {
    class: &'static str,
    name: &'static str,
    from: Timestamp,
    until: Timestamp,
}

pub(super) fn timeline(visit: &Visit, job: &Job, tries: &[Try]) -> Markup {
    let words = visit.words();
    if tries.is_empty() {
        return html! { p class="quiet" { (words.no_attempts) } };
    }
    let stretches = stretches(words, job, tries, visit.service().now());
    html! {
        (drawing(&stretches, visit))
        ol class="tries" { @for one in tries { (row(visit, one)) } }
    }
}

/// The life from its acceptance on, in stretches.
fn stretches(words: &Words, job: &Job, tries: &[Try], now: Timestamp) -> Vec<Stretch> {
    let mut found = Vec::new();
    let mut from = job.created_at;
    for one in tries {
        let (started_at, ended_at, class) = match one {
            Try::Ended(attempt) => (attempt.started_at, attempt.ended_at, attempt.outcome.as_str()),
            Try::UnderWay { run, .. } => (run.started_at, now, "running"),
        };
        let (class_before, name) =
            if found.is_empty() { ("waiting", words.waiting) } else { ("pause", words.pause_before_retry) };
        found.push(Stretch { class: class_before, name, from, until: started_at });
        found.push(Stretch { class, name: words.running, from: started_at, until: ended_at });
        from = ended_at;
    }
    if job.run_at().is_some() {
        found.push(Stretch { class: "pause", name: words.pause_before_retry, from, until: now });
    }
    found
}

fn drawing(stretches: &[Stretch], visit: &Visit) -> Markup {
    let length = |stretch: &Stretch| stretch.until.millis_since(stretch.from) as f64;
    let whole: f64 = stretches.iter().map(length).sum::<f64>().max(1.0);
    let widths: Vec<_> = stretches
        .iter()
        .map(|one| if length(one) > 0.0 { (length(one) / whole * WIDTH).max(WIDTH_MIN) } else { 0.0 })
        .collect();
    let scale = WIDTH / widths.iter().sum::<f64>().max(1.0);
    let mut x = 0.0;
    let mut placed = Vec::new();
    for (stretch, width) in stretches.iter().zip(widths) {
        placed.push((stretch, x, width * scale));
        x += width * scale;
    }
    html! {
        svg class="timeline" viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label=(visit.words().attempts) {
            @for (stretch, x, width) in placed {
                rect class=(stretch.class) x=(format!("{x:.1}")) y="0" width=(format!("{width:.1}")) height="20" {
                    title { (stretch.name) " · " (part::span(visit.lang, Duration::from_millis(length(stretch) as u64))) }
                }
            }
        }
    }
}

fn row(visit: &Visit, one: &Try) -> Markup {
    let words = visit.words();
    let (number, started_at, holder) = match one {
        Try::Ended(attempt) => (attempt.number, attempt.started_at, &attempt.holder),
        Try::UnderWay { number, run } => (*number, run.started_at, &run.holder),
    };
    let took = match one {
        Try::Ended(attempt) => {
            let span = Duration::from_millis(attempt.ended_at.millis_since(started_at));
            html! { (part::span(visit.lang, span)) }
        }
        Try::UnderWay { .. } => part::time(started_at, Told::Since),
    };
    let (class, outcome) = one.outcome().map_or(("progress", words.running), |outcome| named(words, outcome));
    html! {
        li {
            span class="try" { (words.attempt) " " (number) }
            " " span class={ "status " (class) } { (outcome) }
            " " span class="quiet" { (part::time(started_at, Told::At)) " · " (took) " · " (holder.machine) }
            @if let Some(error) = one.error() { p class="message" { code { (error.kind) } " " (error.message) } }
        }
    }
}

/// The class and the name of an outcome.
const fn named(words: &Words, outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Success => ("completed", words.completed),
        Outcome::Failed => ("failed", words.failed),
        Outcome::Timeout => ("failed", words.timed_out),
        Outcome::Cancelled => ("cancelled", words.cancelled),
        Outcome::Crashed => ("failed", words.crashed),
        Outcome::Lost => ("failed", words.lost),
        Outcome::Released => ("queued", words.released),
    }
}
