//! Finding ended jobs that a filter names. The blocks say where they can be; then either the index that promises the
//! fewest jobs is walked through, or the rows of the blocks themselves. Either way each job that comes by is tried
//! against the whole filter, so a search can stop anywhere and say where.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::blocks::{Blocks, Part};
use super::counts::BLOCK_SEQS;
use super::disk::broken;
use super::rows::{COLUMNS, Reader};
use super::text::Text;
use super::walk::{Errand, Walked, is_beyond};
use crate::job::Status;
use crate::store::StoreError;
use crate::store::query::{Filter, Sort};

/// Jobs counted to learn how many an index promises.
const PROMISED_MAX: u64 = 10_000;
/// What an index is held to promise that promises more.
const MANY: u64 = 10 * PROMISED_MAX;
/// Rows side by side that are looked through in the time of one that an index names.
const SIDE_BY_SIDE: u64 = 4;
/// One job in so many makes a block dense: then its rows are the fastest way.
const DENSE: u64 = 16;

/// Blocks whose jobs are counted one by one, because only some were accepted at the right time. There are two, where a
/// span of time begins and where it ends, unless the clock was set back.
const COUNTED_PARTS_MAX: usize = 16;

/// The places where jobs of a filter can be.
pub(super) struct Search<'a> {
    filter: &'a Filter,
    /// In the order of the list; none when there is no need to know.
    parts: Option<Vec<Part>>,
}

/// The way to them.
enum Way {
    /// The rows of the blocks.
    Rows,
    Tag(String),
    /// An index, its condition and the value of it.
    Index(&'static str, String, Option<Value>),
}

impl<'a> Search<'a> {
    /// A search in these blocks, for a list that leaves out so many jobs.
    pub(super) fn of(filter: &'a Filter, blocks: &Blocks, order: Sort, offset: usize) -> Self {
        let anywhere = Filter {
            user_id: filter.user_id.clone(),
            tag: filter.tag.clone(),
            schedule_id: filter.schedule_id.clone(),
            fired: filter.fired,
            text: filter.text.clone(),
            ..Filter::default()
        };
        let is_anywhere = *filter == anywhere && (offset == 0 || !filter.is_placed());
        Self { filter, parts: (!is_anywhere).then(|| blocks.parts(filter, order)) }
    }

    /// A place before which `offset` jobs of the list are, but for a few: the place, and how many are yet to be left
    /// out. `live` are the jobs of the list that memory has, in its order. None when nothing is kept that tells.
    pub(super) fn jump(
        &self,
        conn: &Connection,
        order: Sort,
        offset: usize,
        live: &[u64],
    ) -> Result<Option<(u64, usize)>, StoreError> {
        let Some(parts) = self.parts.as_ref().filter(|_| offset > 0 && self.filter.is_placed()) else {
            return Ok(None);
        };
        let (mut ended, mut counted_parts, mut jump) = (0, 0, None);
        for part in parts {
            let (low, high) = part.seqs();
            let place = if order == Sort::CreatedDescending { low } else { high };
            counted_parts += usize::from(!part.is_counted);
            if counted_parts > COUNTED_PARTS_MAX {
                break;
            }
            ended += self.jobs_in(conn, part)?;
            let before = ended as usize + live.partition_point(|seq| !is_beyond(order, *seq, place));
            match offset.checked_sub(before) {
                Some(skip) => jump = Some((place, skip)),
                None => break,
            }
        }
        Ok(jump)
    }

    /// How many ended jobs the filter names, which says nothing but sorts and dates, and whether that is all of them.
    pub(super) fn total(&self, conn: &Connection) -> Result<(u64, bool), StoreError> {
        let parts = self.parts.as_deref().unwrap_or_default();
        let whole: u64 = parts.iter().filter(|part| part.is_counted).map(|part| part.jobs).sum();
        let mut others = parts.iter().filter(|part| !part.is_counted);
        let counted = others.by_ref().take(COUNTED_PARTS_MAX).map(|part| self.jobs_in(conn, part));
        let counted = counted.sum::<Result<u64, _>>()?;
        Ok((whole + counted, others.next().is_none()))
    }

