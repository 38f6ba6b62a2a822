//! The settings of the side that faces the network: in which protocol it speaks, which pages it lets in, and how much anybody
//! may use up.

use std::path::PathBuf;

use super::settings::Faults;
use crate::http::is_origin;
use crate::key::Quota;
use crate::limits;

/// The side that faces the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Speak TLS, with this certificate.
    pub tls_cert: Option<PathBuf>,
    /// And its key.
    pub tls_key: Option<PathBuf>,
    /// Origins whose pages may use the API from a browser, each as a browser writes it: `https://app.example.com`.
    pub cors_origins: Vec<String>,
    /// Connections at once. Who comes beyond waits until somebody leaves.
    pub connections: usize,
    /// What each key may use up that does not say so itself.
    pub quota: Quota,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            tls_cert: None,
            tls_key: None,
            cors_origins: Vec::new(),
            connections: limits::CONNECTIONS_MAX,
            quota: Quota::default(),
        }
    }
}

impl Edge {
    /// The two files of TLS, if it is spoken.
    pub fn tls(&self) -> Option<(PathBuf, PathBuf)> {
        self.tls_cert.clone().zip(self.tls_key.clone())
    }

    /// What stands before the address of the server.
    pub fn scheme(&self) -> &'static str {
        if self.tls_cert.is_some() { "https" } else { "http" }
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        let (cert, key) = (self.tls_cert.is_some(), self.tls_key.is_some());
        faults.check(!cert || key, "tls_cert", || "needs the key of the certificate; name it in tls_key".into());
        faults.check(!key || cert, "tls_key", || "needs the certificate of the key; name it in tls_cert".into());
        faults.check(cfg!(feature = "tls") || !cert, "tls_cert", || {
            "needs a build with the feature tls; build with it, or put a proxy in front".into()
        });
        for origin in &self.cors_origins {
            faults.check(is_origin(origin), "cors_origins", || {
                format!("`{origin}` is not an origin such as https://app.example.com, without a slash at its end")
            });
        }
        faults.within("connections", self.connections, 1, limits::CONNECTIONS_CHOSEN_MAX);
        let rate = self.quota.requests_per_minute.map_or(1, |rate| rate as usize);
        faults.within("key_requests_per_minute", rate, 1, limits::KEY_REQUESTS_PER_MINUTE_MAX as usize);
        let queued = self.quota.queued_max.map_or(1, |queued| queued as usize);
        faults.within("key_queued_max", queued, 1, limits::KEY_QUEUED_MAX as usize);
    }
}
