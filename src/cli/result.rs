//! `faena result ID`: the result of a job, decoded.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use faena::client::ResultStream;

use super::args::Connection;
use super::ending::{Ending, Trouble};
use super::output;

/// Fetch the result of a completed job
///
/// The decoded bytes go to stdout, or into a file with -o. A terminal is not sent what is no text. With --json the
/// answer says what was written where, and needs -o.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena result 01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f
  faena result 01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f -o report.html
  faena result 01980f5e-5f5a-7d3c-9c0e-1b2a3c4d5e6f | jq .rows")]
pub struct ResultOf {
    /// The job
    #[arg(value_name = "ID")]
    id: String,
    /// Write it into this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pub connection: Connection,
}

impl ResultOf {
    pub fn run(self) -> Result<Ending, Trouble> {
        if self.connection.json && self.output.is_none() {
            return Err(Trouble::usage("--json describes a written file; name one with -o FILE"));
        }
        self.connection.run(async |client| {
            let mut stream = client.result(&self.id).await?;
            match &self.output {
                Some(path) => {
                    let written = save(&mut stream, path).await?;
                    self.say(path, written, &stream)?;
                }
                None => show(&mut stream).await?,
            }
            Ok(Ending::Done)
        })
    }

    fn say(&self, path: &Path, written: u64, stream: &ResultStream) -> Result<(), Trouble> {
        if self.connection.json {
            let (file, kind) = (path.display().to_string(), stream.content_type());
            return output::json(&json!({ "file": file, "bytes": written, "contentType": kind }));
        }
        note_written(path, written);
        Ok(())
    }
}

/// Says on stderr what was written where.
pub fn note_written(path: &Path, written: u64) {
    output::note(format!("{} bytes in {}", output::grouped(written), path.display()));
}

/// To stdout, piece by piece.
pub async fn show(stream: &mut ResultStream) -> Result<(), Trouble> {
    let terminal = io::stdout().is_terminal();
    let (mut first, mut ends_line) = (true, true);
    while let Some(piece) = stream.next().await? {
        if terminal && !is_text(&piece, std::mem::take(&mut first)) {
            let kind = stream.content_type().unwrap_or("bytes").to_owned();
            let advice = format!("the result is no text ({kind}); write it into a file with -o FILE, or pipe it");
            return Err(Trouble::Failed(anyhow::anyhow!(advice)));
        }
        output::bytes(&piece)?;
        ends_line = piece.ends_with(b"\n");
    }
    if terminal && !ends_line {
        output::line("")?;
    }
    Ok(())
}

/// Into a file that appears whole or not at all.
pub async fn save(stream: &mut ResultStream, path: &Path) -> Result<u64, Trouble> {
    let mut name = path.file_name().context("-o must name a file")?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let outcome = fill(stream, &part).await.and_then(|written| {
        std::fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(written)
    });
    if outcome.is_err() {
        // It is of no use to anybody, and the first error is the one to tell.
        let _ = std::fs::remove_file(&part);
    }
    outcome
}

async fn fill(stream: &mut ResultStream, part: &Path) -> Result<u64, Trouble> {
    let context = || format!("cannot write {}", part.display());
    let mut file = std::fs::File::create(part).with_context(context)?;
    let mut written = 0;
    while let Some(piece) = stream.next().await? {
        file.write_all(&piece).with_context(context)?;
        written += piece.len() as u64;
    }
    Ok(written)
}

/// Whether a piece holds nothing that a terminal would obey. A character may be cut at its end, and at its beginning
/// unless it is the first.
fn is_text(piece: &[u8], first: bool) -> bool {
    let cut_off = piece.iter().take(3).take_while(|byte| !first && **byte & 0xC0 == 0x80).count();
    let text = match std::str::from_utf8(&piece[cut_off..]) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&piece[cut_off..cut_off + error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_text_from_bytes_even_when_cut_within_a_character() {
        assert!(is_text("a,ñ\n".as_bytes(), true) && is_text(&"añ".as_bytes()[..2], true));
        assert!(is_text(&"ña".as_bytes()[1..], false) && !is_text(&"ña".as_bytes()[1..], true));
        assert!(!is_text(b"\x89PNG\r\n", true) && !is_text(b"a\x1b[31m", true) && !is_text(b"\0", false));
    }
}
