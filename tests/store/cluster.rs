//! Databases to try the third engine on, one for each bed, in a private cluster.
//!
//! `FAENA_TEST_POSTGRES` names a cluster (`scripts/test` starts one for the whole run). Without it the first test starts one
//! that all tests share, whatever process they are in: it lasts for as long as anybody holds a lock on the file with its
//! address. Without PostgreSQL on the machine the cases are skipped, loudly.

use std::fs::File;
use std::io::BufRead;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{FlockOperation, flock};
use tokio_postgres::{Client, Config, NoTls};

/// A database that is there for as long as this is.
pub struct Database {
    name: String,
    pub url: String,
}

impl Database {
    /// A fresh database, or none when there is no PostgreSQL here.
    pub fn fresh() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let admin = cluster()?;
        let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        told(admin, &format!("CREATE DATABASE {name}")).unwrap();
        let url = format!("{}/{name}", admin.rsplit_once('/').unwrap().0);
        Some(Self { name, url })
    }

    /// Says something to the database behind the back of whoever has it open.
    pub fn tell(&self, sql: &str) {
        told(&self.url, sql).unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(admin) = cluster() {
            // If it cannot be removed now it goes with its cluster.
            let _ = told(admin, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

/// The address of the cluster.
fn cluster() -> Option<&'static str> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    URL.get_or_init(|| match std::env::var("FAENA_TEST_POSTGRES") {
        Ok(url) => Some(url),
        Err(_) => shared(),
    })
    .as_deref()
}

/// The cluster that tests share, started if it is not there.
fn shared() -> Option<String> {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("postgres.url");
    let alone = File::create(place.with_extension("starting")).unwrap();
    flock(&alone, FlockOperation::LockExclusive).unwrap();
    if let Some(url) = held(&place) {
        return Some(url);
    }
    let _ = std::fs::remove_file(&place);
    // It says its address once it answers, or nothing when it cannot.
    let mut url = String::new();
    std::io::BufReader::new(start(&place)).read_line(&mut url).unwrap();
    let url = held(&place);
    if url.is_none() {
        eprintln!("SKIPPED: no PostgreSQL could be started here; see scripts/dev-postgres");
    }
    url
}

/// Takes hold of a cluster that answers.
fn held(place: &Path) -> Option<String> {
    let file = File::open(place).ok()?;
    flock(&file, FlockOperation::LockShared).unwrap();
    let url = std::fs::read_to_string(place).ok()?.trim().to_owned();
    if url.is_empty() || told(&url, "SELECT 1").is_err() {
        return None;
    }
    // Held until this process ends.
    std::mem::forget(file);
    Some(url)
}

fn start(place: &Path) -> ChildStdout {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/dev-postgres");
    // A group of its own: whoever interrupts one test does not take the cluster of the others away.
    let mut command = Command::new(script);
    command
        .arg("--while")
        .arg(place)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().unwrap().stdout.unwrap()
}

/// Says something on a connection of its own.
fn told(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let work = async || {
        let (client, connection): (Client, _) = url.parse::<Config>()?.connect(NoTls).await?;
        let driver = tokio::spawn(connection);
        let done = client.batch_execute(sql).await;
        drop(client);
        driver.await.unwrap()?;
        done
    };
    let alone = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work());
    std::thread::scope(|scope| scope.spawn(alone).join().unwrap())
}
