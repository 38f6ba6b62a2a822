//! A folder with a store in it, an endpoint outside, and servers that come and go: what was acknowledged, and what a server that
//! is left alone in the end says of it all.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::judge::{Complaint, Heard, judge};
use crate::witness::Witness;

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Scene {
    pub folder: TempDir,
    pub witness: Witness,
    pub acknowledged: BTreeSet<String>,
    /// Another store than the one in the folder.
    store: Option<String>,
}

/// A server of the program; it is killed when it is dropped.
pub struct Server {
    pub child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Scene {
    pub fn new() -> Self {
        Self::on(None)
    }

    /// The same for nodes that share a database.
    pub fn on(store: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let witness = Witness::writing(&folder.path().join("history"));
        Self { folder, witness, acknowledged: BTreeSet::new(), store }
    }

    /// A server of the program that sends to the witness.
    pub fn serve(&self) -> Server {
        let endpoint = self.witness.address.to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_faena"));
        if let Some(store) = &self.store {
            command.env("FAENA_STORE", store);
        }
        let mut child = command
            .args(["serve", "--bind", "127.0.0.1:0", "--data", "data", "--no-maintenance", "--threads", "2"])
            .current_dir(self.folder.path())
            .env("OUTBOX_PUBLISHER_TYPE", "webhook")
            .env("OUTBOX_WEBHOOK_URL", format!("http://{endpoint}/"))
            .env("FAENA_WEBHOOK_ALLOW", endpoint)
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

    /// Has a server send all that is left, and judges what the witness has heard.
    pub fn verdict(&self) -> Vec<Complaint> {
        self.verdict_by(&self.serve())
    }

    /// The same by a server that is there.
    pub fn verdict_by(&self, server: &Server) -> Vec<Complaint> {
        let until = Instant::now() + PATIENCE;
        loop {
            let figures = server.get("/outbox/stats")["data"].clone();
            let waiting = server.get("/jobs?status=queued,started,progress&limit=1")["pagination"]["total"].clone();
            if [&figures["unread"], &figures["pending"], &waiting].iter().all(|count| **count == json!(0)) {
                break;
            }
            assert!(Instant::now() < until, "it does not come to an end: {waiting} jobs, {figures}");
            server.ask("POST", "/outbox/process", None).expect("the server answers");
        }
        judge(&self.witness.heard(), &server.log(), &self.acknowledged)
    }
}

impl Server {
    /// Asks for a job; its id if the server acknowledged it.
    pub fn job(&self) -> Option<String> {
        let (status, body) = self.ask("POST", "/jobs", Some(json!({ "subType": "noop", "payload": {} })))?;
        (status == 202).then(|| body["data"]["jobId"].as_str().unwrap().to_owned())
    }

    /// The event log, in order.
    fn log(&self) -> Vec<Heard> {
        let (mut log, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/events?sort=occurredAt&limit=500{cursor}"));
            log.extend(page["data"].as_array().unwrap().iter().map(Heard::of));
            // The cursor goes on with what happens later, too.
            let next = page["nextCursor"].as_str().filter(|_| page["pagination"]["hasMore"] == true);
            let Some(next) = next else { return log };
            cursor = format!("&cursor={next}");
        }
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, None).expect("the server answers");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Option<(u16, Value)> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\n", self.address);
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        write!(stream, "{head}{kind}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
    }
}
