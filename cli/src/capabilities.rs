//! The backends and what they can do, as they say themselves.

use std::fmt::Write as _;

use ad::{backends, kinds};
use ad_api::{Accuracy, Differentiate, Engine, Operation, Shape};

use crate::text::{Align, Table};

/// What `ad backends` prints: the kinds, and their capabilities for functions of this shape.
pub fn text(inputs: usize, outputs: usize) -> String {
    let mut out = String::new();
    let mut table = Table::new([("backend", Align::Left), ("", Align::Left)]);
    for kind in kinds() {
        let remark = if kind.compiled {
            String::new()
        } else {
            format!(" (not compiled in: feature `{}`)", kind.feature)
        };
        table.row([kind.name.to_owned(), format!("{}{remark}", kind.summary)]);
    }
    table.row([
        "outer/inner",
        "first derivatives by the inner backend, differentiated by the outer",
    ]);
    table.row(["auto", "the fastest of them that agrees with the others, measured on the problem"]);
    let _ = writeln!(out, "{table}");
    let _ = writeln!(
        out,
        "How each operation is computed, with the evaluations of the function it takes:\n"
    );
    out.push_str(&capabilities(inputs, outputs).to_string());
    out
}

fn capabilities(inputs: usize, outputs: usize) -> Table {
    let backends = backends();
    let names = backends.iter().map(|backend| (backend.name(), Align::Left));
    let head = [("operation".to_owned(), Align::Left), ("function".to_owned(), Align::Left)];
    let mut table = Table::new(head.into_iter().chain(names));
    for operation in Operation::ALL {
        let shape = usual_shape(operation, inputs, outputs);
        let mut row =
            vec![operation.name().to_owned(), format!("R^{} -> R^{}", shape.inputs, shape.outputs)];
        row.extend(backends.iter().map(|b| b.capability(operation, shape).to_string()));
        table.row(row);
    }
    let accuracy = backends.iter().map(|backend| match backend.accuracy() {
        Accuracy::Exact => "exact".to_owned(),
        Accuracy::Rounded { unit } => format!("exact to {unit:.0e}"),
        Accuracy::Approximate { relative } => format!("about {relative:.0e}"),
    });
    table.row(["accuracy".to_owned(), String::new()].into_iter().chain(accuracy));
    table
}

/// The shape an operation is for: one output where it needs a scalar function, one input where it
/// differentiates along a line.
fn usual_shape(operation: Operation, inputs: usize, outputs: usize) -> Shape {
    match operation {
        Operation::Derivative | Operation::SecondDerivative => Shape { inputs: 1, outputs: 1 },
        Operation::Gradient | Operation::Hessian | Operation::Hvp => Shape { inputs, outputs: 1 },
        _ => Shape { inputs, outputs },
    }
}
