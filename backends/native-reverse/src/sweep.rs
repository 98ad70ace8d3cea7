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
    // The variables that are left; the last one is that of the node. Operands come before it.
    let mut variables = &mut adjoints[..tape.inputs() + end];
    for node in tape.nodes()[start..end].iter().rev() {
        let Some((result, earlier)) = variables.split_last_mut() else { return };
        variables = earlier;
        if result.iter().all(|adjoint| adjoint.vanishes()) {
            continue;
        }
        let adjoint = std::mem::replace(result, [S::from(0.0); L]);
        let Node { operands: [a, b], partials: [d_a, d_b] } = *node;
        add_product(&mut variables[a as usize], d_a, &adjoint);
        if b != NONE {
            add_product(&mut variables[b as usize], d_b, &adjoint);
        }
    }
}

/// `sum += partial * factor` in each lane, where a zero contributes nothing, whatever it multiplies.
#[inline]
fn add_product<S: Scalar, const L: usize>(sum: &mut [S; L], partial: S, factor: &[S; L]) {
    if S::DEPTH == 0 {
        let product = factor.map(|factor| partial * factor);
        // Zero times infinity or NaN is NaN, and so nothing else needs a second look.
        if !product.iter().fold(false, |nan, product| nan | product.primal().is_nan()) {
            sum.iter_mut().zip(product).for_each(|(sum, product)| *sum += product);
            return;
        }
    }
    add_product_strictly(sum, partial, factor);
}

/// As [`add_product`], and without an operation where a factor vanishes or is the constant 1: over
/// nested scalars an operation is work, or a node on the tape around this one.
fn add_product_strictly<S: Scalar, const L: usize>(sum: &mut [S; L], partial: S, factor: &[S; L]) {
    if partial.vanishes() {
        return;
    }
    let is_one = (partial - 1.0).vanishes();
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
