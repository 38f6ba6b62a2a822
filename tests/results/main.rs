//! The result store: one body of clauses, run over every engine.

#[cfg(all(unix, feature = "postgres"))]
#[path = "../store/cluster.rs"]
mod cluster;
#[cfg(all(unix, feature = "postgres"))]
mod in_database;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use faena::job::JobId;
use faena::store::StoreError;
use faena::store::results::{self, Folder, Memory, Results};

/// An engine to test, with the folder that it may use.
type Opened = (Arc<dyn Results>, tempfile::TempDir);

async fn read(results: &dyn Results, key: &str) -> Option<Bytes> {
    match results.get(key).await.unwrap() {
        Some(found) => Some(found.bytes().await.unwrap()),
        None => None,
    }
}

/// Bytes that tell a swapped or missing chunk.
fn pattern(size: usize) -> Bytes {
    (0..size).map(|at| (at / 251 + at) as u8).collect()
}

async fn keeps_what_was_put(results: &dyn Results) {
    let (small, empty) = (results::key(JobId::new(), 1), results::key(JobId::new(), 1));
    assert_eq!(read(results, &small).await, None);
    results.put(&small, "text/csv", Bytes::from_static(b"a,b\n")).await.unwrap();
    results.put(&empty, "text/csv", Bytes::new()).await.unwrap();
    assert_eq!(read(results, &small).await.as_deref(), Some(&b"a,b\n"[..]));
    assert_eq!(read(results, &empty).await.as_deref(), Some(&b""[..]));
}

async fn large_ones_come_in_order(results: &dyn Results) {
    // Larger than one part of an upload, and no multiple of a chunk.
    let (key, bytes) = (results::key(JobId::new(), 7), pattern(17 * 1024 * 1024 + 13));
    results.put(&key, "application/octet-stream", bytes.clone()).await.unwrap();
    assert_eq!(results.get(&key).await.unwrap().unwrap().size, bytes.len() as u64);
    assert!(read(results, &key).await.unwrap() == bytes);
}

async fn another_put_replaces_and_another_try_does_not(results: &dyn Results) {
    let job = JobId::new();
    let (first, second) = (results::key(job, 1), results::key(job, 2));
    results.put(&first, "text/plain", Bytes::from_static(b"old")).await.unwrap();
    results.put(&second, "text/plain", Bytes::from_static(b"other")).await.unwrap();
    results.put(&first, "text/plain", Bytes::from_static(b"new")).await.unwrap();
    assert_eq!(read(results, &first).await.as_deref(), Some(&b"new"[..]));
    assert_eq!(read(results, &second).await.as_deref(), Some(&b"other"[..]));
}

async fn what_is_deleted_is_gone_and_the_rest_stays(results: &dyn Results) {
    let keys: Vec<_> = (0..5).map(|_| results::key(JobId::new(), 1)).collect();
    for key in &keys {
        results.put(key, "text/plain", Bytes::from_static(b"x")).await.unwrap();
    }
    let never_there = results::key(JobId::new(), 1);
    results.delete(&[keys[0].clone(), never_there, keys[3].clone()]).await.unwrap();
    results.delete(&[]).await.unwrap();
    let mut left = Vec::new();
    for key in &keys {
        left.push(read(results, key).await.is_some());
    }
    assert_eq!(left, [false, true, true, false, true]);
}

async fn a_bad_key_touches_nothing_and_spoils_nothing(results: &dyn Results) {
    for bad in ["", "..", ".", "../a", "a/b", "/etc/passwd", "a\\b", "a\0", "é", &"x".repeat(101)] {
        let put = results.put(bad, "text/plain", Bytes::from_static(b"x")).await;
        assert!(matches!(put, Err(StoreError::Broken(_))), "{bad:?}");
        assert!(matches!(results.get(bad).await, Err(StoreError::Broken(_))), "{bad:?}");
    }
    let good = results::key(JobId::new(), 1);
    results.put(&good, "text/plain", Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(results.delete(&["../a".into(), good.clone()]).await, Err(StoreError::Broken(_))));
    assert_eq!(read(results, &good).await, None);
}

