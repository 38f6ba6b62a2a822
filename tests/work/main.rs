//! The work loop, driven from outside: a whole faena in memory with processors of a few lines, and what becomes of
//! their jobs.

mod draining;
mod failing;
mod house;
mod pools;
mod progress;
mod results;
mod sharing;
mod state;
mod stopping;
mod telling;
