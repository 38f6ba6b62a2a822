//! Alerts, pure and by a manual clock: when a rule is broken, what fires once and clears once, and what is looked at.

mod deciding;
mod house;
#[cfg(feature = "email")]
mod letters;
mod looks;
#[cfg(feature = "email")]
#[expect(dead_code, reason = "nobody logs in here")]
#[path = "../event/post_office.rs"]
mod post_office;
mod running;
mod silence;
