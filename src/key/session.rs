//! A session: a short text that a browser keeps in a cookie after somebody showed their key once. It opens what the key opens, until
//! its time is over or the key's is.
//!
//! It is signed with what is kept of the key (HMAC-SHA-256, RFC 2104), as a [pass](super::pass) is: every node can check it,
//! nothing is kept of it, and the key itself is not in it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{ApiKey, KeyId};
use crate::clock::Timestamp;

/// What every session begins with.
pub const SESSION_PREFIX: &str = "fs_";

/// What is signed begins with this, so that a pass is never taken for a session, nor anything else that is signed with the same key.
const PURPOSE: &[u8] = b"faena.session.1";
const BODY_BYTES: usize = 16 + 8;

/// What a session says. It is true once [`is_signed_by`](Self::is_signed_by) says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The key that was shown.
    pub key: KeyId,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
    mac: [u8; 32],
}

impl Session {
    /// A session of a key.
    pub fn new(key: &ApiKey, expires_at: Timestamp) -> Self {
        let unsigned = Self { key: key.id, expires_at, mac: [0; 32] };
        let mac = unsigned.signed(key).map(|mac| mac.finalize().into_bytes().into());
        Self { mac: mac.unwrap_or_default(), ..unsigned }
    }

    /// Its text.
    pub fn text(&self) -> String {
        let mut bytes = self.body().to_vec();
        bytes.extend_from_slice(&self.mac);
        format!("{SESSION_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a text says, if it is one of a session.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(SESSION_PREFIX)?).ok()?;
        let bytes: &[u8; BODY_BYTES + 32] = bytes.as_slice().try_into().ok()?;
        let (key, rest) = bytes.split_first_chunk::<16>()?;
        let (expires_at, mac) = rest.split_first_chunk::<8>()?;
        Some(Self {
            key: KeyId::from_bytes(*key),
            expires_at: Timestamp::from_millis(i64::from_be_bytes(*expires_at)),
            mac: mac.try_into().ok()?,
        })
    }

    /// Whether this key has signed it, and its time is not over. It is compared in constant time.
    pub fn is_signed_by(&self, key: &ApiKey, now: Timestamp) -> bool {
        let is_true = self.signed(key).is_some_and(|mac| mac.verify_slice(&self.mac).is_ok());
        is_true && self.key == key.id && now < self.expires_at
    }

    fn body(&self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        body[..16].copy_from_slice(self.key.as_bytes());
        body[16..].copy_from_slice(&self.expires_at.as_millis().to_be_bytes());
        body
    }

    /// None never comes: HMAC takes keys of any length.
    fn signed(&self, key: &ApiKey) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.digest.as_bytes()).ok()?;
        mac.update(PURPOSE);
        mac.update(&self.body());
        Some(mac)
    }
}
