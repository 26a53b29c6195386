//! The `poundcake` binary: chooses a command; everything else is the library.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use poundcake::{
    cli::{Cli, print},
    config::load_dotenv,
};
use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    // Before any thread: a .env file fills what the environment lacks. The command line is read all the same: `--version`
    // and `--help` work with a .env file that does not.
    let dotenv = load_dotenv(Path::new(".env"));
    match Cli::read().run(dotenv) {
        Ok(code) => code,
        Err(error) => {
            print::note(format_args!("poundcake: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
