//! Encryption at rest: decorators that encrypt what callers hand in on its way into an engine, and decrypt it on its way out, so
//! that no engine knows of it and every engine has it. Payloads of jobs and schedules, results, the state that jobs save and shared
//! states are encrypted; what jobs are found by is not, nor are messages, errors and logs.
//!
//! | file | holds |
//! | --- | --- |
//! | [`key`] | a key as it is configured |
//! | `keyring` | several of them: the first encrypts, all decrypt |
//! | `parts` | which parts of a job are encrypted, and bound to what |
//! | `store`, `schedules`, `states`, `results` | the decorators |
//!
//! Why it is so: `docs/decisions/0020-encryption.md`.

pub mod key;
#[cfg(feature = "encryption")]
mod keyring;
#[cfg(feature = "encryption")]
mod parts;
#[cfg(feature = "encryption")]
mod results;
#[cfg(feature = "encryption")]
mod schedules;
#[cfg(feature = "encryption")]
mod states;
#[cfg(feature = "encryption")]
mod store;

pub use key::EncryptionKey;
#[cfg(feature = "encryption")]
pub use keyring::{Keyring, Part, Unopened};
#[cfg(feature = "encryption")]
pub use results::SealedResults;
#[cfg(feature = "encryption")]
pub use schedules::SealedSchedules;
#[cfg(feature = "encryption")]
pub use store::SealedStore;
