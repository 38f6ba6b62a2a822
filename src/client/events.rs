//! What happened on a server: its event log, page by page, or as it grows.

use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Method, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::wire::{Moment, Pagination};
use super::{Client, ClientError, FilterQuery};
use crate::limits;

/// An event as the server shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// The same wherever and however often it is told.
    pub id: String,
    /// `job.completed`, or an application's own.
    #[serde(rename = "type")]
    pub kind: String,
    /// What sort of thing it happened to.
    pub aggregate_type: String,
    /// Which one of them.
    pub aggregate_id: String,
    /// What is told of it.
    pub payload: Value,
    /// When it happened.
    pub occurred_at: Moment,
}

/// A page of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventPage {
    /// True, as in every envelope of an answer.
    pub success: bool,
    /// The events.
    pub data: Vec<EventView>,
    /// One sentence.
    #[serde(default)]
    pub message: String,
    /// Where the page lies.
    pub pagination: Pagination,
    /// Where the next one begins. A list that began with the oldest has one at its end, too: for what happens later.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Follows the event log of a server, across restarts of it.
#[derive(Debug)]
pub struct Follow {
    client: Client,
    filter: FilterQuery,
    cursor: Option<String>,
    /// Tells that something has happened: a hint. The log is the truth (rule 25).
    hints: Option<Response>,
    /// When the server last answered; none before its first answer, for until then it is simply not there.
    answered: Option<Instant>,
    pause: Duration,
}

/// What following shows.
#[derive(Debug, Clone)]
pub enum Followed {
    /// This has happened.
    Events(Vec<EventView>),
    /// The server has gone away; the next call tries to reach it again.
    Away(String),
}

/// Longest time between two looks: not everything that happens gives a hint.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Pause before the first try to reach a server that went away; each further pause is twice as long.
const AWAY_FIRST: Duration = Duration::from_millis(100);
/// Longest pause between two tries to reach it.
const AWAY_MAX: Duration = Duration::from_secs(2);
/// Time for a server to come back.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a stream has of each event, and of nothing else.
const DATA: &[u8] = b"data:";
/// The cursor behind the latest event.
const END: &str = "end";

impl Client {
    /// `GET /events` as a list: the latest first unless `sort` says otherwise.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the filter.
    pub async fn events(&self, filter: &FilterQuery) -> Result<EventPage, ClientError> {
        let request = self.exchange.request(Method::GET, &filter.path("/events"));
        self.exchange.call(request.header(ACCEPT, "application/json")).await
    }

    /// Follows the events that a filter without `sort`, `limit` and `cursor` names, the earliest first: those after a cursor of
    /// a list in that order, or with [`from_now_on`](Follow::from_now_on) those that are yet to come.
    pub fn follow_events(&self, filter: FilterQuery) -> Follow {
        let (client, pause) = (self.clone(), AWAY_FIRST);
        Follow { client, filter, cursor: None, hints: None, answered: None, pause }
    }
}

impl Follow {
    /// Passes over what has happened until now.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the filter.
    pub async fn from_now_on(mut self) -> Result<Self, ClientError> {
        self.cursor = Some(END.to_owned());
        self.look().await?;
        Ok(self)
    }

    /// Waits for what happens next.
    ///
    /// # Errors
    /// When the filter is refused, or the server is not there and does not come back.
    pub async fn next(&mut self) -> Result<Followed, ClientError> {
        loop {
            // What happens from here on gives a hint, and what happened before is found by the look.
            self.listen().await;
            match self.look().await {
                Ok(page) if !page.data.is_empty() => return Ok(Followed::Events(page.data)),
                Ok(page) if page.pagination.has_more => {}
                Ok(_) => self.wait().await,
                Err(error) if error.is_passing() => return self.away(error).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn look(&mut self) -> Result<EventPage, ClientError> {
        let filter = self.filter.clone().with("sort", Some("occurredAt")).with("limit", Some(limits::PAGE_MAX));
        let page = self.client.events(&filter.with("cursor", self.cursor.as_ref())).await?;
        self.cursor = page.next_cursor.clone().or(self.cursor.take());
        (self.answered, self.pause) = (Some(Instant::now()), AWAY_FIRST);
        Ok(page)
    }

    async fn listen(&mut self) {
        if self.hints.is_none() {
            let exchange = &self.client.exchange;
            let request = exchange.streaming(Method::GET, "/events").header(ACCEPT, "text/event-stream");
            // Whoever may not have a stream looks every few seconds.
            self.hints = exchange.send(request).await.ok();
        }
    }

    /// Until something has happened, perhaps.
    async fn wait(&mut self) {
        let hint = async {
            while let Some(hints) = &mut self.hints {
                match hints.chunk().await {
                    // A comment alone is a sign of life.
                    Ok(Some(chunk)) if !chunk.windows(DATA.len()).any(|part| part == DATA) => {}
                    Ok(Some(_)) => return,
                    Ok(None) | Err(_) => self.hints = None,
                }
            }
            std::future::pending().await
        };
        // Hints come in swarms, and one look answers them all.
        tokio::join!(tokio::time::sleep(limits::PROGRESS_EVERY), async {
            // Without a hint the time is up, which is as good.
            let _ = tokio::time::timeout(LOOK_EVERY, hint).await;
        });
    }

    async fn away(&mut self, error: ClientError) -> Result<Followed, ClientError> {
        self.hints = None;
        let Some(answered) = self.answered.filter(|answered| answered.elapsed() <= PATIENCE) else { return Err(error) };
        tokio::time::sleep(self.pause).await;
        (self.answered, self.pause) = (Some(answered), (self.pause * 2).min(AWAY_MAX));
        Ok(Followed::Away(error.to_string()))
    }
}
