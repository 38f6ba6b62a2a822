//! Starting a server in this process, for `serve` and `demo`; and the runtimes that commands need.

use anyhow::{Context as _, anyhow};
use tokio::runtime::{Builder, Runtime};

use faena::app::{App, Settings};
use faena::client::Client;
use faena::error::Error;
use faena::key::Secret;

use super::ending::Trouble;

/// Starts a server; it answers requests when this returns.
pub async fn start(settings: Settings) -> Result<App, Trouble> {
    App::start(settings).await.map_err(|error| match error {
        Error::Conflict(sentence) => {
            Trouble::Failed(anyhow!("{sentence}; choose another port with --bind PORT, or any free one with --bind 0"))
        }
        other => other.into(),
    })
}

/// Starts a server that this process asks itself: in plain HTTP, whatever certificate others know it by.
pub async fn start_plain(mut settings: Settings) -> Result<App, Trouble> {
    (settings.edge.tls_cert, settings.edge.tls_key) = (None, None);
    start(settings).await
}

/// A client of a server in this process, with the key that it was started with.
pub fn client(url: &str, key: Option<&Secret>) -> Result<Client, Trouble> {
    let client = Client::new(url)?;
    Ok(match key {
        Some(key) => client.with_key(key.reveal())?,
        None => client,
    })
}

/// The runtime of a server's own tasks; what it does has runtimes of its own.
pub fn runtime() -> Result<Runtime, Trouble> {
    small_runtime()
}

/// The runtime of a client: one thread is plenty for one request at a time.
pub fn small_runtime() -> Result<Runtime, Trouble> {
    Ok(Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?)
}
