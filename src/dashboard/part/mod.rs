//! What pages are made of. Times are written in UTC, and a script puts them into the reader's zone.

pub(super) mod chart;
pub(super) mod tree;
pub(super) mod viewer;

use std::time::Duration;

use maud::{Markup, html};

use super::words::{Lang, Words};
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Priority, Status};

/// How a moment is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    /// As long ago, or as far ahead: for lists.
    Ago,
    /// By date and time.
    At,
    /// As the time that has passed since, and goes on.
    Since,
}

/// A moment. The exact one is in its title.
pub(super) fn time(at: Timestamp, told: Told) -> Markup {
    let told = match told {
        Told::Ago => "ago",
        Told::At => "at",
        Told::Since => "since",
    };
    let text = at.to_string();
    html! { time datetime=(text) data-told=(told) title=(text) { (text[..19].replace('T', " ")) " UTC" } }
}

/// A status, or what tells more of it.
pub(super) fn status(words: &Words, job: &Job, now: Timestamp) -> Markup {
    let (class, name) = standing(words, job, now);
    html! { span class={ "status " (class) } { (name) } }
}

/// The class and the name of where a job stands.
fn standing(words: &Words, job: &Job, now: Timestamp) -> (&'static str, &'static str) {
    if job.run().is_some_and(|run| run.cancel.is_some()) {
        return ("stopping", words.stopping);
    }
    match job.status() {
        Status::Queued if job.run_at().is_some_and(|at| at > now) => ("scheduled", words.scheduled),
        status => (status.as_str(), words.status(status)),
    }
}

/// A priority.
pub(super) const fn priority(words: &Words, priority: Priority) -> &'static str {
    match priority {
        Priority::High => words.high,
        Priority::Normal => words.normal,
        Priority::Low => words.low,
    }
}

/// How far a job has come.
pub(super) fn bar(words: &Words, job: &Job) -> Markup {
    let percent = job.life.progress.percent;
    html! {
        progress class=(job.status().as_str()) max="100" value=(percent) aria-label=(words.progress_of) { (percent) " %" }
    }
}

/// The short form of an id: its last part, which tells jobs of one moment apart.
pub(super) fn short(id: JobId) -> String {
    let text = id.to_string();
    text[text.len() - 12..].to_owned()
}

/// A time span in the two units that say most.
pub(super) fn span(lang: Lang, span: Duration) -> String {
    let ms = span.as_millis();
    let decimal = |number: f64| {
        let text = format!("{number:.1}");
        if lang == Lang::Spanish { text.replace('.', ",") } else { text }
    };
    let seconds = span.as_secs();
    match seconds {
        _ if ms < 1_000 => format!("{ms} ms"),
        0..10 => format!("{} s", decimal(span.as_secs_f64())),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// How long a job took, or has been taking.
pub(super) fn took(lang: Lang, job: &Job) -> Markup {
    match (job.run(), job.end()) {
        (Some(run), _) => time(run.started_at, Told::Since),
        (None, Some(end)) => match end.started_at {
            Some(started_at) => html! { (span(lang, Duration::from_millis(end.at.millis_since(started_at)))) },
            None => html! { "–" },
        },
        (None, None) => html! { "–" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_units_that_say_most() {
        let told = |ms| span(Lang::English, Duration::from_millis(ms));
        assert_eq!([told(0), told(999), told(1_500), told(59_999)], ["0 ms", "999 ms", "1.5 s", "59 s"]);
        assert_eq!([told(61_000), told(3_660_000), told(90_000_000)], ["1 min 01 s", "1 h 01 min", "1 d 01 h"]);
        assert_eq!(span(Lang::Spanish, Duration::from_millis(1_500)), "1,5 s");
    }
}
