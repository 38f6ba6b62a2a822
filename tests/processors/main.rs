//! The processors that come with the program, each by itself: no store, no runner, only a context that listens.

#[cfg(unix)]
mod commands;
mod datasets;
mod diagnostics;
#[cfg(feature = "http-client")]
mod http;
mod payloads;
mod profiles;
mod reports;
mod samples;
mod training;

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use faena::clock::Timestamp;
use faena::job::{Event, Holder, Job, Name, NewJob, decide};
use faena::work::{Completion, Context, Failure, Processor};
use serde_json::{Value, json};

/// A job in its `attempt`-th try, its payload of no importance: it is handed to the processor by itself.
fn job(attempt: u32) -> Job {
    let mut job = NewJob::new(Name::new("anything").unwrap(), "{}").accept(1, Timestamp::from_millis(0));
    job.life.failures = attempt - 1;
    let holder = Holder { node: "node".into(), machine: "machine".into(), process: 1 };
    job.life = decide(&job, Event::Claimed { holder, lease_until: None }, job.created_at).unwrap().next;
    job
}

/// A payload, from JSON as a value or as text.
fn payload<P: serde::de::DeserializeOwned>(json: &impl Display) -> P {
    serde_json::from_str(&json.to_string()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// Runs work that computes, with nobody listening.
fn run<P: Processor>(processor: &P, json: &impl Display) -> Result<Completion, Failure> {
    processor.run(payload(json), &Context::detached(job(1)))
}

/// The JSON that it answers.
fn result_of(completion: Completion) -> Value {
    match completion {
        Completion::Bytes { content_type, bytes } if content_type == "application/json" => {
            serde_json::from_slice(&bytes).unwrap()
        }
        other => panic!("no JSON: {other:?}"),
    }
}

/// The text that it answers, with its type.
fn text_of(completion: Completion) -> (String, String) {
    match completion {
        Completion::Bytes { content_type, bytes } => (content_type, String::from_utf8(bytes.to_vec()).unwrap()),
        other => panic!("no bytes: {other:?}"),
    }
}

/// A failure's word: what a client may rely on.
fn kind_of(failure: &Failure) -> String {
    format!("{failure:?}").split(':').next().unwrap().to_owned()
}

/// What a processor said while it worked.
#[derive(Default)]
struct Heard(parking_lot::Mutex<Vec<(u8, String)>>);

impl Heard {
    /// A context whose messages are noted, and which is stopped once `stop` says so.
    fn context(self: &Arc<Self>, job: Job, stop: impl Fn(u8, &str) -> bool + Send + Sync + 'static) -> Context {
        let heard = self.clone();
        Context::overheard(job, move |ctx| {
            // Several threads may speak at once; what is noted is in the order in which it was looked at.
            let mut said = heard.0.lock();
            let (percent, message) = (ctx.percent(), ctx.message().unwrap_or_default().to_string());
            if stop(percent, &message) {
                ctx.stop();
            }
            if said.last().is_none_or(|last| last.1 != message) {
                said.push((percent, message));
            }
        })
    }

    fn messages(&self) -> Vec<String> {
        self.0.lock().iter().map(|said| said.1.clone()).collect()
    }
}

/// Two numbers that are the same but for rounding.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_failure_shows_its_word_first() {
    assert_eq!(kind_of(&Failure::permanent("a: b").kind("some_word")), "some_word");
    assert_eq!(job(3).life.attempt, 3);
    assert_eq!(result_of(Completion::json(&json!({ "a": 1 })).unwrap()), json!({ "a": 1 }));
}
