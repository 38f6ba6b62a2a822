//! The keys that are in use: the first encrypts, all decrypt, so that a key is replaced by putting another before it. A value
//! carries the id of its key, and is bound to what it is and whose: one that is put elsewhere does not open.
//!
//! AES-256-GCM-SIV (RFC 8452) with a random nonce for each value: should two ever be the same, it shows that two values are equal
//! and nothing else.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::EncryptionKey;
use crate::job::{SEALED_BYTES, SEALED_TEXT};
use crate::store::StoreError;

/// Bytes that prove that a value is whole.
pub(super) const TAG_BYTES: usize = 16;
/// What a value that was cut into pieces has more for each.
pub(super) const PIECE_BYTES: usize = NONCE_LEN + TAG_BYTES;

/// The keys in use.
pub struct Keyring {
    first: Held,
    others: Vec<Held>,
}

struct Held {
    id: Box<str>,
    key: RandomizedNonceKey,
}

/// What a value is. It is part of what a value is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The payload of a job.
    Payload,
    /// The result of a job, as its record has it.
    Result,
    /// The state that a job saved.
    Saved,
    /// The payload of a schedule.
    Schedule,
    /// A shared state.
    State,
    /// A piece of a result that is kept apart.
    Piece,
}

/// Why a value does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unopened {
    /// Its key is not among those in use.
    NoKey(Box<str>),
    /// It is not as it was written, or not where.
    Altered,
}

impl std::fmt::Display for Unopened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoKey(id) => {
                write!(f, "is encrypted with the key `{id}`, which is not configured here; name it in encryption_keys")
            }
            Self::Altered => f.write_str("does not open: it was altered, or its key is another one of the same id"),
        }
    }
}

impl Keyring {
    /// The keys, the one that encrypts first; none when there are none.
    ///
    /// # Errors
    /// When the library does not take a key.
    pub fn new(keys: &[EncryptionKey]) -> Result<Option<Self>, StoreError> {
        let held = |key: &EncryptionKey| {
            let made = RandomizedNonceKey::new(&AES_256_GCM_SIV, key.bytes());
            made.map(|made| Held { id: key.id().into(), key: made }).map_err(|_| cannot("use a key"))
        };
        let Some((first, others)) = keys.split_first() else { return Ok(None) };
        Ok(Some(Self { first: held(first)?, others: others.iter().map(held).collect::<Result<_, _>>()? }))
    }

    /// Encrypts a value, which is bound to what it is and to `of`, whose it is.
    ///
    /// # Errors
    /// When the library does not.
    pub fn seal(&self, part: Part, of: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut sealed = self.head();
        self.seal_onto(&mut sealed, &bound_to(part, of), plain)?;
        Ok(sealed)
    }

    /// What stands before what the first key encrypts: the mark, and the id of the key.
    pub(super) fn head(&self) -> Vec<u8> {
        let id = self.first.id.as_bytes();
        let length = u8::try_from(id.len()).unwrap_or(u8::MAX);
        [SEALED_BYTES, &[length], id].concat()
    }

    /// Appends a nonce, and what is encrypted with it.
    pub(super) fn seal_onto(&self, sealed: &mut Vec<u8>, bound: &[u8], plain: &[u8]) -> Result<(), StoreError> {
        let mut text = Vec::with_capacity(plain.len() + TAG_BYTES);
        text.extend_from_slice(plain);
        let nonce =
            self.first.key.seal_in_place_append_tag(Aad::from(bound), &mut text).map_err(|_| cannot("encrypt"))?;
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&text);
        Ok(())
    }

    /// Decrypts a value. One that was never encrypted is what it is.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open(&self, part: Part, of: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, Unopened> {
        if !value.starts_with(SEALED_BYTES) {
            return Ok(None);
        }
        let (id, sealed) = split(value).ok_or(Unopened::Altered)?;
        self.open_piece(id, &bound_to(part, of), sealed).map(Some)
    }

    /// Decrypts what follows a nonce.
    pub(super) fn open_piece(&self, id: &[u8], bound: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        let held = std::iter::once(&self.first).chain(&self.others).find(|held| held.id.as_bytes() == id);
        let held = held.ok_or_else(|| Unopened::NoKey(String::from_utf8_lossy(id).into()))?;
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unopened::Altered)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = held.key.open_in_place(nonce, Aad::from(bound), &mut text).map_err(|_| Unopened::Altered)?;
        let length = plain.len();
        text.truncate(length);
        Ok(text)
    }

    /// Encrypts a text into a text.
    ///
    /// # Errors
    /// When the library does not.
    pub fn seal_text(&self, part: Part, of: &[u8], plain: &str) -> Result<String, StoreError> {
        let mut text = SEALED_TEXT.to_owned();
        URL_SAFE_NO_PAD.encode_string(self.seal(part, of, plain.as_bytes())?, &mut text);
        Ok(text)
    }

    /// Decrypts a text. One that was never encrypted is what it is.
    ///
    /// # Errors
    /// [`Unopened`].
    pub fn open_text(&self, part: Part, of: &[u8], value: &str) -> Result<Option<String>, Unopened> {
        let Some(encoded) = value.strip_prefix(SEALED_TEXT) else { return Ok(None) };
        let sealed = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Unopened::Altered)?;
        let plain = self.open(part, of, &sealed)?.ok_or(Unopened::Altered)?;
        String::from_utf8(plain).map(Some).map_err(|_| Unopened::Altered)
    }
}

/// The id of a value's key, and what it encrypted.
pub(super) fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = value.strip_prefix(SEALED_BYTES)?.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// What a value is bound to: its sort, and whose it is. The sort has one length, so the two cannot run into each other.
pub(super) fn bound_to(part: Part, of: &[u8]) -> Vec<u8> {
    let sort: &[u8; 16] = match part {
        Part::Payload => b"faena.1 payload ",
        Part::Result => b"faena.1 result  ",
        Part::Saved => b"faena.1 saved   ",
        Part::Schedule => b"faena.1 schedule",
        Part::State => b"faena.1 state   ",
        Part::Piece => b"faena.1 piece   ",
    };
    [sort, of].concat()
}

fn cannot(what: &str) -> StoreError {
    StoreError::Broken(format!("cannot {what}: the cryptographic library refuses").into())
}
