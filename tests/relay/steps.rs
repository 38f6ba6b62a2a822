//! Kill -9 at each step of a delivery: a sender that kills itself there, over and over, and a server that sends the rest. And the
//! control: senders with a fault are caught by the same witness and the same judge.

use std::collections::BTreeSet;

use crate::chance::{Chance, seed};
use crate::judge::{Complaint, Heard};
use crate::scene::Scene;
use crate::sender::{Fault, Part, Step};

/// How often a sender dies at each step.
const TIMES: usize = 2;

fn ids(heard: &[Heard]) -> BTreeSet<&str> {
    heard.iter().map(|heard| &*heard.id).collect()
}

/// How many complaints are of a sort.
fn count(complaints: &[Complaint], is_such: impl Fn(&Complaint) -> bool) -> usize {
    complaints.iter().filter(|complaint| is_such(complaint)).count()
}

#[test]
fn rule_14_killed_at_any_step_of_a_delivery_it_loses_no_event_and_changes_no_id() {
    if let Some((part, endpoint)) = Part::given() {
        return part.play(&endpoint);
    }
    let seed = seed();
    let mut chance = Chance::new(seed);
    let mut scene = Scene::new();
    for step in [Step::ALL; TIMES].into_iter().flatten() {
        let nth = chance.between(1, 8);
        println!("it dies {}, at time {nth}", step.name());
        Part { step, nth, fault: Fault::None }.die(&mut scene);
    }
    let before = scene.witness.heard();
    let complaints = scene.verdict();
    assert!(complaints.is_empty(), "seed {seed}: {} jobs: {complaints:#?}", scene.acknowledged.len());
    let after = scene.witness.heard();
    assert!(ids(&after).len() > ids(&before).len(), "seed {seed}: nothing was left to send");
    assert!(after.len() > ids(&after).len(), "seed {seed}: nothing was sent again");
}

#[test]
fn a_sender_that_marks_an_event_as_sent_before_it_sends_it_is_caught() {
    let mut scene = Scene::new();
    Part { step: Step::AfterWritten, nth: 5, fault: Fault::Hasty }.die(&mut scene);
    let complaints = scene.verdict();
    let lost = count(&complaints, |complaint| matches!(complaint, Complaint::Lost(_)));
    assert!(lost > 0, "{complaints:#?}");
    println!("{lost} events lost, and all of them missed");
}

#[test]
fn a_sender_that_gives_new_ids_to_what_it_sends_again_is_caught() {
    let mut scene = Scene::new();
    // Sent, and not written down: the next one sends it again.
    Part { step: Step::BeforeWritten, nth: 2, fault: Fault::None }.die(&mut scene);
    Part { step: Step::BeforeWritten, nth: 2, fault: Fault::NewIds }.die(&mut scene);
    let complaints = scene.verdict();
    let foreign = count(&complaints, |complaint| matches!(complaint, Complaint::Foreign(_)));
    assert!(foreign > 0, "{complaints:#?}");
    println!("{foreign} posts with an id that is not the event's");
}

#[test]
fn a_sender_that_turns_the_events_of_a_job_round_is_caught() {
    let mut scene = Scene::new();
    Part { step: Step::AfterWritten, nth: 4, fault: Fault::Unordered }.die(&mut scene);
    let complaints = scene.verdict();
    let turned = count(&complaints, |complaint| matches!(complaint, Complaint::OutOfOrder { .. }));
    assert!(turned > 0, "{complaints:#?}");
    println!("the events of {turned} jobs came in another order");
}
