//! Results in files of a local folder, one a result. A file is written under another name, synced, renamed, and its
//! folder is synced: after an answer no crash loses it, and nobody ever reads half of one. The files are spread over
//! folders two levels deep, because a folder of a million files is slow on some file systems.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, StreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::{Answer, Found, Results, StoreError, check, first_failure};

/// Where a file is written before it has its name. No key is spread to a folder of this name.
const INCOMING: &str = "incoming";
/// Bytes that are read from a file at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Results in files of a local folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    written: AtomicU64,
}

impl Folder {
    /// Opens a folder, making it if need be, and throws away what a crash left half written.
    ///
    /// # Errors
    /// When the folder cannot be made or listed.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let opened = || -> io::Result<()> {
            let incoming = root.join(INCOMING);
            fs::create_dir_all(&incoming)?;
            for half in fs::read_dir(&incoming)? {
                fs::remove_file(half?.path())?;
            }
            sync_folder(&root)
        };
        opened().map_err(|error| unavailable("open the result folder", &root, &error))?;
        Ok(Self { root, written: AtomicU64::new(0) })
    }

    /// The file of a key, two folders deep.
    fn path(&self, key: &str) -> PathBuf {
        let hash = Sha256::digest(key.as_bytes());
        self.root.join(format!("{:02x}", hash[0])).join(format!("{:02x}", hash[1])).join(key)
    }
}

impl Results for Folder {
    fn put<'a>(&'a self, key: &'a str, _content_type: &'a str, bytes: Bytes) -> Answer<'a, ()> {
        async move {
            check(key)?;
            let path = self.path(key);
            let number = self.written.fetch_add(1, Ordering::Relaxed);
            let draft = self.root.join(INCOMING).join(format!("{key}.{number}"));
            let root = self.root.clone();
            on_a_thread(move || {
                write(&root, &draft, &path, &bytes).map_err(|error| {
                    // A sync that failed is never tried again (rule 9): the draft is thrown away, another put
                    // writes a new file. If even this fails, the next start throws it away.
                    let _ = fs::remove_file(&draft);
                    unavailable("write the result", &path, &error)
                })
            })
            .await
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Found>> {
        async move {
            check(key)?;
            let path = self.path(key);
            let opened = async {
                let file = tokio::fs::File::open(&path).await?;
                let size = file.metadata().await?.len();
                Ok((file, size))
            };
            match opened.await {
                Ok((file, size)) => Ok(Some(Found { size, chunks: chunks(file, path.into()).boxed() })),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(unavailable("read the result", &path, &error)),
            }
        }
        .boxed()
    }

    fn delete<'a>(&'a self, keys: &'a [Arc<str>]) -> Answer<'a, ()> {
        async move {
            let paths: Vec<_> = keys.iter().map(|key| check(key).map(|()| self.path(key))).collect();
            // The folders are not synced: a file that comes back after a crash is not referred to by anything.
            on_a_thread(move || {
                first_failure(paths.into_iter().map(|path| {
                    let path = path?;
                    match fs::remove_file(&path) {
                        Err(error) if !is_missing(&error) => Err(unavailable("delete the result", &path, &error)),
                        _ => Ok(()),
                    }
                }))
            })
            .await
        }
        .boxed()
    }
}

/// Writes a draft, syncs it, gives it its name and syncs every folder that learnt a name by it.
fn write(root: &Path, draft: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    let Some(folder) = path.parent() else { return Err(io::ErrorKind::InvalidInput.into()) };
    fs::create_dir_all(folder)?;
    fs::rename(draft, path)?;
    // All the way up, even if the folders were there: somebody else may have made them a moment ago.
    folder.ancestors().take_while(|above| above.starts_with(root)).try_for_each(sync_folder)
}

/// A rename is only durable once its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be opened as files here; the file system's own journal has to do.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// The bytes of a file, a chunk at a time.
fn chunks(file: tokio::fs::File, path: Arc<Path>) -> impl futures_util::Stream<Item = Result<Bytes, StoreError>> {
    stream::try_unfold(file, move |mut file| {
        let path = path.clone();
        async move {
            let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
            match file.read_buf(&mut chunk).await {
                Ok(0) => Ok(None),
                Ok(_) => Ok(Some((chunk.freeze(), file))),
                Err(error) => Err(unavailable("read the result", &path, &error)),
            }
        }
    })
}

/// Runs what waits for the disk where waiting is allowed. It runs to its end even if nobody waits for it.
async fn on_a_thread(work: impl FnOnce() -> Result<(), StoreError> + Send + 'static) -> Result<(), StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::Broken(format!("the result store: {error}").into())))
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn unavailable(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot {what} {}: {error}", path.display()).into())
}
