//! Threads for work that computes: one job each. A job that uses rayon inside waits on its own thread while rayon's
//! pool computes; were jobs themselves rayon tasks, a job that waits for its parts could be made to run another whole
//! job meanwhile, and would end when that one does (`docs/decisions`).
//!
//! A thread cannot be killed (rule 17). One whose job was given up is counted as abandoned until it comes back, and
//! another one takes its place, up to as many as there were to begin with.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

type Task = Box<dyn FnOnce() + Send>;

/// A bounded set of threads, started when they are first needed.
#[derive(Clone)]
pub(super) struct Threads {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    idle: usize,
    started: usize,
    closed: bool,
}

impl Threads {
    pub(super) fn new() -> Self {
        Self { shared: Arc::new(Shared { state: Mutex::default(), filled: Condvar::new() }) }
    }

    /// Runs a task on a thread that is free, or on a new one: whoever calls keeps to the number of slots.
    pub(super) fn run(&self, task: impl FnOnce() + Send + 'static) {
        let mut state = self.shared.state.lock();
        state.tasks.push_back(Box::new(task));
        if state.idle >= state.tasks.len() {
            self.shared.filled.notify_one();
            return;
        }
        let number = state.started;
        state.started += 1;
        drop(state);
        let shared = self.shared.clone();
        let started = std::thread::Builder::new().name(format!("faena-work-{number}")).spawn(move || serve(&shared));
        if let Err(error) = started {
            // The task stays queued for the next thread that becomes free.
            tracing::error!(%error, "a thread for blocking work cannot be started");
        }
    }

    /// Lets the threads end once they are free.
    pub(super) fn close(&self) {
        self.shared.state.lock().closed = true;
        self.shared.filled.notify_all();
    }
}

fn serve(shared: &Shared) {
    let mut state = shared.state.lock();
    loop {
        if let Some(task) = state.tasks.pop_front() {
            drop(state);
            task();
            state = shared.state.lock();
        } else if state.closed {
            return;
        } else {
            state.idle += 1;
            shared.filled.wait(&mut state);
            state.idle -= 1;
        }
    }
}
