//! Derivatives of graphs, as graphs again: [`pullback`] and [`pushforward`], to any order.
//!
//! An adjoint or tangent is kept as a factor and a node, so that signs and constant factors are
//! multiplied once, where the derivative is used. What is zero by construction is not computed:
//! a derivative that vanishes contributes nothing, whatever it is multiplied with.

use super::{Graph, Id, Node, Partial, Partials, partials};

/// What the outputs are weighted with before they are pulled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seeds {
    /// With further inputs, one for each output.
    Inputs,
    /// With 1 for the output of this number, and 0 for the others.
    Unit(usize),
}

/// `factor` times the value of a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Term {
    pub(crate) factor: f64,
    pub(crate) node: Id,
}

/// The graph of `(x, w) ↦ (f(x), x̄)`, where `x̄` is the gradient of `w · f` with respect to the first
/// `p` inputs of `graph`. The weights are the inputs after those of `graph`, or constants.
///
/// Source: Griewank and Walther, *Evaluating Derivatives*, section 3.2, adjoints in reverse order.
pub(crate) fn pullback(graph: Graph, p: usize, seeds: Seeds) -> Graph {
    let (inputs, outputs) = (graph.inputs, graph.outputs.clone());
    let (mut graph, partials) = differentiated(graph, p);
    let x_bar = match seeds {
        Seeds::Unit(unit) => {
            let one = graph.constant(1.0);
            reverse(&mut graph, &partials, p, &[(outputs[unit], one)])
        }
        Seeds::Inputs => {
            let weight =
                |(i, &output): (usize, &Id)| (output, graph.input(number(inputs + i), 1.0));
            let weights: Vec<_> = outputs.iter().enumerate().map(weight).collect();
            graph.inputs += outputs.len();
            reverse(&mut graph, &partials, p, &weights)
        }
    };
    graph.outputs.extend(x_bar);
    graph
}

/// The graph of `(x, x_dot) ↦ (f(x), J x_dot)`, where `J` is the Jacobian with respect to the first `p`
/// inputs of `graph`. The `p` entries of the tangent are the inputs after those of `graph`.
pub(crate) fn pushforward(graph: Graph, p: usize) -> Graph {
    let (inputs, outputs) = (graph.inputs, graph.outputs.clone());
    let (mut graph, partials) = differentiated(graph, p);
    let seeds: Vec<Id> = (0..p).map(|j| graph.input(number(inputs + j), 1.0)).collect();
    let y_dot = forward(&mut graph, &partials, &outputs, |input| seeds.get(input).copied());
    graph.outputs.extend(y_dot);
    graph.inputs += p;
    graph
}

/// The graph of `x ↦ (f(x), J)`, column by column, with respect to the first `p` inputs; by as many
/// sweeps as there are inputs or outputs, whichever are fewer. A sweep visits only what its seed
/// reaches.
pub(crate) fn jacobian(graph: Graph, p: usize) -> Graph {
    let outputs = graph.outputs.clone();
    let (mut graph, partials) = differentiated(graph, p);
    let one = graph.constant(1.0);
    if p <= outputs.len() {
        for j in 0..p {
            let column =
                forward(&mut graph, &partials, &outputs, |input| (input == j).then_some(one));
            graph.outputs.extend(column);
        }
    } else {
        let rows: Vec<Vec<Id>> = (outputs.iter())
            .map(|&output| reverse(&mut graph, &partials, p, &[(output, one)]))
            .collect();
        for j in 0..p {
            graph.outputs.extend(rows.iter().map(|row| row[j]));
        }
    }
    graph
}

/// The adjoints of the first `p` inputs, from those of some nodes.
fn reverse(graph: &mut Graph, partials: &Partials, p: usize, seeds: &[(Id, Id)]) -> Vec<Id> {
    let adjoints = sweep(graph, partials, seeds, |_| false);
    of_inputs(graph, &adjoints, p)
}

