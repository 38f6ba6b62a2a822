//! Keys, pure: who holds one, what it opens, and whose jobs. No I/O, no clock, no randomness.
//!
//! | file | holds |
//! | --- | --- |
//! | [`words`] | the closed vocabularies: scopes, ids |
//! | [`secret`] | what a caller presents, and the digest that is kept of it |
//! | [`record`] | the key itself, and one to make |
//! | [`caller`] | the only place that knows what a caller may do, and for whom |
//! | [`rate`] | how often a key may ask, and how much it may have waiting |
//! | [`pass`] | a signed pass to the events of one job, for a browser |
//! | [`session`] | what a browser keeps after somebody showed their key |

pub mod caller;
pub mod pass;
pub mod rate;
pub mod record;
pub mod secret;
pub mod session;
pub mod words;

pub use caller::{Caller, Need, Refusal};
pub use pass::Pass;
pub use rate::Quota;
pub use record::{ApiKey, NewKey, Standing};
pub use secret::{Digest, Secret};
pub use session::Session;
pub use words::{KeyId, Scope};
