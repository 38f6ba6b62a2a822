//! Nodes of every part, killed and replaced one by one while clients go on at the others.

use super::cluster::Database;
use super::press::{Doors, Node, Part, complaints, press};
use crate::chance::{Chance, seed};
use crate::check::Complaint;
use crate::history::History;
use crate::server::Home;

/// Looks of the checker, and kills before each.
const ROUNDS: u64 = 2;
const KILLS: u64 = 6;

/// Kept when it fails, with the history beside it.
#[test]
fn rule_05_nodes_killed_at_random_moments_keep_every_promise() {
    let Some(database) = Database::fresh() else { return };
    let home = Home::on(Some(format!("{}?lease_ms=4000", database.url)));
    let (seed, doors) = (seed(), Doors::default());
    let mut chance = Chance::new(seed);
    let history = History::at(&home.path("history"));
    let parts = [Part::Whole, Part::Desk, Part::Worker];
    let mut nodes = parts.map(|part| Node::start(&home, &doors, part));
    for round in 0..ROUNDS {
        press(&home, &history, round, &mut chance, &doors, |chance| {
            for _ in 0..KILLS {
                history.wait_for_acknowledged(chance.between(10, 80));
                nodes[chance.between(0, parts.len() as u64) as usize].replace();
            }
        });
        let complaints = complaints(&home, &history, &nodes[0]);
        assert!(complaints.is_empty(), "seed {seed}, round {round}: {complaints:#?}");
    }
    println!("{} entries of history, and no promise broken", history.read().len());

    // The control: what is taken away behind their backs is missed.
    database.tell("DELETE FROM faena.history WHERE seq = (SELECT min(seq) FROM faena.history)");
    let missed = complaints(&home, &history, &nodes[1]);
    assert!(missed.iter().any(|complaint| matches!(complaint, Complaint::Lost { .. })), "seed {seed}: {missed:#?}");
}
