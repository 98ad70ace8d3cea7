//! A fit in words.

use std::fmt::Write as _;

use crate::fit::{Fit, Iteration, log_relative_error};
use crate::problem::{Problem, Start};
use crate::text::{Align, Table, count, duration, scientific};

/// What `ad fit` prints: problem, iterations, estimates, status and work.
pub fn text(problem: &Problem, fit: &Fit) -> String {
    let mut out = String::new();
    head(&mut out, problem, fit);
    out.push('\n');
    out.push_str(&iterations(&fit.trace).to_string());
    out.push('\n');
    out.push_str(&parameters(fit).to_string());
    out.push('\n');
    tail(&mut out, fit);
    out
}

/// One line on what was fitted how, for the head of a plot.
pub fn subtitle(fit: &Fit) -> String {
    format!(
        "{} with {}, rss {}, {}",
        fit.method.name(),
        fit.backend,
        scientific(fit.rss, 6),
        fit.reason
    )
}

fn head(out: &mut String, problem: &Problem, fit: &Fit) {
    let rows = count(problem.observed.len(), "row");
    let parameters = count(problem.parameters.len(), "parameter");
    let _ =
        writeln!(out, "{}: {} = {}", fit.problem, problem.response.text(), problem.model.text());
    let _ = writeln!(
        out,
        "{rows}, {parameters}; {} with backend {} from {}",
        fit.method.name(),
        fit.backend,
        start(&fit.start),
    );
}

/// A start in words.
pub fn start(start: &Start) -> String {
    match start {
        Start::Prescribed(index) => format!("start {index}"),
        Start::Given(values) => values
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// All iterations of a short fit; of a long one every tenth from 20 on, every hundredth from 200 on,
/// and so forth, and the last.
fn iterations(trace: &[Iteration]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new([
        ("iteration", Right),
        ("residual sum of squares", Right),
        ("cosine", Right),
        ("step", Right),
        ("damping", Right),
        ("", Left),
    ]);
    for (i, iteration) in trace.iter().enumerate() {
        let mut stride = 1;
        while iteration.number >= 20 * stride {
            stride *= 10;
        }
        if iteration.number % stride != 0 && i + 1 != trace.len() {
            continue;
        }
        let Iteration { number, accepted, rss, cosine, step, damping } = *iteration;
        let (number, rss, cosine) =
            (number.to_string(), scientific(rss, 10), scientific(cosine, 1));
        if number == "0" {
            table.row([number, rss, cosine]);
        } else {
            let remark = if accepted { "" } else { "rejected" };
            let (step, damping) = (scientific(step, 1), scientific(damping, 1));
            table.row([number, rss, cosine, step, damping, remark.into()]);
        }
    }
    table
}

fn parameters(fit: &Fit) -> Table {
    use Align::{Left, Right};
    let certified = fit.parameters.iter().any(|parameter| parameter.certified.is_some());
    let mut header = vec![("parameter", Left), ("estimate", Right), ("standard error", Right)];
    if certified {
        header.extend([("certified", Right), ("digits", Right)]);
    }
    let mut table = Table::new(header);
    for parameter in &fit.parameters {
        let number = |value: Option<f64>| value.map_or("-".into(), |value| scientific(value, 10));
        let mut row = vec![
            parameter.name.clone(),
            number(Some(parameter.estimate)),
            number(parameter.standard_error),
        ];
        if certified {
            row.push(number(parameter.certified));
            row.push(parameter.digits.map_or("-".into(), |digits| format!("{digits:.1}")));
        }
        table.row(row);
    }
    table
}

fn tail(out: &mut String, fit: &Fit) {
    let _ = write!(out, "  residual sum of squares      {}", scientific(fit.rss, 10));
    if let Some(certified) = fit.certified_rss {
        let digits = log_relative_error(fit.rss, certified);
        let certified = scientific(certified, 10);
        let _ = write!(out, "   certified {certified}, {digits:.1} digits");
    }
    out.push('\n');
    if let Some(deviation) = fit.residual_standard_deviation {
        let _ = writeln!(out, "  residual standard deviation  {}", scientific(deviation, 10));
    }
    let _ = writeln!(out, "  status                       {}", fit.reason);
    if let Some((last, others)) = fit.undetermined.split_last() {
        let (names, are) = match others {
            [] => (last.clone(), "is"),
            others => (format!("{} and {last}", others.join(", ")), "are"),
        };
        let _ = writeln!(
            out,
            "  note                         {names} {are} not determined by the data here"
        );
    }
    let counts = fit.counts;
    let _ = writeln!(
        out,
        "  work                         {} ({} rejected), {}, {}, {} of the model, {}",
        count(fit.iterations, "iteration"),
        counts.rejected,
        count(counts.residuals, "residual"),
        count(counts.jacobians, "Jacobian"),
        count(counts.evaluations, "evaluation"),
        duration(fit.seconds),
    );
}
