//! How the whole stands besides its figures: what is degraded, which alerts fire, what fires next, who is there. Each is for those
//! whose key opens it.

use maud::{Markup, html};

use crate::dashboard::part::{self, Told};
use crate::dashboard::visit::Visit;
use crate::dashboard::words::fill;
use crate::dashboard::{LOOK, PLAN};
use crate::error::Error;
use crate::service::figures::Board;
use crate::store::alerts::{AlertFilter, AlertPage};
use crate::store::schedules::{ScheduleFilter, SchedulePage, ScheduleSort};

/// Alerts that are shown.
const ALERTS: usize = 5;
/// Firings that are shown.
const FIRINGS: usize = 5;

/// Which part of the program is not well.
pub(super) fn degraded(visit: &Visit) -> Markup {
    let words = visit.words();
    let readiness = visit.service().readiness();
    html! {
        @if let Some(reason) = &readiness.store.degraded {
            p class="notice bad" role="alert" { strong { (words.degraded) } " " (reason) }
        }
        @if readiness.closing { p class="notice" role="status" { (words.closing) } }
        @if !visit.service().settings().runs_jobs { p class="notice" { (words.runs_nothing) } }
    }
}

/// The alerts that fire.
pub(super) async fn alerts(visit: &Visit, board: &Board) -> Result<Markup, Error> {
    if board.alerts_firing == 0 || !visit.may(LOOK) {
        return Ok(html! {});
    }
    let filter = AlertFilter { status: Some(crate::alert::AlertStatus::Firing), ..AlertFilter::default() };
    let found = visit.service().alerts(filter, AlertPage { limit: ALERTS, offset: 0 }).await?;
    Ok(html! {
        section class="notice bad" aria-label=(visit.words().alerts) {
            strong { (fill(visit.words().alerts_firing, &[&visit.lang.number(board.alerts_firing)])) }
            ul {
                @for alert in &found.items {
                    li { (alert.message) " " span class="quiet" { (part::time(alert.fired_at, Told::Ago)) } }
                }
            }
        }
    })
}

/// The schedules that fire next.
pub(super) async fn firings(visit: &Visit) -> Result<Markup, Error> {
    if !visit.may(PLAN) {
        return Ok(html! {});
    }
    let created_by = visit.caller.user().map(Into::into);
    let filter = ScheduleFilter { enabled: Some(true), created_by, ..ScheduleFilter::default() };
    let page = SchedulePage { sort: ScheduleSort::NextDue, limit: FIRINGS, offset: 0 };
    let found = visit.service().schedules(filter, page).await?;
    let next: Vec<_> = found.items.iter().filter_map(|schedule| Some((schedule, schedule.due_at()?))).collect();
    Ok(html! {
        section class="card" {
            h2 { (visit.words().next_firings) }
            @if next.is_empty() { p class="quiet" { (visit.words().no_firings) } }
            ul class="plain" {
                @for (schedule, at) in next {
                    li {
                        a href=(visit.to(&format!("/schedules/{}", schedule.id))) { (schedule.spec.name) }
                        " " span class="quiet" { (part::time(at, Told::Ago)) }
                    }
                }
            }
        }
    })
}

/// Those who are there: processes that share the store, and workers of others.
pub(super) async fn nodes(visit: &Visit) -> Result<Markup, Error> {
    if !visit.may(LOOK) {
        return Ok(html! {});
    }
    let words = visit.words();
    let service = visit.service();
    let (nodes, workers) = (service.nodes().await?, service.workers().await?);
    let live = workers.iter().filter(|worker| service.is_live(worker)).count();
    Ok(html! {
        section class="card" {
            h2 { (words.nodes) }
            ul class="plain" {
                @for node in &nodes {
                    li {
                        strong { (node.holder.machine) } " " span class="quiet" { (node.holder.process) " · " (node.version) }
                        br;
                        span class="quiet" {
                            (fill(words.runs_so_many, &[&visit.lang.number(node.running)])) " · " (words.up_since) " "
                            (part::time(node.since, Told::Since))
                        }
                    }
                }
            }
            p class="quiet" { (fill(words.live_workers, &[&live.to_string()])) }
        }
    })
}