/// The reverse sweep from nodes with these adjoints to the inputs, or to nodes where it is to `stop`:
/// the adjoints of both, `None` for zero by construction and for all other nodes.
pub(crate) fn sweep(
    graph: &mut Graph,
    partials: &Partials,
    seeds: &[(Id, Id)],
    stop: impl Fn(Id) -> bool,
) -> Vec<Option<Term>> {
    let mut adjoints: Vec<Option<Term>> = vec![None; partials.len()];
    let mut first = 0;
    for &(node, seed) in seeds {
        first = first.max(node as usize + 1);
        let term = folded(graph, Term { factor: 1.0, node: seed });
        accumulate(graph, &mut adjoints[node as usize], term);
    }
    for id in (0..first).rev() {
        let is_end = matches!(graph.node(number(id)), Node::Input(_)) || stop(number(id));
        let Some(adjoint) = adjoints[id].take_if(|_| !is_end) else { continue };
        for &partial in &partials[id] {
            let term = times(graph, adjoint, partial);
            accumulate(graph, &mut adjoints[partial.operand as usize], term);
        }
    }
    adjoints
}

/// The nodes of the adjoints of the first `p` inputs, out of those of all nodes.
pub(crate) fn of_inputs(graph: &mut Graph, adjoints: &[Option<Term>], p: usize) -> Vec<Id> {
    let mut x_bar = vec![None; p];
    for (id, &adjoint) in adjoints.iter().enumerate() {
        if let Node::Input(input) = graph.node(number(id))
            && let Some(x_bar) = x_bar.get_mut(input as usize)
        {
            *x_bar = adjoint;
        }
    }
    x_bar.into_iter().map(|term| finish(graph, term)).collect()
}

/// The tangents of the outputs, from those of some inputs.
fn forward(
    graph: &mut Graph,
    partials: &Partials,
    outputs: &[Id],
    seed: impl Fn(usize) -> Option<Id>,
) -> Vec<Id> {
    let mut tangents: Vec<Option<Term>> = Vec::with_capacity(partials.len());
    for id in 0..partials.len() {
        let mut tangent = None;
        if let Node::Input(input) = graph.node(number(id)) {
            tangent = seed(input as usize).map(|node| Term { factor: 1.0, node });
        }
        for &partial in &partials[id] {
            let Some(term) = tangents[partial.operand as usize] else { continue };
            let term = times(graph, term, partial);
            accumulate(graph, &mut tangent, term);
        }
        tangents.push(tangent);
    }
    outputs.iter().map(|&output| finish(graph, tangents[output as usize])).collect()
}

/// `graph` with the partials of what its outputs need, for each of its nodes.
pub(crate) fn differentiated(graph: Graph, p: usize) -> (Graph, Partials) {
    let needed = graph.needed(graph.outputs.iter().copied());
    let active = graph.active(p);
    partials(graph, &active, &needed)
}

/// `term` times `partial`, unless that is zero by construction.
pub(crate) fn times(graph: &mut Graph, term: Term, partial: Partial) -> Option<Term> {
    let factor = term.factor * partial.factor;
    let node = match partial.node {
        None => term.node,
        Some(node) => graph.compute(Node::Mul(term.node, node)),
    };
    (partial.factor != 0.0).then_some(()).and_then(|()| folded(graph, Term { factor, node }))
}

/// `term` with the constant that its node may be in the factor.
fn folded(graph: &mut Graph, term: Term) -> Option<Term> {
    if !graph.is_constant(term.node) {
        return Some(term);
    }
    let constant = graph.value(term.node);
    let factor = term.factor * constant;
    (constant != 0.0).then(|| Term { factor, node: graph.constant(1.0) })
}

/// Adds `term` to `sum`.
pub(crate) fn accumulate(graph: &mut Graph, sum: &mut Option<Term>, term: Option<Term>) {
    let (Some(a), Some(b)) = (*sum, term) else {
        *sum = sum.or(term);
        return;
    };
    *sum = Some(added(graph, a, b));
}

