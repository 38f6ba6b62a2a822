//! The program on PostgreSQL beside other queues on it, on one cluster in one run. `docs/benchmarks.md` says what each row is.
//!
//! One executable plays all the parts that are neither the program nor written for Node.js: it starts itself again as each of
//! the other queues and as the client, so that each is a process of its own, as in life.

mod contestants;
mod rows;
mod support;

use std::process::ExitCode;

use support::{load, settings};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let ended = match arguments.first().map(String::as_str) {
        Some(contestants::ROLE) => contestants::play(&arguments[1..]),
        Some(load::ROLE) => load::play(),
        _ => settings::read(&arguments).and_then(rows::print),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
