//! What code may not say: ways to fall over, ways to look away, ways to wait by the clock.

use crate::none;
use crate::source::Source;

/// Ways to end a program from inside.
const FALLS: &[&str] = &[
    ".unwrap()",
    ".expect(",
    "panic!(",
    "todo!(",
    "unimplemented!(",
    "unreachable!(",
    "dbg!(",
    "process::exit(",
    "process::abort(",
];

/// Where one of them is right, and why. An entry that no longer applies is a complaint too.
const MAY_FALL: &[(&str, &str, &str)] = &[
    ("src/job/lifecycle.rs", "unreachable!(", "a literal name, in the drawing of a table"),
    ("src/processors/sleep.rs", "process::abort(", "the payload asks for it, and the server was started to allow it"),
    (
        "src/store/embedded/journal.rs",
        "process::abort(",
        "after a failed fsync nothing in memory can be trusted (rule 9)",
    ),
    ("src/store/postgres/mod.rs", "process::abort(", "a node that can commit nothing must not be taken for well"),
    ("src/work/registry.rs", "panic!(", "registration of a bad name: documented under `# Panics`"),
];

#[test]
fn rule_36_only_named_places_may_end_the_program() {
    let mut complaints = Vec::new();
    let mut used = vec![false; MAY_FALL.len()];
    for source in Source::of_the_program() {
        let code = source.shipped_code();
        for fall in FALLS {
            for (offset, _) in code.match_indices(fall).filter(|(at, _)| !starts_inside_word(&code, *at, fall)) {
                match MAY_FALL.iter().position(|(path, allowed, _)| source.path == *path && allowed == fall) {
                    Some(entry) => used[entry] = true,
                    None => complaints.push(format!("{}: `{fall}` in shipped code", source.place(offset))),
                }
            }
        }
    }
    for ((path, fall, reason), _) in MAY_FALL.iter().zip(used).filter(|(_, used)| !used) {
        complaints.push(format!("{path}: `{fall}` is no longer there; drop its entry ({reason})"));
    }
    none(complaints);
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let mut complaints = Vec::new();
    for source in everything_in_rust() {
        let code = source.code();
        for attribute in ["[allow(", "![allow(", ", allow("] {
            complaints.extend(found(&source, &code, attribute, "use `expect` with a reason instead of `allow`"));
        }
        for (offset, _) in code.match_indices("[expect(") {
            let attribute = code[offset..].split(']').next().unwrap_or_default();
            if !attribute.contains("reason") {
                complaints.push(format!("{}: an expected lint without a reason", source.place(offset)));
            }
        }
    }
    none(complaints);
}

#[test]
fn nothing_is_unsafe() {
    let mut complaints = Vec::new();
    for source in everything_in_rust() {
        let code = source.code();
        for (offset, _) in code.match_indices("unsafe").filter(|(at, _)| is_word(&code, *at, "unsafe")) {
            complaints.push(format!("{}: unsafe code", source.place(offset)));
        }
    }
    none(complaints);
}

#[test]
fn tests_wait_for_events_and_are_all_run() {
    let mut complaints = Vec::new();
    for source in Source::below(&["tests"], &[".rs"]).into_iter().chain(Source::of_the_program()) {
        let code = source.code();
        let from = if source.path.starts_with("tests/") { 0 } else { source.shipped_code().len() };
        for (word, instead) in [
            ("thread::sleep(", "wait for an event, not for a while"),
            ("time::sleep(", "wait for an event, not for a while"),
            ("#[ignore", "a test that does not run proves nothing"),
            ("assert!(true", "a test that cannot fail proves nothing"),
        ] {
            complaints.extend(found(&source, &code[from..], word, instead));
        }
    }
    none(complaints);
}

/// Below the edges nobody reads a clock; clippy knows the wall clock's names, this knows the other one's.
#[test]
fn rule_20_the_domain_and_the_watch_hub_read_no_clock() {
    let mut complaints = Vec::new();
    for source in
        Source::below(&["src/job", "src/schedule", "src/alert", "src/key", "src/event", "src/watch"], &[".rs"])
    {
        let code = source.shipped_code();
        for clock in ["Instant::now", "SystemTime", "elapsed()"] {
            complaints.extend(found(&source, &code, clock, "take `now` as an argument"));
        }
        // The word alone: a `ClockChange` is a value.
        for (offset, _) in code.match_indices("Clock").filter(|(at, _)| is_word(&code, *at, "Clock")) {
            complaints.push(format!("{}: `Clock`: take `now` as an argument", source.place(offset)));
        }
    }
    none(complaints);
}

#[test]
fn the_domain_is_pure() {
    let mut complaints = Vec::new();
    for source in Source::below(&["src/job", "src/schedule", "src/alert", "src/key", "src/event"], &[".rs"]) {
        let code = source.shipped_code();
        for word in [
            "std::fs",
            "std::net",
            "std::thread",
            "std::env",
            "tokio",
            "async ",
            "Mutex",
            "Atomic",
            "OnceLock",
            "LazyLock",
        ] {
            complaints.extend(found(&source, &code, word, "the domain has no I/O, no async and no shared state"));
        }
    }
    none(complaints);
}

/// Every text goes through the escapes of the templates; and what a script of ours writes into a page is text.
#[test]
fn nothing_that_somebody_wrote_is_markup() {
    let mut complaints = Vec::new();
    for source in Source::below(&["src/dashboard"], &[".rs"]) {
        let code = source.code();
        complaints.extend(found(&source, &code, "PreEscaped", "let the template escape it"));
    }
    for source in Source::below(&["src/dashboard"], &[".js"]) {
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            let places = source.text.match_indices(word).map(|(at, _)| source.place(at));
            complaints.extend(places.map(|place| format!("{place}: `{word}`: set text, or make elements")));
        }
    }
    none(complaints);
}

fn everything_in_rust() -> Vec<Source> {
    Source::below(&["src", "tests", "examples", "benches"], &[".rs"])
}

fn found(source: &Source, code: &str, word: &str, instead: &str) -> Vec<String> {
    let skipped = source.text.len() - code.len();
    let ends_the_text = source.code().ends_with(code);
    let start = if ends_the_text { skipped } else { 0 };
    let places = code.match_indices(word).map(|(at, _)| at).filter(|at| !starts_inside_word(code, *at, word));
    places.map(|at| format!("{}: `{word}`: {instead}", source.place(start + at))).collect()
}

fn is_word(code: &str, at: usize, word: &str) -> bool {
    let goes_on = code[at + word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    !goes_on && !starts_inside_word(code, at, word)
}

/// Whether `word` at `at` is the tail of a longer name.
fn starts_inside_word(code: &str, at: usize, word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphanumeric()) && code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
}
