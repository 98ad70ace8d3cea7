//! Both directions through a record, for one or several seeds at a time.
//!
//! A sweep carries `L` lanes: tangents or cotangents that share each look at a node.

use ad_api::{Failure, Scalar, scratch};

use crate::tape::{NONE, Node, RuleNode, Tape};

/// Propagates tangents: `tangents` holds those of the inputs and gets those of all variables.
pub(crate) fn forward<S: Scalar, const L: usize>(
    tape: &Tape<S>,
    tangents: &mut [[S; L]],
) -> Result<(), Failure> {
    let mut start = 0;
    for rule in tape.rules() {
        forward_nodes(tape, start, rule.first, tangents);
        forward_rule(tape, rule, tangents)?;
        start = rule.first + rule.outputs;
    }
    forward_nodes(tape, start, tape.nodes().len(), tangents);
    Ok(())
}

/// Propagates adjoints: `adjoints` holds those of the outputs, with zeros elsewhere, and gets those
/// of the inputs; the entries of all other variables are zero again afterwards.
pub(crate) fn reverse<S: Scalar, const L: usize>(
    tape: &Tape<S>,
    adjoints: &mut [[S; L]],
) -> Result<(), Failure> {
    let mut end = tape.nodes().len();
    for rule in tape.rules().iter().rev() {
        reverse_nodes(tape, rule.first + rule.outputs, end, adjoints);
        reverse_rule(tape, rule, adjoints)?;
        end = rule.first;
    }
    reverse_nodes(tape, 0, end, adjoints);
    Ok(())
}

fn forward_nodes<S: Scalar, const L: usize>(
    tape: &Tape<S>,
    start: usize,
    end: usize,
    tangents: &mut [[S; L]],
) {
    let first = tape.inputs() + start;
    for (variable, node) in (first..).zip(&tape.nodes()[start..end]) {
        let Node { operands: [a, b], partials: [d_a, d_b] } = *node;
        let mut tangent = [S::from(0.0); L];
        add_product(&mut tangent, d_a, &tangents[a as usize]);
        if b != NONE {
            add_product(&mut tangent, d_b, &tangents[b as usize]);
        }
        tangents[variable] = tangent;
    }
}

fn reverse_nodes<S: Scalar, const L: usize>(
    tape: &Tape<S>,
    start: usize,
    end: usize,
    adjoints: &mut [[S; L]],
) {
    let first = tape.inputs() + start;
    let results = &mut adjoints[..tape.inputs() + end];
    let nodes = &tape.nodes()[start..end];
    for (variable, node) in (first..first + nodes.len()).zip(nodes).rev() {
        let adjoint = results[variable];
        if adjoint.iter().all(|adjoint| adjoint.vanishes()) {
            continue;
        }
        results[variable] = [S::from(0.0); L];
        let Node { operands: [a, b], partials: [d_a, d_b] } = *node;
        add_product(&mut results[a as usize], d_a, &adjoint);
        if b != NONE {
            add_product(&mut results[b as usize], d_b, &adjoint);
        }
    }
}

/// `sum += partial * factor` in each lane, where a factor that vanishes contributes nothing.
#[inline]
fn add_product<S: Scalar, const L: usize>(sum: &mut [S; L], partial: S, factor: &[S; L]) {
    let d = partial.primal();
    if S::DEPTH == 0 && d.is_finite() && d != 0.0 {
        // Then the product is zero, infinite or NaN only where the factor is.
        sum.iter_mut().zip(factor).for_each(|(sum, &factor)| *sum += partial * factor);
        return;
    }
    if partial.vanishes() {
        return;
    }
    // Over nested scalars an operation is work, or a node on the tape around this one.
    let is_one = partial == 1.0 && (partial - 1.0).vanishes();
    for (sum, &factor) in sum.iter_mut().zip(factor) {
        if factor.vanishes() {
            continue;
        }
        let product = if is_one { factor } else { partial * factor };
        *sum = if sum.vanishes() { product } else { *sum + product };
    }
}

fn forward_rule<S: Scalar, const L: usize>(
    tape: &Tape<S>,
    rule: &RuleNode<S>,
    tangents: &mut [[S; L]],
) -> Result<(), Failure> {
    let (operands, x) = tape.arguments(rule);
    let first = tape.inputs() + rule.first;
    let outputs = first..first + rule.outputs;
    scratch::with(operands.len() + rule.outputs, |buffer: &mut [S]| {
        let (x_dot, y_dot) = buffer.split_at_mut(operands.len());
        for lane in 0..L {
            for (x_dot, &operand) in x_dot.iter_mut().zip(operands) {
                let active = operand != NONE;
                *x_dot = if active { tangents[operand as usize][lane] } else { S::from(0.0) };
            }
            if x_dot.iter().all(|x_dot| x_dot.vanishes()) {
                y_dot.fill(S::from(0.0));
            } else {
                rule.call.clone().tangent(x, x_dot, y_dot)?;
            }
            for (tangent, &y_dot) in tangents[outputs.clone()].iter_mut().zip(&*y_dot) {
                tangent[lane] = y_dot;
            }
        }
        Ok(())
    })
}

fn reverse_rule<S: Scalar, const L: usize>(
    tape: &Tape<S>,
    rule: &RuleNode<S>,
    adjoints: &mut [[S; L]],
) -> Result<(), Failure> {
    let (operands, x) = tape.arguments(rule);
    let first = tape.inputs() + rule.first;
    let outputs = first..first + rule.outputs;
    scratch::with(operands.len() + rule.outputs, |buffer: &mut [S]| {
        let (x_bar, y_bar) = buffer.split_at_mut(operands.len());
        for lane in 0..L {
            for (y_bar, adjoint) in y_bar.iter_mut().zip(&mut adjoints[outputs.clone()]) {
                *y_bar = std::mem::replace(&mut adjoint[lane], S::from(0.0));
            }
            if y_bar.iter().all(|y_bar| y_bar.vanishes()) {
                continue;
            }
            rule.call.clone().cotangent(x, y_bar, x_bar)?;
            for (&operand, &x_bar) in operands.iter().zip(&*x_bar) {
                if operand != NONE && !x_bar.vanishes() {
                    adjoints[operand as usize][lane] += x_bar;
                }
            }
        }
        Ok(())
    })
}
