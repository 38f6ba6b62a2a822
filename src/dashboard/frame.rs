//! What stands around each page: its head, the way to the other pages, who is signed in, and in which language.

use maud::{DOCTYPE, Markup, html};

use super::visit::Visit;
use super::words::Lang;
use super::{ADMIN, COUNT, HEAR, PLAN, READ, WRITE, assets};
use crate::error::Error;
use crate::key::{Caller, Need};

/// The pages that whoever comes may open: their addresses and their names.
pub(super) fn places(visit: &Visit) -> Vec<(&'static str, &'static str)> {
    let words = visit.words();
    let all: [(&str, &str, Need); 9] = [
        ("", words.overview, READ),
        ("/jobs", words.jobs, READ),
        ("/dead-letters", words.dead_letters, READ),
        ("/schedules", words.schedules, PLAN),
        ("/system", words.system, COUNT),
        ("/subscriptions", words.subscriptions, HEAR),
        ("/events", words.events, HEAR),
        ("/keys", words.keys, ADMIN),
        ("/enqueue", words.enqueue, WRITE),
    ];
    all.into_iter().filter(|(_, _, need)| visit.may(*need)).map(|(path, name, _)| (path, name)).collect()
}

/// A page within its frame.
pub(super) fn around(visit: &Visit, title: &str, body: &Markup) -> Markup {
    let words = visit.words();
    let rest = visit.req.path().split_once("/dashboard").map_or("", |(_, rest)| rest);
    let section =
        |path: &str| if path.is_empty() { rest.trim_end_matches('/').is_empty() } else { rest.starts_with(path) };
    document(
        visit,
        title,
        &html! {
            a class="skip" href="#content" { (words.skip) }
            header class="bar" {
                a class="brand" href=(visit.to("")) { (mark()) span { "faena" } }
                nav aria-label=(words.pages) {
                    @for (path, name) in places(visit) {
                        a href=(visit.to(path)) aria-current=[section(path).then_some("page")] { (name) }
                    }
                }
                div class="who" {
                    span id="connection" class="connection" role="status" data-live=(words.live)
                        data-connecting=(words.connecting) data-offline=(words.offline) {}
                    (languages(visit))
                    @if let Caller::Key(key) = &visit.caller {
                        form method="post" action=(visit.to("/sign-out")) {
                            span class="quiet name" { (key.name) }
                            button class="plain" { (words.sign_out) }
                        }
                    }
                }
            }
            main id="content" tabindex="-1" { (body) }
        },
    )
}

/// A page without the way to others, for who is not signed in.
pub(super) fn bare(visit: &Visit, title: &str, body: &Markup) -> Markup {
    document(
        visit,
        title,
        &html! {
            header class="bar" {
                span class="brand" { (mark()) span { "faena" } }
                nav {}
                div class="who" { (languages(visit)) }
            }
            main id="content" { (body) }
        },
    )
}

/// Why something was not done.
pub(super) fn refusal(visit: &Visit, title: &str, told: &str, error: &Error) -> Markup {
    html! {
        section class="empty" role="alert" {
            h1 { (title) }
            p { (told) }
            @if let Error::Invalid { details, .. } = error {
                @if details.len() > 1 {
                    ul { @for fault in details { li { code { (fault.field) } " " (fault.message) } } }
                }
            }
            p { a class="button" href=(visit.to("")) { (visit.words().back_to_overview) } }
        }
    }
}

fn document(visit: &Visit, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(visit.lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · faena" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(assets::address(visit, "style.css"));
                script type="module" src=(assets::address(visit, "app.js")) {}
            }
            body { (body) }
        }
    }
}

/// The switch of languages: one button, which names the other one in its own words.
fn languages(visit: &Visit) -> Markup {
    let (other, name) = match visit.lang {
        Lang::English => (Lang::Spanish, "Español"),
        Lang::Spanish => (Lang::English, "English"),
    };
    html! {
        form method="post" action=(visit.to("/language")) {
            input type="hidden" name="next" value=(visit.here());
            button class="plain" name="lang" value=(other.code()) lang=(other.code()) { (name) }
        }
    }
}

/// The mark: three bars of progress.
fn mark() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
            rect x="2" y="4" width="20" height="4" rx="2" {}
            rect x="2" y="10" width="13" height="4" rx="2" {}
            rect x="2" y="16" width="7" height="4" rx="2" {}
        }
    }
}
