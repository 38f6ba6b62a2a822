//! The side of the port that looks after what is kept on disk: is it whole, and a copy of it. An engine that has nothing
//! of the kind says so by having no such side ([`Store::safekeeping`](super::Store::safekeeping)).

use std::path::PathBuf;
use std::sync::Arc;

use super::Answer;

/// Looks after what is on disk. What it does takes as long as reading all of it, and the queue goes on meanwhile.
pub trait Safekeeping: Send + Sync + 'static {
    /// Reads everything and says what is wrong with it.
    ///
    /// - It sees the store as one moment left it.
    /// - It ends early, with none, once `hear` answers that it should.
    fn check(&self, hear: Hear) -> Answer<'_, Option<Checked>>;

    /// Copies the store into a new file; the folders above it are made.
    ///
    /// - The copy opens as a store. Everything that was answered before the call is in it, and each commit is in it whole
    ///   or not at all.
    /// - It is there under its name once it is whole, checked and on disk. A copy that did not get there leaves nothing
    ///   behind; a file that exists is left alone.
    /// - It ends early, with none, once `hear` answers that it should.
    fn back_up(&self, to: PathBuf, hear: Hear) -> Answer<'_, Option<Copied>>;
}

/// Hears how far it is, and answers whether it should go on. It must not wait.
pub type Hear = Arc<dyn Fn(Step) -> bool + Send + Sync>;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub phase: Phase,
    /// So many pages of it are done. A check does not know, and says 0 until it has ended.
    pub pages: u64,
    /// Of so many.
    pub of: u64,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Pages are copied.
    Copying,
    /// Pages are checked.
    Checking,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How large it is.
    pub bytes: u64,
    /// In so many pages.
    pub pages: u64,
    /// What is wrong, in words for an operator; at most a hundred faults. Nothing when it is whole.
    pub faults: Vec<String>,
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Where it is.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// In so many pages.
    pub pages: u64,
}
