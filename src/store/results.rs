//! Where results that are too large for a `data:` URL are kept. An engine holds bytes under a key; what they are is
//! written in the job's record, so an engine never has to tell.
//!
//! | engine | keeps them |
//! | --- | --- |
//! | [`Folder`] | in files of a local folder: the default |
//! | `postgres::Pieces` | in the database, in pieces: the default there; needs the feature `postgres` |
//! | [`Memory`] | in this process, for `--store memory` and tests |
//! | `ObjectStore` | in S3, Azure Blob Storage or Google Cloud Storage; needs the feature `object-store` |

mod folder;
mod memory;
#[cfg(feature = "object-store")]
mod object_store;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, TryStreamExt};

pub use self::folder::Folder;
pub use self::memory::Memory;
#[cfg(feature = "object-store")]
pub use self::object_store::ObjectStore;
use super::{Answer, StoreError};
use crate::job::{JobId, ResultRef};
use crate::limits;

/// Bytes by key.
///
/// Keys are [`key`]s: an engine refuses anything else as [`StoreError::Broken`], before it touches a file.
pub trait Results: Send + Sync + 'static {
    /// Keeps `bytes` under `key`, in place of what was there. Durable when answered; seen whole or not at all.
    fn put<'a>(&'a self, key: &'a str, content_type: &'a str, bytes: Bytes) -> Answer<'a, ()>;

    /// What is kept under `key`, or none.
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Found>>;

    /// Forgets what is kept under `keys`. One that is not there is no error; one that cannot be forgotten does not
    /// keep the others.
    fn delete<'a>(&'a self, keys: &'a [Arc<str>]) -> Answer<'a, ()>;
}

/// A result that was found, to be read piece by piece: it may be larger than anybody wants to hold.
pub struct Found {
    /// How many bytes there are.
    pub size: u64,
    /// The bytes, in order.
    pub chunks: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl Found {
    /// All bytes at once.
    ///
    /// # Errors
    /// When the rest of them cannot be read any more.
    pub async fn bytes(self) -> Result<Bytes, StoreError> {
        let whole = BytesMut::with_capacity(usize::try_from(self.size).unwrap_or(0));
        let whole = self.chunks.try_fold(whole, |mut whole, chunk| async move {
            whole.extend_from_slice(&chunk);
            Ok(whole)
        });
        whole.await.map(BytesMut::freeze)
    }
}

/// The key for the result of one try of a job. A later try has another one, so a try that was thought dead cannot
/// overwrite its successor's result (rule 1).
pub fn key(job: JobId, epoch: u32) -> Arc<str> {
    format!("{job}-{epoch}").into()
}

/// Keeps a result: a small one in its URL, a large one under `key`.
///
/// # Errors
/// When a large one cannot be kept.
pub async fn keep(
    results: &dyn Results,
    key: Arc<str>,
    content_type: &str,
    bytes: Bytes,
) -> Result<ResultRef, StoreError> {
    if bytes.len() <= limits::INLINE_RESULT_BYTES_MAX {
        let mut url = String::with_capacity(content_type.len() + bytes.len() * 4 / 3 + 20);
        url.push_str("data:");
        url.push_str(&content_type.replace("; ", ";"));
        url.push_str(";base64,");
        STANDARD.encode_string(&bytes, &mut url);
        return Ok(ResultRef::Url(url.into()));
    }
    let size = bytes.len() as u64;
    results.put(&key, content_type, bytes).await?;
    Ok(ResultRef::Stored { content_type: content_type.into(), size, key })
}

/// Bytes of the longest key.
const KEY_BYTES_MAX: usize = 100;

/// Lets through what [`key`] makes, and nothing that a file system would read as more than a name.
pub(in crate::store) fn check(key: &str) -> Result<(), StoreError> {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    match key.len() {
        1..=KEY_BYTES_MAX if plain => Ok(()),
        _ => Err(StoreError::Broken(format!("`{}` is no key of a result", key.escape_debug()).into())),
    }
}

/// The first failure of several independent steps, after all of them were taken.
pub(in crate::store) fn first_failure(
    done: impl IntoIterator<Item = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    let mut first = Ok(());
    for one in done {
        first = first.and(one);
    }
    first
}
