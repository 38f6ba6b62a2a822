//! A job as a row, and a row as a job.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::Row;

use super::disk::broken;
use crate::clock::Timestamp;
use crate::job::{Job, JobId, Life, Name, Payload, Spec};
use crate::store::StoreError;

/// The columns that [`Reader::read`] wants, in its order.
pub(super) const COLUMNS: &str = "seq, id, created_at, spec, life";

/// Reads rows, and lets the names in them share their allocations.
#[derive(Default)]
pub(super) struct Reader {
    names: HashSet<Name>,
}

impl Reader {
    /// The job in a row of [`COLUMNS`], its payload left on disk.
    pub(super) fn read(&mut self, row: &Row<'_>) -> Result<Job, StoreError> {
        self.read_from(row, 0)
    }

    /// The same, when other columns come first.
    pub(super) fn read_from(&mut self, row: &Row<'_>, from: usize) -> Result<Job, StoreError> {
        let seq = row.get::<_, i64>(from).map_err(broken)? as u64;
        let text = |index| row.get_ref(from + index).and_then(|value| Ok(value.as_str()?)).map_err(broken);
        let unreadable =
            |error: serde_json::Error| StoreError::Broken(format!("job {seq} cannot be read: {error}").into());
        let mut spec: Spec = serde_json::from_str(text(3)?).map_err(unreadable)?;
        let life: Life = serde_json::from_str(text(4)?).map_err(unreadable)?;
        spec.kind = self.share(spec.kind);
        spec.sub_type = self.share(spec.sub_type);
        Ok(Job {
            id: JobId::from_bytes(row.get(from + 1).map_err(broken)?),
            seq,
            created_at: Timestamp::from_millis(row.get(from + 2).map_err(broken)?),
            spec: Arc::new(spec),
            payload: Payload::Stored,
            life,
        })
    }

    fn share(&mut self, name: Name) -> Name {
        match self.names.get(&name) {
            Some(known) => known.clone(),
            None => {
                self.names.insert(name.clone());
                name
            }
        }
    }
}

/// JSON text of something that always has one.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, super::disk::DiskError> {
    serde_json::to_string(value)
        .map_err(|error| super::disk::DiskError::Lost(format!("cannot be written as JSON: {error}").into()))
}
