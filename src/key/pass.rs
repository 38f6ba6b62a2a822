//! A pass: a short text that opens the events of one job for some minutes. A browser's `EventSource` cannot send a header, and a
//! key must not stand in an address, where logs keep it.
//!
//! It is signed with what is kept of the key that asked for it (HMAC-SHA-256, RFC 2104), so every node can check it, and it
//! ends with that key. Whoever holds the key could make one too, and gains nothing: a pass never opens more than its key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{ApiKey, Digest, KeyId};
use crate::clock::Timestamp;
use crate::job::JobId;

/// What every pass begins with.
pub const PASS_PREFIX: &str = "fp_";

/// What is signed begins with this, so that nothing else that is ever signed with the same key can be taken for a pass.
const PURPOSE: &[u8] = b"faena.pass.job-events.1";
const BODY_BYTES: usize = 16 + 16 + 8;

/// What a pass says. It is true once [`is_signed_by`](Self::is_signed_by) says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// The key that asked for it.
    pub key: KeyId,
    /// The job whose events it opens.
    pub job: JobId,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
    mac: [u8; 32],
}

impl Pass {
    /// A pass to the events of a job, signed with what is kept of a key.
    pub fn new(key: &ApiKey, job: JobId, expires_at: Timestamp) -> Self {
        let unsigned = Self { key: key.id, job, expires_at, mac: [0; 32] };
        let mac = signed(&key.digest, &unsigned.body()).map(|mac| mac.finalize().into_bytes().into());
        Self { mac: mac.unwrap_or_default(), ..unsigned }
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut bytes = self.body().to_vec();
        bytes.extend_from_slice(&self.mac);
        format!("{PASS_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a text says, if it is one of a pass.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PASS_PREFIX)?).ok()?;
        let bytes: &[u8; BODY_BYTES + 32] = bytes.as_slice().try_into().ok()?;
        let (key, rest) = bytes.split_first_chunk::<16>()?;
        let (job, rest) = rest.split_first_chunk::<16>()?;
        let (expires_at, mac) = rest.split_first_chunk::<8>()?;
        Some(Self {
            key: KeyId::from_bytes(*key),
            job: JobId::from_bytes(*job),
            expires_at: Timestamp::from_millis(i64::from_be_bytes(*expires_at)),
            mac: mac.try_into().ok()?,
        })
    }

    /// Whether this key has signed it, and its time is not over. It is compared in constant time.
    pub fn is_signed_by(&self, key: &ApiKey, now: Timestamp) -> bool {
        let is_true = signed(&key.digest, &self.body()).is_some_and(|mac| mac.verify_slice(&self.mac).is_ok());
        is_true && self.key == key.id && now < self.expires_at
    }

    fn body(&self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        body[..16].copy_from_slice(self.key.as_bytes());
        body[16..32].copy_from_slice(self.job.as_bytes());
        body[32..].copy_from_slice(&self.expires_at.as_millis().to_be_bytes());
        body
    }
}

/// None never comes: HMAC takes keys of any length.
fn signed(key: &Digest, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(PURPOSE);
    mac.update(body);
    Some(mac)
}
