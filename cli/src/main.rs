//! The `ad` command.

use std::process::ExitCode;

use ad_cli::args::Arguments;
use ad_cli::command;
use clap::Parser;
use clap::error::ErrorKind;

fn main() -> ExitCode {
    let message = match Arguments::try_parse() {
        Ok(arguments) => match command::run(&arguments.command) {
            Ok(code) => return code,
            Err(error) => error.to_string(),
        },
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => usage(&error),
    };
    eprintln!("error: {message}");
    ExitCode::from(command::WRONG_INPUT)
}

/// What is wrong with the arguments, on one line.
fn usage(error: &clap::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let first = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let rest = lines.filter(|line| !line.is_empty() && !line.starts_with("For more"));
    let message = rest.fold(first, |message, line| format!("{message} {line}"));
    format!("{message}; see `ad --help`")
}
