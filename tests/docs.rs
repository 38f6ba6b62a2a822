//! Documents that are drawn from the code must say what the code says. With `FAENA_BLESS=1` they are written anew.

use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- table: begin -->\n";
const END: &str = "<!-- table: end -->";

#[test]
fn the_lifecycle_page_shows_the_table_of_the_code() {
    keeps("docs/lifecycle.md", &faena::job::lifecycle::table());
}

#[test]
fn each_row_of_the_systems_that_names_a_test_names_one_that_is_there() {
    let page = std::fs::read_to_string(root().join("docs/seeds.md")).unwrap();
    let (mut has_tests, mut rows) = (false, 0);
    for line in page.lines() {
        let cells: Vec<_> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        if !line.starts_with('|') {
            has_tests = false;
        } else if cells.last() == Some(&"test") {
            has_tests = true;
        } else if has_tests && !line.starts_with("| ---") {
            rows += 1;
            assert_eq!(cells.len(), 3, "{line}");
            let named: Vec<_> = cells[2].split(", ").map(|name| name.trim_matches('`').split_once(' ')).collect();
            for name in named {
                let (suite, file) = name.unwrap_or_else(|| panic!("this row names no test: {line}"));
                assert!(
                    root().join(format!("tests/{suite}/{file}.rs")).is_file(),
                    "{suite} {file} is not there: {line}"
                );
            }
        }
    }
    assert!(rows > 20, "only {rows} rows name their tests");
}

/// Fails unless the part between the markers of a page is `expected`; writes it when asked to bless.
fn keeps(page: &str, expected: &str) {
    let path = root().join(page);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {page}: {error}"));
    let (head, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("{page} lacks the marker {BEGIN}"));
    let (found, tail) = rest.split_once(END).unwrap_or_else(|| panic!("{page} lacks the marker {END}"));
    if found == expected {
        return;
    }
    if std::env::var_os("FAENA_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{expected}{END}{tail}")).unwrap();
        return;
    }
    let line = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
    let line = line.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
    panic!(
        "{page} is out of date at line {} of its table; `FAENA_BLESS=1 cargo test --test docs` writes it anew\n  page: {}\n  code: {}",
        line + 1,
        found.lines().nth(line).unwrap_or("(nothing)"),
        expected.lines().nth(line).unwrap_or("(nothing)"),
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
