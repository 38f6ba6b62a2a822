//! The receivers of webhooks in other languages believe what we sign, once, and nothing else.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use faena::clock::{Clock, Timestamp};
use faena::event::Secret;
use faena::event::signing::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, headers};
use reqwest::Client;
use tempfile::TempDir;

#[tokio::test]
async fn the_receiver_in_python() {
    let Some(python) = program("python3", "--version") else { return skipped("python3 is not here") };
    let mut command = Command::new(python.0);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(example("receiver.py"));
    believes_what_is_signed(command).await;
}

#[tokio::test]
async fn the_receiver_in_typescript() {
    let Some((node, version)) = program("node", "--version") else { return skipped("node is not here") };
    let Some((script, _compiled)) = javascript(&node, &version) else {
        return skipped("this node runs no TypeScript, and clients/typescript has no compiler yet (npm ci)");
    };
    let mut command = Command::new(node);
    command.arg(script);
    believes_what_is_signed(command).await;
}

/// A receiver that runs; it is killed when it is dropped.
struct Receiver {
    child: Child,
    url: String,
    client: Client,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Receiver {
    fn start(mut command: Command, secrets: &[&Secret]) -> Self {
        let revealed = secrets.iter().map(|secret| secret.reveal()).collect::<Vec<_>>().join(" ");
        let mut child = command.env("WEBHOOK_SECRET", revealed).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        // Read byte by byte: what comes after the first line is left for the end.
        BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        let url =
            first.strip_prefix("listening on ").unwrap_or_else(|| panic!("no address: {first:?}")).trim().to_owned();
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self { child, url, client }
    }

    async fn post(&self, headers: &[(&str, String)], body: &str) -> u16 {
        let request = self.client.post(&self.url).body(body.to_owned());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        request.send().await.unwrap().status().as_u16()
    }

    /// What it has acted on.
    fn acted_on(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let mut rest = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        rest.lines().map(str::to_owned).collect()
    }
}

fn body(number: u32) -> String {
    format!(
        r#"{{"id":"evt_{number}","type":"job.completed","aggregateType":"job","aggregateId":"number {number}","payload":{{"word":"año"}}}}"#
    )
}

async fn believes_what_is_signed(command: Command) {
    let (old, new, other) = (secret(), secret(), secret());
    let receiver = Receiver::start(command, &[&old, &new]);
    let now = Clock::System.now();
    let signed = |by: &[&Secret], number: u32, at: Timestamp| {
        headers(by.iter().copied(), &format!("evt_{number}"), at, body(number).as_bytes()).to_vec()
    };
    let fine = signed(&[&new], 1, now);

    // Signed with either of its secrets, with both, or with one of them beside one that it does not know.
    assert_eq!(receiver.post(&fine, &body(1)).await, 204);
    for (number, by) in [(2, vec![&old]), (3, vec![&old, &new]), (4, vec![&other, &new])] {
        assert_eq!(receiver.post(&signed(&by, number, now), &body(number)).await, 204, "{number}");
    }
    // Again: byte for byte, and as a later try of the same event.
    assert_eq!(receiver.post(&fine, &body(1)).await, 204);
    assert_eq!(receiver.post(&signed(&[&new], 1, now.minus(Duration::from_secs(60))), &body(1)).await, 204);

    // Forged, stale, or nothing at all.
    let with = |name: &str, value: &str| {
        let mut changed = signed(&[&new], 9, now);
        changed.iter_mut().filter(|header| header.0 == name).for_each(|header| header.1 = value.to_owned());
        changed
    };
    let signature = &fine[2].1;
    let older = (now.as_millis() / 1_000 - 10).to_string();
    let six_minutes = Duration::from_secs(360);
    for (what, headers) in [
        ("a stranger's secret", signed(&[&other], 9, now)),
        ("another body", signed(&[&new], 8, now)),
        ("another event's signature", with(SIGNATURE_HEADER, signature)),
        ("another id", with(ID_HEADER, "evt_10")),
        ("another time", with(TIMESTAMP_HEADER, &older)),
        ("no time", with(TIMESTAMP_HEADER, "")),
        ("a time in words", with(TIMESTAMP_HEADER, "now")),
        ("another scheme", with(SIGNATURE_HEADER, &signed(&[&new], 9, now)[2].1.replace("v1,", "v2,"))),
        ("an empty signature", with(SIGNATURE_HEADER, "v1,")),
        ("no signature", with(SIGNATURE_HEADER, "")),
        ("too old", signed(&[&new], 9, now.minus(six_minutes))),
        ("too new", signed(&[&new], 9, now.plus(six_minutes))),
        ("no headers", vec![]),
    ] {
        assert_eq!(receiver.post(&headers, &body(9)).await, 401, "{what}");
    }
    assert_eq!(receiver.post(&fine, &"x".repeat(1024 * 1024 + 1)).await, 413);
    // It still listens, and none of that has made it take number 9 for known.
    assert_eq!(receiver.post(&signed(&[&new], 9, now), &body(9)).await, 204);

    let acted_on = [1, 2, 3, 4, 9].map(|number| format!("job.completed number {number}"));
    assert_eq!(receiver.acted_on(), acted_on);
}

fn secret() -> Secret {
    Secret::generate().unwrap()
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/webhooks").join(name)
}

/// A program that is here, and what it says of itself.
fn program(name: &str, question: &str) -> Option<(PathBuf, String)> {
    let output = Command::new(name).arg(question).output().ok().filter(|output| output.status.success())?;
    Some((name.into(), String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned()))
}

/// The receiver as this node can run it: newer ones read TypeScript, for others the compiler of the client makes JavaScript.
fn javascript(node: &Path, version: &str) -> Option<(PathBuf, Option<TempDir>)> {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    if (parts.next()?, parts.next()?) >= (22, 18) {
        return Some((example("receiver.ts"), None));
    }
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/typescript/node_modules");
    let compiler = modules.join("typescript/bin/tsc");
    if !compiler.exists() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    let how =
        ["--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--types", "node"];
    let mut command = Command::new(node);
    command.arg(compiler).args(how).arg("--typeRoots").arg(modules.join("@types"));
    let output = command.arg("--outDir").arg(folder.path()).arg(example("receiver.ts")).output().unwrap();
    assert!(output.status.success(), "it does not compile: {}", String::from_utf8_lossy(&output.stdout));
    Some((folder.path().join("receiver.js"), Some(folder)))
}

/// Says that something was not tested, and fails where that must not be.
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    assert!(std::env::var_os("FAENA_NO_SKIPS").is_none(), "{why}, and FAENA_NO_SKIPS is set");
}
