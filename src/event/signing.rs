//! Signatures by Standard Webhooks (standardwebhooks.com, version 1): HMAC-SHA-256 over `id.timestamp.body` under a shared secret.
//! The timestamp is signed, too, so that nobody can send an old delivery again later; whoever hears the same id twice knows that
//! it is the same event. While a secret is being replaced a delivery is signed with both.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Timestamp;
use crate::limits;

/// The header with the id of the event.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of the delivery, in seconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures, separated by blanks.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// What every secret begins with, so that one that got into a log is found by those who look for secrets.
const PREFIX: &str = "whsec_";
/// What every signature of this scheme begins with.
const VERSION: &str = "v1,";

/// A shared secret. It is printed by [`Secret::reveal`] alone.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

/// A delivery as it was received.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The header [`ID_HEADER`].
    pub id: &'a str,
    /// The header [`TIMESTAMP_HEADER`].
    pub timestamp: &'a str,
    /// The header [`SIGNATURE_HEADER`].
    pub signature: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The timestamp is no number of seconds.
    #[error("the timestamp is no number of seconds")]
    NoTimestamp,
    /// It was sent too long ago: somebody may be sending it again.
    #[error("the delivery is too old")]
    TooOld,
    /// It comes from the future.
    #[error("the delivery is from the future")]
    TooEarly,
    /// None of the signatures was made with a secret that we know.
    #[error("no signature fits")]
    WrongSignature,
}

/// The signatures of a delivery, one for each secret, as the header has them.
pub fn sign<'a>(secrets: impl IntoIterator<Item = &'a Secret>, id: &str, at: Timestamp, body: &[u8]) -> String {
    let timestamp = seconds(at).to_string();
    let signatures = secrets.into_iter().filter_map(|secret| {
        let digest = secret.over(id, &timestamp, body)?.finalize().into_bytes();
        Some(format!("{VERSION}{}", STANDARD.encode(digest)))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// The headers of a delivery.
pub fn headers<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> [(&'static str, String); 3] {
    [
        (ID_HEADER, id.to_owned()),
        (TIMESTAMP_HEADER, seconds(at).to_string()),
        (SIGNATURE_HEADER, sign(secrets, id, at, body)),
    ]
}

/// Whether a delivery was signed with one of these secrets, and is not older or newer than
/// [`limits::WEBHOOK_TOLERANCE`]. How long that takes says nothing about a secret.
///
/// # Errors
/// [`Rejected`], for the log; whoever sent it need not know why.
pub fn verify<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    received: Received<'_>,
    now: Timestamp,
) -> Result<(), Rejected> {
    /// More than anybody signs with; each costs a comparison.
    const SIGNATURES_MAX: usize = 16;
    let is_number = !received.timestamp.is_empty() && received.timestamp.bytes().all(|b| b.is_ascii_digit());
    let sent = received.timestamp.parse::<i64>().ok().filter(|_| is_number).ok_or(Rejected::NoTimestamp)?;
    let tolerance = limits::WEBHOOK_TOLERANCE.as_secs() as i64;
    if seconds(now).saturating_sub(sent) > tolerance {
        return Err(Rejected::TooOld);
    }
    if sent.saturating_sub(seconds(now)) > tolerance {
        return Err(Rejected::TooEarly);
    }
    let given = received.signature.split(' ').filter_map(|text| STANDARD.decode(text.strip_prefix(VERSION)?).ok());
    let given: Vec<_> = given.take(SIGNATURES_MAX).collect();
    let mut fits = false;
    for secret in secrets {
        let Some(mac) = secret.over(received.id, received.timestamp, received.body) else { continue };
        for signature in &given {
            // All are compared, each in the same time wherever they differ.
            fits |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    if fits { Ok(()) } else { Err(Rejected::WrongSignature) }
}

fn seconds(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1_000)
}

impl Secret {
    /// A secret that nobody knows yet.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn generate() -> Result<Self, String> {
        let mut bytes = [0; limits::WEBHOOK_SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| format!("no randomness for a secret: {error}"))?;
        Ok(Self(bytes.into()))
    }

    /// A secret that somebody gave as plain words, as some senders of webhooks have theirs: its bytes are the key. A receiver
    /// by the standard is given [`Secret::reveal`] of it.
    ///
    /// # Errors
    /// A sentence, when there are too few or too many.
    pub fn from_words(words: &str) -> Result<Self, String> {
        let most = limits::WEBHOOK_SECRET_BYTES_MAX;
        match words.len() {
            length if (1..=most).contains(&length) => Ok(Self(words.as_bytes().into())),
            _ => Err(format!("a secret has 1 to {most} bytes")),
        }
    }

    /// The secret, to show to whom it belongs.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// HMAC takes keys of any length, so there always is one.
    fn over(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        Some(mac.chain_update(id).chain_update(".").chain_update(timestamp).chain_update(".").chain_update(body))
    }
}

impl FromStr for Secret {
    type Err = String;

    /// Reads `whsec_` and base64 of 24 to 64 bytes. A complaint does not repeat what was given.
    fn from_str(text: &str) -> Result<Self, String> {
        let (least, most) = (limits::WEBHOOK_SECRET_BYTES_MIN, limits::WEBHOOK_SECRET_BYTES_MAX);
        let bytes = text.strip_prefix(PREFIX).and_then(|key| STANDARD.decode(key).ok());
        match bytes {
            Some(bytes) if (least..=most).contains(&bytes.len()) => Ok(Self(bytes.into())),
            _ => Err(format!("a secret is {PREFIX} and base64 of {least} to {most} bytes; leave it out to get one")),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
