//! One connection, one request at a time, blocking: for setting things up, and for whoever measures a single request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::answer::{self, Head};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a server.
pub struct Exchange {
    stream: TcpStream,
    read: Vec<u8>,
    filled: usize,
}

impl Exchange {
    /// Connects.
    pub fn new(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).context("cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, read: vec![0; 64 * 1024], filled: 0 })
    }

    /// Sends a request and waits for the answer.
    pub fn ask(&mut self, request: &str) -> Result<(u16, &[u8])> {
        self.send(request)?;
        self.receive()
    }

    /// Sends a request.
    pub fn send(&mut self, request: &str) -> Result<()> {
        Ok(self.stream.write_all(request.as_bytes())?)
    }

    /// Waits for the answer to the request that was sent: its status and its body.
    pub fn receive(&mut self) -> Result<(u16, &[u8])> {
        self.filled = 0;
        let mut head = None::<Head>;
        loop {
            if let Some(head) = head.filter(|head| head.whole() <= self.filled) {
                return Ok((head.status, &self.read[head.bytes..head.whole()]));
            }
            if self.filled == self.read.len() {
                self.read.resize(2 * self.filled, 0);
            }
            let got = self.stream.read(&mut self.read[self.filled..])?;
            ensure!(got > 0, "the server closed the connection");
            self.filled += got;
            if head.is_none() {
                head = answer::head(&self.read[..self.filled])?;
            }
        }
    }

    /// Sends a request whose answer must have this status, and gives its body as JSON.
    pub fn json(&mut self, request: &str, status: u16) -> Result<serde_json::Value> {
        let (got, body) = self.ask(request)?;
        if got != status {
            bail!("status {got} in place of {status}: {}", String::from_utf8_lossy(body));
        }
        Ok(serde_json::from_slice(body)?)
    }
}
