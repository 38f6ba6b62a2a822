//! Results in this process: gone with it, like every job of `--store memory`.

use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use futures_util::{FutureExt, StreamExt, future, stream};

use super::{Answer, Found, Results, check, first_failure};

/// Results in this process.
#[derive(Debug, Default)]
pub struct Memory {
    kept: DashMap<Box<str>, Bytes>,
}

impl Results for Memory {
    fn put<'a>(&'a self, key: &'a str, _content_type: &'a str, bytes: Bytes) -> Answer<'a, ()> {
        let done = check(key).map(|()| {
            self.kept.insert(key.into(), bytes);
        });
        future::ready(done).boxed()
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Found>> {
        let found = check(key).map(|()| {
            let bytes = self.kept.get(key).map(|kept| kept.value().clone())?;
            Some(Found { size: bytes.len() as u64, chunks: stream::iter([Ok(bytes)]).boxed() })
        });
        future::ready(found).boxed()
    }

    fn delete<'a>(&'a self, keys: &'a [Arc<str>]) -> Answer<'a, ()> {
        let done = keys.iter().map(|key| {
            check(key).map(|()| {
                self.kept.remove(&**key);
            })
        });
        future::ready(first_failure(done)).boxed()
    }
}
