//! Alerts, pure and by a manual clock: when a rule is broken, what fires once and clears once, and what is looked at.

mod deciding;
mod house;
mod looks;
mod running;
mod silence;
