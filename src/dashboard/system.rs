//! `/dashboard/system`: what can be done here and by whom: processors, workers, nodes, and the settings, to read.

use actix_web::web::Payload;
use maud::{Markup, html};

use super::part::{self, Told};
use super::visit::{Answer, Visit};
use super::words::fill;
use super::{ADMIN, LOOK, WORK};
use crate::error::Error;
use crate::service::operate::Standing;

/// `GET /dashboard/system`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let standings = visit.service().processors().await?;
    let body = html! {
        div data-live=[visit.live()] {
            h1 { (words.system) }
            section class="card" { h2 { (words.processors) } (processors(&visit, &standings)) }
            @if visit.may(WORK) { section class="card" { h2 { (words.workers) } (workers(&visit).await?) } }
            @if visit.may(LOOK) { section class="card" { h2 { (words.nodes_title) } (nodes(&visit).await?) } }
            @if visit.may(ADMIN) { section class="card" { h2 { (words.settings) } (settings(&visit)) } }
        }
    };
    Ok(visit.page(words.system, body))
}

fn processors(visit: &Visit, standings: &[Standing]) -> Markup {
    let words = visit.words();
    let jobs = |status: &str, count: u64, standing: &Standing| {
        html! {
            @if count == 0 { "0" } @else {
                a href=(visit.to(&format!("/jobs?status={status}&subType={}", standing.sub_type))) { (visit.lang.number(count)) }
            }
        }
    };
    html! {
        table class="list" {
            thead {
                tr {
                    th scope="col" { (words.sub_type) }
                    th scope="col" class="minor" { (words.done_by) }
                    th scope="col" class="number" { (words.queued) }
                    th scope="col" class="number" { (words.running) }
                    th scope="col" { span class="unseen" { (words.acts) } }
                }
            }
            tbody {
                @for standing in standings {
                    tr id={ "processor-" (standing.sub_type) } {
                        td class="wide" {
                            span class="name" { (standing.sub_type) }
                            @if standing.paused { " " span class="tag" { (words.paused) } }
                            @if let Some(processor) = &standing.processor { span class="message quiet" { (processor.summary) } }
                        }
                        td class="minor" { (done_by(visit, standing)) }
                        td class="number" { (jobs("queued", standing.queued, standing)) }
                        td class="number" { (jobs("started,progress", standing.running, standing)) }
                        td { (buttons(visit, standing)) }
                    }
                }
            }
        }
    }
}

/// Who does the jobs of a subtype.
fn done_by(visit: &Visit, standing: &Standing) -> Markup {
    let words = visit.words();
    let here = standing.processor.is_some() && visit.service().settings().runs_jobs;
    html! {
        @if here { (words.this_process) }
        @if here && standing.workers > 0 { ", " }
        @if standing.workers > 0 { (fill(words.so_many_workers, &[&standing.workers.to_string()])) }
        @if !here && standing.workers == 0 { span class="complaint" { (words.nobody) } }
    }
}

fn buttons(visit: &Visit, standing: &Standing) -> Markup {
    let words = visit.words();
    let (act, name) = if standing.paused { ("resume", words.resume) } else { ("pause", words.pause) };
    html! {
        @if visit.may(ADMIN) {
            form method="post" action=(visit.to(&format!("/processors/{}/{act}", standing.sub_type))) class="buttons" {
                button { (name) }
            }
        }
    }
}

/// `POST /dashboard/processors/{subType}/pause`
pub(super) async fn pause(visit: Visit, _: Payload) -> Answer {
    visit.service().pause(visit.part("subType"), true).await?;
    Ok(visit.see(&visit.to("/system")))
}

/// `POST /dashboard/processors/{subType}/resume`
pub(super) async fn resume(visit: Visit, _: Payload) -> Answer {
    visit.service().pause(visit.part("subType"), false).await?;
    Ok(visit.see(&visit.to("/system")))
}

async fn workers(visit: &Visit) -> Result<Markup, Error> {
    let words = visit.words();
    let found = visit.service().workers().await?;
    Ok(html! {
        @if found.is_empty() { p class="quiet" { (words.no_workers) } } @else {
            table class="list" {
                thead {
                    tr {
                        th scope="col" { (words.name) }
                        th scope="col" { (words.does) }
                        th scope="col" class="number" { (words.holds) }
                        th scope="col" { (words.heard) }
                    }
                }
                tbody {
                    @for present in &found {
                        tr {
                            td class="job" { (present.worker.name) }
                            td { @for name in present.worker.sub_types.iter() { span class="tag" { (name) } " " } }
                            td class="number" { (present.held) " / " (present.worker.concurrency) }
                            td {
                                @if visit.service().is_live(present) { span class="status completed" { (words.alive) } } @else { span class="status failed" { (words.silent) } }
                                " " span class="quiet" { (part::time(present.heard_at, Told::Ago)) }
                            }
                        }
                    }
                }
            }
        }
    })
}

async fn nodes(visit: &Visit) -> Result<Markup, Error> {
    let words = visit.words();
    let found = visit.service().nodes().await?;
    Ok(html! {
        table class="list" {
            thead {
                tr {
                    th scope="col" { (words.machine) }
                    th scope="col" { (words.process) }
                    th scope="col" { (words.version) }
                    th scope="col" class="number" { (words.running) }
                    th scope="col" { (words.up_since) }
                }
            }
            tbody {
                @for node in &found {
                    tr {
                        td { (node.holder.machine) }
                        td { (node.holder.process) }
                        td { (node.version) }
                        td class="number" { (node.running) }
                        td { (part::time(node.since, Told::Since)) }
                    }
                }
            }
        }
    })
}

/// What an operator chose, to read: nothing of it is secret.
fn settings(visit: &Visit) -> Markup {
    let words = visit.words();
    let settings = visit.service().settings();
    let readiness = visit.service().readiness();
    let span = |span| part::span(visit.lang, span);
    let number = |number: usize| visit.lang.number(number as u64);
    let fact = |name: &str, value: String| html! { dt { code { (name) } } dd { (value) } };
    html! {
        p class="quiet" { (words.settings_why) }
        dl class="facts" {
            (fact("store", readiness.store.engine.to_owned()))
            (fact("no_jobs", (!settings.runs_jobs).to_string()))
            (fact("queue_depth", visit.lang.number(settings.queue_depth_max)))
            (fact("lease", span(settings.lease)))
            (fact("idempotency_window", span(settings.idempotency_window)))
            (fact("wait_max", span(settings.wait_max)))
            (fact("streams_max", number(settings.streams_max)))
            (fact("key_streams_max", number(settings.key_streams_max)))
            (fact("hosts", visit.desk.settings.hosts.as_deref().unwrap_or_default().join(", ")))
            (fact("cors_origins", visit.desk.settings.cors_origins.join(", ")))
            (fact("body_bytes_max", number(visit.desk.settings.body_bytes_max)))
        }
    }
}
