//! `/dashboard/schedules`: what fires by itself, when next, and how it went; one schedule with the calendar of its executions; and
//! a place to try an expression out.

pub(super) mod act;
mod calendar;
pub(super) mod cron;
pub(super) mod edit;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Payload;
use maud::{Markup, html};

use super::part::viewer;
use super::part::{self, Told};
use super::visit::{Answer, Visit};
use super::words::{Words, escaped, fill};
use super::{READ, jobs};
use crate::error::Error;
use crate::job::{Job, Outcome, Status};
use crate::schedule::{Schedule, Standing};
use crate::store::query::{Sort, Start};
use crate::store::{Filter, Page};

/// Executions whose outcomes are shown in a list, as marks.
const MARKS: usize = 20;
/// Executions that are looked at for the calendar of a schedule.
const LOOKED_AT: usize = 500;
/// Executions that are listed.
const LISTED: usize = 20;
/// Next times that are shown.
const NEXT: usize = 10;

/// `GET /dashboard/schedules`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let mut query = visit.query()?;
    let (filter, page) = (query.schedule_filter(), query.schedule_page());
    query.end()?;
    let text = filter.text.clone();
    let found = visit.service().schedules(filter, page).await?;
    let mut rows = Vec::with_capacity(found.items.len());
    for schedule in &found.items {
        let latest = executions(&visit, schedule, MARKS).await?;
        rows.push(row(&visit, schedule, &latest));
    }
    let offset = page.offset + found.items.len();
    let body = html! {
        h1 { (words.schedules) }
        form class="filters" method="get" action=(visit.to("/schedules")) role="search" {
            label class="wide" {
                span { (words.search) }
                input type="search" name="q" value=(text.as_deref().unwrap_or_default());
            }
            div class="buttons" {
                button class="primary" { (words.filter) }
                a class="button" href=(visit.to("/schedules/new")) { (words.new_schedule) }
                a class="button" href=(visit.to("/cron")) { (words.try_cron) }
            }
        }
        div data-live=[visit.live()] {
            @if rows.is_empty() {
                section class="empty" { h2 { (words.no_schedules) } p { (words.no_schedules_hint) } }
            } @else {
                table class="list" {
                    thead {
                        tr {
                            th scope="col" { (words.schedule) }
                            th scope="col" { (words.when) }
                            th scope="col" { (words.next) }
                            th scope="col" class="minor" { (words.last_runs) }
                            th scope="col" { span class="unseen" { (words.acts) } }
                        }
                    }
                    tbody { @for row in &rows { (row) } }
                }
            }
            @if found.more {
                nav class="pager" aria-label=(words.pages) {
                    a class="button" rel="next" href=(visit.to(&format!("/schedules?offset={offset}&q={}", escaped(text.as_deref().unwrap_or_default())))) { (words.next_page) }
                }
            }
        }
    };
    Ok(visit.page(words.schedules, body))
}

/// The latest jobs of a schedule, newest first.
async fn executions(visit: &Visit, schedule: &Schedule, limit: usize) -> Result<Vec<Arc<Job>>, Error> {
    let page = Page { sort: Sort::CreatedDescending, limit, start: Start::Offset(0) };
    let id = schedule.id.to_string();
    Ok(visit.service().executions(Some(&id), Filter::default(), page).await?.items)
}

fn row(visit: &Visit, schedule: &Schedule, latest: &[Arc<Job>]) -> Markup {
    let words = visit.words();
    let now = visit.service().now();
    html! {
        tr id={ "schedule-" (schedule.id) } {
            td class="job" {
                a class="name" href=(visit.to(&format!("/schedules/{}", schedule.id))) { (schedule.spec.name) }
                span class="message quiet" { (schedule.spec.sub_type) }
            }
            td class="when" { code { (schedule.cron_as_written()) } span class="message quiet" { (schedule.written().1) } }
            td {
                @match (schedule.standing(now), schedule.due_at()) {
                    (Standing::Enabled, Some(at)) => (part::time(at, Told::Ago)),
                    (standing, _) => span class="quiet" { (standing_of(words, standing)) },
                }
            }
            td class="minor" { (marks(words, latest)) }
            td { (act::buttons(visit, schedule)) }
        }
    }
}

const fn standing_of(words: &Words, standing: Standing) -> &'static str {
    match standing {
        Standing::Enabled => words.enabled,
        Standing::Disabled => words.disabled,
        Standing::Paused => words.paused,
    }
}

/// How the latest executions ended, as marks: the newest at the right, as tall as they took long.
fn marks(words: &Words, latest: &[Arc<Job>]) -> Markup {
    let took = |job: &Job| job.end().and_then(|end| Some(end.at.millis_since(end.started_at?))).unwrap_or(0);
    let most = latest.iter().map(|job| took(job)).max().unwrap_or(0).max(1);
    let failed = latest.iter().filter(|job| job.status() == Status::Failed).count();
    let told = fill(words.marks_told, &[&latest.len().to_string(), &failed.to_string()]);
    let height = |job: &Job| 6.0 + took(job) as f64 / most as f64 * 18.0;
    html! {
        svg class="marks" viewBox={ "0 0 " (MARKS * 6) " 24" } role="img" aria-label=(told) {
            @for (place, job) in latest.iter().enumerate() {
                rect class=(job.status().as_str()) x=((MARKS - 1 - place) * 6) width="4" y=(format!("{:.1}", 24.0 - height(job))) height=(format!("{:.1}", height(job))) {
                    title { (words.status(job.status())) }
                }
            }
        }
    }
}

