//! Numbers are handed out before their jobs are committed, so a job may show beside one with a higher number that showed before. Whoever
//! walks through a list by rising numbers must not pass one by (rule 32): a transaction that accepts jobs holds a lock that says above
//! which number its own are, and a page that goes on ends below the lowest of them.

use std::sync::Arc;

use super::place::Fault;
use super::session::Session;
use crate::job::Job;
use crate::store::PageOf;

/// The number up to which every job that will ever be there shows. The last number is read before the locks are: what begins in
/// between is above it. A lock has 30 bits of the number.
const SETTLED: &str = "SELECT least(s.last, (SELECT min(s.last - ((s.last - l.objid::bigint) & 1073741823)) FROM pg_locks l \
         WHERE l.locktype = 'advisory' AND l.classid = 1633903472 AND l.objsubid = 2 \
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))) \
     FROM (SELECT coalesce(pg_sequence_last_value('faena.job_seq'), 0) AS last OFFSET 0) AS s";

/// The number up to which nothing more shows.
pub(super) async fn settled(session: &Session) -> Result<u64, Fault> {
    Ok(session.one(SETTLED, &[]).await?.try_get::<_, i64>(0)?.max(0) as u64)
}

/// The part of a page by rising numbers that may be passed by; none when nothing of it may. Nobody goes on from the last page.
pub(super) fn cut(mut page: PageOf<Arc<Job>>, settled: u64) -> Option<PageOf<Arc<Job>>> {
    if !page.more || page.next().is_none_or(|next| next <= settled) {
        return Some(page);
    }
    page.items.retain(|job| job.seq <= settled);
    page.reached = Some(settled);
    (!page.items.is_empty()).then_some(page)
}