async fn puts_at_once_are_seen_whole(results: &dyn Results) {
    let key = results::key(JobId::new(), 1);
    let versions: Vec<_> = (0..8u8).map(|n| Bytes::from(vec![n; 100_000 + usize::from(n)])).collect();
    let puts = versions.iter().map(|bytes| results.put(&key, "text/plain", bytes.clone()));
    for put in futures_util::future::join_all(puts).await {
        put.unwrap();
    }
    assert!(versions.contains(&read(results, &key).await.unwrap()));
}

macro_rules! clauses {
    ($($engine:ident = $open:expr;)+) => { $(
        mod $engine {
            use super::*;
            clauses!(@each $open; keeps_what_was_put, large_ones_come_in_order,
                another_put_replaces_and_another_try_does_not, what_is_deleted_is_gone_and_the_rest_stays,
                a_bad_key_touches_nothing_and_spoils_nothing, puts_at_once_are_seen_whole);
        }
    )+ };
    (@each $open:expr; $($clause:ident),+) => { $(
        #[tokio::test]
        async fn $clause() {
            let folder = tempfile::tempdir().unwrap();
            let (results, _folder): Opened = ($open(folder.path()), folder);
            super::$clause(&*results).await;
        }
    )+ };
}

clauses! {
    memory = |_: &Path| Arc::new(Memory::default()) as Arc<dyn Results>;
    folder = |path: &Path| Arc::new(Folder::open(path.join("results")).unwrap()) as Arc<dyn Results>;
}

#[cfg(feature = "object-store")]
clauses! {
    objects_in_memory = |_: &Path| {
        let store = Arc::new(object_store::memory::InMemory::new());
        Arc::new(results::ObjectStore::new(store, "a/prefix").unwrap()) as Arc<dyn Results>
    };
    objects_in_files = |path: &Path| {
        let url = format!("file://{}/some%20results", path.display());
        Arc::new(results::ObjectStore::open(&url, []).unwrap()) as Arc<dyn Results>
    };
}

#[cfg(feature = "object-store")]
#[test]
fn clouds_are_opened_from_their_urls_and_options() {
    let options = [
        ("aws_access_key_id", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("aws_region", "eu-west-1"),
        ("azure_storage_account_name", "account"),
        ("azure_storage_account_key", "a2V5"),
        ("google_skip_signature", "true"),
        ("HOME", "/nowhere"),
    ];
    let options = || options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for url in ["s3://bucket/some/prefix", "az://container/prefix", "gs://bucket"] {
        results::ObjectStore::open(url, options()).unwrap_or_else(|error| panic!("{url}: {error}"));
    }
    for url in ["bucket", "ftp://bucket/x", "s3:///"] {
        let error = results::ObjectStore::open(url, options()).map(drop).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot use `{url}` as the result store: ")), "{error}");
    }
}

#[tokio::test]
async fn a_folder_keeps_its_results_and_forgets_half_written_ones() {
    let place = tempfile::tempdir().unwrap();
    let key = results::key(JobId::new(), 1);
    Folder::open(place.path()).unwrap().put(&key, "text/plain", Bytes::from_static(b"kept")).await.unwrap();
    let half = place.path().join("incoming").join("half.0");
    std::fs::write(&half, "ha").unwrap();

    let reopened = Folder::open(place.path()).unwrap();
    assert!(!half.exists());
    assert_eq!(read(&reopened, &key).await.as_deref(), Some(&b"kept"[..]));
    let files = walk(place.path());
    assert_eq!(files.len(), 1, "{files:?}");
    let depth = files[0].strip_prefix(place.path()).unwrap().components().count();
    assert_eq!(depth, 3, "two folders and the file: {files:?}");
}

#[tokio::test]
async fn a_failed_put_leaves_nothing_behind_and_says_where() {
    let place = tempfile::tempdir().unwrap();
    let results = Folder::open(place.path()).unwrap();
    let key = results::key(JobId::new(), 1);
    // A folder stands where the file should go.
    results.put(&key, "text/plain", Bytes::from_static(b"x")).await.unwrap();
    let file = walk(place.path()).remove(0);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir_all(file.join("in the way")).unwrap();

    let error = results.put(&key, "text/plain", Bytes::from_static(b"x")).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(why) if why.contains(&*key)), "{error}");
    assert_eq!(walk(place.path()).len(), 0);
}

/// Every file below a folder.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
