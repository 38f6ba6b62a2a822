//! A cluster of a test's own, for what cannot be done to one that others use: it is stopped, bounded, or speaks TLS.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// It ends when this is dropped, and when its process is killed.
pub struct Own {
    pub url: String,
    /// It has started the server, and nothing else.
    pub script: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Own {
    /// Starts one with these variables of `scripts/dev-postgres`; none without PostgreSQL, when other tests are skipped, too.
    pub fn start(variables: &[(&str, &str)]) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/dev-postgres");
        let mut command = Command::new(script);
        command.arg("--told").envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().unwrap();
        let (input, output) = (script.stdin.take(), BufReader::new(script.stdout.take().unwrap()));
        let mut own = Self { url: String::new(), script, input, output };
        own.url = own.line();
        if own.url.is_empty() {
            assert!(std::env::var_os("FAENA_TEST_POSTGRES").is_none(), "no cluster could be started");
            eprintln!("SKIPPED: no PostgreSQL could be started here; see scripts/dev-postgres");
            return None;
        }
        Some(own)
    }

    /// Has something done; it is done when this returns.
    pub fn say(&mut self, word: &str) {
        writeln!(self.input.as_mut().unwrap(), "{word}").unwrap();
        assert_eq!(self.line(), word);
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // The end of its input is the end of the script.
        self.input = None;
        let _ = self.script.wait();
    }
}
