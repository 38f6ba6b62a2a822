//! What is wrong with what an endpoint has heard: held against the event log as it is in the end, and against what clients were
//! told. It knows nothing of how events are sent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// An event, as it was heard or as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    pub of: String,
    pub kind: String,
    pub id: String,
    /// All of it.
    pub text: String,
}

impl Heard {
    pub fn of(event: &Value) -> Self {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        Self { of: text("aggregateId"), kind: text("type"), id: text("id"), text: event.to_string() }
    }
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complaint {
    /// The log tells it, and it never came.
    Lost(Heard),
    /// It came under an id that the log does not know, or was another event under that id.
    Foreign(Heard),
    /// The events of one thing came first in another order than they happened in.
    OutOfOrder { of: String, came: Vec<String>, happened: Vec<String> },
    /// A job was acknowledged, and the log does not tell its life from the beginning to the end.
    Untold { job: String, told: Vec<String> },
}

/// Judges a history: `log` has all that happened, in order, and `acknowledged` the jobs that clients know of, which have ended.
pub fn judge(heard: &[Heard], log: &[Heard], acknowledged: &BTreeSet<String>) -> Vec<Complaint> {
    let told: BTreeMap<&str, &Heard> = log.iter().map(|event| (&*event.id, event)).collect();
    let came: BTreeSet<&str> = heard.iter().map(|event| &*event.id).collect();
    let lost = log.iter().filter(|event| !came.contains(&*event.id)).cloned().map(Complaint::Lost);
    let is_foreign = |event: &&Heard| told.get(&*event.id) != Some(event);
    let foreign = heard.iter().filter(is_foreign).cloned().map(Complaint::Foreign);
    let mut complaints: Vec<_> = lost.chain(foreign).collect();

    let (came, happened) = (firsts(heard), firsts(log));
    for (of, came) in &came {
        // What was lost is told above; what came must be in the order of the log.
        let order = happened.get(of).into_iter().flatten().filter(|id| came.contains(id));
        let order: Vec<_> = order.copied().collect();
        if *came != order && came.iter().all(|id| told.contains_key(id)) {
            let [came, happened] = [came, &order].map(|ids| ids.iter().map(|id| told[id].kind.clone()).collect());
            complaints.push(Complaint::OutOfOrder { of: (*of).to_owned(), came, happened });
        }
    }
    for job in acknowledged {
        let kinds: Vec<_> = happened.get(&**job).into_iter().flatten().map(|id| told[id].kind.clone()).collect();
        let count = |kind: &str| kinds.iter().filter(|one| *one == kind).count();
        // A start that a crash took back is told again, as another one.
        let is_whole = kinds.first().is_some_and(|kind| kind == "job.queued")
            && kinds.last().is_some_and(|kind| kind == "job.completed")
            && (count("job.queued"), count("job.completed")) == (1, 1)
            && count("job.started") > 0;
        if !is_whole {
            complaints.push(Complaint::Untold { job: job.clone(), told: kinds });
        }
    }
    complaints
}

/// The ids of the events of each thing, in the order in which they were there first.
fn firsts(events: &[Heard]) -> BTreeMap<&str, Vec<&str>> {
    let mut seen = BTreeSet::new();
    let mut firsts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in events.iter().filter(|event| seen.insert(&*event.id)) {
        firsts.entry(&event.of).or_default().push(&event.id);
    }
    firsts
}

#[test]
fn a_history_with_a_fault_is_caught() {
    let told = |kind: &str, id: &str| Heard {
        of: "a".to_owned(),
        kind: kind.to_owned(),
        id: id.to_owned(),
        text: format!("{kind} {id}"),
    };
    let jobs = BTreeSet::from(["a".to_owned()]);
    let log = [told("job.queued", "1"), told("job.started", "2"), told("job.completed", "3")];
    assert_eq!(judge(&log, &log, &jobs), []);
    assert_eq!(judge(&[log.clone(), log.clone()].concat(), &log, &jobs), [], "again under the same ids");
    assert_eq!(judge(&log[1..], &log, &jobs), [Complaint::Lost(log[0].clone())]);
    let renamed = told("job.completed", "4");
    assert_eq!(judge(&[&log[..], std::slice::from_ref(&renamed)].concat(), &log, &jobs), [Complaint::Foreign(renamed)]);
    let altered = Heard { text: "else".to_owned(), ..log[2].clone() };
    assert_eq!(judge(&[&log[..], std::slice::from_ref(&altered)].concat(), &log, &jobs), [Complaint::Foreign(altered)]);
    let turned = judge(&[&log[1..], &log[..1]].concat(), &log, &jobs);
    assert!(matches!(turned[..], [Complaint::OutOfOrder { .. }]), "{turned:?}");
    let untold = judge(&log[..2], &log[..2], &jobs);
    assert!(matches!(untold[..], [Complaint::Untold { .. }]), "{untold:?}");
    assert!(matches!(judge(&[], &[], &jobs)[..], [Complaint::Untold { .. }]), "nothing at all");
}
