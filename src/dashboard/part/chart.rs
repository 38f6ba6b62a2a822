//! What ended in each minute, as bars: what succeeded, and on top of it what failed. It is drawn by the server, so it is there without a
//! script.

use maud::{Markup, html};

use super::Told;
use crate::clock::Timestamp;
use crate::dashboard::words::{Lang, Words, fill};
use crate::store::activity::{Activity, Ended, MINUTE_MS};

/// Height of the drawing, in its own units.
const HEIGHT: f64 = 120.0;
/// Width of a bar, with the gap after it.
const STEP: usize = 6;
/// What is there at all is seen.
const HEIGHT_MIN: f64 = 2.0;

/// How much of the day is drawn, and how many minutes are one bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) enum Reach {
    /// The last two hours, minute by minute.
    Hours,
    /// The whole day, in bars of ten minutes.
    Day,
}

impl Reach {
    const fn sizes(self) -> (usize, usize) {
        match self {
            Self::Hours => (120, 1),
            Self::Day => (144, 10),
        }
    }
}

/// The bars, newest at the right.
pub(in crate::dashboard) fn chart(words: &Words, lang: Lang, activity: &Activity, reach: Reach) -> Markup {
    let (bars, minutes) = reach.sizes();
    let shown = (bars * minutes).min(activity.minutes.len());
    let first = activity.minutes.len() - shown;
    let summed: Vec<Ended> = activity.minutes[first..].chunks(minutes).map(sum).collect();
    let most = summed.iter().map(|one| one.completed + one.failed).max().unwrap_or(0);
    let at = |bar: usize| activity.since.plus_millis((first + bar * minutes) as u64 * MINUTE_MS as u64);
    let (good, bad): (u64, u64) =
        summed.iter().fold((0, 0), |(good, bad), one| (good + one.completed, bad + one.failed));
    let told = fill(words.chart_told, &[&lang.number(good), &lang.number(bad)]);
    html! {
        figure class="chart" {
            div class="scale quiet" { span { (lang.number(most)) } span { "0" } }
            svg viewBox={ "0 0 " (bars * STEP) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(told) {
                @for (place, one) in summed.iter().enumerate() { (bar(words, lang, place, one, most, at(place))) }
            }
            figcaption class="quiet" {
                (super::time(at(0), Told::At)) span class="legend" {
                    span class="good" { (words.completed) } span class="bad" { (words.failed) }
                }
                (super::time(now(activity), Told::At))
            }
        }
    }
}

fn bar(words: &Words, lang: Lang, place: usize, one: &Ended, most: u64, at: Timestamp) -> Markup {
    let height = |count: u64| {
        if count == 0 { 0.0 } else { (count as f64 / most.max(1) as f64 * HEIGHT).max(HEIGHT_MIN) }
    };
    let (good, bad) = (height(one.completed), height(one.failed));
    let text = at.to_string();
    let title = format!(
        "{} UTC · {} {} · {} {}",
        &text[11..16],
        lang.number(one.completed),
        words.completed,
        lang.number(one.failed),
        words.failed
    );
    let (x, width) = (place * STEP, STEP - 2);
    html! {
        @if good + bad > 0.0 {
            g {
                title { (title) }
                rect class="good" x=(x) y=(format!("{:.1}", HEIGHT - good)) width=(width) height=(format!("{good:.1}")) {}
                rect class="bad" x=(x) y=(format!("{:.1}", (HEIGHT - good - bad).max(0.0))) width=(width) height=(format!("{bad:.1}")) {}
            }
        }
    }
}

fn sum(minutes: &[Ended]) -> Ended {
    minutes.iter().fold(Ended::default(), |mut sum, minute| {
        sum += *minute;
        sum
    })
}

/// The end of the last minute that is drawn.
fn now(activity: &Activity) -> Timestamp {
    activity.since.plus_millis(activity.minutes.len() as u64 * MINUTE_MS as u64)
}
