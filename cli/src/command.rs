//! The commands: from arguments to output and exit code.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use ad::BackendConfig;
use ad_api::Operation;

use crate::args::{Command, FitArguments, ProblemArguments, SolveArguments};
use crate::fit::Fit;
use crate::model::Output;
use crate::plot::{FitPicture, Reserved, SolutionPicture};
use crate::problem::{Problem, Start};
use crate::progress::Bar;
use crate::solve::{self, Solution, System};
use crate::{InputError, backend, capabilities, compare, report};

/// The exit code of wrong input.
pub const WRONG_INPUT: u8 = 2;

/// The exit code of a fit or a solve that did not converge.
pub const NOT_CONVERGED: u8 = 1;

/// Runs a command and prints what it has to say.
///
/// # Errors
///
/// An [`InputError`] that says what is wrong with the input.
pub fn run(command: &Command) -> Result<ExitCode, InputError> {
    match command {
        Command::Fit(arguments) => fit(arguments),
        Command::Compare(arguments) => {
            let (problem, start, values) = read(&arguments.problem)?;
            print(&compare::text(&problem, &start, &values)?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Solve(arguments) => solve(arguments),
        Command::Backends(arguments) => {
            print(&capabilities::text(arguments.inputs, arguments.outputs))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read(arguments: &ProblemArguments) -> Result<(Problem, Start, Vec<f64>), InputError> {
    Problem::read(&arguments.file, &arguments.request())
}

fn fit(arguments: &FitArguments) -> Result<ExitCode, InputError> {
    let config = backend::choose(&arguments.backend, arguments.config.as_deref())?;
    let (problem, start, values) = read(&arguments.problem)?;
    let reserved = arguments.plot.as_deref().map(Reserved::new).transpose()?;
    let choice =
        config.choose(&problem.function(Output::Residuals)?, &values, &[Operation::Jacobian])?;
    let fit = Fit::run(
        &problem,
        (start, &values),
        &choice.backend,
        arguments.method,
        arguments.max_iterations,
    )?;
    if arguments.json {
        // A fit has only names and numbers in it, which can always be written.
        print(&format!("{}\n", serde_json::to_string_pretty(&fit).unwrap_or_default()))?;
    } else {
        if matches!(config, BackendConfig::Auto { .. }) {
            print(&format!("auto picked {}: {}\n", choice.config, choice.reason))?;
        }
        print(&report::text(&problem, &fit))?;
    }
    if let (Some(path), Some(reserved)) = (&arguments.plot, reserved) {
        reserved.draw(&FitPicture::new(&problem, &fit.estimates(), &report::subtitle(&fit))?)?;
        if !arguments.json {
            print(&format!("  plot                         {}\n", path.display()))?;
        }
    }
    Ok(if fit.converged { ExitCode::SUCCESS } else { ExitCode::from(NOT_CONVERGED) })
}

fn solve(arguments: &SolveArguments) -> Result<ExitCode, InputError> {
    let config = backend::choose(&arguments.backend, arguments.config.as_deref())?;
    let config = backend::placed(config, arguments.device, arguments.precision)?;
    let system = System::new(arguments.problem, arguments.parameters())?;
    let reserved = arguments.plot.as_deref().map(Reserved::new).transpose()?;
    let mut bar = Bar::new();
    let solution = Solution::run(&system, &config, &arguments.request(), |seen| bar.show(&seen))?;
    drop(bar);
    if arguments.json {
        // A solution has only names and numbers in it, which can always be written.
        print(&format!("{}\n", serde_json::to_string_pretty(&solution).unwrap_or_default()))?;
    } else {
        print(&solve::report::text(&system, &solution))?;
    }
    if let (Some(path), Some(reserved)) = (&arguments.plot, reserved) {
        reserved.draw(&SolutionPicture::new(&system, &solution))?;
        if !arguments.json {
            print(&format!("  plot        {}\n", path.display()))?;
        }
    }
    Ok(if solution.converged { ExitCode::SUCCESS } else { ExitCode::from(NOT_CONVERGED) })
}

/// Prints, unless nobody listens any more: `ad fit FILE | head` is no error.
fn print(text: &str) -> Result<(), InputError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(InputError::Unwritable {
            path: "standard output".into(),
            reason: error.to_string(),
        }),
        _ => Ok(()),
    }
}
