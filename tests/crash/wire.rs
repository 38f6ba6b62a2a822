//! The smallest HTTP client that these tests need: one kept connection, and no second try but for a look over a
//! connection that the server has closed meanwhile, as it does with those that rest. An answer that does not come is an
//! error, and nothing is known of the request.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// A connection to a server.
pub struct Wire {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

/// Longer than any answer takes, held ones too: a server that is stuck fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(60);

impl Wire {
    pub fn to(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None }
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> io::Result<Reply> {
        let is_kept = self.stream.is_some();
        let mut answer = self.exchange(method, path, key, body);
        if answer.as_ref().is_err_and(|error| is_kept && method == "GET" && has_been_closed(error)) {
            self.stream = None;
            answer = self.exchange(method, path, key, body);
        }
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    pub fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.ask("GET", path, None, None)
    }

    pub fn post(&mut self, path: &str, body: &Value) -> io::Result<Reply> {
        self.ask("POST", path, None, Some(body))
    }

    /// Waits until so many events of the stream of all jobs say this.
    pub fn hear(&self, mut times: usize, wanted: &str) {
        let mut stream = BufReader::new(TcpStream::connect(&self.address).unwrap());
        stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream.get_mut(), "GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        while times > 0 {
            let line = line(&mut stream).unwrap();
            times -= usize::from(line.starts_with("data:") && line.contains(wanted));
        }
    }

    fn exchange(&mut self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> io::Result<Reply> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                none.insert(BufReader::new(stream))
            }
        };
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(key) = key {
            request += &format!("Idempotency-Key: {key}\r\n");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += &body;
        stream.get_mut().write_all(request.as_bytes())?;
        read(stream)
    }
}

fn has_been_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

fn read(stream: &mut impl BufRead) -> io::Result<Reply> {
    let status = line(stream)?.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no status"))?;
    let (mut length, mut retry_after) = (0, None);
    loop {
        let line = line(stream)?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "retry-after" => retry_after = Some(value.trim().to_owned()),
            "transfer-encoding" => return Err(io::Error::other("an answer in pieces is not expected here")),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Reply { status, retry_after, body })
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_owned()),
    }
}

impl Reply {
    #[track_caller]
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}: {text}", self.status))
    }

    /// The job of a 202.
    #[track_caller]
    pub fn accepted(&self) -> String {
        let json = self.json();
        assert_eq!(self.status, 202, "{json}");
        json["data"]["jobId"].as_str().unwrap().to_owned()
    }
}

/// A job once it has ended, or as it is after half a minute.
pub fn ended(wire: &mut Wire, id: &str) -> Value {
    wire.get(&format!("/jobs/{id}?wait=30")).unwrap().json()
}

/// A job as soon as `enough` says so. Each look waits for the next change.
pub fn until(wire: &mut Wire, id: &str, enough: impl Fn(&Value) -> bool) -> Value {
    loop {
        let job = wire.get(&format!("/jobs/{id}")).unwrap().json();
        if enough(&job) {
            return job;
        }
        let over = job["completedAt"].is_string();
        assert!(!over, "it ended before: {job}");
        changed(&mut Wire::to(&wire.address), id);
    }
}

/// Waits for the next change of a job: its event stream sends the job as it is, then each change.
fn changed(wire: &mut Wire, id: &str) {
    let mut stream = BufReader::new(TcpStream::connect(&wire.address).unwrap());
    stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream.get_mut(), "GET /jobs/{id}/events HTTP/1.1\r\nHost: {}\r\n\r\n", wire.address).unwrap();
    let mut events = 0;
    while events < 2 {
        let line = line(&mut stream).unwrap();
        events += usize::from(line.starts_with("data:"));
        if line.starts_with("data:") && line.contains("\"completedAt\":\"") {
            return;
        }
    }
}
