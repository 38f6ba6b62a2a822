//! Server-sent events: one job and all jobs, resumed, throttled, ended.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{Choice, Server};

/// A reader of an event stream.
pub struct Reader {
    answer: reqwest::Response,
    text: String,
}

#[derive(Debug, Default, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
}

impl Reader {
    pub async fn open(server: &Server, path: &str, after: Option<&str>) -> Self {
        let mut request = server.client.get(server.url(path));
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Self { answer, text: String::new() }
    }

    /// The next block of the stream, comments included; none at its end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let piece = self.answer.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    pub async fn event(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let mut event = Event::default();
            for line in block.lines() {
                match line.split_once(": ") {
                    Some(("event", name)) => event.name = name.to_owned(),
                    Some(("id", id)) => event.id = Some(id.to_owned()),
                    Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                    _ => assert!(line.starts_with(':'), "{line}"),
                }
            }
            if !event.name.is_empty() {
                return Some(event);
            }
        }
    }
}

#[actix_web::test]
async fn a_job_is_told_from_now_to_its_end() {
    let server = Server::start();
    let id = server.noop().await;
    let mut reader = Reader::open(&server, &format!("/jobs/{id}/events"), None).await;
    let first = reader.event().await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["status"]), ("job", &json!("queued")));
    assert_eq!(first.data["jobId"], id.to_string());
    server.claim(1).await;
    assert_eq!(reader.event().await.unwrap().data["status"], "started");
    server.progress(id, 30, "on it").await;
    let progress = reader.event().await.unwrap();
    assert_eq!((&progress.data["status"], &progress.data["progress"]), (&json!("progress"), &json!(30)));
    server.succeed(id, None).await;
    let last = reader.event().await.unwrap();
    assert_eq!((&last.data["status"], &last.data["progress"]), (&json!("completed"), &json!(100)));
    assert_eq!(reader.event().await, None, "the stream ends with the job");
}

#[actix_web::test]
async fn a_reader_that_comes_back_is_told_only_what_is_new() {
    let server = Server::start();
    let id = server.noop().await;
    let path = format!("/jobs/{id}/events");
    let known = Reader::open(&server, &path, None).await.event().await.unwrap().id.unwrap();
    let mut reader = Reader::open(&server, &path, Some(&known)).await;
    server.claim(1).await;
    assert_eq!(reader.event().await.unwrap().data["status"], "started", "not the state that it knew");
    server.succeed(id, None).await;
    let last = reader.event().await.unwrap();
    let mut late = Reader::open(&server, &path, Some(&known)).await;
    assert_eq!(late.event().await.unwrap(), last);
    assert_eq!(late.event().await, None);
    let done = server.client.get(server.url(&path)).header("Last-Event-ID", last.id.unwrap());
    assert_eq!(server.send(done).await.status, 204, "there is nothing to come back for");
}

#[actix_web::test]
async fn a_burst_of_progress_is_thinned_and_its_last_arrives() {
    let server = Server::start();
    let id = server.noop().await;
    server.claim(1).await;
    let mut one = Reader::open(&server, &format!("/jobs/{id}/events"), None).await;
    let mut all = Reader::open(&server, "/events", None).await;
    assert_eq!(one.event().await.unwrap().data["status"], "started");
    assert!(all.block().await.unwrap().starts_with(':'), "it is open");
    let began = std::time::Instant::now();
    for percent in 1..=90 {
        server.progress(id, percent, "on").await;
    }
    for reader in [&mut one, &mut all] {
        let mut seen = Vec::new();
        while seen.last() != Some(&90) {
            seen.push(reader.event().await.unwrap().data["progress"].as_u64().unwrap());
        }
        // However long that took, it is no more than one each tenth of a second, the first, the last and a tie.
        let most = began.elapsed().as_millis() / 100 + 3;
        assert!(seen.len() as u128 <= most, "{} of {most}: {seen:?}", seen.len());
        assert!(seen.is_sorted(), "{seen:?}");
    }
    server.succeed(id, None).await;
    assert_eq!(one.event().await.unwrap().data["status"], "completed");
    assert_eq!(all.event().await.unwrap().data["status"], "completed");
}

#[actix_web::test]
async fn all_jobs_are_told_and_a_reader_goes_on_where_it_was() {
    let server = Server::start();
    let mut reader = Reader::open(&server, "/events", None).await;
    reader.block().await.unwrap();
    let (first, second) = (server.noop().await, server.noop().await);
    let one = reader.event().await.unwrap();
    assert_eq!((one.name.as_str(), &one.data["jobId"]), ("job", &json!(first.to_string())));
    drop(reader);
    server.delete(&format!("/jobs/{first}")).await;
    let mut again = Reader::open(&server, "/events", one.id.as_deref()).await;
    let (next, last) = (again.event().await.unwrap(), again.event().await.unwrap());
    assert_eq!((&next.data["jobId"], &next.data["status"]), (&json!(second.to_string()), &json!("queued")));
    assert_eq!((&last.data["jobId"], &last.data["status"]), (&json!(first.to_string()), &json!("cancelled")));
}

