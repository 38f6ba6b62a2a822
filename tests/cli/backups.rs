//! `faena backup` against a real server.

use serde_json::Value;

use crate::program::Program;
use crate::served::Served;

#[test]
fn it_waits_for_the_copy_and_prints_where_it_is() {
    let program = Program::new();
    let server = Served::maintained(&program, &["--backups", "safe"]);
    server.run(&program, &["enqueue", "noop", "--wait"]).ended(0);
    let run = server.run(&program, &["backup"]).ended(0);
    let path = std::path::Path::new(run.stdout.trim_end());
    assert!(path.starts_with(program.path().canonicalize().unwrap().join("safe")), "{}", run.stdout);
    assert!(std::fs::read(path).unwrap().starts_with(b"SQLite format 3\0"));
    assert!(run.stderr.contains("100%  completed"), "{}", run.stderr);

    let below = server.run(&program, &["backup", "--folder", "weekly", "--keep", "1", "--json"]).ended(0);
    let last = below.json_lines().pop().unwrap();
    assert_eq!((last["status"].as_str(), last["subType"].as_str()), (Some("completed"), Some("faena.backup")));
    assert_eq!(std::fs::read_dir(program.path().join("safe/weekly")).unwrap().count(), 1);
    let shown = server.run(&program, &["schedules", "show", "maintenance-backup", "--json"]).ended(0);
    let schedule: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(schedule["totalExecutions"], 2, "they count as its executions: {schedule}");

    let outside = server.run(&program, &["backup", "--folder", "../elsewhere"]).ended(1);
    assert!(outside.stderr.contains("payload.folder"), "{}", outside.stderr);
    let kept = server.run(&program, &["schedules", "remove", "maintenance-backup"]).ended(1);
    assert!(kept.stderr.contains("disable it instead") && kept.stderr.contains("[conflict]"), "{}", kept.stderr);
}

#[test]
fn a_server_without_one_says_why() {
    let program = Program::new();
    let server = Served::maintained(&program, &["--store", "memory"]);
    let run = server.run(&program, &["backup"]).ended(1);
    assert!(run.stderr.contains("the server has no schedule maintenance-backup: "), "{}", run.stderr);
    let listed = server.run(&program, &["schedules", "list"]).ended(0).stdout;
    assert!(listed.contains("maintenance-cleanup") && !listed.contains("maintenance-check"), "{listed}");
}

/// A backup in the place of the database is all that a restore takes.
#[test]
fn a_backup_is_restored_by_putting_it_in_its_place() {
    let program = Program::new();
    let server = Served::maintained(&program, &[]);
    let id = server.run(&program, &["enqueue", "noop", "--wait", "--json"]).ended(0).json_lines()[0]["jobId"].clone();
    let path = server.run(&program, &["backup"]).ended(0).stdout.trim_end().to_owned();
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.ended().0, Some(0));
    let data = program.path().join("faena-data");
    for file in ["faena.db", "faena.db-wal", "faena.db-shm"] {
        // The last two are not there after an orderly end.
        let _ = std::fs::remove_file(data.join(file));
    }
    std::fs::copy(path, data.join("faena.db")).unwrap();
    let server = Served::maintained(&program, &[]);
    let listed = server.run(&program, &["jobs", "--json"]).ended(0).stdout;
    assert!(listed.contains(id.as_str().unwrap()), "{listed}");
    let doctor = program.run(&["doctor", "--bind", "0"]).ended(0);
    assert!(doctor.stdout.contains("is in use by a running server"), "{}", doctor.stdout);
}
