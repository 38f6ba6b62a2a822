//! TLS: the certificate of a server and its key, from PEM files. They are read again when somebody asks for it, so that a
//! renewed certificate needs no restart; what was read stays in use until the next can be read as well.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// A certificate in use, with the files that it came from.
#[derive(Debug)]
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads a certificate, with those between it and its authority behind it, and its key.
    ///
    /// # Errors
    /// A sentence: a file cannot be read, or the two do not belong together.
    pub fn read(cert: PathBuf, key: PathBuf) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let current = RwLock::new(Arc::new(certified(&cert, &key, &provider)?));
        Ok(Self { cert, key, provider, current })
    }

    /// Reads the files again. Connections from now on see what is in them; those that are open go on.
    ///
    /// # Errors
    /// A sentence; what was read before stays in use.
    pub fn read_again(&self) -> Result<(), String> {
        let next = Arc::new(certified(&self.cert, &self.key, &self.provider)?);
        *self.current.write() = next;
        Ok(())
    }

    /// How a server with this certificate speaks TLS: version 1.2 and up, and asks nobody for theirs.
    pub(super) fn config(self: Arc<Self>) -> Result<ServerConfig, String> {
        let config = ServerConfig::builder_with_provider(self.provider.clone());
        let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        Ok(config.with_no_client_auth().with_cert_resolver(self))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().clone())
    }
}

fn certified(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let at_fault = |path: &Path, error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| at_fault(cert, &error))?;
    if chain.is_empty() {
        return Err(format!("{} has no certificate in PEM", cert.display()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| at_fault(key, &error))?;
    CertifiedKey::from_der(chain, secret, provider)
        .map_err(|error| format!("the certificate in {} and the key in {}: {error}", cert.display(), key.display()))
}
