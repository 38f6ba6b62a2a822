//! An example as a program. Cargo builds the examples along with the tests, and puts them beside them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A command that runs an example in a folder, with nothing of the environment but the way to its libraries.
pub fn example(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(path_of(name));
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// Runs an example to its end; what it printed, if it ended well.
#[track_caller]
pub fn printed_by(name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = example(name, folder.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// `target/PROFILE/examples/NAME`, seen from `target/PROFILE/deps/THIS-TEST`.
fn path_of(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built; run `cargo build --examples` first", path.display());
    path
}
