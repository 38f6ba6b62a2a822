//! The shape of the tree: how files open, how long they get, what they are called, what the package says of itself.

use crate::none;
use crate::source::{Source, root};

/// Where the client libraries keep what is ours: beside it lies what their tools bring along.
const CLIENTS: &[&str] =
    &["clients/python/faena", "clients/python/tests", "clients/typescript/src", "clients/typescript/test"];

/// A file longer than this has more than one reason to exist.
const LINES_MAX: usize = 400;

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["manager", "helper", "helpers", "util", "utils", "common", "misc", "stuff"];

#[test]
fn files_are_short() {
    let long = |source: &Source| (source.text.lines().count() > LINES_MAX).then(|| source.text.lines().count());
    let folders = [&["src", "tests", "examples", "benches", "scripts"][..], CLIENTS].concat();
    let files = Source::below(&folders, &[".rs", "test", "check", ".sh", ".py", ".ts", ".js", ".css"]);
    let complaints = files.iter().filter_map(|source| Some(format!("{}: {} lines", source.path, long(source)?)));
    none(complaints.collect());
}

#[test]
fn files_say_first_what_they_are_for() {
    let files = Source::below(&["src", "tests", "examples", "benches"], &[".rs"]);
    let silent = files.iter().filter(|source| !source.text.starts_with("//! "));
    none(silent.map(|source| format!("{}: opens without `//!`", source.path)).collect());
}

#[test]
fn files_are_named_for_what_they_hold() {
    let files = Source::below(&["src", "tests", "examples", "benches"], &[".rs"]);
    let says_nothing = |source: &&Source| {
        source.path.split(['/', '.']).any(|part| part.split('_').any(|word| EMPTY_NAMES.contains(&word)))
    };
    none(files.iter().filter(says_nothing).map(|source| source.path.clone()).collect());
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let folders = [&["src", "tests", "examples", "benches", "docs", "scripts", ".ci"][..], CLIENTS].concat();
    let mut files =
        Source::below(&folders, &[".rs", ".md", ".sh", ".toml", ".yaml", "run", "test", "check", ".py", ".ts"]);
    files.extend(Source::below(&["Cargo.toml", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "justfile"], &[""]));
    let of_clients = ["python/pyproject.toml", "python/README.md", "typescript/package.json", "typescript/README.md"];
    files.extend(of_clients.iter().flat_map(|file| Source::below(&[&format!("clients/{file}")], &[""])));
    let here = format!("{}/", root().display());
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1).map(|home| format!("{home}/"));
    let mut complaints = Vec::new();
    for source in &files {
        for path in [Some(&here), home.as_ref()].into_iter().flatten() {
            for (offset, _) in source.text.match_indices(path.as_str()) {
                complaints.push(format!("{}: `{path}`", source.place(offset)));
            }
        }
    }
    none(complaints);
}

#[test]
fn every_example_is_run_by_a_test() {
    let tests = Source::below(&["tests"], &[".rs"]);
    let unused = Source::below(&["examples"], &[".rs"]).into_iter().filter_map(|example| {
        let name = example.path.trim_start_matches("examples/").trim_end_matches("/main.rs").trim_end_matches(".rs");
        let is_part = name.contains('/');
        (!is_part && !tests.iter().any(|test| test.text.contains(name)))
            .then(|| format!("{}: no test names it", example.path))
    });
    none(unused.collect());
}

#[test]
fn the_package_says_what_a_registry_asks() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let package = text.split("[features]").next().unwrap();
    let line = |key: &str| package.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
    for key in ["name", "version", "description", "license", "readme", "keywords", "categories", "rust-version"] {
        assert!(line(key).is_some_and(|value| value.trim().len() > 2), "Cargo.toml lacks `{key}`");
    }
    let keywords: Vec<_> =
        line("keywords").unwrap().split(',').map(|word| word.trim_matches([' ', '[', ']', '"'])).collect();
    assert!((1..=5).contains(&keywords.len()), "a registry takes one to five keywords: {keywords:?}");
    let is_keyword = |word: &&str| word.len() <= 20 && word.starts_with(|c: char| c.is_ascii_lowercase());
    assert!(keywords.iter().all(is_keyword), "{keywords:?}");
}
