//! Files that a payload may name: those below the input folder of the configuration, and nothing else. The name comes
//! from whoever may enqueue a job, who is not thereby allowed to read the machine.

use std::fs::File;
use std::io;
use std::path::{Component, Path};

use validator::ValidationError;

use super::table::too_large;
use crate::limits;
use crate::work::Failure;

/// A relative path without tricks; a rule for the payloads that hold one.
pub(super) fn plain_path(path: &str) -> Result<(), ValidationError> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if plain && !path.is_empty() && !path.contains(['\0', '\\']) {
        return Ok(());
    }
    let complaint = "must be the path of a file below the input folder, without a leading `/` and without `..`";
    Err(ValidationError::new("path").with_message(complaint.into()))
}

/// Opens a file below `folder`, and tells its size.
///
/// # Errors
/// When there is no such folder or file, when the path leads out of the folder, or when the file is too large.
pub(super) fn open(folder: Option<&Path>, path: &str) -> Result<(File, u64), Failure> {
    let Some(folder) = folder else {
        let message = "no input folder is configured; set one, or send the data as csv or rows";
        return Err(Failure::permanent(message).kind("no_input_folder"));
    };
    plain_path(path).map_err(|_| outside(path))?;
    // Links are followed first and judged by where they lead.
    let folder = folder.canonicalize().map_err(|error| unreadable("the input folder", &error))?;
    let found = folder.join(path).canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => missing(path),
        _ => unreadable(path, &error),
    })?;
    if !found.starts_with(&folder) {
        return Err(outside(path));
    }
    let about = found.metadata().map_err(|error| unreadable(path, &error))?;
    if !about.is_file() {
        return Err(Failure::permanent(format!("`{path}` is no file")).kind("no_such_file"));
    }
    if about.len() > limits::DATASET_BYTES_MAX {
        return Err(too_large(format!("more than {} MiB", limits::DATASET_BYTES_MAX >> 20)));
    }
    let file = File::open(&found).map_err(|error| unreadable(path, &error))?;
    Ok((file, about.len()))
}

fn outside(path: &str) -> Failure {
    Failure::permanent(format!("`{path}` leads out of the input folder")).kind("forbidden_path")
}

fn missing(path: &str) -> Failure {
    Failure::permanent(format!("`{path}` is not in the input folder")).kind("no_such_file")
}

/// It may be there next time, or readable.
fn unreadable(what: &str, error: &io::Error) -> Failure {
    Failure::new(format!("cannot read {what}: {error}")).kind("unreadable")
}
