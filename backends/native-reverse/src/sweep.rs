//! Both directions through a record, for one or several seeds at a time.
//!
//! A sweep carries `L` lanes: tangents or cotangents that share each look at a node.

use ad_api::{Failure, Scalar, scratch};

use crate::tape::{NONE, RuleNode, Tape, Terms, operand};

/// Propagates tangents: `tangents` holds those of the inputs and gets those of all variables.
pub(crate) fn forward<S: Scalar, const L: usize>(
    tape: &Tape<S>,
    tangents: &mut [[S; L]],
) -> Result<(), Failure> {
    let mut last = None;
    for rule in tape.rules() {
        forward_terms(tape.between(last, Some(rule)), tangents);
        forward_rule(tape, rule, tangents)?;
        last = Some(rule);
    }
    forward_terms(tape.between(last, None), tangents);
    Ok(())
}

/// Propagates adjoints: `adjoints` holds those of the outputs, with zeros elsewhere, and gets those
/// of the inputs; the entries of all other variables are zero again afterwards.
pub(crate) fn reverse<S: Scalar, const L: usize>(
    tape: &Tape<S>,
    adjoints: &mut [[S; L]],
) -> Result<(), Failure> {
    let mut next = None;
    for rule in tape.rules().iter().rev() {
        reverse_terms(tape.between(Some(rule), next), adjoints);
        reverse_rule(tape, rule, adjoints)?;
        next = Some(rule);
    }
    reverse_terms(tape.between(None, next), adjoints);
    Ok(())
}

fn forward_terms<S: Scalar, const L: usize>(terms: Terms<'_, S>, tangents: &mut [[S; L]]) {
    let Terms { operands, partials, mut results } = terms;
    let (mut current, mut sum) = (None, [S::from(0.0); L]);
    for (&entry, &partial) in operands.iter().zip(partials) {
        let (variable, is_first) = operand(entry);
        if is_first {
            if let Some(result) = current {
                tangents[result] = sum;
            }
            (current, sum) = (results.next(), [S::from(0.0); L]);
        }
        add_product(&mut sum, partial, &tangents[variable]);
    }
    if let Some(result) = current {
        tangents[result] = sum;
    }
}

fn reverse_terms<S: Scalar, const L: usize>(terms: Terms<'_, S>, adjoints: &mut [[S; L]]) {
    let Terms { operands, partials, results } = terms;
    // The variables that are left; the last one is that of the statement. Operands come before it.
    let mut variables = &mut adjoints[..results.end];
    let mut adjoint = [S::from(0.0); L];
    let mut is_last = true;
    for (&entry, &partial) in operands.iter().zip(partials).rev() {
        if is_last {
            let Some((result, earlier)) = variables.split_last_mut() else { return };
            variables = earlier;
            adjoint = std::mem::replace(result, [S::from(0.0); L]);
        }
        let (variable, is_first) = operand(entry);
        add_product(&mut variables[variable], partial, &adjoint);
        is_last = is_first;
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
    let outputs = rule.results();
    scratch::with(operands.len() + outputs.len(), |buffer: &mut [S]| {
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
    let outputs = rule.results();
    scratch::with(operands.len() + outputs.len(), |buffer: &mut [S]| {
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
