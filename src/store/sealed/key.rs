//! A key of the encryption at rest as somebody configures it: 256 bits, and an id that stands with each value it encrypts.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::limits;

/// Bytes of a key: those of AES-256.
const KEY_BYTES: usize = 32;

/// A key with its id. Nothing shows the key itself.
///
/// ```
/// use faena::store::sealed::EncryptionKey;
///
/// let key: EncryptionKey = "2026:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".parse().unwrap();
/// assert_eq!(key.id(), "2026");
/// assert_eq!(format!("{key:?}"), "EncryptionKey(2026)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    id: Box<str>,
    bytes: [u8; KEY_BYTES],
}

impl EncryptionKey {
    /// The id that stands with each value.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key itself.
    #[cfg(feature = "encryption")]
    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

impl FromStr for EncryptionKey {
    type Err = String;

    /// Reads `ID:BASE64`, or the key alone, whose id then follows from it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, key) = text.trim().rsplit_once(':').map_or((None, text.trim()), |(id, key)| (Some(id), key));
        // The text is not repeated in a complaint: it may be nearly a key.
        let bad = || {
            format!("must be {KEY_BYTES} random bytes in base64, or ID:BASE64; make one with `openssl rand -base64 32`")
        };
        let bytes = [STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD].iter().find_map(|form| form.decode(key).ok());
        let bytes: [u8; KEY_BYTES] = bytes.ok_or_else(bad)?.try_into().map_err(|_| bad())?;
        let id = match id {
            Some(id) if is_id(id) => id.to_owned(),
            Some(_) => {
                let most = limits::ENCRYPTION_KEY_ID_BYTES_MAX;
                return Err(format!("the id before the colon must be 1 to {most} letters, digits, `_`, `.` or `-`"));
            }
            None => own_id(&bytes),
        };
        Ok(Self { id: id.into(), bytes })
    }
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=limits::ENCRYPTION_KEY_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(plain)
}

/// An id that says nothing about the key, and is the same wherever the key is.
fn own_id(bytes: &[u8; KEY_BYTES]) -> String {
    let digest = Sha256::new().chain_update(b"faena.encryption.key-id.1").chain_update(bytes).finalize();
    digest.iter().take(4).fold("k".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.id)
    }
}
