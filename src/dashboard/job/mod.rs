//! `/dashboard/jobs/{id}`: one job, whole: how far it is, what became of its tries, what it logged, its input, its result.

pub(super) mod act;
pub(super) mod moving;
pub(super) mod result;
mod timeline;
mod told;

use actix_web::web::Payload;
use bytes::Bytes;
use maud::{Markup, html};

use super::WRITE;
use super::part::viewer::BYTES_SHOWN_MAX;
use super::part::{self, Told, viewer};
use super::visit::{Answer, Visit};
use super::words::fill;
use crate::job::{Job, Status};

/// `GET /dashboard/jobs/{id}`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let job = visit.job().await?;
    let service = visit.service();
    let (tries, log) = (service.tries(job.id).await?, service.log(job.id).await?);
    let payload = service.store().payload(job.id).await?;
    let title = format!("{} {}", job.spec.sub_type, part::short(job.id));
    let live = (!job.is_finished()).then(|| visit.to(&format!("/jobs/{}/live", job.id)));
    let body = html! {
        div data-live=[live] {
            nav class="crumbs" { a href=(visit.to("/jobs")) { (words.jobs) } }
            div class="title" {
                h1 { (job.spec.sub_type) " " code class="quiet" title=(job.id) { (part::short(job.id)) } }
                (part::status(words, &job, service.now()))
                (buttons(&visit, &job))
            }
            (moving::now(&visit, &job).await)
            (failure(&visit, &job))
            div class="columns" {
                div {
                    section class="card" { h2 { (words.attempts) } (timeline::timeline(&visit, &job, &tries)) }
                    section class="card" { h2 { (words.result) } (result::view(&visit, &job).await) }
                    section class="card" { h2 { (words.payload) } (payload_view(&visit, payload.as_ref())) }
                    section class="card" { h2 { (words.log) } (moving::log(&visit, &log)) }
                    (told::events(&visit, &job).await?)
                }
                aside class="card" { h2 { (words.facts) } (facts(&visit, &job)) }
            }
        }
    };
    Ok(visit.page(&title, body))
}

/// What can be done with it.
fn buttons(visit: &Visit, job: &Job) -> Markup {
    let words = visit.words();
    if !visit.may(WRITE) {
        return html! {};
    }
    let button = |act: &str, name: &str, class: &str| {
        html! {
            form method="post" action=(visit.to(&format!("/jobs/{}/{act}", job.id))) { button class=(class) { (name) } }
        }
    };
    let is_stopping = job.run().is_some_and(|run| run.cancel.is_some());
    let waits_for_its_time = job.run_at().is_some_and(|at| at > visit.service().now());
    html! {
        div class="buttons" {
            @if waits_for_its_time { (button("retry", words.run_now, "")) }
            @if !job.is_finished() && !is_stopping { (button("cancel", words.cancel, "danger")) }
            @if matches!(job.status(), Status::Failed | Status::Cancelled) { (button("retry", words.retry, "primary")) }
            @if job.end().is_some_and(|end| end.dead) { (button("discard", words.discard, "danger")) }
            a class="button" href=(visit.to(&format!("/enqueue?from={}", job.id))) { (words.run_again) }
        }
    }
}

/// What went wrong.
fn failure(visit: &Visit, job: &Job) -> Markup {
    let words = visit.words();
    html! {
        @if let Some(error) = job.latest_error() {
            section class="card failure" {
                h2 { (words.error) " " code { (error.kind) } }
                p class="told" { (error.message) }
                @if let Some(trace) = &error.stack_trace {
                    details { summary { (words.stack_trace) } pre class="text" tabindex="0" { (trace) } }
                }
            }
        }
    }
}

fn payload_view(visit: &Visit, payload: Option<&Bytes>) -> Markup {
    let words = visit.words();
    let Some(payload) = payload else { return html! { p class="quiet" { (words.payload_gone) } } };
    // A tree takes many times the room of its text.
    let part = (payload.len() > BYTES_SHOWN_MAX).then(|| viewer::text(&payload[..BYTES_SHOWN_MAX]));
    html! {
        @if let Some((shown, whole)) = part.or_else(|| viewer::json(payload)) {
            (shown)
            @if !whole { p class="quiet" { (words.shown_partly) } }
        }
    }
}

/// Everything else that is known of it.
fn facts(visit: &Visit, job: &Job) -> Markup {
    let (words, spec) = (visit.words(), &*job.spec);
    let end = job.end();
    let holder = job.run().map(|run| &run.holder).or_else(|| end.and_then(|end| end.holder.as_ref()));
    let attempt = fill(words.attempt_of, &[&job.life.attempt.to_string(), &job.attempts_max().to_string()]);
    let fact = |name: &str, value: Markup| html! { dt { (name) } dd { (value) } };
    html! {
        dl class="facts" {
            (fact(words.job, html! { code class="id" { (job.id) } }))
            (fact(words.family, html! { (spec.kind) }))
            (fact(words.priority, html! { (part::priority(words, spec.priority)) }))
            (fact(words.attempt, html! { (attempt) }))
            (fact(words.created, part::time(job.created_at, Told::At)))
            @if let Some(at) = job.run_at() { (fact(words.run_at, part::time(at, Told::At))) }
            @if let Some(at) = job.started_at() { (fact(words.started_at, part::time(at, Told::At))) }
            @if let Some(end) = end {
                (fact(words.ended_at, part::time(end.at, Told::At)))
                (fact(words.took, part::took(visit.lang, job)))
            }
            @if let Some(user) = &spec.user_id { (fact(words.user, html! { (user) })) }
            @if !spec.tags().is_empty() {
                (fact(words.tags, html! { @for tag in spec.tags() { span class="tag" { (tag) } " " } }))
            }
            @if let Some(schedule) = spec.schedule_id() { (fact(words.schedule, html! { code { (schedule) } })) }
            @if let Some(holder) = holder {
                (fact(words.machine, html! { (holder.machine) " " span class="quiet" { (holder.process) } }))
            }
        }
        @if let Some(saved) = &job.life.saved {
            h2 { (words.saved_state) }
            @if let Some((shown, _)) = viewer::json(saved.as_bytes()) { (shown) }
        }
    }
}
