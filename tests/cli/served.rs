//! A real server as a child process, found by the first line that it prints.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Program, Run};

/// A running `faena serve`; it is killed when it is dropped.
pub struct Served {
    pub url: String,
    child: Option<Child>,
    log: Arc<(Mutex<Log>, Condvar)>,
    reading: Option<std::thread::JoinHandle<()>>,
}

/// What it has written to stderr.
#[derive(Default)]
struct Log {
    text: String,
    ended: bool,
}

impl Served {
    /// Starts one in the program's folder on any free port.
    pub fn start(program: &Program) -> Self {
        Self::start_with(program, &["--bind", "0"])
    }

    /// Starts one with arguments of the caller's.
    pub fn start_with(program: &Program, args: &[&str]) -> Self {
        Self::spawn_from(&mut program.command(&[&["serve"], args].concat()))
    }

    /// Starts one with the schedules that keep it well.
    pub fn maintained(program: &Program, args: &[&str]) -> Self {
        let mut command = program.command(&[&["serve", "--bind", "0"], args].concat());
        Self::spawn_from(command.env_remove("FAENA_MAINTENANCE_SCHEDULES"))
    }

    /// Starts one with a variable.
    pub fn with_variable(program: &Program, args: &[&str], name: &str, value: &str) -> Self {
        Self::with_variables(program, args, &[(name, value)])
    }

    /// Starts one with several.
    pub fn with_variables(program: &Program, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = program.command(&[&["serve"], args].concat());
        Self::spawn_from(command.envs(variables.iter().copied()))
    }

    pub fn spawn_from(command: &mut std::process::Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log: Arc<(Mutex<Log>, Condvar)> = Arc::default();
        let (mut stderr, to) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
        let reading = std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                to.0.lock().text.push_str(&line);
                to.1.notify_all();
                line.clear();
            }
            to.0.lock().ended = true;
            to.1.notify_all();
        });
        let mut first = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
        let url = first.strip_prefix("listening on ").map(str::trim);
        let url = url.unwrap_or_else(|| panic!("no address: {first:?}\n{}", log.0.lock().text)).to_owned();
        Self { url, child: Some(child), log, reading: Some(reading) }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Runs a client command against it.
    pub fn run(&self, program: &Program, args: &[&str]) -> Run {
        program.run(&[args, &["--server", &self.url]].concat())
    }

    /// Starts a client command against it, with its output piped.
    pub fn spawn(&self, program: &Program, args: &[&str]) -> Child {
        let mut command = program.command(&[args, &["--server", &self.url]].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until its log says this.
    pub fn wait_for_log(&self, text: &str) {
        let mut log = self.log.0.lock();
        while !log.text.contains(text) {
            assert!(!log.ended, "it ended without saying {text:?}: {}", log.text);
            self.log.1.wait(&mut log);
        }
    }

    /// Waits until it has ended; its code, if no signal killed it, and its log.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut child = self.child.take().unwrap();
        let status = child.wait().unwrap();
        let mut rest = String::new();
        child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        self.reading.take().unwrap().join().unwrap();
        assert_eq!(rest, "", "one line on stdout and no more");
        (status.code(), self.log.0.lock().text.clone())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
