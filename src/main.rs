//! The `poundcake` binary: chooses a command; everything else is the library.

use poundcake::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before any thread: a .env file fills what the environment lacks.
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        // The error's own text shows the line, which may hold a secret.
        match error {
            dotenvy::Error::LineParse(..) => {
                eprintln!("poundcake: .env: a line is not NAME=value; is a quote missing?");
            }
            other => eprintln!("poundcake: .env: {other}"),
        }
        return ExitCode::FAILURE;
    }
    match Cli::read().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("poundcake: {error:#}");
            ExitCode::FAILURE
        }
    }
}
