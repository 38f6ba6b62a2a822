//! Starting a server in this process, for `serve` and `demo`; and the runtimes that commands need.

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Context as _, anyhow};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use faena::app::{Faena, Settings};
use faena::http::server;
use faena::processors;

use super::ending::Trouble;

/// A server in this process.
pub struct Server {
    addr: SocketAddr,
    faena: Faena,
    http: actix_web::dev::ServerHandle,
    serving: tokio::task::JoinHandle<io::Result<()>>,
}

/// Starts a server; it answers requests when this returns.
pub async fn start(settings: Settings) -> Result<Server, Trouble> {
    let listener = listen(settings.bind)?;
    let addr = listener.local_addr().context("cannot tell the address")?;
    let registry = processors::bundled(&processors::Settings {
        input: Some(settings.input_folder()),
        http_hosts: settings.http_allow.clone(),
        commands: settings.commands.clone(),
        unsafe_diagnostics: settings.unsafe_diagnostics,
    });
    let faena = Faena::start(settings, registry).await?;
    let http = server::serve(faena.service().clone(), listener, server::Options::default())?;
    let handle = http.handle();
    Ok(Server { addr, faena, http: handle, serving: tokio::spawn(http) })
}

/// Takes the port, or says how to choose another.
fn listen(bind: SocketAddr) -> Result<TcpListener, Trouble> {
    TcpListener::bind(bind).map_err(|error| {
        Trouble::Failed(match error.kind() {
            io::ErrorKind::AddrInUse => {
                anyhow!(
                    "{bind} is taken by another program; choose another port with --bind PORT, or any with --bind 0"
                )
            }
            _ => anyhow!("cannot listen on {bind}: {error}"),
        })
    })
}

impl Server {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until SIGTERM or SIGINT, then drains; a second signal ends the drain.
    pub async fn run_until_signal(self) -> Result<(), Trouble> {
        let mut signals = Signals::listen()?;
        signals.next().await;
        let at_once = CancellationToken::new();
        let trip = at_once.clone();
        let second = tokio::spawn(async move {
            signals.next().await;
            trip.cancel();
        });
        let stopped = self.stop_unless(&at_once).await;
        second.abort();
        stopped
    }

    /// Drains and stops.
    pub async fn stop(self) -> Result<(), Trouble> {
        self.stop_unless(&CancellationToken::new()).await
    }

    async fn stop_unless(self, at_once: &CancellationToken) -> Result<(), Trouble> {
        self.faena.stop_unless(at_once).await?;
        self.http.stop(false).await;
        self.serving.await.context("the server's task")??;
        Ok(())
    }
}

struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            term: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
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
