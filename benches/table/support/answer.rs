//! The little of HTTP/1.1 that a client needs when it knows its servers: where an answer ends, and its status. A
//! client that did more would be measured along with the server.

use anyhow::{Context, Result, bail};

/// The head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its status.
    pub status: u16,
    /// Bytes up to the body.
    pub bytes: usize,
    /// Bytes of the body.
    pub body: usize,
}

impl Head {
    /// Bytes of the whole answer.
    pub fn whole(self) -> usize {
        self.bytes + self.body
    }
}

/// Reads the head at the start of `text`, or none if it is not all there yet.
pub fn head(text: &[u8]) -> Result<Option<Head>> {
    let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let status = text.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let status = status.context("the answer is not HTTP/1.1")?;
    let mut body = 0;
    for line in text[..end].split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            body = std::str::from_utf8(value)?.parse().context("the length of the answer is not a number")?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            bail!("the answer comes in chunks, which this client does not read");
        }
    }
    Ok(Some(Head { status, bytes: end + 4, body }))
}

/// A request with a JSON body.
pub fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A DELETE without a body.
pub fn delete(path: &str) -> String {
    format!("DELETE {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

/// A request without a body.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}
