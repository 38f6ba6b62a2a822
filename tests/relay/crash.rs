//! Kill -9 while events are sent: an endpoint outside keeps a history on disk. Whatever is killed when, every event of every
//! job that was acknowledged comes, under one id, and the first deliveries of a job come in order.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde_json::{Value, json};

/// What an endpoint has heard, in order, as it is on its disk.
#[derive(Default)]
struct History {
    heard: Mutex<Vec<(String, String, String)>>,
    grown: Condvar,
}

/// An endpoint that writes down what it is sent before it answers.
fn endpoint(file: std::fs::File) -> (SocketAddr, Arc<History>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (address, history) = (listener.local_addr().unwrap(), Arc::new(History::default()));
    let (kept, file) = (history.clone(), Arc::new(Mutex::new(file)));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (history, file) = (history.clone(), file.clone());
            std::thread::spawn(move || while receive(&stream, &history, &file).is_some() {});
        }
    });
    (address, kept)
}

/// One post of a connection; none when that has ended, however it did.
fn receive(stream: &TcpStream, history: &History, file: &Mutex<std::fs::File>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let event: Value = serde_json::from_slice(&body).ok()?;
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    {
        let mut file = file.lock();
        let mut heard = history.heard.lock();
        file.write_all(&body).unwrap();
        file.sync_data().unwrap();
        heard.push((text("aggregateId"), text("type"), text("id")));
        history.grown.notify_all();
    }
    (&*stream).write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()
}

/// A server; it is killed when it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(folder: &std::path::Path, endpoint: SocketAddr) -> Server {
    let mut child = Command::new(env!("CARGO_BIN_EXE_faena"))
        .args(["serve", "--bind", "127.0.0.1:0", "--data", "data", "--no-maintenance", "--threads", "2"])
        .current_dir(folder)
        .env("OUTBOX_PUBLISHER_TYPE", "webhook")
        .env("OUTBOX_WEBHOOK_URL", format!("http://{endpoint}/"))
        .env("FAENA_WEBHOOK_ALLOW", endpoint.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.find_map(|line| Some(line.split_once("listening on http://")?.1.trim().to_owned()));
    std::thread::spawn(move || lines.for_each(drop));
    Server { address: address.expect("it listens"), child }
}

/// Asks for a job; its id if the server acknowledged it.
fn job(address: &str) -> Option<String> {
    let body = json!({ "subType": "noop", "payload": {} }).to_string();
    let mut stream = TcpStream::connect(address).ok()?;
    let head =
        format!("POST /jobs HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nconnection: close\r\n");
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let body: Value = serde_json::from_str(body).ok()?;
    head.starts_with("HTTP/1.1 202").then(|| body["data"]["jobId"].as_str().unwrap().to_owned())
}

/// What is wrong with a history, if anything is: `ended` names the jobs that have ended and whose events must all be there.
fn fault(heard: &[(String, String, String)], ended: &BTreeSet<String>) -> Option<String> {
    let mut ids: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut first: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (job, kind, id) in heard {
        match ids.insert(id, (job, kind)) {
            None => first.entry(job).or_default().push(kind),
            Some(before) if before == (job, kind) => {}
            Some(before) => return Some(format!("{id} is of {before:?} and of {job} {kind}")),
        }
    }
    for job in ended {
        let kinds = first.get(&**job).map(Vec::as_slice).unwrap_or_default();
        // A start that a crash took back is told again, as another one.
        let ends_well = kinds.first() == Some(&"job.queued") && kinds.last() == Some(&"job.completed");
        if !ends_well || !kinds.contains(&"job.started") {
            return Some(format!("of {job} came {kinds:?}"));
        }
    }
    None
}

#[test]
fn rule_14_kill_9_loses_no_event_and_changes_no_id() {
    let seed = std::env::var("FAENA_CRASH_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| RandomState::new().hash_one("seed") >> 1);
    println!("FAENA_CRASH_SEED={seed}");
    let mut dice = seed;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let folder = tempfile::tempdir().unwrap();
    let (address, history) = endpoint(std::fs::File::create(folder.path().join("history")).unwrap());
    let mut acknowledged = BTreeSet::new();
    for round in 0..10 {
        let mut server = serve(folder.path(), address);
        let until = Instant::now() + Duration::from_millis(30 + roll(400));
        // The last server lives until everything is there.
        let is_last = round == 9;
        while Instant::now() < until {
            acknowledged.extend(job(&server.address));
        }
        if !is_last {
            server.child.kill().unwrap();
            continue;
        }
        assert!(acknowledged.len() > 20, "seed {seed}: there was no load");
        let mut heard = history.heard.lock();
        while let Some(fault) = fault(&heard, &acknowledged) {
            let late = history.grown.wait_for(&mut heard, Duration::from_secs(30)).timed_out();
            assert!(!late, "seed {seed}: {fault}; {} events of {} jobs", heard.len(), acknowledged.len());
        }
    }
}

#[test]
fn and_a_history_with_a_fault_is_caught() {
    let told = |kind: &str, id: &str| ("a".to_owned(), kind.to_owned(), id.to_owned());
    let jobs = BTreeSet::from(["a".to_owned()]);
    let whole = [told("job.queued", "1"), told("job.started", "2"), told("job.completed", "3")];
    assert_eq!(fault(&whole, &jobs), None);
    let again = [whole.clone(), whole.clone()].concat();
    assert_eq!(fault(&again, &jobs), None, "again under the same ids");
    assert!(fault(&whole[1..], &jobs).is_some(), "lost");
    assert!(fault(&[&whole[1..], &whole[..1]].concat(), &jobs).is_some(), "out of order");
    assert!(fault(&[&whole[..], &[told("job.failed", "3")]].concat(), &jobs).is_some(), "an id of two");
}
