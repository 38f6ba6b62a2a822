//! The rules of the house that a compiler does not check: which floor may know which, how a file opens and how long it
//! gets, what code may not say. They read the text of the tree, so they run in a moment.

mod floors;
mod source;
mod tree;
mod words;

/// Fails with all complaints at once, each on its line.
#[track_caller]
fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{} complaints:\n  {}\n", complaints.len(), complaints.join("\n  "));
}
