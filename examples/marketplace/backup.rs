//! Each database is copied as one moment saw it, and a copy is only called a backup once it was found whole.

use std::fs;
use std::path::Path;

use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::Market;
use crate::data::{Base, stored};

pub const BACKUP: &str = "backup_database";

/// Backups of each database that are kept.
const KEPT: usize = 7;

/// Backs up all databases.
pub struct BackupDatabase(pub Market);

impl Processor for BackupDatabase {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("maintenance"), summary: "Backs up all databases.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let folder = self.0.data.backups();
        fs::create_dir_all(&folder)?;
        let moment = stored(self.0.days.moment_of(ctx));
        let mut made = Vec::new();
        for base in ctx.track(Base::ALL) {
            let base = base?;
            // Named by what the job is about: another try finds it made, and makes no second one.
            let path = folder.join(format!("{}-{moment}.db", base.name()));
            if !path.exists() {
                back_up(&self.0.data.connect(base)?, &path)?;
                made.push(base.name());
            }
            forget_old_ones(&folder, base)?;
        }
        ctx.complete_json(&json!({ "made": made }))
    }
}

fn back_up(database: &Connection, path: &Path) -> Result<(), Failure> {
    let copy = path.with_extension("part");
    if copy.exists() {
        fs::remove_file(&copy)?;
    }
    database.execute("VACUUM INTO ?1", [copy.to_str().ok_or_else(|| Failure::permanent("the folder has no name"))?])?;
    let verdict: String = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?.query_row(
        "PRAGMA integrity_check",
        [],
        |row| row.get(0),
    )?;
    if verdict != "ok" {
        return Err(Failure::new(format!("the copy is damaged: {verdict}")).kind("damaged"));
    }
    fs::File::open(&copy)?.sync_all()?;
    Ok(fs::rename(copy, path)?)
}

fn forget_old_ones(folder: &Path, base: Base) -> Result<(), Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let of_base = name.strip_prefix(base.name()).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".db"));
        if of_base {
            found.push(path);
        }
    }
    // The moments in their names are of one length, so the names are in the order of time.
    found.sort();
    for old in found.iter().rev().skip(KEPT) {
        fs::remove_file(old)?;
    }
    Ok(())
}
