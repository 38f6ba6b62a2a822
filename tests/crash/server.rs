//! A server as a child process, in a folder that outlives it.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::wire::Wire;

/// Where a server keeps everything: its data, its settings, what its jobs have done.
pub struct Home {
    folder: TempDir,
    /// Another store than the one in the folder.
    store: Option<String>,
}

impl Home {
    /// A new one, with a command `mark` that adds its input as a line to a file: an effect that can be counted.
    pub fn new() -> Self {
        Self::on(None)
    }

    /// The same for nodes that share a database.
    pub fn on(store: Option<String>) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap(), store };
        let script = "read -r line; printf '%s\\n' \"$line\" >> \"$0\"";
        let args = toml_list(&["-c", script, home.effects_file().to_str().unwrap()]);
        std::fs::write(home.path("faena.toml"), format!("[commands.mark]\nprogram = \"sh\"\nargs = {args}\n")).unwrap();
        std::fs::write(home.effects_file(), "").unwrap();
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn effects_file(&self) -> PathBuf {
        self.path("effects")
    }

    /// What the command `mark` has done so far.
    pub fn effects(&self) -> String {
        std::fs::read_to_string(self.effects_file()).unwrap()
    }

    /// A program in this folder, with nothing of the environment but the path.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    /// The server of the program, with the schedules that keep it well.
    pub fn maintained(&self) -> Command {
        let mut command = self.part("serve");
        command.args(["--bind", "127.0.0.1:0"]);
        command
    }

    /// The program in one of its parts.
    pub fn part(&self, name: &str) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_faena"));
        command.args([name, "--data", "data", "--unsafe-diagnostics", "--threads", "8"]);
        if let Some(store) = &self.store {
            command.args(["--store", store]);
        }
        command
    }

    /// The server of the program.
    pub fn serve(&self, args: &[&str]) -> Command {
        let mut command = self.maintained();
        // What is there is what a test has put there.
        command.arg("--no-maintenance").args(args);
        command
    }

    /// Starts the server and waits until it answers.
    pub fn start(&self) -> Server {
        Server::spawn(self.serve(&[])).listening()
    }

    /// Keeps the folder for somebody to look at.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

fn toml_list(items: &[&str]) -> String {
    // A TOML string in double quotes is written like one of JSON.
    serde_json::to_string(items).unwrap()
}

/// A child process; it is killed when it is dropped.
pub struct Server {
    pub address: String,
    child: Child,
    log: Arc<Log>,
    reading: Option<JoinHandle<()>>,
}

/// What it has logged so far.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Server {
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log: Arc<Log> = Arc::default();
        let (mut stderr, to) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
        let reading = std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                to.text.lock().push_str(&line);
                to.grown.notify_all();
                line.clear();
            }
        });
        Self { address: String::new(), child, log, reading: Some(reading) }
    }

    /// Waits until it says where it listens.
    pub fn listening(mut self) -> Self {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.split_once("listening on http://")?.1.trim().to_owned()));
        self.address = address.unwrap_or_else(|| panic!("it does not listen:\n{}", self.log()));
        self
    }

    pub fn wire(&self) -> Wire {
        Wire::to(&self.address)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        self.log.text.lock().clone()
    }

    /// Waits until it has logged this.
    pub fn wait_for(&self, words: &str) {
        let mut text = self.log.text.lock();
        while !text.contains(words) {
            let late = self.log.grown.wait_for(&mut text, Duration::from_secs(60)).timed_out();
            assert!(!late, "no `{words}` in\n{text}");
        }
    }

    /// SIGKILL: no handler, no flush, no goodbye.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.id()).unwrap()).unwrap()
    }

    /// Waits until it has ended by itself; how, and what it logged.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.reading.take().unwrap().join().unwrap();
        (status, self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and if a test fails over that, this says why.
        let ended = self.child.try_wait();
        if std::thread::panicking() {
            eprintln!("the server (ended: {ended:?}) logged:\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
