//! The checker: what the history says against what a restarted server has. It knows nothing of how the server works.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::history::{Entry, History};
use crate::load::{batch_tag, effects_of};
use crate::server::{Home, Server};
use crate::wire::{Wire, ended};

/// A broken promise.
#[derive(Debug, Clone, PartialEq)]
pub enum Complaint {
    /// A job was acknowledged, and is not there.
    Lost { job: String },
    /// A job has not ended, long after the last client has left.
    NotEnded { job: Value },
    /// A job that was seen finished looks different.
    Changed { seen: Value, now: Value },
    /// A job that was seen finished has done again what it does.
    RanAgain { job: String, effects: (usize, usize) },
    /// A cancel was accepted, and the job ended in another way.
    NotCancelled { job: String, status: String },
    /// An idempotency key stands for several jobs.
    KeyTwice { key: String, jobs: BTreeSet<String> },
    /// Two jobs of a unique key were active at once.
    UniqueTwice { what: String },
    /// A batch is there in part.
    HalfABatch { number: u64, there: usize, of: usize },
    /// A job was given up as one that takes processes down, before it had.
    Quarantined { job: Value },
    /// A request was refused without a reason.
    Refused { number: u64, status: u16 },
    /// A figure is not what can be counted.
    Miscounted { what: &'static str, said: u64, there: u64 },
}

/// What the history says.
#[derive(Default)]
struct Said {
    acknowledged: BTreeSet<String>,
    cancelled: BTreeSet<String>,
    seen: HashMap<String, (Value, usize)>,
    /// The jobs of each idempotency key.
    keys: BTreeMap<String, BTreeSet<String>>,
    /// Batches, with their size.
    batches: Vec<(u64, usize)>,
    unique_keys: BTreeSet<String>,
    complaints: Vec<Complaint>,
}

/// Checks everything, and notes in the history what it has seen.
pub fn check(home: &Home, history: &History, server: &Server) -> Vec<Complaint> {
    let said = Said::read(history.read());
    let mut complaints = said.complaints.clone();
    let wire = &mut server.wire();
    complaints.extend(said.unique_keys.iter().filter_map(|key| active_twice(wire, history, key)));
    complaints.extend(drain(wire));

    let there = list(wire, "", &mut complaints);
    let effects = home.effects();
    let mut lost = |id: &&String| !there.contains_key(*id) || (!said.seen.contains_key(*id) && is_missing(wire, id));
    complaints.extend(said.acknowledged.iter().filter(|id| lost(id)).map(|job| Complaint::Lost { job: job.clone() }));
    complaints.extend(said.seen.values().flat_map(|(seen, before)| changed(seen, *before, &there, &effects)));
    for id in &said.cancelled {
        let status = there.get(id).map_or("gone", status);
        if status != "cancelled" {
            complaints.push(Complaint::NotCancelled { job: id.clone(), status: status.to_owned() });
        }
    }
    complaints.extend(twice(&said, &there));
    complaints.extend(said.batches.iter().filter_map(|(number, of)| half(*number, *of, &there)));
    complaints.extend(there.values().filter(|job| quarantined_early(wire, job)).map(|job| {
        let job = job.clone();
        Complaint::Quarantined { job }
    }));
    miscounted(wire, &there, &mut complaints);

    let unseen = there.iter().filter(|(id, _)| !said.seen.contains_key(*id));
    let entries: Vec<_> =
        unseen.map(|(_, job)| Entry::Seen { effects: effects_of(job, &effects), job: job.clone() }).collect();
    history.note(&entries);
    complaints
}

impl Said {
    fn read(entries: Vec<Entry>) -> Self {
        let mut said = Self::default();
        let mut asked = HashMap::new();
        for entry in entries {
            match entry {
                Entry::Asked { number, jobs, key, unique } => {
                    if jobs > 1 {
                        said.batches.push((number, jobs));
                    }
                    said.unique_keys.extend(unique.clone());
                    asked.insert(number, (key, unique));
                }
                Entry::Acknowledged { number, jobs } => {
                    if let Some((Some(key), _)) = asked.get(&number) {
                        said.keys.entry(key.clone()).or_default().extend(jobs.iter().cloned());
                    }
                    said.acknowledged.extend(jobs);
                }
                Entry::Refused { number, status } => {
                    let unique = asked.get(&number).is_some_and(|(_, unique)| unique.is_some());
                    if status != 409 || !unique {
                        said.complaints.push(Complaint::Refused { number, status });
                    }
                }
                Entry::Cancelled { job } => drop(said.cancelled.insert(job)),
                Entry::Succeeded { before, after, status } => {
                    if !matches!(&*status, "completed" | "failed" | "cancelled") {
                        let what = format!("{after} was accepted while {before} was {status}");
                        said.complaints.push(Complaint::UniqueTwice { what });
                    }
                }
                Entry::Seen { job, effects } => drop(said.seen.entry(id(&job)).or_insert((job, effects))),
            }
        }
        said
    }
}

/// Whether more than one job of a unique key has not ended, or one more is accepted beside the one that has not.
fn active_twice(wire: &mut Wire, history: &History, key: &str) -> Option<Complaint> {
    let active = wire.get(&format!("/jobs?tag={key}&status=queued,started,progress")).unwrap().json();
    let active = active["data"].as_array().unwrap();
    if active.len() > 1 {
        return Some(Complaint::UniqueTwice { what: format!("{active:?}") });
    }
    let holder = id(active.first()?);
    let number = history.number();
    history.note(&[Entry::Asked { number, jobs: 1, key: None, unique: Some(key.to_owned()) }]);
    let second = json!({ "subType": "noop", "payload": {}, "uniqueKey": key, "tags": [key] });
    let reply = wire.post("/jobs", &second).unwrap();
    if reply.status != 202 {
        history.note(&[Entry::Refused { number, status: reply.status }]);
        return None;
    }
    let second = reply.accepted();
    history.note(&[Entry::Acknowledged { number, jobs: vec![second.clone()] }]);
    let holder = wire.get(&format!("/jobs/{holder}")).unwrap().json();
    let what = format!("{second} was accepted beside {holder}");
    holder["completedAt"].is_null().then_some(Complaint::UniqueTwice { what })
}

/// Waits until nothing is under way any more.
fn drain(wire: &mut Wire) -> Vec<Complaint> {
    // Each look waits for every job that it finds; new ones come from nowhere, so a second look finds nothing.
    let mut complaints = Vec::new();
    let live = list(wire, "&status=queued,started,progress", &mut Vec::new());
    for id in live.keys() {
        let job = ended(wire, id);
        if !job["completedAt"].is_string() {
            complaints.push(Complaint::NotEnded { job });
        }
    }
    for (_, job) in list(wire, "&status=queued,started,progress", &mut Vec::new()) {
        complaints.push(Complaint::NotEnded { job });
    }
    complaints
}

/// All jobs of a filter, page by page.
fn list(wire: &mut Wire, filter: &str, complaints: &mut Vec<Complaint>) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = wire.get(&format!("/jobs?limit=500&sort=createdAt{filter}{cursor}")).unwrap().json();
        found.extend(page["data"].as_array().unwrap().iter().map(|job| (id(job), job.clone())));
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                let said = page["pagination"]["total"].as_u64().unwrap();
                count(complaints, "total of the list", said, found.len());
                return found;
            }
        }
    }
}

