//! Bounds of the HTTP edge that an application or a test may choose. The defaults are those of
//! [`limits`].

use std::time::Duration;

use crate::limits;

/// Bounds of the HTTP edge.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time a client may take to send the head of a connection's first request.
    pub head_read_max: Duration,
    /// Bytes of one request body.
    pub body_bytes_max: usize,
    /// Time a client may take to send its body.
    pub body_read_max: Duration,
    /// Pause between two comments on an idle event stream.
    pub heartbeat_every: Duration,
    /// What stands before `/jobs` in the addresses that are given out, for a server behind a proxy that takes a
    /// prefix away. Left out, it is read from each request, so a mounted scope needs no setting.
    pub base_path: Option<String>,
    /// Names besides loopback's that the server is asked under, as by a proxy in front; each `host` or `host:port`. With
    /// it, an empty list included, other names are refused, and so are changes that pages of other origins ask for. Left
    /// out, whoever mounts the routes sees to that.
    pub hosts: Option<Vec<String>>,
    /// Origins whose pages may use this API from a browser, each as a browser writes it: `https://app.example.com`. None when
    /// it is empty.
    pub cors_origins: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            head_read_max: limits::HEAD_READ_MAX,
            body_bytes_max: limits::BODY_BYTES_MAX,
            body_read_max: limits::BODY_READ_MAX,
            heartbeat_every: limits::HEARTBEAT_EVERY,
            base_path: None,
            hosts: None,
            cors_origins: Vec::new(),
        }
    }
}
