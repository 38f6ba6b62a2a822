//! How soon a queue at rest begins with a job: from the POST to the processor's first line, durable, one at a time.
//! Beside it in the same rounds: an append made durable, a bare request, and beanstalkd that syncs each job.
//!
//! The program runs in this process here, so that client and processor look at the same clock; nothing else is under
//! way when a job is measured.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use anyhow::{Context, Result, ensure};
use serde_json::json;

use faena::app::{Faena, Settings as FaenaSettings};
use faena::http::server::{self, Options};
use faena::work::{AsyncProcessor, Completion, Context as JobContext, Failure, NoPayload, Processor, Registry};

use crate::support::answer;
use crate::support::beanstalkd::Beanstalkd;
use crate::support::disk::{self, Journal};
use crate::support::exchange::Exchange;
use crate::support::jobs::{self, PAYLOAD};
use crate::support::pairs::{median, quantile};
use crate::support::report::{Goal, Row, Unit};
use crate::support::server::Server;
use crate::support::settings::Settings;

/// Rest before each measurement.
const REST: Duration = Duration::from_millis(5);
/// Rounds for each second of a run.
const ROUNDS_PER_SECOND: f64 = 100.0;
/// Rounds that do not count.
const WARM_UP_ROUNDS: usize = 20;
/// How long a job may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// The row.
pub fn latency(settings: &Settings) -> Result<Vec<Row>> {
    let folder = disk::folder()?;
    let mut journal = Journal::new(folder.path())?;
    let bare = Server::bare(jobs::sizes()?)?;
    let mut bare = Lone { exchange: Exchange::new(bare.addr())?, _server: bare };
    let mut beanstalkd = Beanstalkd::start(&folder.path().join("beanstalkd"))?;
    let mut faena = InProcess::start(folder.path().join("faena"))?;
    let mut seen = Seen::default();
    let rounds = (ROUNDS_PER_SECOND * settings.run.as_secs_f64()).ceil() as usize;
    for round in 0..WARM_UP_ROUNDS + rounds {
        if round == WARM_UP_ROUNDS {
            seen = Seen::default();
        }
        seen.append.push(rested(|| journal.append())?);
        seen.bare.push(rested(|| bare.post())?);
        for (sub_type, (started, answered)) in ["waits", "computes"].into_iter().zip(&mut seen.faena) {
            std::thread::sleep(REST);
            let (start, answer) = faena.post(sub_type)?;
            started.push(millis(start));
            answered.push(millis(answer));
        }
        if let Some(beanstalkd) = &mut beanstalkd {
            seen.beanstalkd.push(rested(|| beanstalkd.put())?);
        }
    }
    faena.stop()?;
    Ok(vec![seen.row(beanstalkd.is_some())])
}

/// What was measured, in milliseconds.
#[derive(Default)]
struct Seen {
    append: Vec<f64>,
    bare: Vec<f64>,
    /// Until the start and until the answer, of a processor that waits and of one that computes.
    faena: [(Vec<f64>, Vec<f64>); 2],
    beanstalkd: Vec<f64>,
}

impl Seen {
    fn row(&self, has_beanstalkd: bool) -> Row {
        let [(waits, answered), (computes, _)] = &self.faena;
        let shown = |figures: &[f64]| format!("{:.3} / {:.3}", median(figures), quantile(figures, 0.99));
        let mut beside = format!("p50 / p99, ms: processor starts {}, on a thread {}, ", shown(waits), shown(computes));
        beside +=
            &format!("202 {}, `fdatasync` {}, bare {}, ", shown(answered), shown(&self.append), shown(&self.bare));
        beside += &match has_beanstalkd {
            true => format!("beanstalkd `-f0` {}", shown(&self.beanstalkd)),
            false => "beanstalkd is not installed".to_owned(),
        };
        let both = |figures: &[f64]| json!({ "p50": median(figures), "p99": quantile(figures, 0.99) });
        Row {
            name: "latency",
            what: "idle: POST sent → processor starts, durable, p50: at most beanstalkd `-f0`".to_owned(),
            measured: Ok(median(waits)),
            unit: Unit::Millis,
            goal: Goal {
                reach: has_beanstalkd.then(|| median(&self.beanstalkd)),
                dream: Some(median(&self.append) + median(&self.bare)),
                less_is_better: true,
            },
            beside,
            details: json!({
                "millis": {
                    "started": both(waits),
                    "startedOnAThread": both(computes),
                    "answered": both(answered),
                    "fdatasync": both(&self.append),
                    "bare": both(&self.bare),
                    "beanstalkd": has_beanstalkd.then(|| both(&self.beanstalkd)),
                }
            }),
        }
    }
}

