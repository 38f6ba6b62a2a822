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
/// Jobs that an offset may leave out where no counters are kept.
const OFFSET_SEARCHED_MAX: u64 = 10_000;
/// Jobs posted before those before them must have ended.
const POSTED_AT_ONCE: u64 = 50_000;
/// Different users, beside one to whom every other job belongs.
const USERS: u64 = 1_000;
const TAGS: u64 = 50;
/// One job in so many is of another subtype, and cancelled: number 7 of them.
const CANCELLED: u64 = 1_000;

/// The row.
pub fn pages(settings: &Settings) -> Result<Vec<Row>> {
    let folder = disk::folder()?;
    let server = Server::faena(folder.path(), &[])?;
    let count = settings.history;
    fill(&server, count)?;
    let mut exchange = Exchange::new(server.addr())?;
    let (walk, cursors) = walk(&mut exchange)?;
    let mut kinds = vec![Kind { name: "walked through, 500 a page", millis: walk }];
    let kinds_of_queries = queries(count, &cursors).into_iter().chain(searches(middle(&mut exchange, count)?));
    for (name, query) in kinds_of_queries {
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

/// Posts the jobs of the history and waits until they have ended, some at a time: the queue is not what is measured.
fn fill(server: &Server, count: u64) -> Result<()> {
    jobs::hold(server.addr())?;
    // All but those that are held.
    let done = |until: u64| until - (until + CANCELLED - 8) / CANCELLED;
    for first in (0..count).step_by(POSTED_AT_ONCE as usize) {
        jobs::post_many(server.addr(), POSTED_AT_ONCE.min(count - first), |number| job(first + number))?;
        jobs::wait_until_completed(server, done(first))?;
    }
    jobs::wait_until_completed(server, done(count))?;
    Exchange::new(server.addr())?.json(&answer::delete("/jobs?status=queued"), 200)?;
    Ok(())
}

/// The jobs of the history: different enough for every filter, with rare ones, and with pairs of words that each have many
/// jobs and none in common.
fn job(number: u64) -> String {
    let user = if number.is_multiple_of(2) { "everybody".to_owned() } else { format!("user-{}", number % USERS) };
    let rare = if number.is_multiple_of(100_000) { r#","rare""# } else { "" };
    let priority = if number % 50_000 == 11 { "high" } else { ["normal", "low"][(number % 2) as usize] };
    let kind = if number.is_multiple_of(250_000) { "ml_training" } else { "diagnostics" };
    let (sub_type, payload) =
        if number % CANCELLED == 7 { ("sleep", r#"{"durationMs":1}"#) } else { ("noop", jobs::PAYLOAD) };
    format!(
        r#"{{"subType":"{sub_type}","type":"{kind}","userId":"{user}","tags":["tag-{}"{rare}],"priority":"{priority}","payload":{payload}}}"#,
        number % TAGS
    )
}

/// When the job in the middle of the history was accepted, and one a little later.
fn middle(exchange: &mut Exchange, count: u64) -> Result<(String, String)> {
    let mut at = |offset: u64| -> Result<String> {
        let page = exchange.json(&answer::get(&format!("/jobs?sort=createdAt&limit=1&offset={offset}")), 200)?;
        Ok(page["data"][0]["createdAt"].as_str().context("a job has no createdAt")?.to_owned())
    };
    Ok((at(count / 2)?, at(count / 2 + count / 100)?))
}

type Query = Box<dyn Fn(u64) -> String>;

/// Kinds of pages; each query is asked for by a number, so that no two pages need be the same.
fn queries(count: u64, cursors: &[String]) -> Vec<(&'static str, Query)> {
    let deepest = count - 100;
    let cursors = cursors.to_vec();
    let offset = move |number: u64| (number * 7_919 * 31) % deepest;
    let searched = OFFSET_SEARCHED_MAX.min(count / 100);
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
        ("failed or cancelled, 500", Box::new(|_| "status=failed,cancelled&limit=500".to_owned())),
        ("of a user", Box::new(|number| format!("userId=user-{}", (2 * number + 1) % USERS))),
        ("of a user unknown", Box::new(|number| format!("userId=nobody-{number}"))),
        ("of a user, after an offset", Box::new(move |n| format!("userId=everybody&offset={}", searched - n))),
        ("of a tag", Box::new(|number| format!("tag=tag-{}", number % TAGS))),
        ("of a tag unknown", Box::new(|number| format!("tag=nothing-{number}"))),
        ("of a rare tag", Box::new(|_| "tag=rare".to_owned())),
        ("of a tag, after an offset", Box::new(move |n| format!("tag=tag-{}&offset={}", n % TAGS, searched - n))),
        ("of a subtype", Box::new(|_| "subType=noop&sort=createdAt".to_owned())),
        ("of a rare subtype, 500", Box::new(|_| "subType=sleep&limit=500".to_owned())),
        ("of a subtype, after an offset", Box::new(move |n| format!("subType=noop&offset={}", offset(n)))),
        ("of a priority, after an offset", Box::new(move |n| format!("priority=low&offset={}", offset(n) / 4))),
        ("of a rare priority", Box::new(|_| "priority=high".to_owned())),
        ("of a rare type", Box::new(|_| "type=ml_training".to_owned())),
        ("of a rare type and a priority, none", Box::new(|_| "type=ml_training&priority=low".to_owned())),
    ]
}

/// More kinds: spans of time, words together, texts.
fn searches((from, until): (String, String)) -> Vec<(&'static str, Query)> {
    let (span, before, after) = (
        format!("createdAfter={from}&createdBefore={until}"),
        format!("createdBefore={from}"),
        format!("createdAfter={from}"),
    );
    let (of_user, of_low) = (span.clone(), span.clone());
    vec![
        ("created before", Box::new(|_| "createdBefore=2100-01-01T00:00:00Z".to_owned())),
        ("created after, none", Box::new(|_| "createdAfter=2100-01-01T00:00:00Z".to_owned())),
        ("created before, in the middle", Box::new(move |number| format!("{before}&offset={}", 1_000 * number))),
        ("created after, of a tag", Box::new(move |n| format!("{after}&tag=tag-{}&sort=createdAt", n % TAGS))),
        ("created between", Box::new(move |_| span.clone())),
        ("created between, of a user", Box::new(move |n| format!("{of_user}&userId=user-{}", (2 * n + 1) % USERS))),
        ("created between, of a priority", Box::new(move |_| format!("{of_low}&priority=low"))),
        (
            "of a priority, a user and a tag",
            Box::new(|n| format!("priority=low&userId=user-{}&tag=tag-{}", 2 * n + 1, (2 * n + 1) % TAGS)),
        ),
        ("cancelled, of a user, none", Box::new(|n| format!("status=cancelled&userId=user-{}", 2 * n + 9))),
        ("cancelled, of half, none", Box::new(|_| "status=cancelled&userId=everybody".to_owned())),
        ("of a rare priority, of half, none", Box::new(|_| "priority=high&userId=everybody".to_owned())),
        ("of a user and a tag, none", Box::new(|n| format!("userId=user-{}&tag=tag-2", (2 * n + 1) % USERS))),
        ("of half and a tag, none", Box::new(|_| "userId=everybody&tag=tag-1".to_owned())),
        ("with a text", Box::new(|number| format!("q=user-{}", (2 * number + 1) % USERS))),
        ("with a text that none has", Box::new(|number| format!("q=nowhere-{number}"))),
        ("with a text, of half, none", Box::new(|number| format!("q=nowhere-{number}&userId=everybody"))),
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
