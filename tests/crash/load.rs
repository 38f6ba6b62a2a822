//! Clients that keep a server busy in every way that a client has, each until its connection breaks.

use std::io;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::history::{Entry, History};
use crate::server::{Home, Server};
use crate::wire::{Reply, Wire};

/// Clients at once.
pub const CLIENTS: u64 = 4;
/// Idempotency keys of one round, few enough that clients meet.
const KEYS_OF_A_ROUND: u64 = 30;
/// Unique keys in all.
const UNIQUE_KEYS: u64 = 3;

/// What the clients of one round share.
pub struct Shared<'a> {
    home: &'a Home,
    history: &'a History,
    round: u64,
    /// Jobs acknowledged lately, for somebody to look at or cancel.
    lately: Mutex<Vec<String>>,
    /// The latest job acknowledged under each unique key. Held over a request, so that their order is known.
    holders: [Mutex<Option<String>>; UNIQUE_KEYS as usize],
    /// Whether the store may be away: what was asked then is unknown.
    bears_outages: bool,
}

/// Puts a server under load, and kills it once so many requests more are acknowledged.
pub fn press_and_kill(home: &Home, history: &History, round: u64, chance: &mut Chance, server: Server) {
    let shared = Shared::new(home, history, round, false);
    let kill_after = chance.between(20, 350);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let (mut wire, seed, shared) = (server.wire(), chance.number(), &shared);
            scope.spawn(move || {
                let mut chance = Chance::new(seed);
                // The error that ends a client is the kill; what it had asked last is unknown.
                while shared.step(&mut wire, &mut chance).is_ok() {}
            });
        }
        history.wait_for_acknowledged(kill_after);
        server.kill();
    });
}

impl<'a> Shared<'a> {
    pub fn new(home: &'a Home, history: &'a History, round: u64, bears_outages: bool) -> Self {
        Self { home, history, round, lately: Mutex::default(), holders: Default::default(), bears_outages }
    }

    /// One thing that a client does.
    pub fn step(&self, wire: &mut Wire, chance: &mut Chance) -> io::Result<()> {
        match chance.between(0, 100) {
            0..25 => self.post(wire, job("noop", json!({}), chance), None).map(drop),
            25..40 => self.keyed(wire, chance),
            40..48 => self.batch(wire, chance),
            48..56 => self.post(wire, sleep(chance, json!({})), None).map(drop),
            56..60 => self.post(wire, sleep(chance, json!({ "failTimes": 1 })), None).map(drop),
            60..62 => self.post(wire, sleep(chance, json!({ "failAtStep": 1 })), None).map(drop),
            62..63 => self.post(wire, sleep(chance, json!({ "panic": true })), None).map(drop),
            63..68 => {
                let mut later = job("noop", json!({}), chance);
                later["delaySeconds"] = json!(chance.between(0, 700) as f64 / 1e3);
                self.post(wire, later, None).map(drop)
            }
            68..74 => self.unique(wire, chance),
            74..78 => self.effect(wire, chance),
            78..82 => self.deaf(wire, chance),
            82..89 => self.cancel(wire, chance),
            _ => self.look(wire, chance),
        }
    }

    /// Sends a job and writes down what became of it.
    fn post(&self, wire: &mut Wire, job: Value, key: Option<&str>) -> io::Result<Option<String>> {
        let number = self.history.number();
        let unique = job["uniqueKey"].as_str().map(str::to_owned);
        self.history.note(&[Entry::Asked { number, jobs: 1, key: key.map(str::to_owned), unique }]);
        let reply = wire.ask("POST", "/jobs", key, Some(&job))?;
        Ok(self.answered(number, &reply).pop())
    }

    fn answered(&self, number: u64, reply: &Reply) -> Vec<String> {
        let json = reply.json();
        if reply.status == 503 && self.bears_outages {
            return Vec::new();
        }
        if reply.status != 202 {
            self.history.note(&[Entry::Refused { number, status: reply.status }]);
            return Vec::new();
        }
        let id = |job: &Value| job["jobId"].as_str().unwrap().to_owned();
        let jobs: Vec<_> = match json["data"].as_array() {
            Some(jobs) => jobs.iter().map(id).collect(),
            None => vec![id(&json["data"])],
        };
        self.history.note(&[Entry::Acknowledged { number, jobs: jobs.clone() }]);
        self.lately.lock().extend(jobs.iter().cloned());
        jobs
    }

    /// The same key from several clients at once, and again after the kill: always with the same body.
    fn keyed(&self, wire: &mut Wire, chance: &mut Chance) -> io::Result<()> {
        let key = format!("key-{}-{}", chance.between(0, self.round + 1), chance.between(0, KEYS_OF_A_ROUND));
        let job = json!({ "subType": "noop", "payload": {}, "tags": [key] });
        self.post(wire, job, Some(&key)).map(drop)
    }

