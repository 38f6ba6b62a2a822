//! The parts of a job's page that move while somebody looks: how far it is and why it does not run, and its log. The stream sends
//! them anew, in the same words as the page.

use maud::{Markup, html};

use crate::clock::Timestamp;
use crate::dashboard::part::{self, Told};
use crate::dashboard::visit::Visit;
use crate::dashboard::words::fill;
use crate::job::Job;
use crate::service::explain::Reason;
use crate::store::LogLine;

/// How far it is, or why it does not run.
pub(in crate::dashboard) async fn now(visit: &Visit, job: &Job) -> Markup {
    let percent = job.life.progress.percent;
    let told = job.life.progress.message();
    html! {
        section id="now" class="card now" {
            div class="bar-row" {
                (part::bar(visit.words(), job))
                span class="percent" { (percent) " %" }
            }
            p class="told" { @if let Some(told) = told { (told) } }
            @if job.run().is_some() { (pace(visit, job)) }
            @if job.run_at().is_some() { (why(visit, job).await) }
        }
    }
}

/// The rate and the time left of a run.
fn pace(visit: &Visit, job: &Job) -> Markup {
    let words = visit.words();
    let left = visit.service().remaining(job).map(|left| part::span(visit.lang, left));
    html! {
        p class="pace quiet" {
            @if let Some(run) = job.run() {
                span { (words.elapsed) " " (part::time(run.started_at, Told::Since)) }
                @if let Some(rate) = per_minute(job, run.started_at) {
                    span { (fill(words.per_minute, &[&rate])) }
                }
            }
            @if let Some(left) = left { span { (fill(words.left, &[&left])) } }
        }
    }
}

/// Time after which a rate says something.
const RATE_AFTER_MS: u64 = 1_000;

/// Percent a minute, from the start to the latest report.
fn per_minute(job: &Job, started_at: Timestamp) -> Option<String> {
    let ms = job.life.progress.at()?.millis_since(started_at);
    let percent = job.life.progress.percent;
    (percent > 0 && ms >= RATE_AFTER_MS).then(|| {
        let rate = f64::from(percent) * 60_000.0 / ms as f64;
        if rate >= 10.0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
    })
}

/// Why it is not running, in one sentence.
async fn why(visit: &Visit, job: &Job) -> Markup {
    let words = visit.words();
    let Ok((_, reason)) = visit.service().explain(job.id).await else { return html! {} };
    let sub_type = job.spec.sub_type.as_str();
    let with_time = |sentence: &str, at: Timestamp| {
        let (before, after) = sentence.split_once("{0}").unwrap_or((sentence, ""));
        html! { (before) (part::time(at, Told::At)) (after) }
    };
    let sentence = match &reason {
        Reason::Finished | Reason::Stopping | Reason::Running => return html! {},
        Reason::NotDue(at) if job.life.failures > 0 => with_time(words.why_next_try, *at),
        Reason::NotDue(at) => with_time(words.why_not_due, *at),
        Reason::Paused => html! { (fill(words.why_paused, &[sub_type])) },
        Reason::ConcurrencyKeyTaken { key, by } => html! {
            (fill(words.why_key, &[key]))
            @for id in by { " " a href=(visit.to(&format!("/jobs/{id}"))) { code { (part::short(*id)) } } }
        },
        Reason::NoWorker => html! { (fill(words.why_no_worker, &[sub_type])) },
        Reason::Behind(1) => html! { (fill(words.why_behind_one, &[sub_type])) },
        Reason::Behind(count) => html! { (fill(words.why_behind, &[sub_type, &visit.lang.number(*count)])) },
        Reason::Next => html! { (words.why_next) },
    };
    html! { p class="why" data-code=(reason.code()) { strong { (words.why_not) } " " span { (sentence) } } }
}

/// What it has logged.
pub(in crate::dashboard) fn log(visit: &Visit, log: &[LogLine]) -> Markup {
    html! {
        div id="log" class="log" tabindex="0" role="log" {
            @for line in log {
                p { (part::time(line.at, Told::At)) " " span class="line" { (line.text) } }
            }
            @if log.is_empty() { p class="quiet" { (visit.words().no_log) } }
        }
    }
}
