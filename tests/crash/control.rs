//! The control: a server that acknowledges before the commit must be caught by the same load and the same checker.
//! It is the real one in all but its store, which answers first and writes later.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use faena::clock::{Clock, Timestamp};
use faena::http::server::{Options, serve};
use faena::job::Holder;
use faena::processors;
use faena::service::{self, Service};
use faena::store::embedded::{Durability, Embedded, Open};
use faena::store::observed::{Metrics, Observed};
use faena::store::results::Memory;
use faena::store::{Answer, Group, Insert, Inserted, Store};
use faena::watch::Hub;
use faena::work::{Workers, workers};
use parking_lot::Mutex;

use crate::chance::{Chance, seed};
use crate::check::{Complaint, check};
use crate::history::History;
use crate::load::press_and_kill;
use crate::server::{Home, Server};
use crate::veil::{Veil, Veiled};

/// Names the data folder, in the process that plays the hasty server.
const PART: &str = "FAENA_CRASH_HASTY";

#[test]
fn a_server_that_acknowledges_before_the_commit_is_caught() {
    if let Some(folder) = std::env::var_os(PART) {
        return serve_hastily(&PathBuf::from(folder));
    }
    let (home, seed) = (Home::new(), seed());
    let history = History::at(&home.path("history"));
    std::fs::create_dir(home.path("data")).unwrap();
    let mut command = home.command(std::env::current_exe().unwrap().to_str().unwrap());
    command.args(["--exact", "control::a_server_that_acknowledges_before_the_commit_is_caught", "--nocapture"]);
    let hasty = Server::spawn(command_with(command, &home.path("data"))).listening();
    press_and_kill(&home, &history, 0, &mut Chance::new(seed), hasty);
    let complaints = check(&home, &history, &home.start());
    let lost = complaints.iter().filter(|complaint| matches!(complaint, Complaint::Lost { .. })).count();
    assert!(lost > 0, "seed {seed}: the checker did not see it: {complaints:#?}");
    println!("{lost} acknowledged jobs lost, and all of them missed");
}

fn command_with(mut command: std::process::Command, folder: &Path) -> std::process::Command {
    command.env(PART, folder);
    command
}

/// Serves until it is killed.
fn serve_hastily(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (clock, hub, metrics) = (Clock::System, Arc::new(Hub::default()), Arc::new(Metrics::new()));
        let open = Open { path: folder.join("faena.db"), durability: Durability::Full };
        let inner = Embedded::open_telling(&open, clock.now(), hub.ready().clone()).unwrap();
        let inner = Arc::new(inner);
        let hasty = Hasty { inner: inner.clone(), held: Mutex::default() };
        let histories: Arc<faena::store::observed::Histories> = Arc::default();
        let observed = Observed::new(Arc::new(Veiled(hasty)), hub.clone(), metrics.clone(), histories.clone());
        let schedules = Arc::new(observed.schedules(inner));
        let store: Arc<dyn Store> = Arc::new(observed);
        let registry = processors::bundled(&processors::Settings::default());
        let results = Arc::new(Memory::default());
        let node = Holder { node: "hasty".into(), machine: "here".into(), process: std::process::id() };
        let _workers = Workers::start(
            workers::Parts {
                store: store.clone(),
                hub: hub.clone(),
                registry: registry.clone(),
                results: results.clone(),
                clock: clock.clone(),
                node: node.clone(),
                threads: 4,
                io_slots: 16,
            },
            tokio::runtime::Handle::current(),
        );
        let settings = service::Settings::default();
        let parts =
            service::Parts { store, schedules, hub, registry, results, clock, metrics, histories, node, settings };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        println!("listening on http://{}", listener.local_addr().unwrap());
        serve(Arc::new(Service::new(parts)), listener, Options::default()).unwrap().await.unwrap();
    });
}

/// A store that answers for a new job at once, and hands it to the real one when some more have come.
struct Hasty {
    inner: Arc<Embedded>,
    held: Mutex<VecDeque<(Vec<Insert>, Timestamp)>>,
}

/// Requests held back: more than there are clients, so that some of them have been told that theirs is safe.
const HELD: usize = 8;

impl Veil for Hasty {
    fn real(&self) -> &dyn Store {
        &*self.inner
    }

    fn insert(&self, jobs: Vec<Insert>, group: Group, now: Timestamp) -> Answer<'_, Vec<Inserted>> {
        let keyed = |insert: &Insert| insert.idempotency.is_some() || insert.job.options.unique.is_some();
        if jobs.iter().any(keyed) {
            return self.inner.insert(jobs, group, now);
        }
        let answers = jobs.iter().map(|insert| Inserted::Accepted(Arc::new(insert.job.clone().accept(0, now))));
        let answers = answers.collect();
        let mut held = self.held.lock();
        held.push_back((jobs, now));
        if held.len() > HELD
            && let Some((jobs, now)) = held.pop_front()
        {
            let inner = self.inner.clone();
            tokio::spawn(async move { inner.insert(jobs, group, now).await.map(drop) });
        }
        Box::pin(std::future::ready(Ok(answers)))
    }
}