/// The schedule that the path names, if whoever comes may see it.
async fn named(visit: &Visit) -> Result<Arc<Schedule>, Error> {
    let which: String = visit.only_part().chars().take(100).collect();
    let schedule = visit.service().schedule(&which).await?;
    match visit.caller.sees(schedule.created_by.as_deref()) {
        true => Ok(schedule),
        false => Err(Error::no_schedule(which)),
    }
}

/// `GET /dashboard/schedules/{id}`
pub(super) async fn one(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let schedule = named(&visit).await?;
    let spec = &*schedule.spec;
    let now = visit.service().now();
    let latest = executions(&visit, &schedule, LOOKED_AT).await?;
    let listed = &latest[..latest.len().min(LISTED)];
    let all = format!("/jobs?scheduleId={}", schedule.id);
    let body = html! {
        div data-live=[visit.live()] {
            nav class="crumbs" { a href=(visit.to("/schedules")) { (words.schedules) } }
            div class="title" {
                h1 { (spec.name) }
                span class={ "status " (schedule.standing(now).as_str()) } { (standing_of(words, schedule.standing(now))) }
                (act::buttons(&visit, &schedule))
            }
            @if let Some(description) = &spec.description { p class="lead quiet" { (description) } }
            @if let Some(fault) = &schedule.fault { p class="notice bad" role="alert" { (fault.message) } }
            div class="columns" {
                div {
                    section class="card" {
                        h2 { (words.history) }
                        (calendar::calendar(&visit, &latest, now))
                    }
                    section class="card" {
                        div class="head" {
                            h2 { (words.last_runs) }
                            @if visit.may(READ) { a href=(visit.to(&all)) { (words.all_runs) } }
                        }
                        (jobs::table(&visit, listed))
                    }
                }
                div {
                    section class="card" { h2 { (words.when) } (when(&visit, &schedule)) }
                    section class="card" { h2 { (words.facts) } (facts(&visit, &schedule)) }
                }
            }
        }
    };
    Ok(visit.page(&spec.name, body))
}

/// Its expression in words, and its next times.
fn when(visit: &Visit, schedule: &Schedule) -> Markup {
    let words = visit.words();
    let table = &schedule.spec.timetable;
    let (cron, zone) = schedule.written();
    let from = schedule.life.next_tick.map(|next| crate::clock::Timestamp::from_millis(next.as_millis() - 1));
    html! {
        p { code { (cron) } " " span class="quiet" { (zone) } }
        @if schedule.fault.is_none() {
            p { (table.cron.describe()) }
            @if let Some(from) = from {
                h2 { (words.next_times) }
                (cron::ticks(words, &table.ticks(from).take(NEXT).collect::<Vec<_>>()))
            }
            p { a href=(visit.to(&format!("/cron?expression={}&timezone={}", escaped(cron), escaped(zone)))) { (words.try_cron) } }
        }
    }
}

fn facts(visit: &Visit, schedule: &Schedule) -> Markup {
    let (words, spec, tally) = (visit.words(), &*schedule.spec, &schedule.life.tally);
    let fact = |name: &str, value: Markup| html! { dt { (name) } dd { (value) } };
    let number = |number: u64| html! { (visit.lang.number(number)) };
    html! {
        dl class="facts" {
            (fact(words.sub_type, html! { (spec.sub_type) }))
            (fact(words.priority, html! { (part::priority(words, spec.priority)) }))
            (fact(words.runs, number(tally.total)))
            (fact(words.completed, number(tally.succeeded)))
            (fact(words.failed, number(tally.failed)))
            @if tally.missed > 0 { (fact(words.missed, number(tally.missed))) }
            @if tally.overlapped > 0 { (fact(words.overlapped, number(tally.overlapped))) }
            @if let Some(mean) = tally.average_ms() { (fact(words.mean, html! { (part::span(visit.lang, Duration::from_millis(mean))) })) }
            (fact(words.misfire, html! { code { (spec.misfire) } }))
            (fact(words.overlap, html! { code { (spec.overlap) } }))
            @if let Some(by) = &schedule.created_by { (fact(words.made_by, html! { (by) })) }
            (fact(words.created, part::time(schedule.created_at, Told::At)))
        }
        @if let Some(last) = &tally.last {
            @if let (Some(error), Some(Outcome::Failed | Outcome::Timeout | Outcome::Crashed | Outcome::Lost)) = (&last.error, last.outcome) {
                p class="complaint" { (error) }
            }
        }
        h2 { (words.payload) }
        @if let Some((shown, _)) = viewer::json(spec.payload.as_bytes()) { (shown) }
    }
}
