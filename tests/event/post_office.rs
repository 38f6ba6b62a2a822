//! An SMTP server of a test's own, after RFC 5321: it takes letters, keeps them, and refuses what it is told to refuse.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// A server that goes with the runtime of its test.
pub struct PostOffice {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    taken: Mutex<Vec<Taken>>,
    came: Notify,
    /// What it says to the next letters in place of taking them.
    replies: Mutex<VecDeque<&'static str>>,
    /// The only credentials that it believes, as `AUTH PLAIN` has them.
    credentials: Option<String>,
    /// It takes letters in TLS alone.
    tls: Option<Tls>,
}

/// How TLS begins.
pub enum Tls {
    /// With the connection.
    AtOnce(TlsAcceptor),
    /// When the client asks for it.
    Started(TlsAcceptor),
}

/// A connection, in TLS or not.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

type Line = BufStream<Box<dyn Wire>>;

/// A letter that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub from: String,
    pub to: String,
    /// Its lines, headers first.
    pub lines: Vec<String>,
}

impl PostOffice {
    pub async fn open() -> Self {
        Self::of(Shared::default()).await
    }

    /// One that believes nobody but whoever has this password.
    pub async fn for_user(user: &str, password: &str) -> Self {
        use base64::Engine;
        let plain = base64::engine::general_purpose::STANDARD.encode(format!("\0{user}\0{password}"));
        Self::of(Shared { credentials: Some(plain), ..Shared::default() }).await
    }

    /// One that takes letters in TLS alone.
    pub async fn in_tls(tls: Tls) -> Self {
        Self::of(Shared { tls: Some(tls), ..Shared::default() }).await
    }

    async fn of(shared: Shared) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::new(shared));
        let served = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                // A client may break off.
                tokio::spawn(async move { drop(serve(stream, &served).await) });
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Says this to the next letters, one reply each, in place of taking them.
    pub fn refuse(&self, replies: impl IntoIterator<Item = &'static str>) {
        self.shared.replies.lock().extend(replies);
    }

    /// All letters that it has taken.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().clone()
    }

    /// The same once they are so many.
    pub async fn after(&self, count: usize) -> Vec<Taken> {
        loop {
            let came = self.shared.came.notified();
            tokio::pin!(came);
            came.as_mut().enable();
            if self.taken().len() >= count {
                return self.taken();
            }
            let patience = std::time::Duration::from_secs(60);
            tokio::time::timeout(patience, came).await.unwrap_or_else(|_| panic!("no {count} letters came"));
        }
    }
}

impl Taken {
    /// A header by its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.lines.iter().take_while(|line| !line.is_empty());
        head.filter_map(|line| line.split_once(": ")).find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// What it says, as it was written: letters of these tests are encoded as quoted-printable where they are encoded.
    pub fn text(&self) -> String {
        let body = self.lines.split(|line| line.is_empty()).skip(1).map(|part| part.join("\n"));
        let body = body.collect::<Vec<_>>().join("\n\n");
        if self.header("Content-Transfer-Encoding") != Some("quoted-printable") {
            return body;
        }
        let joined = body.replace("=\n", "");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let [first, tail @ ..] = rest {
            (rest, bytes) = match (first, tail) {
                (b'=', [high, low, tail @ ..]) => {
                    let digits = [*high, *low];
                    let byte = u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap();
                    (tail, [bytes, vec![byte]].concat())
                }
                _ => (tail, [bytes, vec![*first]].concat()),
            };
        }
        String::from_utf8(bytes).unwrap()
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (wire, mut is_safe): (Box<dyn Wire>, bool) = match &shared.tls {
        Some(Tls::AtOnce(acceptor)) => (Box::new(acceptor.accept(stream).await?), true),
        Some(Tls::Started(_)) => (Box::new(stream), false),
        None => (Box::new(stream), true),
    };
    let mut stream: Line = BufStream::new(wire);
    say(&mut stream, "220 test ESMTP").await?;
    let (mut from, mut to, mut known) = (String::new(), String::new(), shared.credentials.is_none());
    while let Some(line) = hear(&mut stream).await? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let between = |text: &str| text.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let reply = match verb.as_str() {
            "EHLO" if !is_safe => "250-test\r\n250 STARTTLS",
            "EHLO" => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "STARTTLS" if !is_safe => {
                say(&mut stream, "220 go ahead").await?;
                if let Some(Tls::Started(acceptor)) = &shared.tls {
                    stream = BufStream::new(Box::new(acceptor.accept(stream.into_inner()).await?));
                    is_safe = true;
                }
                continue;
            }
            "AUTH" | "MAIL" | "RCPT" | "DATA" if !is_safe => "530 not in the clear",
            "AUTH" if line.split(' ').nth(2) == shared.credentials.as_deref() => {
                known = true;
                "235 welcome"
            }
            "AUTH" => "535 who are you",
            "MAIL" if !known => "530 who are you",
            "MAIL" => {
                from = between(&line);
                "250 yes"
            }
            "RCPT" => match shared.replies.lock().pop_front() {
                Some(refusal) => refusal,
                None => {
                    to = between(&line);
                    "250 yes"
                }
            },
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let lines = letter(&mut stream).await?;
                shared.taken.lock().push(Taken { from: from.clone(), to: to.clone(), lines });
                shared.came.notify_waiters();
                "250 taken"
            }
            "QUIT" => return say(&mut stream, "221 bye").await,
            _ => "250 yes",
        };
        say(&mut stream, reply).await?;
    }
    Ok(())
}

/// The lines of a letter. A dot alone ends it, one at the start of a line was doubled.
async fn letter(stream: &mut Line) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    while let Some(line) = hear(stream).await?.filter(|line| line != ".") {
        lines.push(line.strip_prefix('.').map_or(line.clone(), str::to_owned));
    }
    Ok(lines)
}

async fn hear(stream: &mut Line) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let count = stream.read_line(&mut line).await?;
    Ok((count > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn say(stream: &mut Line, reply: &str) -> std::io::Result<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    stream.flush().await
}
