//! A database that is restarted under load, in order and all at once. What was acknowledged is there afterwards; everybody else
//! was told that it is away, or got an answer late.

#[cfg(target_os = "linux")]
use rustix::process::{Pid, Signal, kill_process};

use super::own::Own;
use super::press::{Doors, Node, Part, complaints, press};
use crate::chance::{Chance, seed};
use crate::check::Complaint;
use crate::history::History;
use crate::server::Home;

/// Presses nodes while something is done to their database, over and over; what the checker says then, once the nodes are
/// those that were there or `new` ones.
fn meddled(home: &Home, chance: &mut Chance, ways: Vec<Box<dyn FnOnce() + '_>>, new: bool) -> (Vec<Complaint>, usize) {
    let (history, doors) = (History::at(&home.path("history")), Doors::default());
    let mut nodes = [Part::Whole, Part::Desk, Part::Worker].map(|part| Node::start(home, &doors, part));
    press(home, &history, 0, chance, &doors, |chance| {
        for way in ways {
            history.wait_for_acknowledged(chance.between(20, 120));
            way();
        }
        history.wait_for_acknowledged(20);
    });
    if new {
        nodes.iter_mut().for_each(Node::replace);
    }
    (complaints(home, &history, &nodes[0]), history.read().len())
}

#[test]
fn rule_08_a_database_that_is_restarted_under_load_loses_nothing_that_was_acknowledged() {
    let Some(own) = Own::start(&[]) else { return };
    let (home, seed) = (Home::on(Some(own.url.clone())), seed());
    let ways = ["immediate", "fast", "immediate", "fast"];
    let own = std::cell::RefCell::new(own);
    let again = |way| {
        let mut own = own.borrow_mut();
        own.say(way);
        own.say("start");
    };
    let ways = ways.iter().map(|way| Box::new(move || again(way)) as _).collect();
    let (complaints, entries) = meddled(&home, &mut Chance::new(seed), ways, false);
    assert!(complaints.is_empty(), "seed {seed}: {complaints:#?}");
    println!("{entries} entries of history, and no promise broken");
}

/// A process of the server, by what it does.
#[cfg(target_os = "linux")]
fn process(own: &Own, name: &str) -> Pid {
    let children = |process: &str| std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap();
    let server = children(&own.script.id().to_string());
    let named =
        |id: &&str| std::fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|text| text.contains(name));
    let children = children(server.trim());
    Pid::from_raw(children.split_whitespace().find(named).unwrap().parse().unwrap()).unwrap()
}

/// The control: a database that answers before it has written must be caught by the same load and the same checker.
#[cfg(target_os = "linux")]
#[test]
fn a_database_that_acknowledges_before_the_disk_is_caught() {
    let Some(own) = Own::start(&[("FAENA_POSTGRES_OPTIONS", "-c bgwriter_lru_maxpages=0")]) else { return };
    // What a node believes to have ended runs for ever in a database that forgot it: new nodes look for themselves.
    let hasty = format!("{}?lease_ms=4000&options=-c%20synchronous_commit%3Doff", own.url);
    let (home, seed) = (Home::on(Some(hasty)), seed());
    let writer = process(&own, "walwriter");
    let stop = || kill_process(writer, Signal::STOP).unwrap();
    // The server takes the death of one of its processes for a crash, and starts anew.
    let kill = || kill_process(writer, Signal::KILL).unwrap();
    let (complaints, _) = meddled(&home, &mut Chance::new(seed), vec![Box::new(stop), Box::new(kill)], true);
    let lost = complaints.iter().filter(|complaint| matches!(complaint, Complaint::Lost { .. })).count();
    assert!(lost > 0, "seed {seed}: the checker did not see it: {complaints:#?}");
}
