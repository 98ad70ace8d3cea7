//! What the user typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use ad::{Device, Precision};

use crate::fit::MethodName;
use crate::problem::Request;
use crate::{backend, solve};

/// Fits formulas to data and solves systems of equations, with the derivatives of any automatic
/// differentiation backend
#[derive(Debug, Parser)]
#[command(name = "ad", version, max_term_width = 100, arg_required_else_help = false)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fit a model to data by nonlinear least squares
    ///
    /// Ends with exit code 0 if the fit converged, 1 if not (its best point is still printed), and 2
    /// if something is wrong with the input.
    #[command(after_long_help = "Examples:
  ad fit data/nist/Gauss1.dat --plot gauss1.svg
  ad fit data/nist/Nelson.dat --start 2 --backend native-reverse
  ad fit growth.csv --model \"b1*(1-exp(-b2*x))\" --start b1=500,b2=1e-4")]
    Fit(FitArguments),
    /// Compare all backends, and all pairs of them, on the derivatives of a fit
    ///
    /// Computes the Jacobian of the model and the Hessian of half the residual sum of squares at the
    /// start with every backend that is compiled in, the Hessian with every pair too, and says which
    /// backend `auto` would pick.
    Compare(CompareArguments),
    /// Solve a built-in system of many nonlinear equations
    ///
    /// By matrix-free methods, which ask a backend for products with the Jacobian. With burn or
    /// candle, vectors stay on the device. Ends with exit code 0 if the solve converged, 1 if not, and
    /// 2 if something is wrong with the input.
    #[command(after_long_help = "Examples:
  ad solve bratu --n 256 --lambda 6 --plot bratu.svg
  ad solve bratu --n 256 --backend burn --device wgpu
  ad solve chandrasekhar --c 0.9999 --backend dual --linear bicgstab")]
    Solve(SolveArguments),
    /// List the backends that are compiled in, and how they compute every operation
    Backends(BackendsArguments),
}

/// The data, the model and the start.
#[derive(Debug, Args)]
pub struct ProblemArguments {
    /// A NIST StRD file (.dat) as published, or a CSV file with a header line
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The model for a CSV file, as "b1*(1-exp(-b2*x))" or "log(y) = b1 - b2*x"
    ///
    /// Names are columns or the parameters that --start names; a name with other characters than
    /// letters, digits and underscores goes in `backticks`. Operators: + - * / and ^ or **. Constant:
    /// pi. Functions: exp expm1 log ln log1p log10 log2 sqrt cbrt abs erf, sin cos tan asin acos atan
    /// (also arcsin ...), sinh cosh tanh asinh acosh atanh, pow atan2 hypot min max.
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true)]
    pub model: Option<String>,
    /// The response: a column of the CSV file or a formula of columns [default: the last column]
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub response: Option<String>,
    /// Where to start: 1 or 2 for the starts in a NIST file, or values as b1=500,b2=1e-4
    /// [default for NIST files: 1]
    #[arg(long, value_name = "START")]
    pub start: Option<String>,
}

impl ProblemArguments {
    /// The part of it that is not the file.
    pub fn request(&self) -> Request<'_> {
        Request {
            model: self.model.as_deref(),
            response: self.response.as_deref(),
            start: self.start.as_deref(),
        }
    }
}

/// Arguments of `ad fit`.
#[derive(Debug, Args)]
pub struct FitArguments {
    /// The data, the model and the start.
    #[command(flatten)]
    pub problem: ProblemArguments,
    /// The differentiation backend: a name from `ad backends`, `outer/inner`, or `auto`
    #[arg(long, value_name = "NAME", default_value = "dual")]
    pub backend: String,
    /// A TOML file with a table `[backend]`, as kind = "dual" and its settings
    #[arg(long, value_name = "FILE", conflicts_with = "backend")]
    pub config: Option<String>,
    /// The least-squares method
    #[arg(long, value_enum, default_value_t = MethodName::LevenbergMarquardt)]
    pub method: MethodName,
    /// Stop after this many iterations
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub max_iterations: usize,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Draw data, fitted curve and residuals into an SVG file
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
}

/// Arguments of `ad compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The data, the model and the start.
    #[command(flatten)]
    pub problem: ProblemArguments,
}

/// Arguments of `ad solve`.
#[derive(Debug, Args)]
pub struct SolveArguments {
    /// The system of equations
    #[arg(value_enum, value_name = "PROBLEM")]
    pub problem: solve::SystemName,
    /// The size: points in each direction, nodes or unknowns [default: by the problem]
    #[arg(long, value_name = "N")]
    pub n: Option<usize>,
    /// The parameter of the Bratu problems [default: 6 for bratu, 2 for bratu-1d]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub lambda: Option<f64>,
    /// The parameter of the H equation [default: 0.9]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub c: Option<f64>,
    /// The differentiation backend: a name from `ad backends` or `outer/inner`
    #[arg(long, value_name = "NAME", default_value = "native-reverse")]
    pub backend: String,
    /// A TOML file with a table `[backend]`, as kind = "burn" and its settings
    #[arg(long, value_name = "FILE", conflicts_with = "backend")]
    pub config: Option<String>,
    /// Where burn or candle compute: cpu, wgpu or cuda [default: cpu]
    #[arg(long, value_name = "DEVICE", value_parser = backend::device)]
    pub device: Option<Device>,
    /// In which precision burn or candle compute: f64 or f32 [default: f64; with wgpu f32]
    #[arg(long, value_name = "PRECISION", value_parser = backend::precision)]
    pub precision: Option<Precision>,
    /// The method
    #[arg(long, value_enum, default_value_t = solve::MethodName::NewtonKrylov)]
    pub method: solve::MethodName,
    /// What solves the linear systems [default: gmres, or lsmr for gauss-newton]
    #[arg(long, value_enum)]
    pub linear: Option<solve::LinearName>,
    /// The preconditioner [default: poisson for newton-krylov on the unit square, else none]
    #[arg(long, value_enum)]
    pub preconditioner: Option<solve::PreconditionerName>,
    /// Stop when the residual norm is at most this [default: 1e-10, or 1e-10 of that at the start]
    #[arg(long, value_name = "NORM", allow_hyphen_values = true)]
    pub tolerance: Option<f64>,
    /// Stop after this many steps
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max_iterations: usize,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Draw the solution and the residual norms into an SVG file
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
}

impl SolveArguments {
    /// The part of it that says what to solve.
    pub fn parameters(&self) -> solve::Parameters {
        solve::Parameters { n: self.n, lambda: self.lambda, c: self.c }
    }

    /// The part of it that says how.
    pub fn request(&self) -> solve::Request {
        solve::Request {
            method: self.method,
            linear: self.linear,
            preconditioner: self.preconditioner,
            tolerance: self.tolerance,
            max_iterations: self.max_iterations,
        }
    }
}

/// Arguments of `ad backends`.
#[derive(Debug, Args)]
pub struct BackendsArguments {
    /// Inputs of the functions in the capability table
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = count)]
    pub inputs: usize,
    /// Outputs of the vector functions in the capability table
    #[arg(long, value_name = "M", default_value_t = 20, value_parser = count)]
    pub outputs: usize,
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "expected a whole number above 0".into())
}
