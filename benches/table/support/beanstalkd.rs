//! beanstalkd, if it is installed: the yardstick for how soon a queue at rest hands a durable job to whoever waits.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::jobs::PAYLOAD;

/// How long a server may take to listen, or a job to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that syncs each job to disk, and a worker that waits for jobs.
pub struct Beanstalkd {
    _child: Started,
    producer: Lines,
    arrivals: Receiver<Instant>,
}

impl Beanstalkd {
    /// Starts it with its journal in a folder, or finds that it is not installed.
    pub fn start(folder: &Path) -> Result<Option<Self>> {
        std::fs::create_dir_all(folder)?;
        // It cannot be asked to take any free port; one that was free a moment ago will do.
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new("beanstalkd");
        command.args(["-l", "127.0.0.1", "-p", &addr.port().to_string(), "-f0", "-b"]).arg(folder);
        let child = match command.stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
            Ok(child) => Started(child),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("cannot start beanstalkd"),
        };
        let (producer, worker) = (connect(addr)?, connect(addr)?);
        let (arrived, arrivals) = channel();
        std::thread::spawn(move || {
            // It ends when the server is killed, or when nobody listens any more.
            let _ = work(worker, |at| arrived.send(at).is_ok());
        });
        Ok(Some(Self { _child: child, producer, arrivals }))
    }

    /// Puts a job, and says how long it took until the worker had it.
    pub fn put(&mut self) -> Result<Duration> {
        let sent_at = Instant::now();
        self.producer.send(&format!("put 1024 0 120 {}\r\n{PAYLOAD}\r\n", PAYLOAD.len()))?;
        let answer = self.producer.line()?;
        ensure!(answer.starts_with("INSERTED"), "beanstalkd answers `{answer}`");
        Ok(self.arrivals.recv_timeout(PATIENCE)?.duration_since(sent_at))
    }
}

/// A process that is killed when nobody holds it any more.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn work(mut worker: Lines, mut arrived: impl FnMut(Instant) -> bool) -> Result<()> {
    loop {
        worker.send("reserve\r\n")?;
        let line = worker.line()?;
        let mut words = line.split(' ').skip(1);
        let (id, bytes) = (words.next().context("no id")?, words.next().context("no length")?.parse::<usize>()?);
        worker.skip(bytes + 2)?;
        let at = Instant::now();
        worker.send(&format!("delete {id}\r\n"))?;
        worker.line()?;
        if !arrived(at) {
            return Ok(());
        }
    }
}

fn connect(addr: SocketAddr) -> Result<Lines> {
    let began = Instant::now();
    loop {
        match TcpStream::connect(addr) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(Lines(BufReader::new(stream)));
            }
            Err(error) if began.elapsed() > PATIENCE => return Err(error).context("beanstalkd does not listen"),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// A conversation in lines.
struct Lines(BufReader<TcpStream>);

impl Lines {
    fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.0.get_mut().write_all(text.as_bytes())?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.0.read_line(&mut line)? > 0, "beanstalkd closed the connection");
        Ok(line.trim_end().to_owned())
    }

    fn skip(&mut self, bytes: usize) -> Result<()> {
        let mut skipped = vec![0; bytes];
        Ok(self.0.read_exact(&mut skipped)?)
    }
}