fn added(graph: &mut Graph, a: Term, b: Term) -> Term {
    let both = a.factor + b.factor;
    // A difference of equal terms is not dropped: it is NaN where they are infinite.
    if a.node == b.node && both != 0.0 {
        return Term { factor: both, node: a.node };
    }
    #[allow(clippy::float_cmp, reason = "the same number, not a result")]
    if a.factor == b.factor {
        return Term { factor: a.factor, node: graph.compute(Node::Add(a.node, b.node)) };
    }
    #[allow(clippy::float_cmp, reason = "the same number, not a result")]
    if a.factor == -b.factor {
        return Term { factor: a.factor, node: graph.compute(Node::Sub(a.node, b.node)) };
    }
    // f a + g b = f (a + (g/f) b), unless that could overflow where the sum does not.
    let ratio = b.factor / a.factor;
    let tame = |x: f64| (1e-9..1e9).contains(&x.abs());
    if tame(a.factor) && tame(ratio) {
        let b = scaled(graph, Term { factor: ratio, ..b });
        return Term { factor: a.factor, node: graph.compute(Node::Add(a.node, b)) };
    }
    let (a, b) = (scaled(graph, a), scaled(graph, b));
    Term { factor: 1.0, node: graph.compute(Node::Add(a, b)) }
}

/// The node that has the value of `term`.
fn scaled(graph: &mut Graph, term: Term) -> Id {
    let factor = graph.constant(term.factor);
    graph.compute(Node::Mul(factor, term.node))
}

/// The node of a derivative, 0 if there is none.
fn finish(graph: &mut Graph, term: Option<Term>) -> Id {
    match term {
        Some(term) => scaled(graph, term),
        None => graph.constant(0.0),
    }
}

