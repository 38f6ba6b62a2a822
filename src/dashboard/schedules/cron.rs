//! `/dashboard/cron`: what an expression means, in words, and its next ten times, with the clock changes marked. It is what a
//! schedule would do, before anything relies on it.

use actix_web::web::Payload;
use maud::{Markup, html};

use crate::dashboard::part::{self, Told};
use crate::dashboard::visit::{Answer, Visit};
use crate::dashboard::words::Words;
use crate::error::Error;
use crate::schedule::{ClockChange, Tick, Zone};
use crate::service::forecast::{Question, forecast};

/// Times that are shown.
const TIMES: usize = 10;

/// `GET /dashboard/cron`
pub(in crate::dashboard) async fn page(visit: Visit, _: Payload) -> Answer {
    let words = visit.words();
    let mut query = visit.query()?;
    let (expression, zone) = (query.one("expression").unwrap_or_default(), query.one("timezone").unwrap_or_default());
    let after = query.one("after").unwrap_or_default();
    query.end()?;
    let given = |text: &str| if text.is_empty() { None } else { Some(text.to_owned()) };
    let (timezone, later) = (given(&zone), given(&after));
    let question = Question {
        expression: &expression,
        timezone: timezone.as_deref(),
        after: later.as_deref(),
        count: Some(TIMES),
    };
    let found = if expression.is_empty() { None } else { Some(forecast(&question, visit.service().now())) };
    let body = html! {
        h1 { (words.try_cron) }
        form method="get" action=(visit.to("/cron")) class="filters" {
            label class="wide" {
                span { (words.expression) }
                input name="expression" class="code" value=(expression) placeholder="30 2 * * mon-fri" required spellcheck="false" autofocus;
            }
            label {
                span { (words.zone) }
                input name="timezone" list="zones" value=(zone) placeholder="UTC";
            }
            datalist id="zones" { @for name in Zone::names() { option value=(name) {} } }
            label {
                span { (words.after) }
                input name="after" value=(after) placeholder="2027-03-27T00:00:00Z";
            }
            div class="buttons" { button class="primary" { (words.show) } }
        }
        @match &found {
            None => p class="quiet" { (words.cron_hint) },
            Some(Err(error)) => (complaints(error)),
            Some(Ok(forecast)) => section class="card" {
                h2 { (forecast.description) }
                @if forecast.ticks.is_empty() { p class="quiet" { (words.never_again) } }
                (ticks(words, &forecast.ticks))
            },
        }
    };
    Ok(visit.page(words.try_cron, body))
}

fn complaints(error: &Error) -> Markup {
    html! {
        div class="notice bad" role="alert" {
            @match error {
                Error::Invalid { details, .. } if !details.is_empty() => ul {
                    @for fault in details { li { code { (fault.field) } " " (fault.message) } }
                },
                error => (error),
            }
        }
    }
}

/// Times of a schedule: as the clocks of its zone show them, and in the reader's.
pub(super) fn ticks(words: &Words, ticks: &[Tick]) -> Markup {
    html! {
        ol class="ticks" {
            @for tick in ticks {
                li {
                    code { (tick.local().replace('T', " ")) } " "
                    span class="quiet" { (part::time(tick.at, Told::Ago)) }
                    @if let Some(change) = tick.clock_change {
                        " " span class="tag change" {
                            @match change { ClockChange::Gap => (words.gap), ClockChange::Fold => (words.fold) }
                        }
                    }
                }
            }
        }
    }
}
