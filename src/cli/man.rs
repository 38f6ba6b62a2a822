//! `faena man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::ending::{Ending, Trouble};
use super::{Faena, output};

/// Print the manual page, or write those of all commands into a folder
///
/// The pages say what the help says, for `man faena` and `man faena-enqueue`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena man | man -l -
  faena man --folder ~/.local/share/man/man1")]
pub struct Man {
    /// Write a page for each command there
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Man {
    pub fn run(self) -> Result<Ending, Trouble> {
        match self.folder {
            Some(folder) => {
                fs::create_dir_all(&folder)?;
                // A page for each name, so that nobody needs to know which command has which below it.
                clap_mangen::generate_to(Faena::command(), &folder)?;
            }
            // Into memory first: a pipe may close.
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Faena::command()).render(&mut page)?;
                output::bytes(&page)?;
            }
        }
        Ok(Ending::Done)
    }
}
