//! What ships beside the program names no flag and no variable that the program does not know.

use std::path::Path;
use std::process::Command;

use crate::program::Program;

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const UNIT: &str = include_str!("../../deploy/faena.service");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const SETTINGS: &str = include_str!("../../faena.example.toml");
const MANIFEST: &str = include_str!("../../Cargo.toml");

/// The words of a text that begin like this.
fn words<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    let is_of_a_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    text.split(move |letter| !is_of_a_word(letter)).filter(move |word| word.starts_with(start))
}

#[test]
fn every_variable_is_a_setting() {
    let mut seen = 0;
    for text in [DOCKERFILE, UNIT, COMPOSE] {
        for variable in words(text, "FAENA_") {
            let key = variable.trim_start_matches("FAENA_").to_lowercase();
            assert!(SETTINGS.contains(&format!("#: {key} = ")), "{variable}");
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn every_flag_is_one_of_the_command() {
    let program = Program::new();
    let lines =
        |text: &'static str, start: &'static str| text.lines().filter(move |line| line.trim().starts_with(start));
    let served = lines(UNIT, "ExecStart=").chain(lines(COMPOSE, "command: [serve"));
    for (command, lines) in
        [("serve", served.collect::<Vec<_>>()), ("worker", lines(COMPOSE, "command: [worker").collect())]
    {
        assert!(!lines.is_empty(), "{command}");
        let help = program.run(&[command, "--help"]).ended(0).stdout;
        for flag in lines.iter().flat_map(|line| words(line, "--")) {
            assert!(help.contains(flag), "{command} {flag}");
        }
    }
}

#[test]
fn the_image_runs_as_nobody_special_and_is_built_of_what_is_locked() {
    let stages: Vec<&str> = DOCKERFILE.lines().filter(|line| line.starts_with("FROM ")).collect();
    assert!(stages.iter().all(|stage| stage.starts_with("FROM debian:")), "{stages:?}");
    let last = DOCKERFILE.rsplit("FROM ").next().unwrap();
    for line in ["USER faena", "STOPSIGNAL SIGTERM", "HEALTHCHECK", "VOLUME", "EXPOSE 7700"] {
        assert!(last.contains(line), "{line}");
    }
    assert!(DOCKERFILE.contains("cargo build --release --locked"));
    assert!(!DOCKERFILE.contains(":latest") && !DOCKERFILE.contains("\nADD "), "what is fetched has a version");
    for line in DOCKERFILE.split("RUN apt-get").skip(1) {
        assert!(line.contains("--no-install-recommends") && line.contains("rm -rf /var/lib/apt/lists"), "{line}");
    }
}

#[test]
fn systemd_takes_the_unit_and_finds_it_closed() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no systemd-analyze here");
        return;
    }
    // It wants the program and the page to be there.
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("faena.service");
    let here = UNIT.replace("/usr/bin/faena", env!("CARGO_BIN_EXE_faena")).replace("Documentation=", "#");
    std::fs::write(&unit, here).unwrap();
    let analyze = |args: &[&str]| {
        let ended = Command::new("systemd-analyze").args(args).arg(&unit).output().unwrap();
        let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        assert!(ended.status.success(), "{args:?}: {said}");
        said
    };
    let said = analyze(&["verify"]);
    assert!(!said.contains("faena.service"), "{said}");
    // 0 is closed, 10 is open; beyond 2.0 it fails.
    analyze(&["security", "--offline=yes", "--threshold=20"]);
}

#[test]
fn the_package_has_the_unit_and_every_file_that_it_names() {
    let assets = MANIFEST.split("assets = [").nth(1).unwrap().split("\n]").next().unwrap();
    let script = include_str!("../../scripts/package");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for line in assets.lines().filter(|line| line.contains("[\"")) {
        let source = line.split('"').nth(1).unwrap();
        let name = source.rsplit('/').find(|name| *name != "*").unwrap();
        let is_made = source.starts_with("target/") && script.contains(name);
        assert!(is_made || root.join(source).exists(), "{source}");
        seen += 1;
    }
    assert!(seen >= 8 && MANIFEST.contains("unit-scripts = \"deploy\""), "{seen}");
}
