//! Results in somebody's object store: S3 and what speaks like it, Azure Blob Storage, Google Cloud Storage.

use std::sync::Arc;

use ::object_store as objects;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use objects::path::Path;
use objects::{Attribute, Attributes, ObjectStoreExt, PutMultipartOptions, PutOptions, WriteMultipart};

use super::{Answer, Found, Results, StoreError, check, first_failure};

/// Bytes above which an object goes up in parts, so that a slow line does not run into the time-out of one request.
const PART_BYTES: usize = 16 * 1024 * 1024;
/// Parts under way at once.
const PARTS_UNDER_WAY: usize = 4;

/// Results in an object store, all below one prefix.
#[derive(Debug)]
pub struct ObjectStore {
    store: Arc<dyn objects::ObjectStore>,
    prefix: Path,
    /// Whether the store keeps a content type with an object. Ours is in the job's record; theirs helps whoever
    /// looks at the bucket.
    labels: bool,
}

impl ObjectStore {
    /// Opens the store that a URL names: `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix` or
    /// `file:///folder`. Keys, regions and endpoints are `options` under their usual names, such as
    /// `aws_access_key_id`; hand in the environment, what is not an option is passed over.
    ///
    /// # Errors
    /// When the URL is not one of these, or an option is refused.
    pub fn open(url: &str, options: impl IntoIterator<Item = (String, String)>) -> Result<Self, StoreError> {
        let refused = |error: &dyn std::fmt::Display| {
            StoreError::Broken(format!("cannot use `{url}` as the result store: {error}").into())
        };
        let parsed = objects::signer::Url::parse(url).map_err(|error| refused(&error))?;
        if parsed.scheme() == "file" {
            let path = Path::from_url_path(parsed.path()).map_err(|error| refused(&error))?;
            let store = objects::local::LocalFileSystem::new().with_fsync(true);
            return Ok(Self { store: Arc::new(store), prefix: path, labels: false });
        }
        let (store, prefix) = objects::parse_url_opts(&parsed, options).map_err(|error| refused(&error))?;
        Ok(Self { store: store.into(), prefix, labels: true })
    }

    /// Uses a store that is open already, below a prefix.
    ///
    /// # Errors
    /// When `prefix` is no path of an object store.
    pub fn new(store: Arc<dyn objects::ObjectStore>, prefix: &str) -> Result<Self, StoreError> {
        let prefix = Path::parse(prefix).map_err(|error| StoreError::Broken(error.to_string().into()))?;
        Ok(Self { store, prefix, labels: true })
    }

    fn path(&self, key: &str) -> Result<Path, StoreError> {
        check(key)?;
        Ok(self.prefix.clone().join(key))
    }

    fn attributes(&self, content_type: &str) -> Attributes {
        let label = self.labels.then(|| (Attribute::ContentType, content_type.to_owned()));
        label.into_iter().collect()
    }

    /// Sends a large object part by part; it is seen only when the last one has arrived.
    async fn put_in_parts(&self, path: &Path, attributes: Attributes, bytes: Bytes) -> objects::Result<()> {
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let upload = self.store.put_multipart_opts(path, options).await?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let mut rest = bytes;
        while !rest.is_empty() {
            parts.wait_for_capacity(PARTS_UNDER_WAY).await?;
            parts.put(rest.split_to(rest.len().min(PART_BYTES)));
        }
        parts.finish().await.map(drop)
    }
}

impl Results for ObjectStore {
    fn put<'a>(&'a self, key: &'a str, content_type: &'a str, bytes: Bytes) -> Answer<'a, ()> {
        async move {
            let path = self.path(key)?;
            let attributes = self.attributes(content_type);
            let put = if bytes.len() > PART_BYTES {
                self.put_in_parts(&path, attributes, bytes).await
            } else {
                let options = PutOptions { attributes, ..PutOptions::default() };
                self.store.put_opts(&path, bytes.into(), options).await.map(drop)
            };
            put.map_err(unavailable)
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Found>> {
        async move {
            match self.store.get(&self.path(key)?).await {
                Ok(found) => {
                    Ok(Some(Found { size: found.meta.size, chunks: found.into_stream().map_err(unavailable).boxed() }))
                }
                Err(objects::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(unavailable(error)),
            }
        }
        .boxed()
    }

    fn delete<'a>(&'a self, keys: &'a [Arc<str>]) -> Answer<'a, ()> {
        async move {
            let (paths, refused): (Vec<_>, Vec<_>) = keys.iter().map(|key| self.path(key)).partition(Result::is_ok);
            let paths = stream::iter(paths.into_iter().flatten().map(Ok)).boxed();
            // The stores that can delete many at once do so here.
            let gone: Vec<_> = self.store.delete_stream(paths).collect().await;
            let gone = gone.into_iter().map(|one| match one {
                Ok(_) | Err(objects::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(unavailable(error)),
            });
            first_failure(gone.chain(refused.into_iter().map(|one| one.map(drop))))
        }
        .boxed()
    }
}

fn unavailable(error: objects::Error) -> StoreError {
    StoreError::Unavailable(error.to_string().into())
}
