//! The running scheduler: ticks fire at their time, once, whatever clocks, restarts and other schedulers do; and what
//! people ask of schedules through the service.

mod asking;
mod chance;
mod clocks;
mod firing;
mod house;
mod restarts;
mod running;
mod two;
