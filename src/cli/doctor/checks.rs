//! What the doctor looks at, one function each.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use faena::app::Settings;
use faena::app::settings::Durability;
#[cfg(feature = "postgres")]
use faena::app::settings::{DatabaseUrl, StoreChoice};
use faena::clock::{Clock, Timestamp};
use faena::store::embedded::inspect::{Inspected, inspect};

use super::Check;
use crate::cli::{output, span};

/// Every check, in the order in which they are shown.
pub const ALL: &[fn(&Settings) -> Check] = &[folder, disk, fsync, store, clock, port, descriptors];

/// Free space below which a busy queue soon stops.
const DISK_FAIL_BYTES: u64 = 64 * 1024 * 1024;
/// Free space below which somebody should look.
const DISK_WARN_BYTES: u64 = 1024 * 1024 * 1024;
/// Times that the disk is asked to confirm a write.
const FSYNCS: usize = 20;
/// A confirmation slower than this makes every request wait that long.
const FSYNC_WARN: Duration = Duration::from_millis(20);
/// Descriptors below which many watchers and connections run out.
const DESCRIPTORS_WARN: u64 = 4_096;
/// When this program was young: a clock that shows less is wrong. 2026-01-01.
const CLOCK_LEAST: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn folder(settings: &Settings) -> Check {
    const NAME: &str = "data folder";
    let shown = settings.data.display();
    let Some(existing) = existing(&settings.data) else {
        return Check::fail(NAME, format!("{shown}: no folder above it exists"), "name another with --data");
    };
    match Probe::in_folder(&existing) {
        Ok(_) if settings.data.is_dir() => Check::ok(NAME, format!("{shown} can be written")),
        Ok(_) => Check::ok(NAME, format!("{shown} does not exist yet and can be made")),
        Err(error) => {
            let found = format!("{}: {error}", existing.display());
            Check::fail(NAME, found, "give this user the right to write there, or name another folder with --data")
        }
    }
}

fn disk(settings: &Settings) -> Check {
    const NAME: &str = "free disk";
    let free = existing(&settings.data).ok_or(io::ErrorKind::NotFound.into()).and_then(|path| free_bytes(&path));
    let advice = "free some space: with a full disk nothing can be accepted";
    match free {
        Ok(free) if free < DISK_FAIL_BYTES => Check::fail(NAME, size(free), advice),
        Ok(free) if free < DISK_WARN_BYTES => Check::warn(NAME, size(free), advice),
        Ok(free) => Check::ok(NAME, size(free)),
        Err(error) => Check::warn(NAME, format!("cannot be told: {error}"), "look at it with df"),
    }
}

fn fsync(settings: &Settings) -> Check {
    const NAME: &str = "fsync";
    let measured = existing(&settings.data).ok_or(io::ErrorKind::NotFound.into()).and_then(|path| measure(&path));
    match measured {
        Err(error) => Check::fail(NAME, error.to_string(), "the disk must be able to confirm writes"),
        Ok(median) if median > FSYNC_WARN && settings.durability == Durability::Full => Check::warn(
            NAME,
            format!("{} for each confirmed write", span::show(median)),
            "a slow disk: put the data folder on a faster one, or accept --durability relaxed",
        ),
        Ok(median) => Check::ok(NAME, format!("{} for each confirmed write", span::show(median))),
    }
}

fn store(settings: &Settings) -> Check {
    const NAME: &str = "store";
    #[cfg(feature = "postgres")]
    if let StoreChoice::Postgres(url) = &settings.store {
        return database(NAME, url);
    }
    let Some(path) = settings.database() else {
        return Check::warn(NAME, "in memory", "jobs are gone with the process; fine for trying and for tests");
    };
    let shown = path.display();
    let other = "choose another place with --store or --data";
    match inspect(&path) {
        Inspected::Missing => Check::ok(NAME, format!("{shown} is made at the first start")),
        Inspected::Ours { version, in_use: false } => {
            Check::ok(NAME, format!("{shown}, version {version}, not in use"))
        }
        Inspected::Ours { version, in_use: true } => Check::warn(
            NAME,
            format!("{shown}, version {version}, is in use by a running server"),
            "a second server needs a --data of its own",
        ),
        Inspected::Newer { version } => {
            Check::fail(NAME, format!("{shown} was written by a newer faena (version {version})"), "use that version")
        }
        Inspected::Foreign => Check::fail(NAME, format!("{shown} is a file of another program"), other),
        Inspected::Unreadable(reason) => Check::fail(NAME, format!("{shown}: {reason}"), other),
    }
}

