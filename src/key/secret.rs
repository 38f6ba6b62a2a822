//! What a caller presents, and the digest that is kept of it. A secret has 256 random bits, so a plain SHA-256 is enough:
//! there is nothing to guess that salt or slowness would protect.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::limits;

/// What every secret that is made here begins with, so that a scanner of repositories knows one when it sees it.
pub const SECRET_PREFIX: &str = "fk_";

/// What a caller presents. It is shown by [`reveal`](Self::reveal) alone.
///
/// ```
/// use faena::key::Secret;
///
/// let secret = Secret::of(&[7; 32]);
/// assert!(secret.reveal().starts_with("fk_"));
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// ```
#[derive(Clone)]
pub struct Secret(Box<str>);

/// What is kept of a secret. Comparing two takes the same time wherever they differ, and nothing shows one.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Secret {
    /// The secret of 32 random bytes.
    pub fn of(random: &[u8; 32]) -> Self {
        Self(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(random)).into())
    }

    /// A secret that somebody chose.
    ///
    /// # Errors
    /// A sentence, when it is too short to be one, or could not stand in a header.
    pub fn given(text: impl Into<Box<str>>) -> Result<Self, String> {
        let text = text.into();
        let (least, most) = (limits::KEY_SECRET_BYTES_MIN, limits::KEY_SECRET_BYTES_MAX);
        if !(least..=most).contains(&text.len()) || !text.bytes().all(is_of_a_token) {
            return Err(format!(
                "must be {least} to {most} letters, digits or any of `-._~+/=`, best of all random ones"
            ));
        }
        Ok(Self(text))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

/// What a bearer token may be made of (RFC 6750, 2.1).
fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Digest {
    /// The digest of what was presented.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// The digest with these 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes, to be kept.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| de::Error::custom("a digest is no base64"))?;
        bytes.try_into().map(Self).map_err(|_| de::Error::custom("a digest has not 32 bytes"))
    }
}
