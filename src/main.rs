//! The `poundcake` binary: chooses a command; everything else is the library.

use clap::Parser;
use poundcake::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before any thread: a .env file fills what the environment lacks.
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        eprintln!("poundcake: .env: {error}");
        return ExitCode::FAILURE;
    }
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("poundcake: {error:#}");
            ExitCode::FAILURE
        }
    }
}
