//! A server of its own: the routes on a socket, with time-outs for clients that are slow at everything.

use std::net::TcpListener;
use std::sync::Arc;
use std::{fmt, io};

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

use super::routes_with;
use super::settings::Settings;
use crate::limits;
use crate::service::Service;

/// How a server runs.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Bounds of the edge.
    pub settings: Settings,
    /// Threads; as many as there are cores when left out.
    pub workers: Option<usize>,
    /// Connections at once; [`limits::CONNECTIONS_MAX`] when left out. Who comes beyond waits until somebody leaves.
    pub connections: Option<usize>,
    /// More addresses on the same socket, which are looked at first.
    pub more: Option<Mount>,
    /// Speak TLS with this certificate, and nothing else.
    #[cfg(feature = "tls")]
    pub tls: Option<Arc<super::tls::Certificate>>,
}

/// Addresses of somebody else, to be served beside the API.
#[derive(Clone)]
pub struct Mount(Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>);

impl Mount {
    /// Those that this adds, on every thread of the server.
    pub fn new(add: impl Fn(&mut ServiceConfig) + Send + Sync + 'static) -> Self {
        Self(Arc::new(add))
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mount")
    }
}

/// A server on a socket that is bound already. It does not listen to signals: whoever starts it decides when it ends,
/// by [`Service::closing`] for its streams and by its handle for itself.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve(service: Arc<Service>, listener: TcpListener, options: Options) -> io::Result<Server> {
    let Options { settings, workers, connections, more, .. } = options;
    let workers = workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    // Each thread keeps to its share.
    let connections = connections.unwrap_or(limits::CONNECTIONS_MAX).div_ceil(workers.max(1));
    let head_read_max = settings.head_read_max;
    let app = move || {
        let more = more.clone();
        App::new()
            .configure(move |config| more.iter().for_each(|more| (more.0)(config)))
            .configure(routes_with(service.clone(), settings.clone()))
    };
    let server = HttpServer::new(app)
        .keep_alive(KeepAlive::Timeout(limits::KEEP_ALIVE))
        .client_request_timeout(head_read_max)
        .tcp_nodelay(true)
        .workers(workers)
        .max_connections(connections)
        .shutdown_timeout(limits::STOP_ANSWER_MAX.as_secs())
        .disable_signals()
        .on_connect(give_up_on_stalled_readers);
    #[cfg(feature = "tls")]
    if let Some(certificate) = options.tls {
        let config = certificate.config().map_err(io::Error::other)?;
        let server = server.tls_handshake_timeout(limits::HANDSHAKE_MAX);
        return Ok(server.listen_rustls_0_23(listener, config)?.run());
    }
    Ok(server.listen(listener)?.run())
}

/// Bounds the time that sent bytes may stay unread. A deadline inside a stream would never fire: nobody asks a stream
/// for more while its reader does not read. So the bound is outside, in the kernel.
fn give_up_on_stalled_readers(connection: &dyn std::any::Any, _: &mut actix_web::dev::Extensions) {
    #[cfg(target_os = "linux")]
    if let Some(socket) = socket_of(connection) {
        let millis = u32::try_from(limits::SEND_STALL_MAX.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(socket, millis) {
            tracing::debug!(%error, "the kernel does not bound unread bytes");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = connection;
}

/// The socket of a connection, within TLS or not.
#[cfg(target_os = "linux")]
fn socket_of(connection: &dyn std::any::Any) -> Option<&actix_web::rt::net::TcpStream> {
    use actix_web::rt::net::TcpStream;

    #[cfg(feature = "tls")]
    if let Some(stream) = connection.downcast_ref::<actix_tls::accept::rustls_0_23::TlsStream<TcpStream>>() {
        return Some(stream.get_ref().0);
    }
    connection.downcast_ref::<TcpStream>()
}
