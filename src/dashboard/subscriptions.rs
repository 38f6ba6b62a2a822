//! `/dashboard/subscriptions`: who hears of events, how their endpoints do, and what became of each delivery, to replay.

use actix_web::web::Payload;
use maud::{Markup, html};

use super::part::{self, Told};
use super::visit::{Answer, Visit};
use super::words::fill;
use crate::error::Error;
use crate::event::sending::SendingState;
use crate::event::{Sending, SubscriptionId};
use crate::service::subscriptions::Standing;
use crate::store::outbox::SendingFilter;

/// Deliveries that are shown.
const DELIVERIES: usize = 100;

/// `GET /dashboard/subscriptions`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let found = visit.service().subscriptions(&visit.caller).await?;
    let body = html! {
        h1 { (words.subscriptions) }
        div data-live=[visit.live()] {
            @if found.is_empty() {
                section class="empty" { h2 { (words.no_subscriptions) } p { (words.no_subscriptions_hint) } }
            } @else {
                table class="list" {
                    thead {
                        tr {
                            th scope="col" { (words.address) }
                            th scope="col" class="minor" { (words.events) }
                            th scope="col" { (words.status) }
                            th scope="col" class="number" { (words.pending) }
                            th scope="col" class="number" { (words.dead_deliveries) }
                        }
                    }
                    tbody { @for standing in &found { (row(&visit, standing)) } }
                }
            }
        }
    };
    Ok(visit.page(words.subscriptions, body))
}

fn row(visit: &Visit, standing: &Standing) -> Markup {
    let terms = &standing.terms;
    let name = terms.id.own_name().map_or_else(|| terms.to.to_string(), str::to_owned);
    html! {
        tr id={ "subscription-" (terms.id) } {
            td class="job" {
                a class="name" href=(visit.to(&format!("/subscriptions/{}", terms.id))) { (name) }
                @if let Some(description) = &terms.description { span class="message quiet" { (description) } }
            }
            td class="minor" { @for pattern in &terms.events { span class="tag" { (pattern.as_str()) } " " } }
            td { (status(visit, standing)) }
            td class="number" { (visit.lang.number(standing.counts[0])) }
            td class="number" { (visit.lang.number(standing.counts[2])) }
        }
    }
}

/// How its endpoint does.
fn status(visit: &Visit, standing: &Standing) -> Markup {
    let words = visit.words();
    let endpoint = &standing.course.endpoint;
    let (class, name) = match (standing.terms.enabled, endpoint.off, endpoint.failing_since) {
        (false, _, _) => ("cancelled", words.disabled),
        (true, Some(_), _) => ("failed", words.switched_off),
        (true, None, Some(_)) => ("scheduled", words.failing),
        (true, None, None) => ("completed", words.active),
    };
    html! {
        span class={ "status " (class) } { (name) }
        @if let Some(since) = endpoint.failing_since { " " span class="quiet" { (part::time(since, Told::Ago)) } }
    }
}

/// The subscription that the path names.
fn named(visit: &Visit) -> Result<SubscriptionId, Error> {
    let text = visit.part("id");
    let missing = || Error::NotFound { what: "subscription", id: text.chars().take(100).collect() };
    SubscriptionId::read(text).ok_or_else(missing)
}

/// `GET /dashboard/subscriptions/{id}`
pub(super) async fn one(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let id = named(&visit)?;
    let standing = visit.service().subscription(&visit.caller, id).await?;
    let found = visit.service().sendings(&visit.caller, SendingFilter::of(id), DELIVERIES, 0).await?;
    let counts = standing.counts.map(|count| visit.lang.number(count));
    let told = fill(words.deliveries_told, &[&counts[0], &counts[2], &visit.lang.number(standing.course.delivered)]);
    let title = standing.terms.id.own_name().map_or_else(|| standing.terms.to.to_string(), str::to_owned);
    let body = html! {
        div data-live=[visit.live()] {
            nav class="crumbs" { a href=(visit.to("/subscriptions")) { (words.subscriptions) } }
            div class="title" {
                h1 { (title) }
                (status(&visit, &standing))
                div class="buttons" {
                    @if standing.counts[2] > 0 {
                        form method="post" action=(visit.to(&format!("/subscriptions/{id}/replay"))) { button class="primary" { (words.replay_all) } }
                    }
                }
            }
            p class="lead quiet" { (told) }
            @if found.items.is_empty() { section class="empty" { h2 { (words.no_deliveries) } } } @else {
                table class="list" {
                    thead {
                        tr {
                            th scope="col" { (words.event) }
                            th scope="col" { (words.status) }
                            th scope="col" class="minor number" { (words.tries) }
                            th scope="col" { (words.latest_answer) }
                        }
                    }
                    tbody { @for sending in &found.items { (delivery(&visit, sending)) } }
                }
            }
        }
    };
    Ok(visit.page(&title, body))
}

fn delivery(visit: &Visit, sending: &Sending) -> Markup {
    let words = visit.words();
    let (class, name) = match sending.state {
        SendingState::Pending => ("scheduled", words.pending),
        SendingState::Delivered => ("completed", words.delivered),
        SendingState::Dead => ("failed", words.dead_deliveries),
    };
    html! {
        tr id={ "sending-" (sending.event.id.as_str()) } {
            td class="job" {
                code { (sending.event.kind.as_str()) }
                span class="message quiet" { (part::time(sending.event.occurred_at, Told::At)) }
            }
            td {
                span class={ "status " (class) } { (name) }
                @if let Some(at) = sending.next_at { " " span class="quiet" { (part::time(at, Told::Ago)) } }
            }
            td class="minor number" { (sending.attempts) }
            td class="told" {
                @if let Some(last) = &sending.last {
                    @if let Some(status) = last.status { code { (status) } " " }
                    span class="message quiet" title=(last.said) { (last.said) }
                }
            }
        }
    }
}

/// `POST /dashboard/subscriptions/{id}/replay`
pub(super) async fn replay(visit: Visit, _: Payload) -> Answer {
    let id = named(&visit)?;
    visit.service().replay_dead(&visit.caller, SendingFilter::of(id)).await?;
    Ok(visit.see(&visit.to(&format!("/subscriptions/{id}"))))
}
