//! Starting servers: settings that are refused before anything is opened.

use crate::program::Program;

#[test]
fn settings_that_cannot_work_are_2_and_name_their_origin() {
    let program = Program::new();
    let complaints = |args: &[&str], variables: &[(&str, &str)]| {
        let output = program.command(args).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let store = complaints(&["serve", "--store", "mysql://db"], &[]);
    assert!(store.contains("--store: `mysql://db` is not a store; use sqlite"), "{store}");
    let variable = complaints(&["demo"], &[("FAENA_THREADS", "0")]);
    assert!(variable.contains("FAENA_THREADS: 0 is not between 1 and"), "{variable}");
    let disabled = complaints(&["demo", "--exit"], &[("ENABLE_JOBS", "false")]);
    assert!(disabled.contains("a demo runs a job"), "{disabled}");

    std::fs::write(program.path().join("faena.toml"), "bindd = \"7701\"\nthread = 2\n").unwrap();
    let file = complaints(&["serve"], &[]);
    assert!(file.contains("faena.toml, line 1: there is no key `bindd`; did you mean `bind`?"), "{file}");
    assert!(file.contains("faena.toml, line 2: there is no key `thread`; did you mean `threads`?"), "{file}");
    let here: Vec<_> = std::fs::read_dir(program.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(here, ["faena.toml"], "nothing was made");
}

#[test]
fn the_example_file_is_valid_and_says_the_defaults() {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("faena.example.toml");
    let program = Program::new();
    let uncommented: String = std::fs::read_to_string(&example)
        .unwrap()
        .lines()
        .map(|line| line.strip_prefix("#: ").unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let every_key = program.path().join("every-key.toml");
    std::fs::write(&every_key, uncommented).unwrap();
    for config in [&example, &every_key] {
        let run = program.run(&["doctor", "--json", "--bind", "0", "--config", config.to_str().unwrap()]).ended(0);
        assert!(run.json_lines()[0]["checks"].as_array().unwrap().len() >= 7, "{}", run.stdout);
    }
}

#[test]
fn the_doctor_fails_where_a_server_could_not_run() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let run = Program::new().run(&["doctor", "--bind", &bind]).ended(1);
    assert!(run.stdout.contains(&format!("FAIL  port          {bind} is taken")), "{}", run.stdout);
    assert!(run.stdout.contains("choose another port with --bind"), "{}", run.stdout);
    let well = Program::new().run(&["doctor", "--bind", "0"]).ended(0);
    assert!(well.stdout.contains("ok    data folder"), "{}", well.stdout);
}

#[test]
fn the_doctor_tells_a_store_from_what_is_none() {
    let program = Program::new();
    let verdict = |store: &str| program.run(&["doctor", "--bind", "0", "--store", &format!("sqlite:{store}")]).stdout;
    std::fs::write(program.path().join("text.db"), "not a database, but long enough to be looked at").unwrap();
    let text = verdict("text.db");
    assert!(text.contains("FAIL  store") && text.contains("choose another place with --store"), "{text}");
    let other = rusqlite::Connection::open(program.path().join("other.db")).unwrap();
    other.execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    let foreign = verdict("other.db");
    assert!(foreign.contains("FAIL  store         other.db is a file of another program"), "{foreign}");
    let newer = rusqlite::Connection::open(program.path().join("newer.db")).unwrap();
    newer.execute_batch("PRAGMA application_id = 0x6661656E; PRAGMA user_version = 99").unwrap();
    let newer = verdict("newer.db");
    assert!(newer.contains("newer.db was written by a newer faena (version 99)"), "{newer}");
    program.run(&["serve", "--bind", "0", "--store", "sqlite:newer.db"]).ended(1);
}

/// A file on a full disk is what its log is written to, for instance.
#[cfg(target_os = "linux")]
#[test]
fn a_server_whose_log_cannot_be_written_serves_all_the_same() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let program = Program::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child =
        program.command(&["serve", "--bind", "0"]).stderr(full).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let Some(url) = first.trim().strip_prefix("listening on ") else { panic!("it says {first:?}, {:?}", child.wait()) };
    let done = program.run(&["enqueue", "noop", "{}", "--watch", "--server", url]);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    done.ended(0);
}
