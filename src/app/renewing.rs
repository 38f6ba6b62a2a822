//! The certificate of a server, which may be renewed while it runs: SIGHUP has the files read again.

#[cfg(feature = "tls")]
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::edge::Edge;
use crate::error::{Error, Result};
use crate::http::server::Options;
#[cfg(feature = "tls")]
use crate::http::tls::Certificate;

/// A certificate in use, and who listens for its renewal.
pub(super) struct Renewing {
    #[cfg(feature = "tls")]
    certificate: Option<Arc<Certificate>>,
    ended: CancellationToken,
}

impl Renewing {
    /// Reads the certificate that the settings name, if they do.
    pub(super) fn of(edge: &Edge) -> Result<Self> {
        let ended = CancellationToken::new();
        #[cfg(feature = "tls")]
        {
            let read = |(cert, key)| Certificate::read(cert, key).map(Arc::new);
            let certificate = edge.tls().map(read).transpose().map_err(|message| Error::field("tls_cert", message))?;
            if let Some(certificate) = &certificate {
                listen(certificate.clone(), ended.clone())?;
            }
            Ok(Self { certificate, ended })
        }
        #[cfg(not(feature = "tls"))]
        match edge.tls() {
            None => Ok(Self { ended }),
            Some(_) => Err(Error::field("tls_cert", "needs a build with the feature tls")),
        }
    }

    /// A server's options with it.
    pub(super) fn options(&self) -> Options {
        Options {
            #[cfg(feature = "tls")]
            tls: self.certificate.clone(),
            ..Options::default()
        }
    }

    /// Ends the listening.
    pub(super) fn end(&self) {
        self.ended.cancel();
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(all(feature = "tls", unix))]
fn listen(certificate: Arc<Certificate>, ended: CancellationToken) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup()).map_err(Error::internal)?;
    tokio::spawn(async move {
        while ended.run_until_cancelled(hangup.recv()).await.flatten().is_some() {
            match certificate.read_again() {
                Ok(()) => tracing::info!("the certificate was read again"),
                Err(error) => {
                    tracing::error!(error, "the certificate cannot be read again; the one before stays in use")
                }
            }
        }
    });
    Ok(())
}

#[cfg(all(feature = "tls", not(unix)))]
fn listen(_: Arc<Certificate>, _: CancellationToken) -> Result<()> {
    Ok(())
}
