//! The gates of concurrency keys: whoever leaves one lets the next job of its key out from beside it. Should that have passed
//! one over, since somebody else held it just then, a node that looks around lets it out.

use futures_util::future;
use tokio_postgres::types::Type;

use super::place::Fault;
use super::session::Session;
use super::steps::Effects;
use crate::clock::Timestamp;

const LOCK_GATES: &str = "SELECT pg_advisory_xact_lock(h) FROM \
     (SELECT DISTINCT hashtextextended(k, 21) AS h FROM unnest($1::text[]) AS k ORDER BY 1) AS t";
/// Lets the most urgent jobs of each subtype out from beside its gate, as many as have left. One that may expire before anybody
/// claims it takes the next one along.
const UNPARK: &str = "WITH RECURSIVE beside(gate_key, room, sub_type) AS ( \
         SELECT k, room, (SELECT min(sub_type) FROM faena.live WHERE state = 1 AND gate_key = k) \
         FROM unnest($1::text[], $2::bigint[]) AS freed(k, room) \
         UNION ALL \
         SELECT b.gate_key, b.room, (SELECT min(l.sub_type) FROM faena.live l \
             WHERE l.state = 1 AND l.gate_key = b.gate_key AND l.sub_type > b.sub_type) \
         FROM beside b WHERE b.sub_type IS NOT NULL), \
     next AS (SELECT c.seq, b.room, count(*) FILTER (WHERE c.expires_at IS NULL) OVER (PARTITION BY b.gate_key, b.sub_type \
             ORDER BY c.urgency, c.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS lasting \
         FROM beside b CROSS JOIN LATERAL (SELECT l.seq, l.urgency, l.expires_at FROM faena.live l \
             WHERE l.state = 1 AND l.gate_key = b.gate_key AND l.sub_type = b.sub_type \
             ORDER BY l.urgency, l.seq LIMIT b.room + 31 FOR UPDATE SKIP LOCKED) AS c) \
     UPDATE faena.live l SET state = 0 FROM next WHERE l.seq = ANY(ARRAY[next.seq]) AND next.lasting < next.room RETURNING l.seq";
/// Keys, each with a subtype, that stand beside their gate though it has room and nobody of them stands before it: from a pair
/// on, so many pairs. A job before the gate that may be taken lets the next one out itself.
const LEFT_BEHIND: &str = "WITH RECURSIVE beside(gate_key, sub_type) AS ( \
         (SELECT gate_key, sub_type FROM faena.live WHERE state = 1 AND (gate_key, sub_type) > ($1, $2) \
             ORDER BY gate_key, sub_type LIMIT 1) \
         UNION ALL \
         SELECT n.gate_key, n.sub_type FROM beside b CROSS JOIN LATERAL (SELECT l.gate_key, l.sub_type FROM faena.live l \
             WHERE l.state = 1 AND (l.gate_key, l.sub_type) > (b.gate_key, b.sub_type) \
             ORDER BY l.gate_key, l.sub_type LIMIT 1) AS n), \
     pairs AS (SELECT * FROM beside LIMIT $3) \
     SELECT s.gate_key, s.sub_type, CASE WHEN NOT EXISTS (SELECT FROM faena.live f WHERE f.state = 0 AND f.gate_key = s.gate_key \
             AND f.sub_type = s.sub_type AND f.run_at <= $4 AND (f.expires_at IS NULL OR f.expires_at > $4)) \
         THEN (SELECT l.gate_limit FROM faena.live l WHERE l.state = 1 AND l.gate_key = s.gate_key \
                 AND l.sub_type = s.sub_type ORDER BY l.urgency, l.seq LIMIT 1) \
             - (SELECT count(*) FROM faena.live r WHERE r.state = 2 AND r.gate_key = s.gate_key) ELSE 0 END \
     FROM pairs s";

/// Pairs of a key and a subtype that one look takes in.
const LOOKED_AT_MAX: i64 = 1_000;

/// Where the last look ended.
pub(super) type Place = (String, String);

impl Effects {
    /// Lets those come that stood beside a gate. They are looked for under the gate's lock, under which others are put
    /// there: so none is forgotten.
    pub(super) async fn open_gates(&mut self, session: &Session) -> Result<(), Fault> {
        let freed = std::mem::take(&mut self.freed);
        if freed.is_empty() {
            return Ok(());
        }
        let (keys, room): (Vec<&str>, Vec<i64>) = freed.iter().map(|(key, room)| (key.as_str(), *room)).unzip();
        let params = [(&keys as _, Type::TEXT_ARRAY), (&room as _, Type::INT8_ARRAY)];
        let locked = session.query(LOCK_GATES, &params[..1]);
        let (_, let_out) = future::try_join(locked, session.query(UNPARK, &params)).await?;
        self.new_work |= !let_out.is_empty();
        Ok(())
    }
}

/// Takes the locks of gates, in one order.
pub(super) async fn lock_gates(session: &Session, keys: &[&str]) -> Result<(), Fault> {
    session.query(LOCK_GATES, &[(&keys as _, Type::TEXT_ARRAY)]).await.map(drop)
}

/// Lets out who was left behind. It goes on where the look before it ended; the answer is whether there may be new work.
pub(super) async fn look_around(session: &Session, from: &mut Place, now: Timestamp) -> Result<bool, Fault> {
    let now = now.as_millis();
    let params = [
        (&from.0 as _, Type::TEXT),
        (&from.1 as _, Type::TEXT),
        (&LOOKED_AT_MAX as _, Type::INT8),
        (&now as _, Type::INT8),
    ];
    let rows = session.query(LEFT_BEHIND, &params).await?;
    *from = match rows.last().filter(|_| rows.len() as i64 == LOOKED_AT_MAX) {
        Some(last) => (last.try_get(0)?, last.try_get(1)?),
        None => Place::default(),
    };
    let mut effects = Effects::default();
    for row in &rows {
        let room = row.try_get::<_, Option<i64>>(2)?.unwrap_or_default();
        if room > 0 {
            effects.freed.insert(row.try_get(0)?, room);
        }
    }
    if effects.freed.is_empty() {
        return Ok(false);
    }
    session.transaction(effects.open_gates(session)).await?;
    Ok(effects.new_work)
}