/// An index of nodes or inputs, of which there are less than 2³².
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use ad_api::{Failure, Function, Scalar};

    use super::*;
    use crate::graph::trace;

    /// `(x₀² sin x₁ + x₂ / x₁, max(x₀, x₂)³, copysign(x₁, x₀))`, and the first doubled for `x₀ > 1`.
    #[derive(Clone)]
    struct Several;

    impl Function for Several {
        fn inputs(&self) -> usize {
            3
        }

        fn outputs(&self) -> usize {
            3
        }

        fn eval<S: Scalar>(&self, x: &[S], y: &mut [S]) -> Result<(), Failure> {
            y[0] = x[0] * x[0] * x[1].sin() + x[2] / x[1];
            if x[0] > 1.0 {
                y[0] *= 2.0;
            }
            y[1] = x[0].max(x[2]).powi(3);
            y[2] = x[1].copysign(x[0]);
            Ok(())
        }
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-14 * (1.0 + expected.abs()),
                "{found} {expected}"
            );
        }
    }

    const X: [f64; 3] = [0.5, 0.75, -0.25];

    /// The Jacobian at [`X`] and the Hessian of the first output, by hand.
    fn by_hand() -> ([[f64; 3]; 3], [[f64; 3]; 3]) {
        let [a, b, c] = X;
        let (s, k) = b.sin_cos();
        let jacobian = [
            [2.0 * a * s, a * a * k - c / (b * b), 1.0 / b],
            [3.0 * a * a, 0.0, 0.0],
            [0.0, 1.0, 0.0],
        ];
        let hessian = [
            [2.0 * s, 2.0 * a * k, 0.0],
            [2.0 * a * k, -a * a * s + 2.0 * c / b.powi(3), -1.0 / (b * b)],
            [0.0, -1.0 / (b * b), 0.0],
        ];
        (jacobian, hessian)
    }

    /// Recorded elsewhere on the same branch.
    fn recorded() -> Graph {
        trace(&Several, &[0.25, 2.0, 0.125]).unwrap().unwrap()
    }

    #[test]
    fn pullbacks_weight_the_rows_of_the_jacobian() {
        let (jacobian, _) = by_hand();
        let graph = pullback(recorded(), 3, Seeds::Inputs);
        assert_eq!(graph.inputs, 6);
        let w = [0.5, -2.0, 3.0];
        let found = graph.eval(&[X, w].concat()).unwrap();
        let column = |j: usize| (0..3).map(|i| w[i] * jacobian[i][j]).sum::<f64>();
        assert_close(&found[3..], &[column(0), column(1), column(2)]);
        for (i, row) in jacobian.iter().enumerate() {
            let graph = pullback(recorded(), 3, Seeds::Unit(i));
            assert_close(&graph.eval(&X).unwrap()[3..], row);
        }
        // With respect to two of the inputs.
        let graph = pullback(recorded(), 2, Seeds::Unit(0));
        assert_close(&graph.eval(&X).unwrap()[3..], &jacobian[0][..2]);
    }

    #[test]
    fn pushforwards_weight_the_columns() {
        let (jacobian, _) = by_hand();
        let graph = pushforward(recorded(), 3);
        let v = [0.5, -2.0, 3.0];
        let found = graph.eval(&[X, v].concat()).unwrap();
        let expected = jacobian.map(|row| row.iter().zip(v).map(|(d, v)| d * v).sum::<f64>());
        assert_close(&found[3..], &expected);
    }

    #[test]
    fn jacobians_in_both_directions() {
        let (jacobian, _) = by_hand();
        for p in [3, 2] {
            let graph = super::jacobian(recorded(), p);
            let columns: Vec<f64> =
                (0..p).flat_map(|j| jacobian.iter().map(move |row| row[j])).collect();
            assert_close(&graph.eval(&X).unwrap()[3..], &columns);
        }
        let mut narrow = recorded();
        narrow.outputs.truncate(1);
        assert_close(&super::jacobian(narrow, 3).eval(&X).unwrap()[1..], &jacobian[0]);
    }

    #[test]
    fn transforms_compose() {
        let (jacobian, hessian) = by_hand();
        let graph = pushforward(pullback(recorded(), 3, Seeds::Unit(0)), 3);
        let v = [1.5, -2.0, 3.0];
        let found = graph.eval(&[X, v].concat()).unwrap();
        assert_close(&found[3..6], &jacobian[0]);
        let expected = hessian.map(|row| row.iter().zip(v).map(|(d, v)| d * v).sum::<f64>());
        assert_close(&found[9..], &expected);
    }

    #[test]
    fn a_comparison_that_comes_out_differently_is_seen() {
        let graph = pullback(recorded(), 3, Seeds::Unit(0));
        assert_eq!(graph.eval(&[1.5, 1.0, 1.0]), None);
    }

    #[test]
    fn derivatives_that_vanish_are_not_computed() {
        let graph = pullback(recorded(), 3, Seeds::Unit(1));
        // The maximum does not depend on x₁.
        assert_eq!(graph.node(graph.outputs[4]), Node::Constant(0));
    }

    #[test]
    fn simplifications_are_exact() {
        let mut graph = Graph::default();
        let x = graph.input(0, 2.0);
        let [zero, minus_zero, one, minus_one] = [0.0, -0.0, 1.0, -1.0].map(|c| graph.constant(c));
        assert_eq!(graph.compute(Node::Mul(x, one)), x);
        assert_eq!(graph.compute(Node::Add(x, minus_zero)), x);
        assert_eq!(graph.compute(Node::Sub(x, zero)), x);
        let minus = graph.compute(Node::Mul(minus_one, x));
        assert_eq!(graph.node(minus), Node::Neg(x));
        assert_eq!(graph.compute(Node::Neg(minus)), x);
        // -0 + 0 is 0, and 0 · NaN is NaN.
        assert_ne!(graph.compute(Node::Add(x, zero)), x);
        assert_ne!(graph.compute(Node::Mul(x, zero)), zero);
        assert_eq!(graph.compute(Node::Sub(one, one)), zero);
    }
}
