//! How much may wait to be written: what comes faster than the database takes it must not fill the memory of the node (rule 29).

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits;
use crate::store::StoreError;

/// What waits, and what is under way.
#[derive(Default)]
pub(super) struct Room {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

impl Room {
    /// Lets a call in with its bytes, or says that there is no room for it. What ends or goes on with work that has been begun finds
    /// room where new work does not.
    pub(super) fn enter(&self, bytes: usize, is_new: bool) -> Result<(), StoreError> {
        let times = if is_new { 1 } else { 2 };
        let calls = self.calls.fetch_add(1, Ordering::AcqRel);
        let before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        // One alone finds room, whatever it weighs.
        let is_too_heavy = before > 0 && before + bytes > times * limits::UNWRITTEN_BYTES_MAX;
        if calls < times * limits::UNWRITTEN_CALLS_MAX && !is_too_heavy {
            return Ok(());
        }
        self.leave(1, bytes);
        Err(StoreError::Unavailable("more waits to be written than the database takes; try again in a moment".into()))
    }

    /// Calls were answered.
    pub(super) fn leave(&self, calls: usize, bytes: usize) {
        self.calls.fetch_sub(calls, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_begun_finds_room_for_longer_than_what_is_new() {
        let room = Room::default();
        let most = limits::UNWRITTEN_BYTES_MAX;
        assert!(room.enter(2 * most, true).is_ok(), "it is alone");
        assert!(room.enter(1, true).is_err());
        room.leave(1, 2 * most);
        assert!(room.enter(most, true).is_ok());
        assert!(room.enter(1, true).is_err());
        assert!(room.enter(most, false).is_ok());
        assert!(room.enter(1, false).is_err());
        room.leave(2, 2 * most);
        for _ in 0..limits::UNWRITTEN_CALLS_MAX {
            assert!(room.enter(0, true).is_ok());
        }
        assert!(room.enter(0, true).is_err());
        assert!(room.enter(0, false).is_ok());
    }
}
