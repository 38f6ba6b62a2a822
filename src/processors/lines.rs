//! The lines of a stream, each cut at a bound: a program that never ends its line must not fill the memory.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Lines of a stream that somebody else writes.
pub(super) struct Lines<R> {
    source: R,
    bytes_max: usize,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(source: R, bytes_max: usize) -> Self {
        Self { source, bytes_max }
    }

    /// The next line without its end; what is beyond the bound is passed over. A stream that breaks has ended.
    pub(super) async fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let mut begun = false;
        while let Ok(piece) = self.source.fill_buf().await {
            if piece.is_empty() {
                break;
            }
            begun = true;
            let end = piece.iter().position(|byte| *byte == b'\n');
            let text = &piece[..end.unwrap_or(piece.len())];
            let room = self.bytes_max - line.len();
            line.extend_from_slice(&text[..text.len().min(room)]);
            let taken = end.map_or(piece.len(), |end| end + 1);
            self.source.consume(taken);
            if end.is_some() {
                break;
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        begun.then(|| String::from_utf8_lossy(&line).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_and_cut() {
        let mut lines = Lines::new(&b"one\r\n\nthree is long\n\xffour"[..], 5);
        let mut heard = Vec::new();
        while let Some(line) = lines.next().await {
            heard.push(line);
        }
        assert_eq!(heard, ["one", "", "three", "\u{fffd}our"]);
    }
}
