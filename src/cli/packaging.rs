//! `poundcake packaging DIRECTORY`: man pages and shell completions, for those who make a package of this program.

use anyhow::Context;
use clap_complete::Shell;
use std::{fs, path::PathBuf, process::ExitCode};

#[derive(Debug, clap::Args)]
pub(super) struct Packaging {
    /// Where to write man/ and completions/
    directory: PathBuf,
}

impl Packaging {
    /// Writes a page for the program and one for each command, and a file for each shell.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (man, completions) = (self.directory.join("man"), self.directory.join("completions"));
        let write = || {
            fs::create_dir_all(&man)?;
            fs::create_dir_all(&completions)?;
            clap_mangen::generate_to(super::command(), &man)?;
            for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
                clap_complete::generate_to(shell, &mut super::command(), "poundcake", &completions)?;
            }
            Ok::<_, std::io::Error>(())
        };
        write().with_context(|| format!("cannot write to {}", self.directory.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
