//! Wishes that everything which is to be sent is tried now, and how much was sent then. Those who send hear of a wish, and answer
//! once they have nothing more to try.

use std::ops::AddAssign;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};

/// Where a pass is wished for. Clones share it.
#[derive(Clone)]
pub struct Passes(broadcast::Sender<Pass>);

/// One wish for a pass.
#[derive(Clone)]
pub struct Pass {
    answers: mpsc::Sender<Sent>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Events that were taken.
    pub processed: u64,
    /// Tries that failed.
    pub failed: u64,
}

/// Wishes that may be under way.
const PASSES_MAX: usize = 16;
/// Answers that may be under way.
const ANSWERS_MAX: usize = 1_024;
/// Longest time that anybody waits for a pass: a receiver may take long for each event.
const PASS_MAX: Duration = Duration::from_secs(25);

impl Default for Passes {
    fn default() -> Self {
        Self(broadcast::Sender::new(PASSES_MAX))
    }
}

impl Passes {
    /// Wishes for a pass of all who send in this process, and waits for them. None when there is nobody: events are sent by
    /// another process, or not at all.
    pub async fn ask(&self) -> Option<Sent> {
        let (answers, mut heard) = mpsc::channel(ANSWERS_MAX);
        self.0.send(Pass { answers }).ok()?;
        let mut sent = Sent::default();
        let all = async {
            while let Some(one) = heard.recv().await {
                sent += one;
            }
        };
        // What is under way after that goes on; it is only not counted.
        let _ = tokio::time::timeout(PASS_MAX, all).await;
        Some(sent)
    }

    /// Hears of wishes from now on.
    pub fn heard(&self) -> broadcast::Receiver<Pass> {
        self.0.subscribe()
    }
}

impl Pass {
    /// Says what was sent. Nobody waiting any more is fine.
    pub fn answer(&self, sent: Sent) {
        let _ = self.answers.try_send(sent);
    }
}

impl AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.processed += other.processed;
        self.failed += other.failed;
    }
}
