//! Imports point strictly downward: a module may name only modules of lower floors, and its own.

use crate::none;
use crate::source::{Source, blank};

/// The floors, from the ground up. Modules of one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["clock", "limits"],
    // Whom this machine may call: it knows addresses and nothing of jobs.
    &["job", "egress"],
    // A schedule makes jobs; a job does not know who made it.
    &["schedule"],
    // A rule watches both, and a key opens both; neither knows of it.
    &["alert", "key"],
    // It tells of what happens to jobs, schedules and alerts; none of them knows who hears it.
    &["event"],
    // The refusals name jobs; the domain itself never answers with them.
    &["error"],
    // The one hears of changes here, the other sends them away.
    &["watch", "publish"],
    &["store"],
    &["work", "upkeep"],
    &["processors"],
    &["service"],
    &["http", "client", "postgres"],
    // Pages beside the API: they share how a request is read, and who is kept out.
    &["dashboard"],
    &["app"],
    &["cli"],
    // The roots of the library and of the program.
    &["lib", "main"],
];

/// What `service` may know of `work`: payloads are checked where jobs are accepted.
const WORK_NAMES_IN_SERVICE: &[&str] = &["Registry", "registry"];

/// What `dashboard` may know of `http`: how a request is read and bounded, and who is kept out. What it shows is its own.
const HTTP_NAMES_IN_DASHBOARD: &[&str] =
    &["Settings", "body", "headers", "origin", "problem", "query", "request", "terms"];

/// Libraries that belong to some modules alone: a database stays behind the port, the wire at the edges.
const AT_HOME: &[(&str, &[&str])] = &[
    // Whoever calls what others name goes through the guard.
    ("reqwest", &["egress", "client", "processors", "publish"]),
    ("actix_web", &["http", "dashboard", "app", "lib", "main"]),
    ("maud", &["dashboard"]),
    ("utoipa", &["http", "app"]),
    ("rusqlite", &["store"]),
    ("tokio_postgres", &["store"]),
    ("object_store", &["store", "app"]),
    ("clap", &["cli", "main"]),
    ("indicatif", &["cli"]),
    ("comfy_table", &["cli"]),
    ("anyhow", &["cli", "main"]),
];

#[test]
fn imports_point_strictly_downward() {
    let mut complaints = Vec::new();
    for source in Source::of_the_program() {
        let module = module_of(&source.path);
        let Some(floor) = floor_of(module) else {
            complaints.push(format!("{}: the module `{module}` has no floor yet", source.path));
            continue;
        };
        for (offset, named) in names(&source.shipped_code(), &source.path) {
            if named != module && floor_of(&named).is_some_and(|other| other >= floor) {
                complaints.push(format!("{}: `{module}` must not know `{named}`", source.place(offset)));
            }
        }
    }
    none(complaints);
}

#[test]
fn service_knows_of_work_only_the_registry() {
    none(beyond("service", "work", WORK_NAMES_IN_SERVICE));
}

#[test]
fn dashboard_knows_of_http_only_how_a_request_is_read() {
    none(beyond("dashboard", "http", HTTP_NAMES_IN_DASHBOARD));
}

/// What a module names of another one beyond what it may.
fn beyond(module: &str, other: &str, may: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in Source::of_the_program().iter().filter(|source| module_of(&source.path) == module) {
        let code = source.shipped_code();
        for (offset, rest) in after(&code, &format!("crate::{other}::")) {
            for name in heads(rest).iter().filter(|name| !may.contains(&name.as_str())) {
                complaints.push(format!("{}: `{module}` must not know `{other}::{name}`", source.place(offset)));
            }
        }
    }
    complaints
}

#[test]
fn libraries_stay_at_home() {
    let mut complaints = Vec::new();
    for source in Source::of_the_program() {
        let code = source.shipped_code();
        for (library, homes) in AT_HOME.iter().filter(|(_, homes)| !homes.contains(&module_of(&source.path))) {
            for (offset, _) in after(&code, &format!("{library}::")) {
                complaints.push(format!("{}: `{library}` belongs to {}", source.place(offset), homes.join(", ")));
            }
        }
    }
    none(complaints);
}

/// The module at the root that a file belongs to.
fn module_of(path: &str) -> &str {
    let inside = path.trim_start_matches("src/");
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The modules at the root that code names, by `crate::`, by the crate's own name or by climbing with `super`.
fn names(code: &str, path: &str) -> Vec<(usize, String)> {
    let depth = path.trim_start_matches("src/").trim_end_matches("/mod.rs").matches('/').count() + 1;
    let to_the_root = "super::".repeat(depth);
    let mut found = Vec::new();
    for prefix in ["crate::", "faena::", &to_the_root] {
        for (offset, rest) in after(code, prefix) {
            found.extend(heads(rest).into_iter().map(|name| (offset, name)));
        }
    }
    found
}

/// What follows every occurrence of `prefix` that starts a path.
fn after<'a>(code: &'a str, prefix: &str) -> Vec<(usize, &'a str)> {
    let inside_word = |at: usize| code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    code.match_indices(prefix)
        .filter(|(at, _)| !inside_word(*at))
        .map(|(at, prefix)| (at, &code[at + prefix.len()..]))
        .collect()
}

/// The first names of a path or of a group: `a::b` gives `a`, `{a::{b, c}, d}` gives `a` and `d`.
fn heads(rest: &str) -> Vec<String> {
    let name =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let mut depth = 0;
    let mut heads = vec![name(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

#[test]
fn paths_are_read_in_all_their_forms() {
    let code = blank(
        "use crate::{clock::{self, Timestamp}, store}; fn f(x: crate::http::Y) { mycrate::no(); } use super::super::work;",
    );
    let mut found: Vec<_> = names(&code, "src/job/decide.rs").into_iter().map(|(_, name)| name).collect();
    found.sort();
    assert_eq!(found, ["clock", "http", "store", "work"]);
    assert_eq!(module_of("src/job/decide.rs"), "job");
    assert_eq!(module_of("src/clock.rs"), "clock");
}
