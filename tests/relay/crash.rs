//! Kill -9 while events are sent, at any moment and under load: an endpoint outside keeps a history on disk. Whatever is killed
//! when, every event comes, under one id, and those of one job come first in the order in which they happened.

use std::time::{Duration, Instant};

use crate::chance::{Chance, rounds, seed};
use crate::scene::Scene;

#[test]
fn rule_14_kill_9_loses_no_event_and_changes_no_id() {
    let seed = seed();
    let mut chance = Chance::new(seed);
    let mut scene = Scene::new();
    for _ in 0..rounds() {
        let mut server = scene.serve();
        let until = Instant::now() + Duration::from_millis(chance.between(30, 430));
        while Instant::now() < until {
            scene.acknowledged.extend(server.job());
        }
        server.child.kill().unwrap();
    }
    assert!(scene.acknowledged.len() > 20, "seed {seed}: there was no load");
    let complaints = scene.verdict();
    assert!(complaints.is_empty(), "seed {seed}: {} jobs: {complaints:#?}", scene.acknowledged.len());
}