    fn batch(&self, wire: &mut Wire, chance: &mut Chance) -> io::Result<()> {
        let number = self.history.number();
        let count = chance.between(2, 30) as usize;
        let mut jobs: Vec<_> = (0..count).map(|_| job("noop", json!({}), chance)).collect();
        jobs.iter_mut().for_each(|job| job["tags"] = json!([batch_tag(number)]));
        self.history.note(&[Entry::Asked { number, jobs: count, key: None, unique: None }]);
        let reply = wire.ask("POST", "/jobs/batch", None, Some(&json!(jobs)))?;
        self.answered(number, &reply);
        Ok(())
    }

    /// A job of a unique key, one client at a time: when it is accepted, the one before must have ended.
    fn unique(&self, wire: &mut Wire, chance: &mut Chance) -> io::Result<()> {
        let number = chance.between(0, UNIQUE_KEYS) as usize;
        let key = format!("unique-{number}");
        let mut job = sleep(chance, json!({}));
        job["uniqueKey"] = json!(key);
        job["tags"] = json!([key]);
        let mut holder = self.holders[number].lock();
        let Some(after) = self.post(wire, job, None)? else { return Ok(()) };
        if let Some(before) = holder.replace(after.clone()) {
            let status = match wire.get(&format!("/jobs/{before}"))? {
                reply if reply.status == 503 && self.bears_outages => return Ok(()),
                reply if reply.status == 200 => reply.json()["status"].as_str().unwrap().to_owned(),
                reply => reply.status.to_string(),
            };
            self.history.note(&[Entry::Succeeded { before, after, status }]);
        }
        Ok(())
    }

    /// A job that leaves a trace outside.
    fn effect(&self, wire: &mut Wire, chance: &mut Chance) -> io::Result<()> {
        let tag = format!("effect-{:x}", chance.number());
        let payload = json!({ "name": "mark", "input": tag });
        self.post(wire, json!({ "subType": "command", "payload": payload, "tags": [tag] }), None).map(drop)
    }

    /// A job that goes on for a while after it was cancelled: the kill may come in between.
    fn deaf(&self, wire: &mut Wire, chance: &mut Chance) -> io::Result<()> {
        let mut job = sleep(chance, json!({ "ignoreCancel": true }));
        job["payload"]["durationMs"] = json!(chance.between(50, 300));
        job["priority"] = json!("high");
        let Some(job) = self.post(wire, job, None)? else { return Ok(()) };
        self.cancel_this(wire, job)
    }

    fn cancel(&self, wire: &mut Wire, chance: &mut Chance) -> io::Result<()> {
        let Some(job) = self.one_of_lately(chance) else { return Ok(()) };
        self.cancel_this(wire, job)
    }

    fn cancel_this(&self, wire: &mut Wire, job: String) -> io::Result<()> {
        if wire.ask("DELETE", &format!("/jobs/{job}"), None, None)?.status == 204 {
            self.history.note(&[Entry::Cancelled { job }]);
        }
        Ok(())
    }

    fn look(&self, wire: &mut Wire, chance: &mut Chance) -> io::Result<()> {
        let Some(job) = self.one_of_lately(chance) else { return Ok(()) };
        let reply = wire.get(&format!("/jobs/{job}"))?;
        if reply.status == 200 && reply.json()["completedAt"].is_string() {
            let job = reply.json();
            let effects = effects_of(&job, &self.home.effects());
            self.history.note(&[Entry::Seen { job, effects }]);
        }
        Ok(())
    }

    /// The newest ones are the likeliest: they are still under way.
    fn one_of_lately(&self, chance: &mut Chance) -> Option<String> {
        let lately = self.lately.lock();
        let from = lately.len().saturating_sub(12) as u64;
        (!lately.is_empty()).then(|| lately[chance.between(from, lately.len() as u64) as usize].clone())
    }
}

/// The tag of a batch's jobs.
pub fn batch_tag(number: u64) -> String {
    format!("batch-{number}")
}

/// How often a job has done what it does, outside.
pub fn effects_of(job: &Value, effects: &str) -> usize {
    let tag = job["tags"][0].as_str().filter(|tag| tag.starts_with("effect-"));
    tag.map_or(0, |tag| effects.lines().filter(|line| line.contains(tag)).count())
}

/// A job of any priority.
fn job(sub_type: &str, payload: Value, chance: &mut Chance) -> Value {
    let priority = ["high", "normal", "low"][chance.between(0, 3) as usize];
    json!({ "subType": sub_type, "payload": payload, "priority": priority })
}

/// A short sleep in steps, with one retry soon after.
fn sleep(chance: &mut Chance, misbehaviour: Value) -> Value {
    let mut payload = misbehaviour;
    payload["durationMs"] = json!(chance.between(5, 120));
    payload["steps"] = json!(chance.between(1, 6));
    let mut job = job("sleep", payload, chance);
    job["retryPolicy"] = json!({ "maxRetries": 1, "retryDelay": 30, "jitter": 0 });
    job
}
