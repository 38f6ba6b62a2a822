//! Many connections, each with one request under way: the next is sent when the answer is there. It runs in a process
//! of its own with one thread, like `wrk -t1`, with which the aims were set: what it costs is the same for every server
//! that it is pointed at. A second thread would leave a bare server more of the two cores and the ratios lower.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::answer;

/// The argument that makes this executable the client.
pub const ROLE: &str = "load";

/// Threads of the client.
const THREADS: usize = 1;
/// Time at the start of a run that does not count: connections are made, caches are cold.
const WARM_UP: Duration = Duration::from_millis(500);
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to send, and for how long.
#[derive(Clone, Serialize, Deserialize)]
pub struct Load {
    /// To whom.
    pub addr: SocketAddr,
    /// Connections at once.
    pub connections: usize,
    /// How long, beside what does not count.
    pub run: Duration,
    /// What to send, in turns.
    pub requests: Vec<String>,
    /// The status of every answer.
    pub status: u16,
    /// The id of a worker that takes a job with each request and reports it as completed; then only the reports count.
    #[serde(default)]
    pub worker: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Answers that count.
    pub answers: u64,
    /// The time in which they came.
    pub seconds: f64,
    /// Answers from the first request on.
    pub answers_in_all: u64,
    /// The time from the first request to the last answer.
    pub seconds_in_all: f64,
    /// Half of the answers took no longer, in microseconds.
    pub p50_us: u64,
    /// All but one in a hundred took no longer, in microseconds.
    pub p99_us: u64,
    /// The slowest one, in microseconds: what a stall looks like.
    pub max_us: u64,
}

impl Outcome {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }
}

impl Load {
    /// Runs it in a process of its own.
    ///
    /// # Errors
    /// When an answer had another status, or did not come.
    pub fn run(&self) -> Result<Outcome> {
        let mut client = Command::new(std::env::current_exe()?)
            .arg(ROLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the client")?;
        client.stdin.take().context("the client has no stdin")?.write_all(&serde_json::to_vec(self)?)?;
        let output = client.wait_with_output()?;
        ensure!(output.status.success(), "the client gave up");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// Plays the client: the load comes on stdin, its outcome goes to stdout.
pub fn play() -> Result<()> {
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    let load: Arc<Load> = Arc::new(serde_json::from_slice(&text)?);
    let began = Instant::now();
    let threads: Vec<_> = (0..THREADS.min(load.connections))
        .map(|thread| {
            let load = load.clone();
            std::thread::spawn(move || converse_on_a_thread(&load, thread, began))
        })
        .collect();
    let mut sum = Counted::new();
    for thread in threads {
        sum.add(&thread.join().map_err(|_| anyhow::anyhow!("a thread of the client panicked"))??)?;
    }
    let outcome = Outcome {
        answers: sum.took_us.len(),
        seconds: load.run.as_secs_f64(),
        answers_in_all: sum.answers,
        seconds_in_all: sum.last.duration_since(began).as_secs_f64(),
        p50_us: sum.took_us.value_at_quantile(0.5),
        p99_us: sum.took_us.value_at_quantile(0.99),
        max_us: sum.took_us.max(),
    };
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

fn converse_on_a_thread(load: &Arc<Load>, thread: usize, began: Instant) -> Result<Counted> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let all = async {
        let mine = (thread..load.connections).step_by(THREADS);
        let connections: Vec<_> =
            mine.map(|number| tokio::task::spawn_local(converse(load.clone(), number, began))).collect();
        let mut sum = Counted::new();
        for connection in connections {
            sum.add(&connection.await??)?;
        }
        Ok(sum)
    };
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(WARM_UP + load.run + PATIENCE, all).await.context("the server does not answer any more")?
    })
}

/// One connection from its first request to its last answer.
async fn converse(load: Arc<Load>, number: usize, began: Instant) -> Result<Counted> {
    let (from, until) = (began + WARM_UP, began + WARM_UP + load.run);
    let mut stream = TcpStream::connect(load.addr).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let mut read = vec![0; 64 * 1024];
    let mut counted = Counted::new();
    let mut sent_at = Instant::now();
    for turn in 0.. {
        let request = &load.requests[(number + turn * load.connections) % load.requests.len()];
        stream.write_all(request.as_bytes()).await?;
        let body = receive(&mut stream, &mut read, load.status).await?;
        if let Some(worker) = &load.worker {
            let report = completion(worker, body)?;
            stream.write_all(report.as_bytes()).await?;
            let body = receive(&mut stream, &mut read, load.status).await?;
            ensure!(find(body, b"\"accepted\"").is_some(), "not accepted: {}", String::from_utf8_lossy(body));
        }
        let now = Instant::now();
        counted.answers += 1;
        counted.last = now;
        if now >= until {
            break;
        }
        if now >= from {
            let took_us = u64::try_from(now.duration_since(sent_at).as_micros())?;
            counted.took_us.record(took_us)?;
        }
        sent_at = now;
    }
    Ok(counted)
}

/// The report that completes the job which an answer hands out.
fn completion(worker: &str, answer: &[u8]) -> Result<String> {
    const FIELD: &[u8] = b"\"leaseToken\":\"";
    let at = find(answer, FIELD).context("there was no job: the backlog is too small")? + FIELD.len();
    let token = answer[at..].split(|byte| *byte == b'"').next().unwrap_or_default();
    let token = std::str::from_utf8(token)?;
    let report = format!(r#"{{"reports":[{{"leaseToken":"{token}","kind":"complete","result":{{"ok":true}}}}]}}"#);
    Ok(answer::post(&format!("/workers/{worker}/reports"), &report))
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The body of the next answer.
async fn receive<'a>(stream: &mut TcpStream, read: &'a mut [u8], status: u16) -> Result<&'a [u8]> {
    let (mut filled, mut head) = (0, None::<answer::Head>);
    loop {
        ensure!(filled < read.len(), "the answer is too long for this client");
        let got = stream.read(&mut read[filled..]).await?;
        ensure!(got > 0, "the server closed the connection");
        filled += got;
        if head.is_none() {
            head = answer::head(&read[..filled])?;
        }
        if let Some(head) = head.filter(|head| head.whole() <= filled) {
            let body = || String::from_utf8_lossy(&read[head.bytes..filled]);
            ensure!(head.status == status, "status {} in place of {status}: {}", head.status, body());
            return Ok(&read[head.bytes..filled]);
        }
    }
}

/// What one connection, or several, have seen.
struct Counted {
    answers: u64,
    last: Instant,
    took_us: Histogram<u64>,
}

impl Counted {
    fn new() -> Self {
        let took_us = Histogram::new(3).expect("three digits are a precision that there is");
        Self { answers: 0, last: Instant::now(), took_us }
    }

    fn add(&mut self, other: &Self) -> Result<()> {
        self.answers += other.answers;
        self.last = self.last.max(other.last);
        Ok(self.took_us.add(&other.took_us)?)
    }
}
