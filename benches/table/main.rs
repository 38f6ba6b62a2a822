//! The table of what the program reaches, each row measured beside its own yardstick in the same run: a bare
//! actix-web server, a bare `fdatasync`, beanstalkd. `docs/benchmarks.md` says what each row is.
//!
//! One executable plays all the parts that are not the program itself: it starts itself again as the bare server and
//! as the client, so that each is a process of its own, as in life.

mod rows;
mod support;

use std::process::ExitCode;

use support::{bare, load, settings};

// The program's own, or the bare server would be compared with one that has a better allocator.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (flags, arguments): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument == "--bench");
    // cargo says `--bench` to a program that it runs as one. A test of all targets starts it too, and has no time.
    if flags.is_empty() && arguments.is_empty() {
        eprintln!("bench: nothing is measured without --bench or the name of a row");
        return ExitCode::SUCCESS;
    }
    let ended = match arguments.first().map(String::as_str) {
        Some(bare::ROLE) => bare::serve(&arguments[1..]),
        Some(load::ROLE) => load::play(),
        _ => settings::read(&arguments).and_then(|settings| rows::print(&settings)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
