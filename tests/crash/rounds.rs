//! Rounds of load, kill and restart, each followed by the checker.

use crate::chance::{Chance, rounds, seed};
use crate::check::check;
use crate::history::History;
use crate::load::press_and_kill;
use crate::server::{Home, Server};

/// Kept when it fails, with the history beside it.
#[test]
fn killed_at_random_moments_it_keeps_every_promise() {
    let (home, seed) = (Home::new(), seed());
    let mut chance = Chance::new(seed);
    let history = History::at(&home.path("history"));
    let mut server = home.start();
    for round in 0..rounds() {
        press_and_kill(&home, &history, round.into(), &mut chance, server);
        if chance.between(0, 3) == 0 {
            // Once more, as soon as it has recovered: recovery is idempotent (rule 7).
            let recovered = Server::spawn(home.serve(&[]));
            recovered.wait_for("the store is open");
            recovered.kill();
        }
        server = home.start();
        let complaints = check(&home, &history, &server);
        println!("round {round}: {} complaints", complaints.len());
        if !complaints.is_empty() {
            server.kill();
            panic!("seed {seed}, round {round}, kept in {}: {complaints:#?}", home.keep().display());
        }
    }
    let entries = history.read().len();
    println!("{entries} entries of history, and no promise broken");
}
