//! A real RabbitMQ to send to. `FAENA_TEST_RABBITMQ` names one (`scripts/test` starts one for the whole run). Without it the
//! first test starts one that all tests share, whatever process they are in: it lasts for as long as anybody holds a lock on
//! the file with its address. Without RabbitMQ on the machine the cases are skipped, loudly.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use rustix::fs::{FlockOperation, flock};

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The address of a broker that tests share; none when there is no RabbitMQ here.
pub fn shared() -> Option<&'static str> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    let url = URL.get_or_init(|| std::env::var("FAENA_TEST_RABBITMQ").ok().or_else(started));
    if url.is_none() {
        skipped();
    }
    url.as_deref()
}

fn skipped() {
    let why = "no RabbitMQ could be started here; see scripts/dev-rabbitmq";
    eprintln!("SKIPPED: {why}");
    assert!(std::env::var_os("FAENA_NO_SKIPS").is_none(), "{why}, and FAENA_NO_SKIPS is set");
}

/// The broker that tests share, started if it is not there.
fn started() -> Option<String> {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rabbitmq.url");
    let alone = File::create(place.with_extension("starting")).unwrap();
    flock(&alone, FlockOperation::LockExclusive).unwrap();
    if let Some(url) = held(&place) {
        return Some(url);
    }
    let _ = std::fs::remove_file(&place);
    let mut command = script();
    command.arg("--while").arg(&place).stdin(Stdio::null());
    // It says its address once it answers, or nothing when it cannot.
    let mut said = String::new();
    BufReader::new(command.spawn().unwrap().stdout.unwrap()).read_line(&mut said).unwrap();
    held(&place)
}

/// Takes hold of a broker that answers.
fn held(place: &Path) -> Option<String> {
    let file = File::open(place).ok()?;
    flock(&file, FlockOperation::LockShared).unwrap();
    let url = std::fs::read_to_string(place).ok()?.trim().to_owned();
    let address = url.rsplit_once('@')?.1.split('/').next()?;
    std::net::TcpStream::connect(address).ok()?;
    // Held until this process ends.
    std::mem::forget(file);
    Some(url)
}

fn script() -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/dev-rabbitmq"));
    // A group of its own: whoever interrupts one test does not take the broker of the others away.
    command.stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    command
}

/// A broker of a test's own, which may stop it and start it. It ends with this.
pub struct Own {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub url: String,
}

impl Own {
    /// None when there is no RabbitMQ here.
    pub fn start() -> Option<Self> {
        Self::by(&mut script())
    }

    /// One that speaks TLS besides, by `server.pem` and `server.key` of a folder. Its URL is that of TLS.
    pub fn in_tls(folder: &Path) -> Option<Self> {
        Self::by(script().env("FAENA_RABBITMQ_TLS", folder))
    }

    fn by(script: &mut Command) -> Option<Self> {
        let mut child = script.arg("--told").stdin(Stdio::piped()).spawn().unwrap();
        let (orders, answers) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut own = Self { child, orders, answers, url: String::new() };
        own.url = own.answer();
        if own.url.is_empty() {
            skipped();
            return None;
        }
        Some(own)
    }

    /// Does what `word` says: `stop`, `kill`, `start`.
    pub fn tell(&mut self, word: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{word}").unwrap();
        assert_eq!(self.answer(), word);
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // It ends itself with its input.
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}

/// A durable queue that is bound to an exchange, and whoever reads it.
pub struct Reader {
    _connection: Connection,
    channel: Channel,
    queue: String,
}

impl Reader {
    /// Makes a queue with these arguments for what matches a pattern of routing keys. The exchange must be there.
    pub async fn bound(url: &str, exchange: &str, pattern: &str, arguments: &[(&str, AMQPValue)]) -> Self {
        let reader = Self::at(url, &format!("{exchange}.{pattern}")).await;
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert((*name).into(), value.clone());
        }
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let (channel, queue) = (&reader.channel, reader.queue.as_str());
        channel.queue_declare(queue.into(), durable, table).await.unwrap();
        let none = FieldTable::default();
        channel
            .queue_bind(queue.into(), exchange.into(), pattern.into(), QueueBindOptions::default(), none)
            .await
            .unwrap();
        reader
    }

    /// A reader of a queue that is there.
    pub async fn at(url: &str, queue: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self { _connection: connection, channel, queue: queue.to_owned() }
    }

    /// Begins to read.
    pub async fn consumer(&self) -> Consumer {
        let options = BasicConsumeOptions::default();
        self.channel.basic_consume(self.queue.as_str().into(), "".into(), options, FieldTable::default()).await.unwrap()
    }
}

/// The next message, settled.
pub async fn next(consumer: &mut Consumer) -> Delivery {
    let message = tokio::time::timeout(PATIENCE, consumer.next()).await.expect("no message came").unwrap().unwrap();
    message.ack(BasicAckOptions::default()).await.unwrap();
    message
}