#[actix_web::test]
async fn a_reader_of_another_boot_is_told_to_look_again() {
    let server = Server::start();
    for foreign in ["another-boot-17", "nonsense"] {
        let mut reader = Reader::open(&server, "/events", Some(foreign)).await;
        let reset = reader.event().await.unwrap();
        assert_eq!((reset.name.as_str(), reset.id.as_deref()), ("reset", None));
        let id = server.noop().await;
        assert_eq!(reader.event().await.unwrap().data["jobId"], id.to_string(), "and it goes on from there");
    }
}

#[actix_web::test]
async fn a_feed_keeps_to_its_filter() {
    let server = Server::start();
    let mut reader = Reader::open(&server, "/events?subType=send_mail", None).await;
    reader.block().await.unwrap();
    server.noop().await;
    let id = server.job(json!({ "subType": "send_mail", "payload": { "to": "a@b.co" } })).await;
    assert_eq!(reader.event().await.unwrap().data["jobId"], id.to_string());
    assert_eq!(server.get("/events?limit=3").await.fields(), ["limit"]);
}

#[actix_web::test]
async fn a_quiet_stream_gives_signs_of_life() {
    let mut choice = Choice::default();
    choice.http.heartbeat_every = Duration::from_millis(5);
    let server = Server::with(choice);
    let id = server.noop().await;
    let mut one = Reader::open(&server, &format!("/jobs/{id}/events"), None).await;
    assert!(one.block().await.unwrap().contains("event: job"));
    assert!(one.block().await.unwrap().starts_with(':'));
    let mut all = Reader::open(&server, "/events", None).await;
    for _ in 0..2 {
        assert!(all.block().await.unwrap().starts_with(':'));
    }
}

#[actix_web::test]
async fn streams_end_before_the_server_does() {
    let server = Server::start();
    let id = server.noop().await;
    let mut one = Reader::open(&server, &format!("/jobs/{id}/events"), None).await;
    let mut all = Reader::open(&server, "/events", None).await;
    one.event().await.unwrap();
    server.service.closing().cancel();
    assert_eq!(one.event().await, None);
    assert_eq!(all.event().await, None);
}

#[actix_web::test]
async fn only_so_many_streams_are_open_at_once() {
    let mut choice = Choice::default();
    choice.service.streams_max = 1;
    choice.http.heartbeat_every = Duration::from_millis(5);
    let server = Server::with(choice);
    let id = server.noop().await;
    let reader = Reader::open(&server, &format!("/jobs/{id}/events"), None).await;
    let refused = server.get("/events").await;
    assert_eq!(refused.error(), (503, "unavailable".to_owned()));
    assert!(refused.header("retry-after").is_some());
    drop(reader);
    // The server notices with its next sign of life; then there is room again.
    while server.client.get(server.url("/events")).send().await.unwrap().status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn alerts_are_told_to_who_asks_for_nothing_that_they_have_not() {
    let server = Server::start();
    let mut readers = Vec::new();
    for query in ["", "?subType=noop", "?subType=send_mail", "?tag=x"] {
        readers.push(Reader::open(&server, &format!("/events{query}"), None).await);
    }
    crate::alerts::fire(&server).await;
    server.delete("/alerts/rules/failures-in-a-row").await;
    assert_eq!(crate::alerts::look(&server).await.cleared, 1);
    let alert = server.get("/alerts").await.json()["data"][0].clone();
    for reader in &mut readers[..2] {
        let mut heard = Vec::new();
        while heard.len() < 2 {
            let event = reader.event().await.unwrap();
            if event.name != "job" {
                assert_eq!(event.data["id"], alert["id"]);
                assert!(event.id.is_some(), "whoever comes back says where it was");
                heard.push((event.name, event.data["status"].clone()));
            }
        }
        let expected = [("alert.fired", "firing"), ("alert.cleared", "cleared")];
        assert_eq!(heard, expected.map(|(name, status)| (name.to_owned(), json!(status))));
    }
    let job = json!({ "subType": "send_mail", "payload": { "to": "a@b.co" }, "tags": ["x"] });
    server.job(job).await;
    for reader in &mut readers[2..] {
        assert_eq!(reader.event().await.unwrap().name, "job", "and nothing before it");
    }
}
