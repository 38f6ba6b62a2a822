//! A queue in a process of its own: it is told what to do by a line, and says by a line what came of it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::contestants;

/// A running one. It is killed when nobody holds it any more.
pub struct Contestant {
    name: String,
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Contestant {
    /// Starts the one with this name on a database.
    pub fn start(name: &str, url: &str) -> Result<Self> {
        let mut command = match script(name) {
            Some(script) => {
                let mut command = Command::new("node");
                command.arg(script).arg(url);
                command
            }
            None => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args([contestants::ROLE, name, url]);
                command
            }
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start it")?;
        let (stdin, stdout) = (child.stdin.take().context("no stdin")?, child.stdout.take().context("no stdout")?);
        let mut started = Self { name: name.to_owned(), child, stdin, stdout: BufReader::new(stdout) };
        started.answer()?;
        Ok(started)
    }

    /// Tells it to do something, and waits until it has.
    pub fn tell(&mut self, what: &str) -> Result<Value> {
        writeln!(self.stdin, "{what}")?;
        self.stdin.flush()?;
        self.answer().with_context(|| format!("{} did not do `{what}`", self.name))
    }

    /// Jobs a second of something that it was told to do.
    pub fn rate(&mut self, what: &str) -> Result<f64> {
        let told = self.tell(what)?;
        let (jobs, seconds) = (told["jobs"].as_f64(), told["seconds"].as_f64());
        Ok(jobs.context("no jobs")? / seconds.context("no seconds")?)
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        while line.trim().is_empty() {
            line.clear();
            ensure!(self.stdout.read_line(&mut line)? > 0, "it has ended");
        }
        serde_json::from_str(&line).with_context(|| format!("it said `{}`", line.trim()))
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Those among these that can be played here; of the others it is said why not.
pub fn available(wanted: &[String]) -> Result<Vec<String>> {
    let mut able = Vec::new();
    for name in wanted {
        match name.as_str() {
            "riverqueue" | "underway" | "apalis" => able.push(name.clone()),
            "pg-boss" | "graphile-worker" if is_installed(name) => able.push(name.clone()),
            "pg-boss" | "graphile-worker" => eprintln!("{name} is not there: npm is missing, or `npm ci` has failed"),
            _ => bail!("`{name}` is no contestant"),
        }
    }
    Ok(able)
}

fn is_installed(name: &str) -> bool {
    folder().is_some_and(|folder| folder.join("node_modules").join(name).is_dir())
}

fn script(name: &str) -> Option<PathBuf> {
    let script = folder()?.join(format!("{name}.mjs"));
    script.is_file().then_some(script)
}

/// Where the script has put those that run on Node.js.
fn folder() -> Option<PathBuf> {
    std::path::absolute(std::env::var_os("FAENA_BENCH_NODE")?).ok()
}
