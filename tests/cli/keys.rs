//! `faena keys`, and what a server with keys asks of the other commands.

use rustix::process::Signal;
use serde_json::Value;

use crate::program::Program;
use crate::served::Served;

const CHOSEN: &str = "a-secret-that-an-operator-chose-0123456789";

#[test]
fn keys_are_made_used_listed_and_revoked() {
    let program = Program::new();
    let server = Served::start_with(&program, &["--bind", "0", "--store", "memory"]);
    let run = |args: &[&str], key: &str| {
        let mut command = program.command(&[args, &["--server", &server.url]].concat());
        command.env("FAENA_KEY", key).output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let made = run(&["keys", "create", "--scope", "admin", "--name", "me"], "");
    assert!(made.status.success(), "{made:?}");
    let admin = text(&made.stdout).trim().to_owned();
    assert!(admin.starts_with("fk_"), "the secret alone is on stdout: {admin}");
    let refused = run(&["jobs"], "");
    assert!(refused.status.code() == Some(1) && text(&refused.stderr).contains("this needs a key"), "{refused:?}");
    assert!(run(&["jobs"], &admin).status.success());
    let mut flag = program.command(&["jobs", "--server", &server.url, "--key", &admin]);
    assert!(flag.output().unwrap().status.success());

    let made =
        run(&["keys", "create", "--scope", "jobs:read,events", "--user", "ana", "--expires", "30d", "--json"], &admin);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((made["data"]["userId"].as_str(), made["data"]["status"].as_str()), (Some("ana"), Some("valid")));
    assert!(made["data"]["expiresAt"].is_string(), "{made}");
    let (id, reader) = (made["data"]["id"].as_str().unwrap(), made["data"]["key"].as_str().unwrap());
    let lacking = run(&["enqueue", "noop", "{}"], reader);
    assert!(text(&lacking.stderr).contains("lacks the scope `jobs:write`"), "{lacking:?}");
    let listed = text(&run(&["keys", "list"], &admin).stdout);
    assert!(listed.contains(id) && listed.contains("jobs:read, events") && !listed.contains(reader), "{listed}");
    assert!(run(&["keys", "revoke", id], &admin).status.success());
    assert!(text(&run(&["jobs"], reader).stderr).contains("this key was revoked"));
}

#[test]
fn other_machines_are_served_once_there_is_a_key_and_it_is_not_told() {
    let program = Program::new();
    let args = ["serve", "--bind", "0.0.0.0:0", "--store", "memory"];
    let refused = program.command(&args).output().unwrap();
    let complaint = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("0.0.0.0:0 can be reached from other machines, and there is no key yet"), "{complaint}");
    assert!(complaint.contains("FAENA_ADMIN_KEY") && complaint.contains("faena keys create"), "{complaint}");

    let weak = program.command(&args).env("FAENA_ADMIN_KEY", "short").output().unwrap();
    let complaint = String::from_utf8(weak.stderr).unwrap();
    assert!(weak.status.code() == Some(2) && complaint.contains("FAENA_ADMIN_KEY: must be 32 to"), "{complaint}");

    let server = Served::with_variable(&program, &args[1..], "FAENA_ADMIN_KEY", CHOSEN);
    let port = server.url.rsplit_once(':').unwrap().1.to_owned();
    let url = format!("http://127.0.0.1:{port}");
    let jobs = |key: &str| program.command(&["jobs", "--server", &url]).env("FAENA_KEY", key).output().unwrap().status;
    assert!(jobs(CHOSEN).success() && !jobs("").success() && !jobs("another").success());
    server.signal(Signal::TERM);
    let (_, log) = server.ended();
    assert!(!log.contains(CHOSEN), "{log}");
}