    fn jobs_in(&self, conn: &Connection, part: &Part) -> Result<u64, StoreError> {
        if part.is_counted {
            return Ok(part.jobs);
        }
        let (tests, mut values) = self.tests(&Way::Rows);
        let (low, high) = part.seqs();
        let sql = format!("SELECT count(*) FROM history h WHERE h.seq BETWEEN ? AND ? AND {}", tests.join(" AND "));
        values.splice(0..0, [Value::from(low as i64), Value::from(high as i64)]);
        let mut select = conn.prepare_cached(&sql).map_err(broken)?;
        let counted = select.query_row(params_from_iter(values), |row| row.get::<_, i64>(0)).map_err(broken)?;
        Ok(counted as u64)
    }

    /// Walks until the errand is done.
    pub(super) fn walk(&self, conn: &Connection, errand: Errand) -> Result<Walked<u64>, StoreError> {
        let mut walked = Walked::begin(errand);
        let Some(bounds) = self.bounds() else { return Ok(walked) };
        match self.way(conn)? {
            Way::Rows => {
                for (low, high) in self.stretches(bounds) {
                    self.step(conn, &Way::Rows, low, high, &mut walked)?;
                    if walked.is_over() {
                        break;
                    }
                }
            }
            way => self.step(conn, &way, bounds.0, bounds.1, &mut walked)?,
        }
        Ok(walked)
    }

    /// The first and the last sequence number that can be of the filter. None when there is none.
    fn bounds(&self) -> Option<(u64, u64)> {
        self.parts.as_deref().map_or(Some((0, i64::MAX as u64)), ends)
    }

    /// Blocks side by side as one stretch each, in the order of the list.
    fn stretches(&self, bounds: (u64, u64)) -> Vec<(u64, u64)> {
        let Some(parts) = &self.parts else { return vec![bounds] };
        parts.chunk_by(is_beside).filter_map(ends).collect()
    }

    /// Chooses the way that looks at the fewest jobs.
    fn way(&self, conn: &Connection) -> Result<Way, StoreError> {
        let filter = self.filter;
        let mut ways = Vec::new();
        if let Some(tag) = &filter.tag {
            ways.push(Way::Tag(tag.to_string()));
        }
        if let Some(user) = &filter.user_id {
            ways.push(Way::Index("history_user", "h.user_id = ?".into(), Some(user.to_string().into())));
        }
        if let Some(schedule) = &filter.schedule_id {
            ways.push(Way::Index("history_schedule", "h.schedule_id = ?".into(), Some(schedule.to_string().into())));
        }
        if filter.fired {
            ways.push(Way::Index("history_fired", "h.schedule_id IS NOT NULL".into(), None));
        }
        if filter.dead {
            ways.push(Way::Index("history_dead", "h.dead = 1".into(), None));
        }
        if !filter.status.is_empty() && !filter.status.contains(&Status::Completed) {
            ways.push(Way::Index(
                "history_status",
                format!("h.status <> 'completed' AND {}", self.status_test()),
                None,
            ));
        }
        if let Some(sub_type) = &filter.sub_type {
            ways.push(Way::Index("history_sub_type", "h.sub_type = ?".into(), Some(sub_type.to_string().into())));
        }
        let mut best = (Way::Rows, self.rows_to_look_at());
        for way in ways {
            if best.1 == 0 {
                break;
            }
            let promised = self.promised(conn, &way)?;
            if promised < best.1 {
                best = (way, promised);
            }
        }
        Ok(best.0)
    }

    /// Rows that the blocks would have looked through, in jobs that an index names.
    fn rows_to_look_at(&self) -> u64 {
        let is_placed = self.filter.is_placed();
        let Some(parts) = &self.parts else { return if is_placed { 0 } else { MANY + 1 } };
        let (blocks, jobs) = (parts.len() as u64, parts.iter().map(|part| part.jobs).sum::<u64>());
        match is_placed && jobs >= blocks * BLOCK_SEQS / DENSE {
            true => 0,
            false => (blocks * BLOCK_SEQS / SIDE_BY_SIDE).min(MANY + 1),
        }
    }

