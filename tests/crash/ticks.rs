//! A schedule that ticks every second while its server is killed, over and over: each tick has one job (rule 21).

use serde_json::{Value, json};

use crate::chance::{Chance, seed};
use crate::server::Home;
use crate::wire::Wire;

/// Kills.
const ROUNDS: usize = 4;

fn executions(wire: &mut Wire) -> Vec<Value> {
    let page = wire.get("/schedules/each%20second/executions?limit=500&sort=createdAt").unwrap().json();
    assert_eq!(page["pagination"]["hasMore"], false, "{page}");
    page["data"].as_array().unwrap().clone()
}

#[test]
fn rule_21_each_tick_fires_once_across_kills() {
    let home = Home::new();
    let seed = seed();
    let mut chance = Chance::new(seed);
    let mut server = home.start();
    let schedule = json!({
        "name": "each second", "subType": "noop", "payload": {}, "cronExpression": "* * * * * *", "timezone": "UTC",
        "misfirePolicy": "fire_all", "overlapPolicy": "allow",
    });
    let made = server.wire().post("/schedules", &schedule).unwrap();
    assert_eq!(made.status, 201, "{}", made.json());
    for _ in 0..ROUNDS {
        // It dies somewhere between a tick and the end of its job.
        server.wire().hear(chance.between(1, 3) as usize, r#""scheduleId":""#);
        server.kill();
        server = home.start();
    }
    let wire = &mut server.wire();
    wire.hear(1, r#""scheduleId":""#);
    wire.post("/schedules/each%20second/disable", &json!({})).unwrap();

    let fired = executions(wire);
    let mut ticks: Vec<_> = fired.iter().map(|job| job["scheduledFor"].as_str().unwrap().to_owned()).collect();
    ticks.sort();
    let seconds = |tick: &str| tick.parse::<faena::clock::Timestamp>().unwrap().as_millis() / 1_000;
    for pair in ticks.windows(2) {
        assert_eq!(seconds(&pair[1]) - seconds(&pair[0]), 1, "seed {seed}: after {}: {ticks:#?}", pair[0]);
    }
    let shown = wire.get("/schedules/each%20second").unwrap().json();
    let shown = shown.get("data").unwrap_or(&shown);
    assert_eq!(shown["totalExecutions"].as_u64(), Some(ticks.len() as u64), "{shown}");
}
