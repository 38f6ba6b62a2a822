//! Schedules, proven on the domain alone: what an expression means, which instants it names in which zone, over which
//! clock changes, and what becomes of each tick.

mod clock_changes;
mod expressions;
mod factory;
mod reference;
mod sentences;
mod twenty_years;