    /// How many jobs a way promises, counted up to the bound.
    fn promised(&self, conn: &Connection, way: &Way) -> Result<u64, StoreError> {
        let from = match way {
            Way::Rows => return Ok(u64::MAX),
            Way::Tag(_) => "tag h WHERE h.tag = ?".to_owned(),
            Way::Index(index, condition, _) => format!("history h INDEXED BY {index} WHERE {condition}"),
        };
        let Some((low, high)) = self.bounds() else { return Ok(0) };
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {from} AND h.seq BETWEEN {low} AND {high} LIMIT {PROMISED_MAX})"
        );
        let mut select = conn.prepare(&sql).map_err(broken)?;
        let counted =
            select.query_row(params_from_iter(way.value()), |row| row.get::<_, i64>(0)).map_err(broken)? as u64;
        Ok(if counted < PROMISED_MAX { counted } else { MANY })
    }

    /// Walks along a way from one sequence number to another, in the order of the errand.
    fn step(
        &self,
        conn: &Connection,
        way: &Way,
        low: u64,
        high: u64,
        walked: &mut Walked<u64>,
    ) -> Result<(), StoreError> {
        let Errand { order, after, .. } = walked.errand();
        let (low, high) = match (after, order) {
            (Some(after), Sort::CreatedAscending) => (low.max(after.saturating_add(1)), high),
            (Some(0), Sort::CreatedDescending) => return Ok(()),
            (Some(after), Sort::CreatedDescending) => (low, high.min(after - 1)),
            (None, _) => (low, high),
        };
        if low > high {
            return Ok(());
        }
        let text = self.filter.text.as_deref().map(Text::of);
        let (mut sql, mut values) = self.select(way, text.is_some());
        let (seq, direction) = (way.seq(), if order == Sort::CreatedDescending { "DESC" } else { "ASC" });
        sql += &format!(" AND {seq} BETWEEN ? AND ? ORDER BY {seq} {direction}");
        values.extend([Value::from(low as i64), Value::from(high as i64)]);
        let mut select = conn.prepare_cached(&sql).map_err(broken)?;
        let mut rows = select.query(params_from_iter(values)).map_err(broken)?;
        let mut reader = Reader::default();
        while let Some(row) = rows.next().map_err(broken)? {
            let seq = row.get::<_, i64>(0).map_err(broken)? as u64;
            // A column that is null is like nothing.
            let passes = row.get::<_, Option<bool>>(1).map_err(broken)?.unwrap_or(false)
                && text.as_ref().map_or(Ok(true), |text| text.names(row, 2, &mut reader, self.filter))?;
            if !walked.meet(seq, passes.then_some(seq)) {
                break;
            }
        }
        Ok(())
    }

    /// The jobs of a way: their sequence numbers, whether the rest of the filter names them, and what a text is
    /// searched for in.
    fn select(&self, way: &Way, with_text: bool) -> (String, Vec<Value>) {
        let (tests, mut values) = self.tests(way);
        let seq = way.seq();
        let mut test = if tests.is_empty() { "true".to_owned() } else { tests.join(" AND ") };
        let apart = matches!(way, Way::Tag(_)) && !with_text;
        if apart && !tests.is_empty() {
            test = format!("coalesce((SELECT {test} FROM history h WHERE h.seq = t.seq), false)");
        }
        if let (Some(_), 1, Some((low, high))) = (self.date_test(), tests.len(), self.whole()) {
            // Where the blocks are whole the dates need no look at the row.
            test = format!("({seq} BETWEEN {low} AND {high} OR {test})");
        }
        let from = match way {
            Way::Rows => "history h NOT INDEXED WHERE true".to_owned(),
            Way::Tag(_) if apart => "tag t WHERE t.tag = ?".to_owned(),
            Way::Tag(_) => "tag t CROSS JOIN history h ON h.seq = t.seq WHERE t.tag = ?".to_owned(),
            Way::Index(index, condition, _) => format!("history h INDEXED BY {index} WHERE {condition}"),
        };
        values.extend(way.value());
        let shown = if with_text { format!(", h.{}", COLUMNS.replace(", ", ", h.")) } else { String::new() };
        (format!("SELECT {seq}, {test}{shown} FROM {from}"), values)
    }

    /// What of the filter a way does not say itself, with its values. A text is none of it.
    fn tests(&self, way: &Way) -> (Vec<String>, Vec<Value>) {
        let filter = self.filter;
        let (mut tests, mut values) = (Vec::new(), Vec::new());
        let says = |index: &str| matches!(way, Way::Index(name, ..) if *name == index);
        if !filter.status.is_empty() && !says("history_status") {
            tests.push(self.status_test());
        }
        let mut equal = |column: &str, value: Option<String>| {
            if let Some(value) = value.filter(|_| !says(&format!("history_{}", column.trim_end_matches("_id")))) {
                tests.push(format!("h.{column} = ?"));
                values.push(Value::from(value));
            }
        };
        equal("kind", filter.kind.as_ref().map(ToString::to_string));
        equal("sub_type", filter.sub_type.as_ref().map(ToString::to_string));
        equal("priority", filter.priority.map(|priority| priority.to_string()));
        equal("user_id", filter.user_id.as_ref().map(ToString::to_string));
        equal("schedule_id", filter.schedule_id.as_ref().map(ToString::to_string));
        if filter.fired && !says("history_fired") {
            tests.push("h.schedule_id IS NOT NULL".to_owned());
        }
        if filter.dead && !says("history_dead") {
            tests.push("h.dead = 1".to_owned());
        }
        tests.extend(self.date_test());
        if let Some(tag) = filter.tag.as_ref().filter(|_| !matches!(way, Way::Tag(_))) {
            tests.push("EXISTS (SELECT 1 FROM tag t WHERE t.tag = ? AND t.seq = h.seq)".to_owned());
            values.push(tag.to_string().into());
        }
        (tests, values)
    }

    fn status_test(&self) -> String {
        let words: Vec<_> = self.filter.status.iter().map(|status| format!("'{status}'")).collect();
        format!("h.status IN ({})", words.join(", "))
    }

    fn date_test(&self) -> Option<String> {
        let after = self.filter.created_after.map(|after| format!("h.created_at >= {}", after.as_millis()));
        let before = self.filter.created_before.map(|before| format!("h.created_at < {}", before.as_millis()));
        let tests: Vec<_> = after.into_iter().chain(before).collect();
        (!tests.is_empty()).then(|| format!("({})", tests.join(" AND ")))
    }

    /// The longest stretch of whole blocks side by side.
    fn whole(&self) -> Option<(u64, u64)> {
        let parts = self.parts.as_deref()?;
        let stretches = parts.chunk_by(|one, next| one.is_whole && next.is_whole && is_beside(one, next));
        let longest = stretches.filter(|stretch| stretch[0].is_whole).max_by_key(|stretch| stretch.len())?;
        ends(longest)
    }
}

fn is_beside(one: &Part, next: &Part) -> bool {
    one.block.abs_diff(next.block) == 1
}

/// The first and the last sequence number of blocks, in whichever order they are.
fn ends(parts: &[Part]) -> Option<(u64, u64)> {
    let (one, other) = (parts.first()?.seqs(), parts.last()?.seqs());
    Some((one.0.min(other.0), one.1.max(other.1)))
}

impl Way {
    /// The expression of a job's sequence number.
    fn seq(&self) -> &'static str {
        if matches!(self, Self::Tag(_)) { "t.seq" } else { "h.seq" }
    }

    /// The value that its condition leaves open.
    fn value(&self) -> Option<Value> {
        match self {
            Self::Rows => None,
            Self::Tag(tag) => Some(tag.clone().into()),
            Self::Index(_, _, value) => value.clone(),
        }
    }
}
