//! `GET /jobs` over a long history: first pages, deep ones, and every filter. The slowest kind of page is the row.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use crate::support::exchange::Exchange;
use crate::support::pairs::{median, quantile};
use crate::support::report::{Goal, Row, Unit};
use crate::support::server::Server;
use crate::support::settings::Settings;
use crate::support::{answer, disk, jobs};

/// Pages of each kind.
const PAGES: u64 = 100;
/// Time for one kind; one that is very slow has said so by then.
const TIME_MAX: Duration = Duration::from_secs(5);
/// Jobs a page when the whole history is walked through.
const WALKED_AT_ONCE: u64 = 500;
/// Jobs that an offset may leave out.
const OFFSET_MAX: u64 = 100_000;
/// Different users, tags.
const USERS: u64 = 1_000;
const TAGS: u64 = 50;

/// The row.
pub fn pages(settings: &Settings) -> Result<Vec<Row>> {
    let folder = disk::folder()?;
    let server = Server::faena(folder.path(), &[])?;
    let count = settings.history;
    jobs::post_many(server.addr(), count, job)?;
    jobs::wait_until_completed(&server, count)?;
    let mut exchange = Exchange::new(server.addr())?;
    let (walk, cursors) = walk(&mut exchange)?;
    let mut kinds = vec![Kind { name: "walked through, 500 a page", millis: walk }];
    for (name, query) in queries(count, &cursors) {
        let mut millis = Vec::new();
        let began = Instant::now();
        for number in 0..PAGES {
            millis.push(page(&mut exchange, &query(number))?.0);
            if began.elapsed() > TIME_MAX {
                break;
            }
        }
        kinds.push(Kind { name, millis });
    }
    kinds.sort_by(|a, b| b.p99().total_cmp(&a.p99()));
    let shown = |kind: &Kind| format!("{} {:.2} / {:.2}", kind.name, median(&kind.millis), kind.p99());
    let details: Vec<_> = kinds
        .iter()
        .map(|kind| json!({ "kind": kind.name, "p50": median(&kind.millis), "p99": kind.p99(), "pages": kind.millis.len() }))
        .collect();
    for kind in &kinds {
        eprintln!("  {}", shown(kind));
    }
    Ok(vec![Row {
        name: "pages",
        what: format!("any page of `GET /jobs`, {count} jobs in history, p99"),
        measured: Ok(kinds.first().map_or(f64::NAN, Kind::p99)),
        unit: Unit::Millis,
        goal: Goal::at_most(20.0, 5.0),
        beside: format!(
            "p50 / p99, ms, the slowest: {}",
            kinds.iter().take(3).map(shown).collect::<Vec<_>>().join(", ")
        ),
        details: json!({ "kinds": details }),
    }])
}

/// Pages of one kind.
struct Kind {
    name: &'static str,
    millis: Vec<f64>,
}

impl Kind {
    fn p99(&self) -> f64 {
        quantile(&self.millis, 0.99)
    }
}

/// The jobs of the history, different enough for every filter.
fn job(number: u64) -> String {
    let (user, tag) = (number % USERS, number % TAGS);
    let priority = ["high", "normal", "low"][(number % 3) as usize];
    format!(
        r#"{{"subType":"noop","userId":"user-{user}","tags":["tag-{tag}"],"priority":"{priority}","payload":{}}}"#,
        jobs::PAYLOAD
    )
}

type Query = Box<dyn Fn(u64) -> String>;

/// Kinds of pages; each query is asked for by a number, so that no two pages need be the same.
fn queries(count: u64, cursors: &[String]) -> Vec<(&'static str, Query)> {
    let deepest = OFFSET_MAX.min(count - 100);
    let cursors = cursors.to_vec();
    let offset = move |number: u64| (number * 7_919) % deepest;
    vec![
        ("the newest", Box::new(|_| String::new())),
        ("the newest 500", Box::new(|_| "limit=500".to_owned())),
        ("the oldest", Box::new(|_| "sort=createdAt".to_owned())),
        ("after an offset", Box::new(move |number| format!("offset={}", offset(number)))),
        ("after the deepest offset", Box::new(move |_| format!("offset={deepest}"))),
        ("after a cursor", Box::new(move |number| format!("cursor={}", cursors[number as usize % cursors.len()]))),
        ("completed, after an offset", Box::new(move |n| format!("status=completed&offset={}", offset(n)))),
        ("queued", Box::new(|_| "status=queued".to_owned())),
        ("failed", Box::new(|_| "status=failed".to_owned())),
        ("of a user", Box::new(|number| format!("userId=user-{}", number % USERS))),
        ("of a user unknown", Box::new(|number| format!("userId=nobody-{number}"))),
        ("of a tag", Box::new(|number| format!("tag=tag-{}", number % TAGS))),
        ("of a tag unknown", Box::new(|number| format!("tag=nothing-{number}"))),
        ("of a subtype", Box::new(|_| "subType=noop&sort=createdAt".to_owned())),
        ("of a subtype, after an offset", Box::new(move |n| format!("subType=noop&offset={}", offset(n)))),
        ("of a priority, after an offset", Box::new(move |n| format!("priority=high&offset={}", offset(n) / 4))),
        (
            "of a priority, a user and a tag",
            Box::new(|n| format!("priority=high&userId=user-{n}&tag=tag-{}", n % TAGS)),
        ),
        ("created before", Box::new(|_| "createdBefore=2100-01-01T00:00:00Z".to_owned())),
        ("created after, none", Box::new(|_| "createdAfter=2100-01-01T00:00:00Z".to_owned())),
        ("with a text", Box::new(|number| format!("q=user-{number}"))),
        ("with a text that none has", Box::new(|number| format!("q=nowhere-{number}"))),
    ]
}

/// Walks through everything, newest first: how long each page took, and some cursors on the way.
fn walk(exchange: &mut Exchange) -> Result<(Vec<f64>, Vec<String>)> {
    let (mut millis, mut cursors, mut query) = (Vec::new(), Vec::new(), format!("limit={WALKED_AT_ONCE}"));
    loop {
        let (took, next) = page(exchange, &query)?;
        millis.push(took);
        match next {
            Some(cursor) => {
                query = format!("limit={WALKED_AT_ONCE}&cursor={cursor}");
                cursors.push(cursor);
            }
            None => return Ok((millis, cursors)),
        }
    }
}

/// Asks for a page: how long it took in milliseconds, and where the next one begins.
fn page(exchange: &mut Exchange, query: &str) -> Result<(f64, Option<String>)> {
    let request = answer::get(&format!("/jobs?{query}"));
    let began = Instant::now();
    let (status, body) = exchange.ask(&request)?;
    let took = 1e3 * began.elapsed().as_secs_f64();
    if status != 200 {
        anyhow::bail!("`{query}`: status {status}: {}", String::from_utf8_lossy(body));
    }
    let listed: Cursor = serde_json::from_slice(body).context("the page is not one")?;
    Ok((took, listed.next_cursor))
}

/// All that a walk needs of a page.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cursor {
    next_cursor: Option<String>,
}