fn rested(measure: impl FnOnce() -> Result<Duration>) -> Result<f64> {
    std::thread::sleep(REST);
    Ok(millis(measure()?))
}

fn millis(span: Duration) -> f64 {
    1e3 * span.as_secs_f64()
}

/// The bare server with one client.
struct Lone {
    exchange: Exchange,
    _server: Server,
}

impl Lone {
    fn post(&mut self) -> Result<Duration> {
        let request = answer::post("/jobs", &jobs::noop());
        let sent_at = Instant::now();
        let (status, _) = self.exchange.ask(&request)?;
        ensure!(status == 202, "the bare server answers {status}");
        Ok(sent_at.elapsed())
    }
}

/// The program in this process, with one client and two processors that say when they begin.
struct InProcess {
    exchange: Exchange,
    starts: Receiver<Instant>,
    http: ServerHandle,
    thread: std::thread::JoinHandle<Result<()>>,
}

impl InProcess {
    fn start(folder: PathBuf) -> Result<Self> {
        let (started, starts) = channel();
        let registry =
            Registry::new().asynchronous("waits", Begins(started.clone())).blocking("computes", Begins(started));
        let (ready, listens) = channel();
        let thread = std::thread::spawn(move || serve(&folder, registry, &ready));
        let (addr, http) = listens.recv_timeout(PATIENCE).context("the program does not listen")?;
        Ok(Self { exchange: Exchange::new(addr)?, starts, http, thread })
    }

    /// Posts a job: the time until its processor begins, and until the answer.
    fn post(&mut self, sub_type: &str) -> Result<(Duration, Duration)> {
        let request = answer::post("/jobs", &format!(r#"{{"subType":"{sub_type}","payload":{PAYLOAD}}}"#));
        let sent_at = Instant::now();
        let (status, body) = self.exchange.ask(&request)?;
        ensure!(status == 202, "status {status}: {}", String::from_utf8_lossy(body));
        let answered = sent_at.elapsed();
        let started_at = self.starts.recv_timeout(PATIENCE).context("the job does not begin")?;
        Ok((started_at.duration_since(sent_at), answered))
    }

    fn stop(self) -> Result<()> {
        drop(self.exchange);
        // Asking is enough; the thread ends when the server has.
        drop(self.http.stop(false));
        self.thread.join().map_err(|_| anyhow::anyhow!("the program panicked"))?
    }
}

fn serve(folder: &Path, registry: Registry, ready: &Sender<(SocketAddr, ServerHandle)>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let faena = Faena::start(FaenaSettings::in_folder(folder), registry).await?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let http = server::serve(faena.service().clone(), listener, Options::default())?;
        ready.send((addr, http.handle())).context("nobody waits for the program")?;
        http.await?;
        Ok(faena.stop().await?)
    })
}

/// Says when it begins, and that is all it does.
struct Begins(Sender<Instant>);

impl Begins {
    fn tell(&self) -> Completion {
        // Nobody listens after the last round.
        let _ = self.0.send(Instant::now());
        Completion::Done
    }
}

impl AsyncProcessor for Begins {
    type Payload = NoPayload;

    async fn run(&self, _: NoPayload, _: JobContext) -> Result<Completion, Failure> {
        Ok(self.tell())
    }
}

impl Processor for Begins {
    type Payload = NoPayload;

    fn run(&self, _: NoPayload, _: &JobContext) -> Result<Completion, Failure> {
        Ok(self.tell())
    }
}