#[cfg(feature = "postgres")]
fn database(name: &'static str, url: &DatabaseUrl) -> Check {
    use faena::store::postgres::{SCHEMA_VERSION, version};
    let shown = url.shown();
    match version(url.reveal()) {
        Err(error) => Check::fail(name, format!("{shown}: {error}"), "a server needs its database"),
        Ok(0) => Check::ok(name, format!("{shown} has no tables yet; they are made at the first start")),
        Ok(found) if found > SCHEMA_VERSION => {
            Check::fail(name, format!("{shown} was made by a newer faena (version {found})"), "use that version")
        }
        Ok(found) if found < SCHEMA_VERSION => {
            Check::ok(name, format!("{shown}, version {found}, is brought to {SCHEMA_VERSION} at the next start"))
        }
        Ok(found) => Check::ok(name, format!("{shown}, version {found}")),
    }
}

fn clock(_: &Settings) -> Check {
    const NAME: &str = "clock";
    let now = Clock::System.now();
    if now < CLOCK_LEAST {
        return Check::fail(NAME, format!("shows {now}"), "set the clock: jobs run by it");
    }
    Check::ok(NAME, format!("shows {now}"))
}

fn port(settings: &Settings) -> Check {
    const NAME: &str = "port";
    let bind = settings.bind;
    match TcpListener::bind(bind) {
        Ok(_) => Check::ok(NAME, format!("{bind} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Check::fail(
            NAME,
            format!("{bind} is taken, perhaps by a server that is running"),
            "stop what listens there, or choose another port with --bind",
        ),
        Err(error) => Check::fail(NAME, format!("{bind}: {error}"), "choose another address with --bind"),
    }
}

#[cfg(unix)]
fn descriptors(_: &Settings) -> Check {
    const NAME: &str = "descriptors";
    match rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        Some(limit) if limit < DESCRIPTORS_WARN => Check::warn(
            NAME,
            format!("{} may be open", output::grouped(limit)),
            "raise it with ulimit -n, or LimitNOFILE in the unit: each connection and watcher takes one",
        ),
        Some(limit) => Check::ok(NAME, format!("{} may be open", output::grouped(limit))),
        None => Check::ok(NAME, "no limit"),
    }
}

#[cfg(not(unix))]
fn descriptors(_: &Settings) -> Check {
    Check::ok("descriptors", "no limit is known on this system")
}

/// The nearest folder that exists at or above a path.
fn existing(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find(|folder| folder.is_dir()).map(Path::to_owned)
}

#[cfg(unix)]
fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The median time that the disk takes to confirm a small write.
fn measure(folder: &Path) -> io::Result<Duration> {
    let mut probe = Probe::in_folder(folder)?;
    let mut times = Vec::with_capacity(FSYNCS);
    for _ in 0..FSYNCS {
        probe.file.write_all(&[0; 512])?;
        let begun = Instant::now();
        probe.file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times[FSYNCS / 2])
}

fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= 10 * 1024 * MIB { format!("{} GiB", bytes / (1024 * MIB)) } else { format!("{} MiB", bytes / MIB) }
}

/// A file that is gone when the check is over.
struct Probe {
    path: PathBuf,
    file: File,
}

impl Probe {
    fn in_folder(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!(".faena-doctor-{}", std::process::id()));
        let file = File::create_new(&path)?;
        Ok(Self { path, file })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // It is empty and hidden; one that stays behind does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}
