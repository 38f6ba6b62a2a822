//! Schedules, proven on the domain alone: what an expression means, which instants it names in which zone, over which
//! clock changes, and what becomes of each tick.

mod clock_changes;
mod clock_jumps;
mod expressions;
mod factory;
mod jobs;
mod misfires;
mod overlaps;
mod reference;
mod sentences;
mod sums;
mod switches;
mod terms;
mod twenty_years;
