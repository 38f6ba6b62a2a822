//! The command line as a person or a script meets it: the real program, run as a child, with a fake server where only
//! the conversation matters.

mod alerts;
#[cfg(all(unix, feature = "tls"))]
mod authority;
#[cfg(unix)]
mod backups;
mod cron;
#[cfg(unix)]
mod deploy;
#[cfg(all(unix, feature = "encryption"))]
mod encryption;
mod fake;
mod help;
mod keys;
#[cfg(unix)]
mod outbox;
mod output;
mod program;
mod refusals;
mod requests;
#[cfg(unix)]
mod round_trips;
#[cfg(unix)]
mod running;
#[cfg(unix)]
mod schedules;
#[cfg(unix)]
mod served;
mod serving;
#[cfg(unix)]
mod subscriptions;
#[cfg(all(unix, feature = "tls"))]
mod tls;
mod watching;
#[cfg(unix)]
mod workers;
