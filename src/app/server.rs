//! The server: the whole with HTTP in front, until somebody asks it to stop.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::renewing::Renewing;
use super::{Faena, Settings};
use crate::error::{Error, Result};
use crate::http::server::{self, Options};
use crate::http::{Mount, Settings as Bounds};
use crate::processors;
use crate::service::Service;
use crate::work::Registry;

/// A running server with the processors that come with the program.
pub struct App {
    addr: SocketAddr,
    scheme: &'static str,
    faena: Faena,
    http: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    renewing: Renewing,
}

impl App {
    /// Takes the port, opens the store, starts the workers; it answers requests when this returns.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the address is taken; when the settings are not valid, or the store cannot be opened.
    pub async fn start(settings: Settings) -> Result<Self> {
        settings.validate()?;
        // The port first: it is the likeliest thing to be missing, and the quickest to try.
        let listener = listen(settings.bind)?;
        let addr = listener.local_addr().map_err(Error::internal)?;
        let registry = registry(&settings);
        let (hosts, edge) = (Some(settings.hosts.clone()), settings.edge.clone());
        let renewing = Renewing::of(&edge)?;
        let faena = Faena::start(settings, registry).await?;
        let bounds = Bounds { hosts, cors_origins: edge.cors_origins.clone(), ..Bounds::default() };
        let more = pages(faena.service(), &bounds);
        let options = Options { settings: bounds, connections: Some(edge.connections), more, ..renewing.options() };
        let http = server::serve(faena.service().clone(), listener, options).map_err(Error::internal)?;
        tracing::info!(address = %addr, tls = edge.tls().is_some(), "listening");
        Ok(Self { addr, scheme: edge.scheme(), faena, http: http.handle(), serving: tokio::spawn(http), renewing })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address as a client is told: `http://127.0.0.1:7700`, or `https` with TLS.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    /// The use cases behind it.
    pub fn service(&self) -> &Arc<Service> {
        self.faena.service()
    }

    /// Serves until SIGTERM or SIGINT, then drains as [`stop`](Self::stop) does; a second signal ends the drain at once.
    ///
    /// # Errors
    /// When signals cannot be heard, or the store cannot be closed.
    pub async fn run_until_signal(self) -> Result<()> {
        self.run_until(Signals::listen()?).await
    }

    /// The same with signals that are listened to already: whoever is told the address may ask it to stop at once.
    ///
    /// # Errors
    /// When the store cannot be closed.
    pub async fn run_until(self, signals: Signals) -> Result<()> {
        let (at_once, second) = signals.then_at_once().await;
        let stopped = self.stop_unless(&at_once).await;
        second.abort();
        stopped
    }

    /// Lets running jobs finish within the grace time while requests are still answered, gives the rest back, and
    /// closes everything.
    ///
    /// # Errors
    /// When the store cannot be closed.
    pub async fn stop(self) -> Result<()> {
        self.stop_unless(&CancellationToken::new()).await
    }

    async fn stop_unless(self, at_once: &CancellationToken) -> Result<()> {
        self.faena.drain(at_once).await;
        self.renewing.end();
        // Requests under way are answered before the store that they ask is closed.
        self.http.stop(true).await;
        self.serving.await.map_err(Error::internal)?.map_err(Error::internal)?;
        self.faena.stop_unless(at_once).await?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// The dashboard, beside the API.
#[cfg(feature = "dashboard")]
fn pages(service: &Arc<Service>, bounds: &Bounds) -> Option<Mount> {
    let (service, bounds) = (service.clone(), bounds.clone());
    Some(Mount::new(move |config| crate::dashboard::routes(service.clone(), bounds.clone())(config)))
}

#[cfg(not(feature = "dashboard"))]
fn pages(_: &Arc<Service>, _: &Bounds) -> Option<Mount> {
    None
}

/// The processors that come with the program.
pub(super) fn registry(settings: &Settings) -> Registry {
    processors::bundled(&processors::Settings {
        input: Some(settings.input_folder()),
        http_hosts: settings.http_allow.clone(),
        commands: settings.commands.clone(),
        unsafe_diagnostics: settings.unsafe_diagnostics,
    })
}

fn listen(bind: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(bind).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Error::Conflict(format!("{bind} is taken by another program")),
        _ => Error::Conflict(format!("cannot listen on {bind}: {error}")),
    })
}

/// The signals that ask a program to stop.
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Waits for the first of them. The answer trips with the second; its task is to be ended.
    pub(super) async fn then_at_once(mut self) -> (CancellationToken, JoinHandle<()>) {
        let signal = self.next().await;
        tracing::info!(signal, "stopping: running jobs may finish within the grace time");
        let at_once = CancellationToken::new();
        let trip = at_once.clone();
        let second = tokio::spawn(async move {
            let signal = self.next().await;
            tracing::warn!(signal, "stopping at once");
            trip.cancel();
        });
        (at_once, second)
    }
}

#[cfg(unix)]
impl Signals {
    /// Listens to them from now on; until then each of them ends the process.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(Error::internal);
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next of them, and says which it was.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Listens to them once they are waited for.
    ///
    /// # Errors
    /// None on this system.
    pub fn listen() -> Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next of them, and says which it was.
    pub async fn next(&mut self) -> &'static str {
        // Without a way to hear it, nobody asks.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
