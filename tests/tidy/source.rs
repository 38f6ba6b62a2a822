//! The text of a Rust file, and its code alone: without comments, without the content of literals, without tests.

use std::path::{Path, PathBuf};

/// One file of the tree.
pub struct Source {
    /// Path from the root, with `/`.
    pub path: String,
    /// Everything in it.
    pub text: String,
}

impl Source {
    /// Every file below the folders of the root whose name ends in one of `endings`, in order of path.
    pub fn below(folders: &[&str], endings: &[&str]) -> Vec<Self> {
        let mut paths = Vec::new();
        folders.iter().for_each(|folder| collect(&root().join(folder), &mut paths));
        paths.sort();
        let wanted = |path: &PathBuf| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending));
        paths.into_iter().filter(wanted).map(Self::read).collect()
    }

    /// The Rust files of the library and the program.
    pub fn of_the_program() -> Vec<Self> {
        let found = Self::below(&["src"], &[".rs"]);
        assert!(found.len() > 20, "the tree was not found");
        found
    }

    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        Self { path, text }
    }

    /// The code alone, line for line: comments and the content of literals are blank.
    pub fn code(&self) -> String {
        blank(&self.text)
    }

    /// The code that is compiled outside tests. The test module of a file is its last item.
    pub fn shipped_code(&self) -> String {
        let code = self.code();
        let end = code.find("#[cfg(test)]").unwrap_or(code.len());
        code[..end].to_owned()
    }

    /// `path:line` of a place in the text.
    pub fn place(&self, offset: usize) -> String {
        let line = self.text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", self.path)
    }
}

/// The root of the tree.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn collect(path: &Path, paths: &mut Vec<PathBuf>) {
    if path.is_file() {
        paths.push(path.to_owned());
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        collect(&entry.path(), paths);
    }
}

/// Rust text with blanks for comments and for the content of literals, byte for byte as long as before.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (skip, end) = match &bytes[at..] {
            [b'/', b'/', ..] => (0, line_end(bytes, at)),
            [b'/', b'*', ..] => (0, comment_end(bytes, at)),
            [b'"', ..] => (1, string_end(bytes, at + 1)),
            [b'r', b'"' | b'#', ..] if !is_word(bytes, at) => match raw_end(bytes, at) {
                Some(end) => (1, end),
                None => (0, at),
            },
            [b'\'', b'\\', ..] => (1, quote_end(bytes, at + 2)),
            [b'\'', _, ..] => (1, char_end(text, at).unwrap_or(at)),
            _ => (0, at),
        };
        for byte in code[(at + skip).min(end)..end].iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        at = end.max(at + 1);
    }
    String::from_utf8(code).expect("blanks are put over whole characters")
}

/// Whether the byte before `at` makes it part of a longer word: the `r` of `for"` starts nothing.
fn is_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() && bytes[at - 1] != b'b' || bytes[at - 1] == b'_')
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| at + length)
}

fn comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn raw_end(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    (bytes.get(at + 1 + hashes) == Some(&b'"')).then_some(())?;
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let from = at + 2 + hashes;
    let found = bytes[from..].windows(close.len()).position(|window| window == close);
    Some(found.map_or(bytes.len(), |length| from + length + close.len()))
}

fn quote_end(bytes: &[u8], at: usize) -> usize {
    bytes[at + 1..].iter().position(|byte| *byte == b'\'').map_or(bytes.len(), |length| at + length + 2)
}

/// The end of a character literal; none for a lifetime.
fn char_end(text: &str, at: usize) -> Option<usize> {
    let one = text[at + 1..].chars().next()?;
    let close = at + 1 + one.len_utf8();
    (text.as_bytes().get(close) == Some(&b'\'')).then_some(close + 1)
}

#[test]
fn code_is_told_from_comments_and_literals() {
    let text = r####"let a = "x // y"; // use crate::http
/* crate::http /* still */ */ let b = '"'; let c: &'a str = r#"un"wrap"#; let d = '\''; b"x"; "é" "####;
    let code = blank(text);
    assert_eq!(code.len(), text.len());
    assert!(!code.contains("crate::http") && !code.contains("still") && !code.contains("wrap"), "{code}");
    for kept in ["let a =", "let b =", "let c: &'a str =", "let d ="] {
        assert!(code.contains(kept), "{kept} in {code}");
    }
}
