//! Old log lines go to the result store, and are deleted once they are there for good.
//!
//! Only the commit that completes a job makes its result the job's. So the archiving job deletes nothing: it asks for
//! another job that does, which is accepted in that same commit.

use faena::job::{Name, NewJob};
use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::Validate;

use crate::Market;
use crate::data::{Base, stored};
use crate::days::days_before;

pub const CLEANUP: &str = "cleanup_old_logs";
pub const DELETE: &str = "delete_archived_logs";

/// Days that log lines stay in the database.
const DAYS_KEPT: u64 = 90;

/// Archives log lines that are old.
pub struct CleanupOldLogs(pub Market);

/// Deletes what is archived.
pub struct DeleteArchivedLogs(pub Market);

/// What is archived: lines older than a moment, up to one. Who comes in later is not.
#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Archived {
    before: i64,
    last: i64,
}

impl Processor for CleanupOldLogs {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("maintenance"), summary: "Archives old log lines.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let before = stored(days_before(self.0.days.moment_of(ctx), DAYS_KEPT));
        let connection = self.0.data.connect(Base::Vehicles)?;
        let mut select = connection.prepare("SELECT id, at, level, message FROM logs WHERE at < ?1 ORDER BY id")?;
        let mut rows = select.query([before])?;
        let (mut archive, mut count, mut last) = (String::new(), 0, 0);
        while let Some(row) = rows.next()? {
            ctx.check()?;
            last = row.get(0)?;
            let (at, level, message): (i64, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
            archive.push_str(&json!({ "id": last, "at": at, "level": level, "message": message }).to_string());
            archive.push('\n');
            count += 1;
        }
        ctx.log(format!("archived {count} lines"));
        if count > 0 {
            ctx.enqueue(NewJob::json(Name::new(DELETE).map_err(Failure::permanent)?, &Archived { before, last })?)?;
        }
        ctx.complete_bytes("application/x-ndjson", archive)
    }
}

impl Processor for DeleteArchivedLogs {
    type Payload = Archived;

    fn describe(&self) -> Description {
        Description { kind: Some("maintenance"), summary: "Deletes archived log lines.", ..Description::default() }
    }

    fn run(&self, archived: Archived, ctx: &Context) -> Result<Completion, Failure> {
        let deleted = self.0.data.write(Base::Vehicles, |transaction| {
            let within = (archived.before, archived.last);
            Ok(transaction.execute("DELETE FROM logs WHERE at < ?1 AND id <= ?2", within)?)
        })?;
        ctx.complete_json(&json!({ "deleted": deleted }))
    }
}
