//! `command`: runs a program of the configuration as a subprocess. Its payload goes to the program's standard input;
//! the lines of JSON that the program prints become progress, log and result.

use std::collections::{BTreeMap, VecDeque};
use std::process::{ExitStatus, Stdio};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use validator::Validate;

use super::CommandLine;
use super::lines::Lines;
use super::process_group::ProcessGroup;
use crate::limits;
use crate::work::{AsyncProcessor, Completion, Context, Description, Failure};

/// Runs programs.
#[derive(Debug, Default)]
pub struct Command {
    known: BTreeMap<String, CommandLine>,
}

/// Which program to run, and on what.
#[derive(Debug, Clone, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payload {
    /// Name of the program in the server's configuration.
    #[validate(length(min = 1, max = 64))]
    name: String,
    /// JSON for the program's standard input; an empty object when left out.
    #[serde(default)]
    #[schemars(with = "Option<Value>")]
    input: Option<Box<RawValue>>,
}

/// What a program may say in a line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    progress: Option<f64>,
    message: Option<String>,
    log: Option<String>,
    result: Option<Box<RawValue>>,
}

impl Said {
    /// Reads a line that says something to us; any other is for whoever reads the log.
    fn read(line: &str) -> Option<Self> {
        let said: Self = serde_json::from_str(line).ok().filter(|_| line.trim_start().starts_with('{'))?;
        (said.progress.is_some() || said.log.is_some() || said.result.is_some()).then_some(said)
    }
}

/// Variables of the server's own environment that a program gets. The others may hold secrets.
const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

impl Command {
    /// A runner of these programs.
    pub fn new(known: BTreeMap<String, CommandLine>) -> Self {
        Self { known }
    }

    fn find(&self, name: &str) -> Result<&CommandLine, Failure> {
        self.known.get(name).ok_or_else(|| {
            let known: Vec<_> = self.known.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::permanent(format!("no command `{name}` is configured; there are: {known}")).kind("unknown_command")
        })
    }
}

impl AsyncProcessor for Command {
    type Payload = Payload;

    fn describe(&self) -> Description {
        Description {
            kind: Some("command"),
            summary: "Runs a program of the configuration; its lines of JSON become progress, log and result.",
            ..Description::default()
        }
    }

    async fn run(&self, payload: Payload, ctx: Context) -> Result<Completion, Failure> {
        let line = self.find(&payload.name)?;
        let run = execute(&payload, line, &ctx);
        // Whoever is dropped here, by a time-out or by a cancel, takes the whole group of processes along.
        tokio::select! {
            done = run => done,
            () = ctx.cancelled() => Err(Failure::stopped()),
            () = after(line) => Err(Failure::new("the command took longer than its configuration allows").kind("timeout")),
        }
    }
}

async fn after(line: &CommandLine) {
    match line.timeout {
        Some(span) => tokio::time::sleep(span).await,
        None => std::future::pending().await,
    }
}

async fn execute(payload: &Payload, line: &CommandLine, ctx: &Context) -> Result<Completion, Failure> {
    let mut group = ProcessGroup::spawn(prepare(line, ctx)).map_err(|error| {
        Failure::new(format!("cannot start the command `{}`: {error}", payload.name)).kind("not_started")
    })?;
    let input = payload.input.as_ref().map_or("{}", |input| input.get()).to_owned();
    let (stdin, stdout, stderr) = group.pipes();
    let (status, (), result, complaints) =
        tokio::join!(group.ended(), feed(stdin, input), listen(stdout, ctx), overhear(stderr, ctx));
    let status = status?;
    if !status.success() {
        return Err(explain(&payload.name, status, &complaints));
    }
    match result {
        Some(result) => Ok(Completion::bytes("application/json", result.get().to_owned())),
        None => Ok(Completion::Done),
    }
}

fn prepare(line: &CommandLine, ctx: &Context) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(&line.program);
    let inherited = INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    command
        .args(&line.args)
        .env_clear()
        .envs(inherited)
        .env("FAENA_JOB_ID", ctx.job_id().to_string())
        .env("FAENA_ATTEMPT", ctx.attempt().to_string())
        .env("FAENA_FENCING_TOKEN", ctx.fencing_token().to_string())
        .envs(&line.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Gives the program its input. One that does not want to read it to the end is free not to.
async fn feed(stdin: Option<ChildStdin>, input: String) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input.as_bytes()).await;
    }
}

/// Hears what the program says, and answers its last result.
async fn listen(stdout: Option<ChildStdout>, ctx: &Context) -> Option<Box<RawValue>> {
    let mut lines = Lines::new(BufReader::new(stdout?), limits::COMMAND_LINE_BYTES_MAX);
    let mut result = None;
    while let Some(line) = lines.next().await {
        let Some(said) = Said::read(&line) else {
            ctx.log(line);
            continue;
        };
        if let Some(percent) = said.progress {
            ctx.progress(percent, said.message.unwrap_or_default());
        }
        said.log.into_iter().for_each(|text| ctx.log(text));
        result = said.result.or(result);
    }
    result
}

/// Hears the program's complaints: each is a line of the log, and the last ones are kept.
async fn overhear(stderr: Option<impl AsyncRead + Unpin>, ctx: &Context) -> String {
    let Some(stderr) = stderr else { return String::new() };
    let mut lines = Lines::new(BufReader::new(stderr), limits::LOG_LINE_BYTES_MAX);
    let mut kept = VecDeque::new();
    let mut bytes = 0;
    while let Some(line) = lines.next().await {
        ctx.log(&line);
        bytes += line.len() + 1;
        kept.push_back(line);
        while bytes > limits::COMMAND_STDERR_KEPT_MAX && kept.len() > 1 {
            bytes -= kept.pop_front().map_or(0, |gone| gone.len() + 1);
        }
    }
    kept.make_contiguous().join("\n")
}

fn explain(name: &str, status: ExitStatus, complaints: &str) -> Failure {
    use std::os::unix::process::ExitStatusExt;

    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    };
    let message = match complaints.lines().next_back() {
        Some(last) if !last.trim().is_empty() => format!("the command `{name}` {how}: {last}"),
        _ => format!("the command `{name}` {how}"),
    };
    let failure = Failure::new(message).kind("exit_code");
    if complaints.is_empty() { failure } else { failure.stack_trace(complaints) }
}
