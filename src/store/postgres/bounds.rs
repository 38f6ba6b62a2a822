//! How much there is of something that is bounded. It is counted now and then, and what this node has added since is added to
//! that: a bound that other nodes have just reached may be passed by a little, and then is noticed.

use parking_lot::Mutex;

use super::place::Fault;
use super::session::Session;

/// What is known of how much there is.
#[derive(Default)]
pub(super) struct Bounds(Mutex<Option<Known>>);

#[derive(Clone, Copy)]
struct Known {
    count: i64,
    bytes: i64,
    /// Additions since it was counted.
    added: u32,
}

/// Additions after which it is counted anew.
const ADDED_MAX: u32 = 500;

impl Bounds {
    /// Whether there is room for so many more and their bytes; if so, they are taken as added. `count` asks the database for both
    /// numbers.
    pub(super) async fn has_room(
        &self,
        session: &Session,
        count: &'static str,
        more: (i64, i64),
        most: (i64, i64),
    ) -> Result<bool, Fault> {
        let fits = |known: &Known| known.count + more.0 <= most.0 && known.bytes + more.1 <= most.1;
        let guess = *self.0.lock();
        let known = match guess.filter(|known| known.added < ADDED_MAX && fits(known)) {
            Some(known) => known,
            None => {
                let row = session.one(count, &[]).await?;
                Known { count: row.try_get(0)?, bytes: row.try_get(1)?, added: 0 }
            }
        };
        let has_room = fits(&known);
        let (count, bytes) = if has_room { more } else { (0, 0) };
        let known = Known { count: known.count + count, bytes: known.bytes + bytes.max(0), added: known.added + 1 };
        *self.0.lock() = Some(known);
        Ok(has_room)
    }

    /// What is known is not true any more.
    pub(super) fn forget(&self) {
        *self.0.lock() = None;
    }
}
