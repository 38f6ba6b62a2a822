//! Starting a server in this process, for `serve` and `demo`; and the runtimes that commands need.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use faena::app::Settings;

use super::ending::Trouble;

/// A server in this process.
#[derive(Debug)]
pub enum Server {}

/// Starts a server; it answers requests when this returns.
pub async fn start(_settings: Settings) -> Result<Server, Trouble> {
    Err(Trouble::Failed(anyhow::anyhow!("this build has no server yet")))
}

impl Server {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        match *self {}
    }

    /// Serves until SIGTERM or SIGINT, then drains.
    pub async fn run_until_signal(self) -> Result<(), Trouble> {
        match self {}
    }

    /// Drains and stops.
    pub async fn stop(self) -> Result<(), Trouble> {
        match self {}
    }
}

/// The runtime of a server.
pub fn runtime() -> Result<Runtime, Trouble> {
    Ok(Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?)
}

/// The runtime of a client: one thread is plenty for one request at a time.
pub fn small_runtime() -> Result<Runtime, Trouble> {
    Ok(Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?)
}
