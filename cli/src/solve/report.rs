//! A solve in words.

use std::fmt::Write as _;

use ad_api::Accuracy;

use super::{MethodName, PreconditionerName, Solution, System, name};
use crate::text::{Align, Table, count, duration, scientific};

/// What `ad solve` prints: system, iterations, status and work.
pub fn text(system: &System, solution: &Solution) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}; {}", system.description(), count(solution.unknowns, "unknown"));
    let _ = writeln!(out, "{}\n", how(solution));
    out.push_str(&iterations(solution).to_string());
    out.push('\n');
    tail(&mut out, system, solution);
    out
}

/// One line on what was solved how, for the head of a plot.
pub fn subtitle(solution: &Solution) -> String {
    format!(
        "{}: |F| {} in {}, {}",
        how(solution),
        scientific(solution.residual_norm, 1),
        count(solution.iterations, "iteration"),
        solution.reason
    )
}

fn how(solution: &Solution) -> String {
    let preconditioner = match solution.preconditioner {
        PreconditionerName::None => String::new(),
        PreconditionerName::Poisson => ", preconditioner poisson".into(),
    };
    format!(
        "{} by {}{preconditioner}; backend {} on {} in {}",
        name(&solution.method),
        name(&solution.linear),
        solution.backend,
        solution.device.name(),
        solution.precision.name(),
    )
}

/// All iterations of a short solve; of a long one every tenth from 20 on, every hundredth from 200
/// on, and so forth, and the last.
fn iterations(solution: &Solution) -> Table {
    use Align::Right;
    let is_newton = solution.method == MethodName::NewtonKrylov;
    let mut table = Table::new([
        ("iteration", Right),
        ("|F|", Right),
        (if is_newton { "forcing" } else { "damping" }, Right),
        ("linear iterations", Right),
        ("step", Right),
    ]);
    for (i, iteration) in solution.history.iter().enumerate() {
        let mut stride = 1;
        while i >= 20 * stride {
            stride *= 10;
        }
        if i % stride != 0 && i + 1 != solution.history.len() {
            continue;
        }
        let norm = scientific(iteration.residual_norm, 6);
        if i == 0 {
            table.row([i.to_string(), norm]);
            continue;
        }
        let setting = if is_newton { iteration.forcing } else { iteration.damping };
        let step = match iteration.step_length {
            0.0 => "rejected".into(),
            1.0 => "1".into(),
            shorter => scientific(shorter, 1),
        };
        let linear = iteration.linear_iterations.to_string();
        table.row([i.to_string(), norm, scientific(setting, 1), linear, step]);
    }
    table
}

fn tail(out: &mut String, system: &System, solution: &Solution) {
    let unknown = system.unknown();
    let _ = writeln!(
        out,
        "  solution    {unknown} from {:.8} to {:.8}",
        solution.minimum, solution.maximum
    );
    if let Some(error) = solution.largest_error {
        let _ = writeln!(
            out,
            "  error       {} at most, to the solution in closed form",
            scientific(error, 1)
        );
    }
    let _ = writeln!(out, "  status      {}", solution.reason);
    if let Some(failure) = &solution.failure {
        let _ = writeln!(out, "  failure     {failure}");
    }
    if let Some(note) = note(solution) {
        let _ = writeln!(out, "  note        {note}");
    }
    let counts = solution.counts;
    let transposed = match counts.transposed_products {
        0 => String::new(),
        n => format!(", {n} with its transpose"),
    };
    let _ = writeln!(
        out,
        "  work        {}, {}, {}, {}, {} with the Jacobian{transposed}, {}",
        count(solution.iterations, "iteration"),
        count(counts.linear_iterations, "linear iteration"),
        count(counts.values, "value"),
        count(counts.linearizations, "linearization"),
        count(counts.products, "product"),
        duration(solution.seconds),
    );
}

/// What the derivatives have to do with it that a solve did not converge.
fn note(solution: &Solution) -> Option<String> {
    let backend = &solution.backend;
    match solution.accuracy {
        _ if solution.converged => None,
        Accuracy::Approximate { relative } => Some(format!(
            "the derivatives of {backend} are accurate to about {relative:.0e}; whether that is why, \
             an exact backend shows, such as native-reverse or dual"
        )),
        Accuracy::Rounded { .. } | Accuracy::Exact if solution.status == "Stagnated" => {
            Some(format!(
                "the derivatives of {backend} are exact to rounding, so |F| is all but least here: \
                 there may be no root nearby"
            ))
        }
        _ => None,
    }
}
