//! `faena completions SHELL`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::ending::{Ending, Trouble};
use super::{Faena, output};

/// Print a completion script for a shell
///
/// The script goes to stdout; put it where your shell looks for it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  faena completions bash > ~/.local/share/bash-completion/completions/faena
  faena completions zsh  > ~/.zfunc/_faena
  faena completions fish > ~/.config/fish/completions/faena.fish")]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<Ending, Trouble> {
        // Into memory first, for the generator panics when a pipe closes.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Faena::command(), "faena", &mut script);
        output::bytes(&script)?;
        Ok(Ending::Done)
    }
}
