//! The lines that jobs leave behind.

use std::collections::{BTreeSet, HashMap};

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::place::Fault;
use super::rows::uuid;
use super::session::Session;
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::limits;
use crate::store::LogLine;

const NUMBERS: &str = "SELECT id, seq FROM faena.live WHERE id = ANY($1) \
     UNION ALL SELECT id, seq FROM faena.history WHERE id = ANY($1)";
const APPEND: &str = "INSERT INTO faena.log (seq, at, epoch, text) \
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[])";
const FORGET: &str = "DELETE FROM faena.log d USING unnest($1::bigint[]) AS s(seq), LATERAL \
         (SELECT x.line FROM faena.log x WHERE x.seq = s.seq ORDER BY x.line DESC OFFSET $2 LIMIT 1) AS old \
     WHERE d.seq = ANY(ARRAY[s.seq]) AND d.line <= old.line";
const LINES: &str = "SELECT l.at, l.epoch, l.text FROM faena.log l WHERE l.seq = ( \
         SELECT seq FROM faena.live WHERE id = $1 UNION ALL SELECT seq FROM faena.history WHERE id = $1 LIMIT 1) \
     ORDER BY l.line";

/// Appends lines, within the transaction of the caller; those of jobs that are not there are dropped.
pub(super) async fn append(
    session: &Session,
    lines: impl Iterator<Item = &(JobId, LogLine)> + Clone,
) -> Result<(), Fault> {
    let ids: BTreeSet<Uuid> = lines.clone().map(|(id, _)| uuid(*id)).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let mut numbers: HashMap<Uuid, i64> = HashMap::new();
    for row in session.query(NUMBERS, &[(&ids as _, Type::UUID_ARRAY)]).await? {
        numbers.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let known: Vec<_> = lines.filter_map(|(id, line)| Some((*numbers.get(&uuid(*id))?, line))).collect();
    let seqs: Vec<i64> = known.iter().map(|(seq, _)| *seq).collect();
    let at: Vec<i64> = known.iter().map(|(_, line)| line.at.as_millis()).collect();
    let epochs: Vec<i32> = known.iter().map(|(_, line)| line.epoch as i32).collect();
    let texts: Vec<&str> = known.iter().map(|(_, line)| &*line.text).collect();
    let params = [
        (&seqs as _, Type::INT8_ARRAY),
        (&at as _, Type::INT8_ARRAY),
        (&epochs as _, Type::INT4_ARRAY),
        (&texts as _, Type::TEXT_ARRAY),
    ];
    session.query(APPEND, &params).await?;
    let touched: Vec<i64> = numbers.into_values().collect();
    let kept = limits::LOG_LINES_MAX as i64;
    session.query(FORGET, &[(&touched as _, Type::INT8_ARRAY), (&kept as _, Type::INT8)]).await.map(drop)
}

/// The lines that are kept of a job.
pub(super) async fn lines(session: &Session, id: JobId) -> Result<Vec<LogLine>, Fault> {
    let rows = session.query(LINES, &[(&uuid(id) as _, Type::UUID)]).await?;
    let line = |row: &tokio_postgres::Row| {
        let at = Timestamp::from_millis(row.try_get(0)?);
        Ok(LogLine { at, epoch: row.try_get::<_, i32>(1)? as u32, text: row.try_get(2)? })
    };
    rows.iter().map(line).collect()
}
