//! Reading `faena.toml` into entries. A key that does not exist is refused, with the line it stands on and the key
//! that was probably meant: a typo must not become a default.

use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::keys::{self, KEYS, Key};
use super::nearest;

/// A value of the file.
pub struct Entry {
    /// Which setting.
    pub key: &'static Key,
    /// Where it stands: `io_slots`, `commands.resize`.
    pub path: String,
    /// What it says.
    pub value: Value,
    /// File, line and key, for complaints.
    pub origin: String,
}

/// Reads the entries of a file, or every complaint about it.
pub fn read(path: &Path) -> Result<Vec<Entry>, Vec<String>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| vec![format!("cannot read {shown}: {error}")])?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line_at(&text, span.start));
        vec![format!("{shown}, line {line}: {}", error.message())]
    })?;
    let lines = Lines::of(&text);
    let mut entries = Vec::new();
    let mut complaints = Vec::new();
    let mut take = |path: String, value: Value| {
        let origin = format!("{shown}{}: {path}", lines.line(&path));
        let name = if path.starts_with("commands.") { "commands" } else { path.as_str() };
        match keys::named(name) {
            Some(key) => entries.push(Entry { key, path, value, origin }),
            None => complaints.push(format!(
                "{shown}{}: {}",
                lines.line(&path),
                nearest::unknown(&path, KEYS.iter().map(|key| key.name))
            )),
        }
    };
    for (name, value) in table {
        match value {
            Value::Table(inner) if is_table(&name) => {
                inner.into_iter().for_each(|(below, value)| take(format!("{name}.{below}"), value));
            }
            value => take(name, value),
        }
    }
    if complaints.is_empty() { Ok(entries) } else { Err(complaints) }
}

/// Whether settings of this name are grouped in a table.
fn is_table(name: &str) -> bool {
    name == "commands" || KEYS.iter().any(|key| key.name.split_once('.').is_some_and(|(table, _)| table == name))
}

/// On which line each key of the first two levels stands.
struct Lines(Vec<(String, usize)>);

impl Lines {
    fn of(text: &str) -> Self {
        let mut lines = Vec::new();
        if let Ok(table) = DeTable::parse(text) {
            for (key, value) in table.get_ref() {
                let name = key.get_ref().to_string();
                if let DeValue::Table(inner) = value.get_ref() {
                    for below in inner.keys() {
                        lines.push((format!("{name}.{}", below.get_ref()), line_at(text, below.span().start)));
                    }
                }
                lines.push((name, line_at(text, key.span().start)));
            }
        }
        Self(lines)
    }

    /// `, line 3`, or nothing when it is not known.
    fn line(&self, path: &str) -> String {
        self.0.iter().find(|(known, _)| known == path).map_or_else(String::new, |(_, line)| format!(", line {line}"))
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}