/// Whether a job that is listed is not there by its id.
fn is_missing(wire: &mut Wire, id: &str) -> bool {
    wire.get(&format!("/jobs/{id}")).unwrap().status != 200
}

fn changed(seen: &Value, before: usize, there: &BTreeMap<String, Value>, effects: &str) -> Vec<Complaint> {
    let now = there.get(&id(seen)).cloned().unwrap_or_default();
    let mut complaints = Vec::new();
    let after = effects_of(seen, effects);
    if after != before {
        complaints.push(Complaint::RanAgain { job: id(seen), effects: (before, after) });
    }
    if now != *seen {
        complaints.push(Complaint::Changed { seen: seen.clone(), now });
    }
    complaints
}

/// Keys that stand for several jobs: as the server answered, or as it has them.
fn twice(said: &Said, there: &BTreeMap<String, Value>) -> Vec<Complaint> {
    let mut keys = said.keys.clone();
    for (id, job) in there {
        if let Some(tag) = job["tags"][0].as_str().filter(|tag| tag.starts_with("key-")) {
            keys.entry(tag.to_owned()).or_default().insert(id.clone());
        }
    }
    let several = keys.into_iter().filter(|(_, jobs)| jobs.len() > 1);
    several.map(|(key, jobs)| Complaint::KeyTwice { key, jobs }).collect()
}

/// A batch is all or nothing, acknowledged or not.
fn half(number: u64, of: usize, there: &BTreeMap<String, Value>) -> Option<Complaint> {
    let tag = batch_tag(number);
    let members = there.values().filter(|job| job["tags"][0] == *tag).count();
    (members != 0 && members != of).then_some(Complaint::HalfABatch { number, there: members, of })
}

fn quarantined_early(wire: &mut Wire, job: &Value) -> bool {
    if job["error"]["kind"] != "crashed" {
        return false;
    }
    let attempts = wire.get(&format!("/jobs/{}/attempts", id(job))).unwrap().json();
    let crashes = attempts["data"].as_array().unwrap().iter().filter(|one| one["outcome"] == "crashed").count();
    crashes < faena::limits::CRASHES_MAX as usize
}

fn miscounted(wire: &mut Wire, there: &BTreeMap<String, Value>, complaints: &mut Vec<Complaint>) {
    let overview = wire.get("/jobs/statistics/overview").unwrap().json();
    let figure = |group: &str, word: &str| overview[group][word].as_u64().unwrap();
    count(complaints, "total", overview["total"].as_u64().unwrap(), there.len());
    for word in ["queued", "started", "completed", "failed", "cancelled"] {
        count(complaints, word, figure("byStatus", word), there.values().filter(|job| status(job) == word).count());
    }
    for word in ["high", "normal", "low"] {
        let of_priority = there.values().filter(|job| job["priority"] == word).count();
        count(complaints, word, figure("byPriority", word), of_priority);
    }
}

fn count(complaints: &mut Vec<Complaint>, what: &'static str, said: u64, there: usize) {
    if said != there as u64 {
        complaints.push(Complaint::Miscounted { what, said, there: there as u64 });
    }
}

fn id(job: &Value) -> String {
    job["jobId"].as_str().unwrap_or_else(|| panic!("not a job: {job}")).to_owned()
}

fn status(job: &Value) -> &str {
    job["status"].as_str().unwrap()
}
