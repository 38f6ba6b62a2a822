//! What a store has encrypted, as the domain meets it: a mark that tells it from what is plain, so that nobody takes the one
//! for the other. Nothing here encrypts.

use std::sync::Arc;

use super::{Event, Job, JobError, Payload};

/// What encrypted bytes begin with. No text does: it is no UTF-8.
pub const SEALED_BYTES: &[u8] = b"\xFAfaena.1";
/// What an encrypted text begins with. No JSON does, and no URL that this program makes.
pub const SEALED_TEXT: &str = "sealed:1:";

/// The kind of error of a job that cannot be read here.
pub const UNREADABLE: &str = "unreadable";

impl Job {
    /// Why it cannot be run here, if what it needs is encrypted and could not be read.
    pub fn unreadable(&self) -> Option<Arc<str>> {
        let unknown = |what: &str| format!("its {what} is encrypted, and no key is configured here").into();
        match &self.payload {
            Payload::Unreadable(why) | Payload::Locked(why) => Some(why.clone()),
            Payload::Inline(text) if text.starts_with(SEALED_BYTES) || text.starts_with(SEALED_TEXT.as_bytes()) => {
                Some(unknown("payload"))
            }
            _ => self.life.saved.as_ref().filter(|text| text.starts_with(SEALED_TEXT)).map(|_| unknown("saved state")),
        }
    }

    /// What its holder says of a job that is [unreadable](Self::unreadable): that its key is missing, or that it has failed.
    pub fn not_read(&self) -> Option<Event> {
        let (epoch, reason) = (self.life.epoch, self.unreadable()?);
        Some(match &self.payload {
            Payload::Unreadable(_) => {
                let error = JobError::new(UNREADABLE, &*reason);
                Event::Failed { epoch, error, retryable: true, retry_after: None }
            }
            _ => Event::KeyMissing { epoch, reason },
        })
    }
}
