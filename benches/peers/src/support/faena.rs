//! The program on a database, over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::answer;
use super::exchange::Exchange;
use super::jobs;
use super::load::{Load, Outcome};

/// Connections at once.
const CONNECTIONS: usize = 64;
/// Jobs that run at once; the others have as many workers, or more.
const SLOTS: &str = "1024";
/// Jobs in one request when many are needed beforehand.
const BATCH: u64 = 5_000;
/// How long to wait for the next job to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at how many have ended. To look costs the program something.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running program. It is killed when nobody holds it any more.
pub struct Faena {
    child: Child,
    addr: SocketAddr,
}

impl Faena {
    /// Starts it; the script says which.
    pub fn start(url: &str, flags: &[&str]) -> Result<Self> {
        let program =
            std::env::var("FAENA_BENCH_PROGRAM").context("there is no program; use scripts/bench-postgres")?;
        let folder = std::env::temp_dir().join(format!("faena-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut command = Command::new(std::path::absolute(program)?);
        command.args(["serve", "--bind", "127.0.0.1:0", "--no-maintenance", "--log-filter", "warn", "--data"]);
        command.arg(&folder).args(["--store", url, "--io-slots", SLOTS]).args(flags).current_dir(&folder);
        // Neither a file of settings nor a variable of whoever measures may change what is measured.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FAENA_")) {
            command.env_remove(name);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start faena")?;
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().context("it has no stdout")?).read_line(&mut line)?;
        match line.trim_end().rsplit_once("http://").and_then(|(_, addr)| addr.parse().ok()) {
            Some(addr) => Ok(Self { child, addr }),
            None => {
                // It is of no use, and may be gone already.
                let _ = child.kill();
                bail!("faena said `{}` and ended with {}", line.trim_end(), child.wait()?)
            }
        }
    }

    /// Single jobs from many connections for a while.
    pub fn post(&self, run: Duration) -> Result<Outcome> {
        let requests = vec![answer::post("/jobs", &jobs::noop())];
        Load { addr: self.addr, connections: CONNECTIONS, run, requests, status: 202, worker: None }.run()
    }

    /// The same until the last of them is completed: jobs a second from the first request on.
    pub fn complete(&self, run: Duration) -> Result<f64> {
        let before = self.completed()?;
        let began = Instant::now();
        let outcome = self.post(run)?;
        // The client is a process: what it takes to start and to end it is no time of the program.
        let client = began.elapsed().as_secs_f64() - outcome.seconds_in_all;
        self.wait_for(before + outcome.answers_in_all)?;
        Ok(outcome.answers_in_all as f64 / (began.elapsed().as_secs_f64() - client))
    }

    /// Keeps its jobs waiting, or lets them run.
    pub fn hold(&self, is_held: bool) -> Result<()> {
        let what = if is_held { "pause" } else { "resume" };
        let mut exchange = Exchange::new(self.addr)?;
        let (status, body) = exchange.ask(&answer::post(&format!("/processors/noop/{what}"), ""))?;
        ensure!((200..300).contains(&status), "status {status}: {}", String::from_utf8_lossy(body));
        Ok(())
    }

    /// Accepts many jobs.
    pub fn fill(&self, count: u64) -> Result<()> {
        let mut exchange = Exchange::new(self.addr)?;
        for first in (0..count).step_by(BATCH as usize) {
            let jobs = vec![jobs::noop(); BATCH.min(count - first) as usize];
            exchange.json(&answer::post("/jobs/batch", &format!("[{}]", jobs.join(","))), 202)?;
        }
        Ok(())
    }

    /// Lets jobs run that were kept waiting, until so many have ended: jobs a second.
    pub fn drain(&self, count: u64) -> Result<f64> {
        let before = self.completed()?;
        let began = Instant::now();
        self.hold(false)?;
        let done = self.wait_for(before + count)? - before;
        Ok(done as f64 / began.elapsed().as_secs_f64())
    }

    /// Jobs that it has completed since it began.
    pub fn completed(&self) -> Result<u64> {
        let metrics = self.metrics()?;
        let successes =
            |line: &&str| line.starts_with("faena_jobs_ended_total{") && line.contains(r#"outcome="success""#);
        Ok(metrics.lines().filter(successes).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    /// The text of `/metrics`.
    pub fn metrics(&self) -> Result<String> {
        let mut exchange = Exchange::new(self.addr)?;
        let (status, body) = exchange.ask(&answer::get("/metrics"))?;
        ensure!(status == 200, "/metrics answers {status}");
        Ok(String::from_utf8_lossy(body).into_owned())
    }

    /// Waits until so many are completed; the answer is how many are.
    fn wait_for(&self, count: u64) -> Result<u64> {
        let (mut last, mut last_at) = (0, Instant::now());
        loop {
            let done = self.completed()?;
            if done >= count {
                return Ok(done);
            }
            if done > last {
                (last, last_at) = (done, Instant::now());
            }
            ensure!(last_at.elapsed() < PATIENCE, "{done} of {count} jobs are completed, and nothing happens");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The moments at which jobs are seen to start, from the feed of all changes: a little later than they do.
    pub fn starts(&self) -> Result<Starts> {
        let mut stream = TcpStream::connect(self.addr)?;
        stream.set_nodelay(true)?;
        stream.write_all(answer::get("/events").as_bytes())?;
        let (send, seen) = channel();
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let mut piece = [0; 16 * 1024];
            while let Ok(got @ 1..) = stream.read(&mut piece) {
                let now = Instant::now();
                text.extend_from_slice(&piece[..got]);
                while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                    let event = String::from_utf8_lossy(&text[..end]).into_owned();
                    text.drain(..end + 2);
                    if send.send((now, event)).is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Starts { exchange: Exchange::new(self.addr)?, seen })
    }
}

/// A client that posts one job at a time, and hears of its start.
pub struct Starts {
    exchange: Exchange,
    seen: Receiver<(Instant, String)>,
}

impl Starts {
    /// Posts a job: the time until it was heard that it has started, and until the 202. When it returns the job has ended.
    pub fn post(&mut self) -> Result<(Duration, Duration)> {
        let request = answer::post("/jobs", &jobs::noop());
        let began = Instant::now();
        let (status, body) = self.exchange.ask(&request)?;
        ensure!(status == 202, "status {status}: {}", String::from_utf8_lossy(body));
        let answered = began.elapsed();
        let mut started = None;
        loop {
            let (at, event) = self.seen.recv_timeout(PATIENCE).context("the job does not begin")?;
            let is = |status: &str| event.contains(&format!(r#""status":"{status}""#));
            if is("started") || is("completed") {
                started.get_or_insert(at.duration_since(began));
            }
            if let (true, Some(started)) = (is("completed"), started) {
                return Ok((started, answered));
            }
        }
    }
}

impl Drop for Faena {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
