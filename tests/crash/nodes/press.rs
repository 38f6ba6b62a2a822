//! Clients in front of several nodes: one that finds its door shut goes on at another.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::process::Signal;

use crate::chance::Chance;
use crate::check::{Complaint, check};
use crate::history::History;
use crate::load::{CLIENTS, Shared};
use crate::server::{Home, Server};
use crate::wire::Wire;

/// Things that a client does at one door before it tries another.
const STEPS_AT_A_DOOR: u64 = 25;
/// Longer than anything takes that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where nodes answer.
#[derive(Default)]
pub struct Doors {
    open: Mutex<Open>,
    changed: Condvar,
}

#[derive(Default)]
struct Open {
    addresses: BTreeSet<String>,
    is_over: bool,
}

impl Doors {
    fn change(&self, change: impl FnOnce(&mut Open)) {
        change(&mut self.open.lock());
        self.changed.notify_all();
    }

    /// One of those that are open; none when it is over.
    fn any(&self, chance: &mut Chance) -> Option<String> {
        let mut open = self.open.lock();
        self.changed.wait_while(&mut open, |open| open.addresses.is_empty() && !open.is_over);
        let turn = chance.between(0, open.addresses.len().max(1) as u64);
        if open.is_over { None } else { open.addresses.iter().nth(turn as usize).cloned() }
    }

    fn is_over(&self) -> bool {
        self.open.lock().is_over
    }
}

/// Puts nodes under load while `meddle` does something to them.
pub fn press(
    home: &Home,
    history: &History,
    round: u64,
    chance: &mut Chance,
    doors: &Doors,
    meddle: impl FnOnce(&mut Chance),
) {
    /// However it ends: the clients are waited for.
    struct Ends<'a>(&'a Doors);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.change(|open| open.is_over = true);
        }
    }
    let shared = Shared::new(home, history, round, true);
    doors.change(|open| open.is_over = false);
    std::thread::scope(|scope| {
        let _ends = Ends(doors);
        for _ in 0..CLIENTS {
            let (seed, shared) = (chance.number(), &shared);
            scope.spawn(move || {
                let mut chance = Chance::new(seed);
                while let Some(address) = doors.any(&mut chance) {
                    let mut wire = Wire::to(&address);
                    // What a client had asked last when its door was shut is unknown.
                    let goes_on = |step: &u64| *step < STEPS_AT_A_DOOR && !doors.is_over();
                    let steps = (0..).take_while(goes_on);
                    steps.map(|_| shared.step(&mut wire, &mut chance)).find(Result::is_err);
                }
            });
        }
        meddle(chance);
    });
}

/// A process in one of its parts, and its door.
pub struct Node<'a> {
    home: &'a Home,
    doors: &'a Doors,
    part: Part,
    pub server: Server,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The API, jobs and schedules.
    Whole,
    /// The API alone.
    Desk,
    /// Jobs and schedules alone.
    Worker,
}

impl<'a> Node<'a> {
    pub fn start(home: &'a Home, doors: &'a Doors, part: Part) -> Self {
        let server = spawn(home, doors, part);
        Self { home, doors, part, server }
    }

    /// Kills it, and starts another in its place.
    pub fn replace(&mut self) {
        let address = self.server.address.clone();
        self.doors.change(|open| _ = open.addresses.remove(&address));
        self.server.signal(Signal::KILL);
        self.server = spawn(self.home, self.doors, self.part);
    }
}

fn spawn(home: &Home, doors: &Doors, part: Part) -> Server {
    let server = match part {
        Part::Whole => home.start(),
        Part::Desk => Server::spawn(home.serve(&["--no-jobs"])).listening(),
        Part::Worker => {
            let mut command = home.part("worker");
            command.arg("--no-maintenance");
            let worker = Server::spawn(command);
            worker.wait_for("the store is open");
            return worker;
        }
    };
    doors.change(|open| _ = open.addresses.insert(server.address.clone()));
    server
}

/// What the checker says, asked of a node that is well again.
#[track_caller]
pub fn complaints(home: &Home, history: &History, node: &Node<'_>) -> Vec<Complaint> {
    until_ready(&node.server);
    check(home, history, &node.server)
}

/// Once it can write.
#[track_caller]
pub fn until_ready(server: &Server) {
    let (mut wire, began) = (server.wire(), Instant::now());
    loop {
        let ready = wire.get("/health/ready").unwrap();
        if ready.status == 200 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "it is not ready: {}", ready.json());
    }
}
