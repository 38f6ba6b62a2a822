//! A server of its own: the routes on a socket, with time-outs for clients that are slow at everything.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::http::KeepAlive;
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
}

/// A server on a socket that is bound already. It does not listen to signals: whoever starts it decides when it ends,
/// by [`Service::closing`] for its streams and by its handle for itself.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve(service: Arc<Service>, listener: TcpListener, options: Options) -> io::Result<Server> {
    let Options { settings, workers } = options;
    let mut server = HttpServer::new(move || App::new().configure(routes_with(service.clone(), settings.clone())))
        .keep_alive(KeepAlive::Timeout(limits::KEEP_ALIVE))
        .client_request_timeout(limits::HEAD_READ_MAX)
        .tcp_nodelay(true)
        .shutdown_timeout(limits::STOP_ANSWER_MAX.as_secs())
        .disable_signals()
        .on_connect(give_up_on_stalled_readers);
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    Ok(server.listen(listener)?.run())
}

/// Bounds the time that sent bytes may stay unread. A deadline inside a stream would never fire: nobody asks a stream
/// for more while its reader does not read. So the bound is outside, in the kernel.
fn give_up_on_stalled_readers(connection: &dyn std::any::Any, _: &mut actix_web::dev::Extensions) {
    #[cfg(target_os = "linux")]
    if let Some(socket) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() {
        let millis = u32::try_from(limits::SEND_STALL_MAX.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(socket, millis) {
            tracing::debug!(%error, "the kernel does not bound unread bytes");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = connection;
}
