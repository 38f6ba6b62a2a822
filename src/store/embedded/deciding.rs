//! The lock of the decided state, and what falls out of that state while it is held.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::core::Core;
use crate::job::Job;

/// The decided state under its lock.
pub(super) struct Deciding<'a> {
    // Fields are dropped in this order: the lock is open before anything is given back to the allocator.
    core: MutexGuard<'a, Core>,
    fallen: Vec<Arc<Job>>,
}

impl<'a> Deciding<'a> {
    pub(super) fn on(core: &'a Mutex<Core>) -> Self {
        Self { core: core.lock(), fallen: Vec::new() }
    }
}

impl Deref for Deciding<'_> {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl DerefMut for Deciding<'_> {
    fn deref_mut(&mut self) -> &mut Core {
        &mut self.core
    }
}

impl Drop for Deciding<'_> {
    fn drop(&mut self) {
        self.fallen = mem::take(&mut self.core.fallen);
    }
}
