//! Results that another store keeps, encrypted in pieces, so that one is read without being held whole. Each piece is bound to
//! the result's key, to its place, and to being the last or not: none can be left out, put elsewhere or cut off unseen.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt};

use super::Keyring;
use super::keyring::{PIECE_BYTES, Part, Unopened, bound_to, split};
use super::store::refused;
use crate::job::SEALED_BYTES;
use crate::limits::ENCRYPTION_KEY_ID_BYTES_MAX;
use crate::store::results::{Found, Results};
use crate::store::{Answer, StoreError};

/// Bytes of a piece before it is encrypted: enough that its nonce and tag weigh nothing, little to hold.
const PLAIN_BYTES: usize = 256 * 1024;
/// Bytes of one afterwards.
const SEALED_PIECE_BYTES: usize = PLAIN_BYTES + PIECE_BYTES;
/// Bytes after which it is known what a result is.
const HEAD_BYTES_MAX: usize = SEALED_BYTES.len() + 1 + ENCRYPTION_KEY_ID_BYTES_MAX;

/// Results that another store keeps.
pub struct SealedResults {
    inner: Arc<dyn Results>,
    keyring: Arc<Keyring>,
}

impl SealedResults {
    /// Encrypts what goes into `inner`, and decrypts what comes out.
    pub fn new(inner: Arc<dyn Results>, keyring: Arc<Keyring>) -> Self {
        Self { inner, keyring }
    }

    fn sealed(&self, key: &str, plain: &[u8]) -> Result<Bytes, StoreError> {
        let mut sealed = self.keyring.head();
        let pieces = plain.len().div_ceil(PLAIN_BYTES).max(1);
        sealed.reserve(plain.len() + pieces * PIECE_BYTES);
        for number in 0..pieces {
            let from = number * PLAIN_BYTES;
            let piece = &plain[from..plain.len().min(from + PLAIN_BYTES)];
            self.keyring.seal_onto(&mut sealed, &place(key, number as u64, number + 1 == pieces), piece)?;
        }
        Ok(sealed.into())
    }
}

impl Results for SealedResults {
    fn put<'a>(&'a self, key: &'a str, content_type: &'a str, bytes: Bytes) -> Answer<'a, ()> {
        match self.sealed(key, &bytes) {
            Ok(sealed) => self.inner.put(key, content_type, sealed),
            Err(error) => refused(error),
        }
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Found>> {
        Box::pin(async move {
            let Some(Found { size, mut chunks }) = self.inner.get(key).await? else { return Ok(None) };
            let mut begun = BytesMut::new();
            while begun.len() < HEAD_BYTES_MAX {
                let Some(chunk) = chunks.next().await.transpose()? else { break };
                begun.extend_from_slice(&chunk);
            }
            if !begun.starts_with(SEALED_BYTES) {
                let begun = stream::once(std::future::ready(Ok(begun.freeze())));
                return Ok(Some(Found { size, chunks: begun.chain(chunks).boxed() }));
            }
            let reading = Reading::of(key, size, begun, chunks, self.keyring.clone())?;
            let size = reading.plain_bytes;
            Ok(Some(Found { size, chunks: stream::try_unfold(reading, Reading::next).boxed() }))
        })
    }

    fn delete<'a>(&'a self, keys: &'a [Arc<str>]) -> Answer<'a, ()> {
        self.inner.delete(keys)
    }
}

/// A result on its way out.
struct Reading {
    key: String,
    /// The id of the key that it is encrypted with.
    id: Vec<u8>,
    pieces: u64,
    next: u64,
    plain_bytes: u64,
    buffer: BytesMut,
    chunks: BoxStream<'static, Result<Bytes, StoreError>>,
    keyring: Arc<Keyring>,
}

impl Reading {
    fn of(
        key: &str,
        size: u64,
        begun: BytesMut,
        chunks: BoxStream<'static, Result<Bytes, StoreError>>,
        keyring: Arc<Keyring>,
    ) -> Result<Self, StoreError> {
        let altered = || unreadable(key, &Unopened::Altered);
        let (id, rest) = split(&begun).ok_or_else(altered)?;
        let head = (begun.len() - rest.len()) as u64;
        let pieces = size.checked_sub(head).ok_or_else(altered)?.div_ceil(SEALED_PIECE_BYTES as u64);
        let plain_bytes = (size - head).checked_sub(pieces * PIECE_BYTES as u64).ok_or_else(altered)?;
        let (id, buffer) = (id.to_vec(), BytesMut::from(rest));
        let mut reading = Self { key: key.to_owned(), id, pieces, next: 0, plain_bytes, buffer, chunks, keyring };
        // Whether its key is here is told at once, and not in the middle of an answer.
        if let Err(why @ Unopened::NoKey(_)) = reading.keyring.open_piece(&reading.id, &[], &[]) {
            return Err(unreadable(key, &why));
        }
        reading.buffer.reserve(SEALED_PIECE_BYTES);
        Ok(reading)
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        if self.next == self.pieces {
            return Ok(None);
        }
        let last = self.next + 1 == self.pieces;
        while self.buffer.len() < SEALED_PIECE_BYTES {
            match self.chunks.next().await.transpose()? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if last => break,
                None => return Err(unreadable(&self.key, &Unopened::Altered)),
            }
        }
        let piece = self.buffer.split_to(SEALED_PIECE_BYTES.min(self.buffer.len()));
        let place = place(&self.key, self.next, last);
        let plain = self.keyring.open_piece(&self.id, &place, &piece).map_err(|why| unreadable(&self.key, &why))?;
        self.next += 1;
        Ok(Some((plain.into(), self)))
    }
}

/// What a piece is bound to.
fn place(key: &str, number: u64, last: bool) -> Vec<u8> {
    let mut place = bound_to(Part::Piece, &number.to_be_bytes());
    place.push(u8::from(last));
    place.extend_from_slice(key.as_bytes());
    place
}

fn unreadable(key: &str, why: &Unopened) -> StoreError {
    StoreError::Unreadable(format!("the result `{key}` {why}").into())
}
