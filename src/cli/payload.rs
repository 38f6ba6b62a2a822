//! The payload of a job, as an argument, from a file or from stdin.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::value::RawValue;

use faena::limits;

use super::ending::Trouble;

/// Where the payload is.
#[derive(Debug, Args)]
pub struct PayloadArgs {
    /// The payload, a JSON object, or - to read it from stdin [default: {}]
    #[arg(value_name = "PAYLOAD", conflicts_with_all = ["payload", "file"])]
    text: Option<String>,
    /// The payload, a JSON object
    #[arg(long, value_name = "JSON", conflicts_with = "file")]
    payload: Option<String>,
    /// File with the payload; - is stdin
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl PayloadArgs {
    /// The payload as it was given, checked to be JSON so that a slip of the shell's quoting is seen here; none when
    /// none was given.
    pub fn given(&self) -> Result<Option<Box<RawValue>>, Trouble> {
        let (text, origin) = match (&self.text, &self.payload, &self.file) {
            (Some(text), ..) if text == "-" => (stdin()?, "stdin".to_owned()),
            (_, _, Some(path)) if path.as_os_str() == "-" => (stdin()?, "stdin".to_owned()),
            (_, _, Some(path)) => (read(path)?, path.display().to_string()),
            (Some(text), ..) | (_, Some(text), _) => (text.clone(), "the payload".to_owned()),
            (None, None, None) => return Ok(None),
        };
        let payload = RawValue::from_string(text.trim().to_owned());
        payload.map(Some).map_err(|error| Trouble::usage(format!("{origin} is not JSON: {error}")))
    }

    /// The payload, or an empty object when none was given.
    pub fn read(&self) -> Result<Box<RawValue>, Trouble> {
        match self.given()? {
            Some(payload) => Ok(payload),
            None => Ok(RawValue::from_string("{}".to_owned()).map_err(anyhow::Error::from)?),
        }
    }
}

fn stdin() -> Result<String, Trouble> {
    let mut text = String::new();
    let most = limits::PAYLOAD_BYTES_MAX as u64 + 1;
    std::io::stdin().take(most).read_to_string(&mut text).context("cannot read the payload from stdin")?;
    within_bounds(text, "stdin")
}

fn read(path: &Path) -> Result<String, Trouble> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the payload {}", path.display()))?;
    within_bounds(text, &path.display().to_string())
}

fn within_bounds(text: String, origin: &str) -> Result<String, Trouble> {
    let most = limits::PAYLOAD_BYTES_MAX;
    if text.len() <= most {
        return Ok(text);
    }
    Err(Trouble::usage(format!("{origin} has more than {most} bytes; put it into a file that the payload names")))
}
