//! `faena openapi`: the contract for programs.

use clap::Args;

use super::ending::{Ending, Trouble};
use super::output;

/// Print the OpenAPI description of the server's API
///
/// It is made from the code, needs no running server, and is what /docs shows.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena openapi > openapi.yaml
  faena openapi --json | jq '.paths | keys'")]
pub struct Openapi {
    /// Print JSON instead of YAML
    #[arg(long)]
    pub json: bool,
}

impl Openapi {
    pub fn run(self) -> Result<Ending, Trouble> {
        if self.json {
            output::json(&faena::http::openapi())?;
        } else {
            output::bytes(faena::http::openapi_yaml().as_bytes())?;
        }
        Ok(Ending::Done)
    }
}
